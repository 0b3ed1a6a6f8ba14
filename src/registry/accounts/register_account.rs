//! Makes an account.

use super::passwords::{PasswordError, Passwords};
use crate::db::accounts::NewAccount;
use crate::db::{Database, DatabaseError, accounts, audit};
use crate::domain::api::{AccountAnswer, RegisterRequest};
use crate::domain::{NameError, Namespace, Refusal, Timestamp};

/// Why an account was not made.
#[derive(Debug, thiserror::Error)]
pub enum RegisterAccountError {
    /// The name is none.
    #[error("the account name cannot be used: {0}")]
    Name(NameError),
    /// The address is none.
    #[error("{email:?} is not an e-mail address")]
    Email {
        /// The address as given, cut to a bounded length.
        email: String,
    },
    /// The password will not do.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// Somebody has the name or the address; which of them is not told.
    #[error("the account name {name} or the e-mail address is in use")]
    Taken {
        /// The name asked for.
        name: String,
    },
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Refusal for RegisterAccountError {
    fn code(&self) -> &'static str {
        match self {
            Self::Name(error) => error.code(),
            Self::Email { .. } => "invalid-email",
            Self::Password(error) => error.code(),
            Self::Taken { .. } => "account-taken",
            Self::Database(_) => "internal",
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::Name(_) => Some(
                "Start with a letter; use lower-case letters a-z, digits and single hyphens, at most 64 characters, like ada.".into(),
            ),
            Self::Email { .. } => Some("Write it like ada@example.org.".into()),
            Self::Password(error) => error.mend(),
            Self::Taken { .. } => Some("Choose another name, or sign in with the account you have.".into()),
            Self::Database(_) => None,
        }
    }
}

/// Makes an account with a password; `salt` is 16 random bytes.
pub async fn register_account(
    database: &Database,
    passwords: &Passwords,
    request: &RegisterRequest,
    salt: [u8; 16],
    now: Timestamp,
) -> Result<AccountAnswer, RegisterAccountError> {
    let name: Namespace = request.name.parse().map_err(RegisterAccountError::Name)?;
    let email = check_email(&request.email)?;
    let password_hash = passwords.hash(&request.password, salt).await?;

    let mut transaction = database.write().await?;
    let account = NewAccount {
        name: name.as_str(),
        email: &email,
        password_hash: &password_hash,
        is_operator: false,
        created_at: now,
    };
    let account_id = accounts::insert(&mut transaction, &account).await.map_err(|error| {
        let is_taken = error.is_unique("accounts_name_unique") || error.is_unique("accounts_email_unique");
        if is_taken { RegisterAccountError::Taken { name: name.to_string() } } else { error.into() }
    })?;
    audit::record(&mut transaction, Some(account_id), "register-account", name.as_str(), "{}", now).await?;
    transaction.commit().await.map_err(DatabaseError::from)?;
    Ok(AccountAnswer { account: name.to_string() })
}

/// One `@` between two parts without spaces; whether mail arrives is only known by sending some.
fn check_email(text: &str) -> Result<String, RegisterAccountError> {
    let email = text.trim().to_lowercase();
    let is_address = email.len() <= 254
        && !email.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',' | '"'))
        && email
            .split_once('@')
            .is_some_and(|(local, host)| !local.is_empty() && !host.is_empty() && !host.contains('@'));
    if is_address {
        Ok(email)
    } else {
        Err(RegisterAccountError::Email { email: text.chars().take(80).collect() })
    }
}
