//! Trades a name and a password for a token.

use super::passwords::{PasswordError, Passwords};
use super::token_text::{token_hash, token_text};
use crate::db::tokens::NewToken;
use crate::db::{Database, DatabaseError, accounts, audit, tokens};
use crate::domain::api::{LoginAnswer, LoginRequest};
use crate::domain::{Refusal, Timestamp};

/// How long a sign-in lasts.
const SIGN_IN_DAYS: i64 = 30;
/// How many sign-ins of an account last at once; one more ends the oldest, so that nobody is locked out.
const SIGN_INS_KEPT: i64 = 50;
const LABEL: &str = "sign-in";

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum LogInError {
    /// No such account or another password; which of them is not told.
    #[error("the account name and the password do not fit together")]
    Failed,
    /// The password could not be checked.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Refusal for LogInError {
    fn code(&self) -> &'static str {
        match self {
            Self::Failed => "sign-in-failed",
            Self::Password(_) | Self::Database(_) => "internal",
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::Failed => Some("Check both, or register an account.".into()),
            Self::Password(_) | Self::Database(_) => None,
        }
    }
}

/// Signs in: a token for everything the account may do, for 30 days. `random` becomes the token.
pub async fn log_in(
    database: &Database,
    passwords: &Passwords,
    request: &LoginRequest,
    random: [u8; 32],
    now: Timestamp,
) -> Result<LoginAnswer, LogInError> {
    let account = accounts::find_by_name(&mut *database.read().await?, &request.name).await?;
    let stored = account.as_ref().map(|account| account.password_hash.as_str());
    let fits = passwords.matches(&request.password, stored).await?;
    let account = account.filter(|_| fits).ok_or(LogInError::Failed)?;

    let text = token_text(&random);
    let expires_at = now.plus_seconds(SIGN_IN_DAYS * 86_400);
    let token = NewToken {
        account_id: account.id,
        token_hash: token_hash(&text).expect("a token just made has the form of one"),
        label: LABEL,
        scopes: r#"["admin"]"#,
        namespaces: None,
        created_at: now,
        expires_at: Some(expires_at),
    };
    let mut transaction = database.write().await?;
    tokens::insert(&mut transaction, &token).await?;
    tokens::keep_newest(&mut transaction, account.id, LABEL, SIGN_INS_KEPT, now).await?;
    audit::record(&mut transaction, Some(account.id), "log-in", &account.name, "{}", now).await?;
    transaction.commit().await.map_err(DatabaseError::from)?;
    Ok(LoginAnswer { token: text, expires_at: Some(expires_at) })
}
