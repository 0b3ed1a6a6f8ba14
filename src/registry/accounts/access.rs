//! What a caller may do: the token's scopes and namespaces, and the account's membership.

use sqlx::AnyConnection;

use crate::db::namespaces::Membership;
use crate::db::{DatabaseError, namespaces};
use crate::domain::api::{MemberRole, TokenScope};
use crate::domain::{Namespace, Refusal};

/// Who asks, as the token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The account's row.
    pub account_id: i64,
    /// The account's name.
    pub account: String,
    /// Whether the account operates the registry.
    pub is_operator: bool,
    /// The token's row.
    pub token_id: i64,
    /// What the token may be used for.
    pub scopes: Vec<TokenScope>,
    /// The namespaces the token works in; absent: all of the account's.
    pub namespaces: Option<Vec<Namespace>>,
}

/// Why a caller may not do something.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// There is no such namespace.
    #[error("there is no namespace {namespace}")]
    UnknownNamespace {
        /// The namespace.
        namespace: Namespace,
    },
    /// The account is no member.
    #[error("the account {account} is not a member of the namespace {namespace}")]
    NotAMember {
        /// The account.
        account: String,
        /// The namespace.
        namespace: Namespace,
    },
    /// The account is a member and no owner.
    #[error("the account {account} does not own the namespace {namespace}")]
    NotAnOwner {
        /// The account.
        account: String,
        /// The namespace.
        namespace: Namespace,
    },
    /// The account is no operator.
    #[error("the account {account} does not operate this registry")]
    NotOperator {
        /// The account.
        account: String,
    },
    /// The token is not for this.
    #[error("the token may not be used to {}", scope_words(*.needed))]
    TokenScope {
        /// What it lacks.
        needed: TokenScope,
    },
    /// The token is for other namespaces.
    #[error("the token may not be used in the namespace {namespace}")]
    TokenNamespace {
        /// The namespace.
        namespace: Namespace,
    },
    /// The token is limited to namespaces and this concerns the whole account.
    #[error("the token is limited to some namespaces; this concerns the whole account")]
    TokenLimited,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

fn scope_words(scope: TokenScope) -> &'static str {
    match scope {
        TokenScope::Publish => "publish",
        TokenScope::Yank => "yank or deprecate releases",
        TokenScope::Keys => "enrol, approve or revoke keys",
        TokenScope::Admin => "change accounts, tokens, namespaces or members",
    }
}

fn scope_name(scope: TokenScope) -> &'static str {
    match scope {
        TokenScope::Publish => "publish",
        TokenScope::Yank => "yank",
        TokenScope::Keys => "keys",
        TokenScope::Admin => "admin",
    }
}

impl Refusal for AccessError {
    fn code(&self) -> &'static str {
        match self {
            Self::UnknownNamespace { .. } => "unknown-namespace",
            Self::NotAMember { .. } => "not-a-member",
            Self::NotAnOwner { .. } => "not-an-owner",
            Self::NotOperator { .. } => "not-operator",
            Self::TokenScope { .. } | Self::TokenNamespace { .. } | Self::TokenLimited => "token-scope",
            Self::Database(_) => "internal",
        }
    }

    fn mend(&self) -> Option<String> {
        Some(match self {
            Self::UnknownNamespace { namespace } => {
                format!("Create it first: POST /api/v1/namespaces with {{\"name\": \"{namespace}\"}}.")
            }
            Self::NotAMember { namespace, .. } => {
                format!("Ask an owner of {namespace} to add you, or publish under a namespace of yours.")
            }
            Self::NotAnOwner { namespace, .. } => format!("Ask an owner of {namespace} to do it."),
            Self::NotOperator { .. } => "Ask an operator of this registry to do it.".into(),
            Self::TokenScope { needed } => {
                format!("Use a token with the scope \"{}\".", scope_name(*needed))
            }
            Self::TokenNamespace { namespace } => format!("Use a token that works in {namespace}."),
            Self::TokenLimited => "Use a token without a list of namespaces.".into(),
            Self::Database(_) => return None,
        })
    }
}

impl Caller {
    fn holds(&self, needed: TokenScope) -> Result<(), AccessError> {
        let is_held = self.scopes.iter().any(|scope| *scope == needed || *scope == TokenScope::Admin);
        if is_held { Ok(()) } else { Err(AccessError::TokenScope { needed }) }
    }

    fn reaches(&self, namespace: &Namespace) -> Result<(), AccessError> {
        match &self.namespaces {
            Some(list) if !list.contains(namespace) => {
                Err(AccessError::TokenNamespace { namespace: namespace.clone() })
            }
            _ => Ok(()),
        }
    }
}

/// The caller may change the account itself.
pub fn require_account(caller: &Caller) -> Result<(), AccessError> {
    caller.holds(TokenScope::Admin)?;
    if caller.namespaces.is_some() { Err(AccessError::TokenLimited) } else { Ok(()) }
}

/// The caller may operate the registry.
pub fn require_operator(caller: &Caller) -> Result<(), AccessError> {
    if !caller.is_operator {
        return Err(AccessError::NotOperator { account: caller.account.clone() });
    }
    require_account(caller)
}

/// The caller is a member of the namespace and the token is for `needed`; gives the namespace's row.
pub async fn require_member(
    connection: &mut AnyConnection,
    caller: &Caller,
    namespace: &Namespace,
    needed: TokenScope,
) -> Result<i64, AccessError> {
    Ok(membership(connection, caller, namespace, needed).await?.0)
}

/// The caller owns the namespace and the token is for administration; gives the namespace's row.
pub async fn require_owner(
    connection: &mut AnyConnection,
    caller: &Caller,
    namespace: &Namespace,
) -> Result<i64, AccessError> {
    require_owner_for(connection, caller, namespace, TokenScope::Admin).await
}

/// The caller owns the namespace and the token is for `needed`; gives the namespace's row.
pub(super) async fn require_owner_for(
    connection: &mut AnyConnection,
    caller: &Caller,
    namespace: &Namespace,
    needed: TokenScope,
) -> Result<i64, AccessError> {
    match membership(connection, caller, namespace, needed).await? {
        (namespace_id, MemberRole::Owner) => Ok(namespace_id),
        (_, MemberRole::Member) => {
            Err(AccessError::NotAnOwner { account: caller.account.clone(), namespace: namespace.clone() })
        }
    }
}

async fn membership(
    connection: &mut AnyConnection,
    caller: &Caller,
    namespace: &Namespace,
    needed: TokenScope,
) -> Result<(i64, MemberRole), AccessError> {
    caller.holds(needed)?;
    caller.reaches(namespace)?;
    match namespaces::membership(connection, namespace, caller.account_id).await? {
        Some(Membership { namespace_id, role: Some(role) }) => Ok((namespace_id, role)),
        Some(Membership { role: None, .. }) => {
            Err(AccessError::NotAMember { account: caller.account.clone(), namespace: namespace.clone() })
        }
        None => Err(AccessError::UnknownNamespace { namespace: namespace.clone() }),
    }
}
