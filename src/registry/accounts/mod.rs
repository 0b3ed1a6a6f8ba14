//! Who may do what: accounts, tokens, namespaces, members, author keys and host profiles.
//!
//! One verb per file. Every verb takes the moment and the random bytes it needs; it owns its transaction, in
//! which it also writes the audit event and, where the log tells of it, the outbox row.

mod access;
mod approve_key;
mod authenticate_token;
mod create_namespace;
mod create_token;
mod enroll_key;
mod ensure_operator;
mod list_keys;
mod list_tokens;
mod log_in;
mod passwords;
mod register_account;
mod register_profile;
mod revoke_key;
mod revoke_token;
mod set_member;
mod set_trust;
mod token_text;

pub use access::{AccessError, Caller, require_account, require_member, require_operator, require_owner};
pub use approve_key::{ApproveKeyError, approve_key};
pub use authenticate_token::{AuthenticationError, authenticate_token};
pub use create_namespace::{CreateNamespaceError, create_namespace};
pub use create_token::{COMMAND_LINE, CreateTokenError, TOKENS_MAX, create_token};
pub use enroll_key::{EnrollKeyError, KEYS_MAX, RECOVERIES_MAX, enroll_key};
pub use ensure_operator::{EnsureOperatorError, FirstToken, ensure_operator};
pub(super) use list_keys::enrolled_keys;
pub use list_keys::{ListKeysError, StoredKeyError, list_keys};
pub use list_tokens::{ListTokensError, list_tokens};
pub use log_in::{LogInError, log_in};
pub use passwords::{PasswordError, Passwords};
pub use register_account::{RegisterAccountError, register_account};
pub use register_profile::{RegisterProfileError, register_profile, registered_profiles};
pub use revoke_key::{RevokeKeyError, revoke_key};
pub use revoke_token::{RevokeTokenError, revoke_token};
pub use set_member::{SetMemberError, set_member};
pub use set_trust::{SetTrustError, set_trust};

/// Whether people can read it on one line: no control characters, of bounded length.
fn is_plain_label(text: &str) -> bool {
    text.chars().count() <= 100 && !text.chars().any(char::is_control)
}
