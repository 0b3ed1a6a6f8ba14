//! Makes a namespace, owned by who asks first.

use super::access::{AccessError, Caller, require_account};
use crate::db::{Database, DatabaseError, audit, namespaces};
use crate::domain::api::{MemberRole, NamespaceAnswer, NewNamespaceRequest};
use crate::domain::{Namespace, Refusal, Timestamp};
use crate::registry::append_statement::{AppendError, append_statement};
use crate::trust::{LogEvent, LogStatement, LogSubject, Owners};

/// Names that people would take for somebody in particular; operators alone make them.
const RESERVED: &[&str] = &[
    "pluginry",
    "wasi",
    "wasm",
    "extism",
    "proxy-wasm",
    "dprint",
    "swc",
    "wasmtime",
    "bytecodealliance",
    "ba",
    "wasmcloud",
    "spin",
    "fermyon",
    "zellij",
    "envoy",
    "admin",
    "api",
    "static",
    "index",
    "log",
    "v2",
    "official",
];

/// Why no namespace was made.
#[derive(Debug, thiserror::Error)]
pub enum CreateNamespaceError {
    /// The caller may not.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// Kept for operators.
    #[error("the namespace {namespace} is reserved")]
    Reserved {
        /// The namespace.
        namespace: Namespace,
    },
    /// It is there.
    #[error("the namespace {namespace} is taken")]
    Taken {
        /// The namespace.
        namespace: Namespace,
    },
    /// The log cannot hold what it would be told.
    #[error(transparent)]
    Log(#[from] AppendError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Refusal for CreateNamespaceError {
    fn code(&self) -> &'static str {
        match self {
            Self::Access(error) => error.code(),
            Self::Reserved { .. } => "namespace-reserved",
            Self::Taken { .. } => "namespace-taken",
            Self::Log(error) => error.code(),
            Self::Database(_) => "internal",
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::Access(error) => error.mend(),
            Self::Reserved { .. } => {
                Some("If it stands for a project of yours, ask an operator of this registry.".into())
            }
            Self::Taken { .. } => Some("Choose another, or ask its owner to add you.".into()),
            Self::Log(error) => error.mend(),
            Self::Database(_) => None,
        }
    }
}

/// Makes a namespace; the caller becomes its first owner.
pub async fn create_namespace(
    database: &Database,
    caller: &Caller,
    request: &NewNamespaceRequest,
    now: Timestamp,
) -> Result<NamespaceAnswer, CreateNamespaceError> {
    require_account(caller)?;
    let namespace = &request.name;
    if RESERVED.contains(&namespace.as_str()) && !caller.is_operator {
        return Err(CreateNamespaceError::Reserved { namespace: namespace.clone() });
    }

    let mut transaction = database.write().await?;
    let namespace_id =
        namespaces::insert(&mut transaction, namespace, now).await.map_err(|error| {
            match error.is_unique("namespaces_name_unique") {
                true => CreateNamespaceError::Taken { namespace: namespace.clone() },
                false => error.into(),
            }
        })?;
    namespaces::set_member(&mut transaction, namespace_id, caller.account_id, MemberRole::Owner, now).await?;
    let event = LogEvent::OwnerChange(Owners { at: now, owners: vec![caller.account.clone()] });
    let statement = LogStatement { subject: LogSubject::Namespace(namespace.clone()), event };
    append_statement(&mut transaction, &statement).await?;
    audit::record(
        &mut transaction,
        Some(caller.account_id),
        "create-namespace",
        namespace.as_str(),
        "{}",
        now,
    )
    .await?;
    transaction.commit().await.map_err(DatabaseError::from)?;
    Ok(NamespaceAnswer { namespace: namespace.clone() })
}
