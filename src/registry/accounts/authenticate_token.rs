//! Says who asks, from the token of the request.

use super::access::Caller;
use super::token_text::token_hash;
use crate::db::tokens::Token;
use crate::db::{Database, DatabaseError, tokens};
use crate::domain::{Refusal, Timestamp};

/// How exact `last_used_at` is: a token in constant use is written to once in this time.
const TOUCH_SECONDS: i64 = 600;

/// Why a token says nothing about who asks.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticationError {
    /// No token of ours.
    #[error("the token is not one of this registry")]
    Invalid,
    /// Past its time.
    #[error("the token {label:?} expired at {expired_at}")]
    Expired {
        /// Its name for people.
        label: String,
        /// When.
        expired_at: Timestamp,
    },
    /// Taken back.
    #[error("the token {label:?} was revoked")]
    Revoked {
        /// Its name for people.
        label: String,
    },
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Refusal for AuthenticationError {
    fn code(&self) -> &'static str {
        match self {
            Self::Invalid => "token-invalid",
            Self::Expired { .. } => "token-expired",
            Self::Revoked { .. } => "token-revoked",
            Self::Database(_) => "internal",
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::Database(_) => None,
            _ => Some("Sign in again with `pluginry login`, or make a token on the account page.".into()),
        }
    }
}

/// Who holds this token.
pub async fn authenticate_token(
    database: &Database,
    text: &str,
    now: Timestamp,
) -> Result<Caller, AuthenticationError> {
    let hash = token_hash(text).ok_or(AuthenticationError::Invalid)?;
    let found = tokens::find_by_hash(&mut *database.read().await?, hash).await?;
    let token = found.ok_or(AuthenticationError::Invalid)?;
    if token.revoked_at.is_some() {
        return Err(AuthenticationError::Revoked { label: token.label });
    }
    if let Some(expired_at) = token.expires_at.filter(|expires_at| *expires_at <= now) {
        return Err(AuthenticationError::Expired { label: token.label, expired_at });
    }
    if token.last_used_at.is_none_or(|last| last.plus_seconds(TOUCH_SECONDS) <= now) {
        let mut transaction = database.write().await?;
        tokens::touch(&mut transaction, token.id, now).await?;
        transaction.commit().await.map_err(DatabaseError::from)?;
    }
    Ok(read_caller(token)?)
}

fn read_caller(token: Token) -> Result<Caller, DatabaseError> {
    let corrupt = |what: &'static str| {
        move |error: serde_json::Error| DatabaseError::Corrupt { what, problem: error.to_string() }
    };
    Ok(Caller {
        account_id: token.account_id,
        account: token.account,
        is_operator: token.is_operator,
        token_id: token.id,
        scopes: serde_json::from_str(&token.scopes).map_err(corrupt("tokens.scopes"))?,
        namespaces: token
            .namespaces
            .map(|text| serde_json::from_str(&text).map_err(corrupt("tokens.namespaces")))
            .transpose()?,
    })
}
