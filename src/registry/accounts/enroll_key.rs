//! Enrols an author key for a namespace.

use super::access::{AccessError, Caller, require_member};
use super::is_plain_label;
use crate::db::keys::NewKey;
use crate::db::{Database, DatabaseError, audit, keys, namespaces};
use crate::domain::api::{EnrollKeyRequest, EnrolledKey, TokenScope};
use crate::domain::{Namespace, Refusal, Timestamp};
use crate::kill_points;
use crate::registry::append_statement::{AppendError, append_statement};
use crate::signing::{KeyError, PublicKey};
use crate::trust::{KeyEnrollment, LogEvent, LogStatement};

/// Why a key was not enrolled.
#[derive(Debug, thiserror::Error)]
pub enum EnrollKeyError {
    /// The caller may not.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The text is no key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The label is none.
    #[error("the label of a key is one line of at most 100 characters")]
    Label,
    /// It was revoked; a revoked key never comes back.
    #[error("the key {key_id} of the namespace {namespace} was revoked at {revoked_at}")]
    Revoked {
        /// The key.
        key_id: String,
        /// The namespace.
        namespace: Namespace,
        /// When.
        revoked_at: Timestamp,
    },
    /// The log cannot hold what it would be told.
    #[error(transparent)]
    Log(#[from] AppendError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Refusal for EnrollKeyError {
    fn code(&self) -> &'static str {
        match self {
            Self::Access(error) => error.code(),
            Self::Key(error) => error.code(),
            Self::Label => "invalid-label",
            Self::Revoked { .. } => "key-revoked",
            Self::Log(error) => error.code(),
            Self::Database(_) => "internal",
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::Access(error) => error.mend(),
            Self::Key(error) => error.mend(),
            Self::Label => Some("Shorten it to what tells you which key it is.".into()),
            Self::Revoked { .. } => Some("Make a new key with `pluginry key new` and enrol that.".into()),
            Self::Log(error) => error.mend(),
            Self::Database(_) => None,
        }
    }
}

/// Enrols a key; any member may. Enrolling it again answers as the first time.
pub async fn enroll_key(
    database: &Database,
    caller: &Caller,
    namespace: &Namespace,
    request: &EnrollKeyRequest,
    now: Timestamp,
) -> Result<EnrolledKey, EnrollKeyError> {
    if !is_plain_label(&request.label) {
        return Err(EnrollKeyError::Label);
    }
    let mut transaction = database.write().await?;
    namespaces::lock(&mut transaction, namespace).await?;
    let namespace_id = require_member(&mut transaction, caller, namespace, TokenScope::Publish).await?;
    let public_key: PublicKey = request.public_key.parse()?;
    let key_id = public_key.id().to_hex();
    if let Some(known) = keys::find(&mut transaction, namespace_id, &key_id).await? {
        return match known.revoked_at {
            Some(revoked_at) => {
                Err(EnrollKeyError::Revoked { key_id, namespace: namespace.clone(), revoked_at })
            }
            None => Ok(EnrolledKey {
                key_id,
                public_key: public_key.to_string(),
                label: known.label,
                enrolled_at: known.enrolled_at,
                revoked_at: None,
            }),
        };
    }

    let key = NewKey {
        namespace_id,
        key_id: &key_id,
        public_key: public_key.as_bytes(),
        label: &request.label,
        enrolled_by: caller.account_id,
        enrolled_at: now,
    };
    keys::insert(&mut transaction, &key).await?;
    let enrollment = KeyEnrollment {
        at: now,
        public_key,
        counts_from: now,
        endorsement: None,
        account: caller.account.clone(),
        approved_by: Vec::new(),
    };
    let statement = LogStatement::of_key(namespace, public_key.id(), LogEvent::KeyEnroll(enrollment));
    append_statement(&mut transaction, &statement).await?;
    let fact = serde_json::json!({
        "namespace": namespace, "key_id": key_id, "public_key": public_key, "account": caller.account,
    })
    .to_string();
    let subject = statement.subject.to_key();
    audit::record(&mut transaction, Some(caller.account_id), "enroll-key", &subject, &fact, now).await?;
    kill_points::pass("enroll-before-commit");
    transaction.commit().await.map_err(DatabaseError::from)?;
    kill_points::pass("enroll-after-commit");
    Ok(EnrolledKey {
        key_id,
        public_key: public_key.to_string(),
        label: request.label.clone(),
        enrolled_at: now,
        revoked_at: None,
    })
}
