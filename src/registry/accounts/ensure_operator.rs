//! Makes the operator account at the first start.

use super::token_text::{token_hash, token_text};
use crate::db::accounts::NewAccount;
use crate::db::tokens::NewToken;
use crate::db::{Database, DatabaseError, accounts, audit, tokens};
use crate::domain::{NameError, Namespace, Refusal, Timestamp};

/// What stands in place of a password until one is set: no PHC string, so nothing matches it.
const NO_PASSWORD: &str = "!";
/// How long the first token lasts.
const FIRST_TOKEN_DAYS: i64 = 365;

/// Why there is no operator account.
#[derive(Debug, thiserror::Error)]
pub enum EnsureOperatorError {
    /// The configured name is none.
    #[error("the operator's account name cannot be used: {0}")]
    Name(#[from] NameError),
    /// The configured name belongs to an account that does not operate the registry.
    #[error("the account {name} is there and does not operate this registry")]
    Taken {
        /// The name.
        name: Namespace,
    },
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Refusal for EnsureOperatorError {
    fn code(&self) -> &'static str {
        match self {
            Self::Name(error) => error.code(),
            Self::Taken { .. } => "account-taken",
            Self::Database(_) => "internal",
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::Name(_) | Self::Taken { .. } => {
                Some("Give the setting `operator` another account name.".into())
            }
            Self::Database(_) => None,
        }
    }
}

/// The operator's first token, to be printed once.
pub struct FirstToken {
    /// The operator's account name.
    pub account: String,
    /// The token's text.
    pub token: String,
}

/// Makes the operator account `name` and a token when no account operates the registry; `None` when one does.
pub async fn ensure_operator(
    database: &Database,
    name: &str,
    random: [u8; 32],
    now: Timestamp,
) -> Result<Option<FirstToken>, EnsureOperatorError> {
    let name: Namespace = name.parse()?;
    if accounts::has_operator(&mut *database.read().await?).await? {
        return Ok(None);
    }
    let mut transaction = database.write().await?;
    let account = NewAccount {
        name: name.as_str(),
        email: &format!("{name}@localhost"),
        password_hash: NO_PASSWORD,
        is_operator: true,
        created_at: now,
    };
    let account_id = match accounts::insert(&mut transaction, &account).await {
        Ok(account_id) => account_id,
        Err(error) if error.is_unique("accounts_name_unique") => {
            drop(transaction);
            // Another replica that started at the same moment may have made it.
            return match accounts::has_operator(&mut *database.read().await?).await? {
                true => Ok(None),
                false => Err(EnsureOperatorError::Taken { name }),
            };
        }
        Err(error) => return Err(error.into()),
    };
    let text = token_text(&random);
    let token = NewToken {
        account_id,
        token_hash: token_hash(&text).expect("a token just made has the form of one"),
        label: "first start",
        scopes: r#"["admin"]"#,
        namespaces: None,
        created_at: now,
        expires_at: Some(now.plus_seconds(FIRST_TOKEN_DAYS * 86_400)),
    };
    tokens::insert(&mut transaction, &token).await?;
    audit::record(&mut transaction, Some(account_id), "make-operator", name.as_str(), "{}", now).await?;
    transaction.commit().await.map_err(DatabaseError::from)?;
    Ok(Some(FirstToken { account: name.to_string(), token: text }))
}
