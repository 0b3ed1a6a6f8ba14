//! Password hashes: argon2id, off the threads that serve requests, a bounded number at once.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use crate::domain::Refusal;

/// The shortest password in characters.
const SHORTEST: usize = 10;
/// The longest password in bytes.
const LONGEST: usize = 1024;
/// Salt of the work done for an account that is not there.
const NOBODYS_SALT: &[u8; 16] = b"nobody is here..";

/// Why a password cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too short.
    #[error("the password has {characters} characters; at least {SHORTEST} are needed")]
    TooShort {
        /// How many it has.
        characters: usize,
    },
    /// Too long.
    #[error("the password is {bytes} bytes long; at most {LONGEST} are allowed")]
    TooLong {
        /// How many it has.
        bytes: usize,
    },
    /// The hash could not be computed.
    #[error("the password could not be hashed: {problem}")]
    Failed {
        /// Why.
        problem: String,
    },
}

impl Refusal for PasswordError {
    fn code(&self) -> &'static str {
        match self {
            Self::TooShort { .. } => "password-too-short",
            Self::TooLong { .. } => "password-too-long",
            Self::Failed { .. } => "internal",
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::TooShort { .. } => Some("Take four or five words that do not belong together.".into()),
            Self::TooLong { .. } => Some("Shorten it.".into()),
            Self::Failed { .. } => None,
        }
    }
}

/// Hashes and checks passwords; each takes 19 MiB and some 20 ms, so only a few run at once.
#[derive(Clone)]
pub struct Passwords {
    permits: Arc<Semaphore>,
}

impl Passwords {
    /// At most `at_once` hashes are computed at the same time.
    pub fn new(at_once: usize) -> Self {
        Self { permits: Arc::new(Semaphore::new(at_once.max(1))) }
    }

    /// The PHC string of a new password.
    pub(super) async fn hash(&self, password: &str, salt: [u8; 16]) -> Result<String, PasswordError> {
        let characters = password.chars().count();
        if characters < SHORTEST {
            return Err(PasswordError::TooShort { characters });
        }
        if password.len() > LONGEST {
            return Err(PasswordError::TooLong { bytes: password.len() });
        }
        let password = password.to_owned();
        let hashed = self.work(move || hash(&password, &salt)).await?;
        hashed.map_err(|error| PasswordError::Failed { problem: error.to_string() })
    }

    /// Whether the password fits. Without a stored hash the same work is done and the answer is no.
    pub(super) async fn matches(&self, password: &str, stored: Option<&str>) -> Result<bool, PasswordError> {
        if password.len() > LONGEST {
            return Ok(false);
        }
        let (password, stored) = (password.to_owned(), stored.map(str::to_owned));
        self.work(move || {
            let parsed = stored.as_deref().and_then(|text| PasswordHash::new(text).ok());
            match parsed {
                Some(parsed) => hasher().verify_password(password.as_bytes(), &parsed).is_ok(),
                None => {
                    std::hint::black_box(hash(&password, NOBODYS_SALT)).ok();
                    false
                }
            }
        })
        .await
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let failed = |problem: String| PasswordError::Failed { problem };
        let permit =
            Arc::clone(&self.permits).acquire_owned().await.map_err(|error| failed(error.to_string()))?;
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        task.await.map_err(|error| failed(error.to_string()))
    }
}

fn hasher() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
}

fn hash(password: &str, salt: &[u8; 16]) -> Result<String, argon2::password_hash::Error> {
    Ok(hasher().hash_password_with_salt(password.as_bytes(), salt)?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_matches_its_own_hash_alone() {
        let passwords = Passwords::new(1);

        let stored = passwords.hash("correct horse battery", [3; 16]).await.unwrap();

        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(passwords.matches("correct horse battery", Some(&stored)).await.unwrap());
        assert!(!passwords.matches("correct horse batterie", Some(&stored)).await.unwrap());
        assert!(!passwords.matches("correct horse battery", None).await.unwrap());
        assert!(!passwords.matches("correct horse battery", Some("no password")).await.unwrap());
        assert_eq!(passwords.hash("short", [3; 16]).await.unwrap_err().code(), "password-too-short");
    }
}
