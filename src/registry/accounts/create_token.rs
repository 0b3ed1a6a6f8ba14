//! Makes an API token.

use super::access::{AccessError, Caller, require_account};
use super::is_plain_label;
use super::token_text::{token_hash, token_text};
use crate::db::tokens::NewToken;
use crate::db::{Database, DatabaseError, audit, tokens};
use crate::domain::api::{NewTokenAnswer, NewTokenRequest, TokenDescription};
use crate::domain::{Refusal, Timestamp};

/// The `token_id` of a caller who holds no token but may write the database.
pub const COMMAND_LINE: i64 = 0;
/// The longest a token that expires may last.
const MOST_DAYS: u32 = 3660;

/// How many tokens an account may have that work; of these, sign-ins end by themselves.
pub const TOKENS_MAX: u64 = 100;

/// Why no token was made.
#[derive(Debug, thiserror::Error)]
pub enum CreateTokenError {
    /// The caller may not.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The label is none.
    #[error("the label of a token is one line of at most 100 characters")]
    Label,
    /// It would be good for nothing.
    #[error("the token would be good for nothing: its list of {list} is empty")]
    Empty {
        /// Which list.
        list: &'static str,
    },
    /// The time is none.
    #[error("a token lasts from 1 to {MOST_DAYS} days, not {days}")]
    Expiry {
        /// The days asked for.
        days: u32,
    },
    /// The account has as many as it may.
    #[error("the account {account} has {TOKENS_MAX} tokens; more are not made")]
    TooMany {
        /// The account.
        account: String,
    },
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Refusal for CreateTokenError {
    fn code(&self) -> &'static str {
        match self {
            Self::Access(error) => error.code(),
            Self::Label => "invalid-label",
            Self::Empty { .. } => "token-without-use",
            Self::Expiry { .. } => "invalid-expiry",
            Self::TooMany { .. } => "too-many-tokens",
            Self::Database(_) => "internal",
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::Access(error) => error.mend(),
            Self::Label => Some("Shorten it to what tells you where the token is used.".into()),
            Self::Empty { list: "scopes" } => Some("Name at least one of publish, yank, keys, admin.".into()),
            Self::Empty { .. } => Some("Name at least one, or leave it out for all of yours.".into()),
            Self::Expiry { .. } => Some("Give `expires_in_days` within that, or leave it out.".into()),
            Self::TooMany { .. } => {
                Some("End those nobody uses: GET /api/v1/tokens says when each was last used.".into())
            }
            Self::Database(_) => None,
        }
    }
}

/// Makes a token for the caller's account. `random` becomes its text, which is shown this one time.
pub async fn create_token(
    database: &Database,
    caller: &Caller,
    request: &NewTokenRequest,
    random: [u8; 32],
    now: Timestamp,
) -> Result<NewTokenAnswer, CreateTokenError> {
    require_account(caller)?;
    check(request)?;
    let text = token_text(&random);
    let expires_at = request.expires_in_days.map(|days| now.plus_seconds(i64::from(days) * 86_400));
    let mut scopes = request.scopes.clone();
    scopes.sort_unstable();
    scopes.dedup();
    let scopes_json = serde_json::to_string(&scopes).expect("names become JSON");
    let namespaces_json = request
        .namespaces
        .as_ref()
        .map(|namespaces| serde_json::to_string(namespaces).expect("names become JSON"));
    let token = NewToken {
        account_id: caller.account_id,
        token_hash: token_hash(&text).expect("a token just made has the form of one"),
        label: &request.label,
        scopes: &scopes_json,
        namespaces: namespaces_json.as_deref(),
        created_at: now,
        expires_at,
    };

    let mut transaction = database.write().await?;
    // Whoever may write the database makes an operator's token on the command line, without holding one.
    let is_capped = caller.token_id != COMMAND_LINE;
    if is_capped && tokens::count_of_account(&mut transaction, caller.account_id, now).await? >= TOKENS_MAX {
        return Err(CreateTokenError::TooMany { account: caller.account.clone() });
    }
    let id = tokens::insert(&mut transaction, &token).await?;
    let detail = serde_json::json!({ "token": id, "label": request.label, "scopes": scopes, "namespaces": request.namespaces });
    audit::record(
        &mut transaction,
        Some(caller.account_id),
        "create-token",
        &caller.account,
        &detail.to_string(),
        now,
    )
    .await?;
    transaction.commit().await.map_err(DatabaseError::from)?;
    let description = TokenDescription {
        id,
        label: request.label.clone(),
        scopes,
        namespaces: request.namespaces.clone(),
        created_at: now,
        expires_at,
        last_used_at: None,
    };
    Ok(NewTokenAnswer { token: text, description })
}

fn check(request: &NewTokenRequest) -> Result<(), CreateTokenError> {
    if request.label.trim().is_empty() || !is_plain_label(&request.label) {
        return Err(CreateTokenError::Label);
    }
    if request.scopes.is_empty() {
        return Err(CreateTokenError::Empty { list: "scopes" });
    }
    if request.namespaces.as_ref().is_some_and(Vec::is_empty) {
        return Err(CreateTokenError::Empty { list: "namespaces" });
    }
    match request.expires_in_days {
        Some(days) if days == 0 || days > MOST_DAYS => Err(CreateTokenError::Expiry { days }),
        _ => Ok(()),
    }
}
