//! Lists the tokens of an account.

use super::access::{AccessError, Caller, require_account};
use crate::db::tokens::Token;
use crate::db::{Database, DatabaseError, tokens};
use crate::domain::Refusal;
use crate::domain::api::{TokenDescription, TokenList};

/// Why tokens were not listed.
#[derive(Debug, thiserror::Error)]
pub enum ListTokensError {
    /// The caller may not.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Refusal for ListTokensError {
    fn code(&self) -> &'static str {
        match self {
            Self::Access(error) => error.code(),
            Self::Database(_) => "internal",
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::Access(error) => error.mend(),
            Self::Database(_) => None,
        }
    }
}

/// The caller's tokens that are not revoked, newest first, without their texts.
pub async fn list_tokens(database: &Database, caller: &Caller) -> Result<TokenList, ListTokensError> {
    require_account(caller)?;
    let rows = tokens::list_of_account(&mut *database.read().await?, caller.account_id).await?;
    Ok(TokenList { tokens: rows.into_iter().map(describe).collect::<Result<_, _>>()? })
}

fn describe(token: Token) -> Result<TokenDescription, DatabaseError> {
    let corrupt =
        |error: serde_json::Error| DatabaseError::Corrupt { what: "token", problem: error.to_string() };
    Ok(TokenDescription {
        id: token.id,
        label: token.label,
        scopes: serde_json::from_str(&token.scopes).map_err(corrupt)?,
        namespaces: token.namespaces.map(|text| serde_json::from_str(&text)).transpose().map_err(corrupt)?,
        created_at: token.created_at,
        expires_at: token.expires_at,
        last_used_at: token.last_used_at,
    })
}
