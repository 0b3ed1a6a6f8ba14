//! A new token for the operator account, for whoever may write the database: the way back after a lost token.

use super::accounts::{COMMAND_LINE, Caller, CreateTokenError, create_token};
use crate::config::Configuration;
use crate::db::{Database, DatabaseError, accounts};
use crate::domain::api::{NewTokenRequest, TokenScope};
use crate::domain::{Refusal, Timestamp};

/// Why there is no new token.
#[derive(Debug, thiserror::Error)]
pub enum RenewOperatorTokenError {
    /// The registry was never started.
    #[error("there is no account {name:?} in the database")]
    NoOperator {
        /// The configured name.
        name: String,
    },
    /// The token was refused.
    #[error(transparent)]
    Token(#[from] CreateTokenError),
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(#[from] DatabaseError),
}

impl Refusal for RenewOperatorTokenError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoOperator { .. } => "unknown-account",
            Self::Token(error) => error.code(),
            Self::Database(_) => "internal",
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::NoOperator { .. } => {
                Some("Start the registry once; name its data directory with --data.".into())
            }
            Self::Token(error) => error.mend(),
            Self::Database(_) => None,
        }
    }
}

/// Makes the token; the older ones stay as they are.
pub async fn renew_operator_token(
    configuration: &Configuration,
    random: [u8; 32],
    now: Timestamp,
) -> Result<String, RenewOperatorTokenError> {
    let database = Database::connect(&configuration.effective_database_url()).await?;
    let name = &configuration.operator;
    let account = {
        let mut connection = database.read().await?;
        accounts::find_by_name(&mut connection, name).await?
    };
    let account = account
        .filter(|account| account.is_operator)
        .ok_or_else(|| RenewOperatorTokenError::NoOperator { name: name.clone() })?;
    let caller = Caller {
        account_id: account.id,
        account: account.name,
        is_operator: true,
        token_id: COMMAND_LINE,
        scopes: vec![TokenScope::Admin],
        namespaces: None,
    };
    let request = NewTokenRequest {
        label: "renewed on the command line".into(),
        scopes: vec![TokenScope::Admin],
        namespaces: None,
        expires_in_days: None,
    };
    let answer = create_token(&database, &caller, &request, random, now).await?;
    database.close().await;
    Ok(answer.token)
}
