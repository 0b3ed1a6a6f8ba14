//! Ends a token.

use super::access::{AccessError, Caller, require_account};
use crate::db::{Database, DatabaseError, audit, tokens};
use crate::domain::{Refusal, Timestamp};

/// Why a token was not revoked.
#[derive(Debug, thiserror::Error)]
pub enum RevokeTokenError {
    /// The caller may not.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The account has no such token, or it is revoked already.
    #[error("the account {account} has no token {token_id}")]
    Unknown {
        /// The account.
        account: String,
        /// The token.
        token_id: i64,
    },
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Refusal for RevokeTokenError {
    fn code(&self) -> &'static str {
        match self {
            Self::Access(error) => error.code(),
            Self::Unknown { .. } => "token-not-found",
            Self::Database(_) => "internal",
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::Access(error) => error.mend(),
            Self::Unknown { .. } => Some("GET /api/v1/tokens lists yours.".into()),
            Self::Database(_) => None,
        }
    }
}

/// Ends a token of the caller's account, at once. A token may always end itself: that is signing out.
pub async fn revoke_token(
    database: &Database,
    caller: &Caller,
    token_id: i64,
    now: Timestamp,
) -> Result<(), RevokeTokenError> {
    if token_id != caller.token_id {
        require_account(caller)?;
    }
    let mut transaction = database.write().await?;
    if !tokens::revoke(&mut transaction, caller.account_id, token_id, now).await? {
        return Err(RevokeTokenError::Unknown { account: caller.account.clone(), token_id });
    }
    let detail = serde_json::json!({ "token": token_id }).to_string();
    audit::record(&mut transaction, Some(caller.account_id), "revoke-token", &caller.account, &detail, now)
        .await?;
    transaction.commit().await.map_err(DatabaseError::from)?;
    Ok(())
}
