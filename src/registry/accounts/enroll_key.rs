//! Enrols an author key for a namespace.
//!
//! The first keys count at once. Beside releases a further key waits, unless a key that counts signed it in; and
//! where no key counts any more it needs the approval of others first ([`super::approve_key`]).

use serde_json::Value;

use super::access::{AccessError, Caller, require_member};
use super::is_plain_label;
use super::list_keys::{StoredKeyError, find_key};
use crate::config::KeySettings;
use crate::db::keys::{AuthorKey, NewKey};
use crate::db::{Database, DatabaseError, audit, keys, log, namespaces};
use crate::domain::api::{EnrollKeyRequest, EnrolledKey, KeyState, TokenScope};
use crate::domain::{Namespace, Refusal, Timestamp};
use crate::kill_points;
use crate::registry::append_statement::{AppendError, append_statement};
use crate::signing::{
    EndorsementError, Envelope, KeyEndorsement, KeyError, KeyId, PublicKey, read_endorsement,
    verify_endorsement,
};
use crate::trust::{KeyEnrollment, LogEvent, LogStatement};

/// How many keys of a namespace may count or wait at once.
pub const KEYS_MAX: usize = 64;
/// How many of them may wait for an approval.
pub const RECOVERIES_MAX: usize = 4;
/// The most an endorsement may weigh as JSON, in bytes: it becomes part of a log entry.
const ENDORSEMENT_MAX_BYTES: usize = 8 * 1024;

/// Why a key was not enrolled.
#[derive(Debug, thiserror::Error)]
pub enum EnrollKeyError {
    /// The caller may not.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The text is no key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The endorsement does not count.
    #[error(transparent)]
    Endorsement(#[from] EndorsementError),
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
    /// The namespace has as many keys as it may.
    #[error("the namespace {namespace} has {KEYS_MAX} keys that are not revoked; more are not enrolled")]
    TooMany {
        /// The namespace.
        namespace: Namespace,
    },
    /// As many keys wait for an approval as may.
    #[error("{RECOVERIES_MAX} keys of the namespace {namespace} wait for an approval; more may not wait")]
    TooManyRecoveries {
        /// The namespace.
        namespace: Namespace,
    },
    /// The log cannot be told.
    #[error(transparent)]
    Log(#[from] AppendError),
    /// A stored key is none.
    #[error(transparent)]
    Stored(#[from] StoredKeyError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Refusal for EnrollKeyError {
    fn code(&self) -> &'static str {
        match self {
            Self::Access(error) => error.code(),
            Self::Key(error) => error.code(),
            Self::Endorsement(error) => error.code(),
            Self::Label => "invalid-label",
            Self::Revoked { .. } => "key-revoked",
            Self::TooMany { .. } => "too-many-keys",
            Self::TooManyRecoveries { .. } => "too-many-recoveries",
            Self::Log(error) => error.code(),
            Self::Stored(_) | Self::Database(_) => "internal",
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::Access(error) => error.mend(),
            Self::Key(error) => error.mend(),
            Self::Endorsement(error) => error.mend(),
            Self::Label => Some("Shorten it to what tells you which key it is.".into()),
            Self::Revoked { .. } => Some("Make a new key with `pluginry key new` and enrol that.".into()),
            Self::TooMany { .. } => Some("Revoke those that nobody signs with any more.".into()),
            Self::TooManyRecoveries { namespace } => Some(format!(
                "Let another owner approve one, or turn one down: `pluginry key list --namespace {namespace}` names them."
            )),
            Self::Log(error) => error.mend(),
            Self::Stored(_) | Self::Database(_) => None,
        }
    }
}

/// Enrols a key; any member may. Enrolling it again answers as the first time, but for a key that waits, which an
/// endorsement lets count.
pub async fn enroll_key(
    database: &Database,
    settings: &KeySettings,
    caller: &Caller,
    namespace: &Namespace,
    request: &EnrollKeyRequest,
    now: Timestamp,
) -> Result<EnrolledKey, EnrollKeyError> {
    if !is_plain_label(&request.label) {
        return Err(EnrollKeyError::Label);
    }
    let mut transaction = database.write().await?;
    // Whether the namespace has releases must not change under our hands: the log would tell another order.
    log::lock_sequencer(&mut transaction, database.dialect()).await?;
    namespaces::lock(&mut transaction, namespace).await?;
    let namespace_id = require_member(&mut transaction, caller, namespace, TokenScope::Keys).await?;
    let public_key: PublicKey = request.public_key.parse()?;
    let known = keys::list(&mut transaction, namespace_id).await?;
    let counting: Vec<&AuthorKey> = known.iter().filter(|key| key.state(now) == KeyState::Counts).collect();
    let endorsement = check_endorsement(request.endorsement.as_ref(), &counting, namespace, public_key)?;

    let key_id = public_key.id().to_hex();
    let row = known.iter().find(|key| key.key_id == key_id);
    let has_releases = namespaces::has_releases(&mut transaction, namespace_id).await?;
    let grounds = Grounds::of(endorsement, &counting, has_releases);
    match row {
        Some(AuthorKey { revoked_at: Some(revoked_at), .. }) => {
            return Err(EnrollKeyError::Revoked {
                key_id,
                namespace: namespace.clone(),
                revoked_at: *revoked_at,
            });
        }
        Some(row) if row.state(now) == KeyState::Counts || !grounds.is_endorsed() => {
            return Ok(find_key(&mut transaction, namespace_id, &key_id, now).await?);
        }
        Some(row) => {
            let endorser = grounds.endorser();
            keys::set_counts_from(&mut transaction, row.id, now, endorser.as_deref()).await?;
        }
        None => {
            check_room(&known, namespace, &grounds)?;
            let endorser = grounds.endorser();
            let key = NewKey {
                namespace_id,
                key_id: &key_id,
                public_key: public_key.as_bytes(),
                label: &request.label,
                enrolled_by: caller.account_id,
                enrolled_at: now,
                counts_from: grounds.counts_from(settings, now),
                endorsed_by: endorser.as_deref(),
            };
            keys::insert(&mut transaction, &key).await?;
        }
    }

    let statement = grounds.statement(settings, caller, namespace, public_key, now);
    if let Some(statement) = &statement {
        append_statement(&mut transaction, statement).await?;
    }
    let action = if statement.is_some() { "enroll-key" } else { "ask-for-recovery" };
    let fact = serde_json::json!({
        "namespace": namespace, "key_id": key_id, "public_key": public_key, "account": caller.account,
        "endorsed_by": grounds.endorser(),
    });
    let subject = format!("{namespace}/{key_id}");
    audit::record(&mut transaction, Some(caller.account_id), action, &subject, &fact.to_string(), now)
        .await?;
    let answer = find_key(&mut transaction, namespace_id, &key_id, now).await?;
    kill_points::pass("enroll-before-commit");
    transaction.commit().await.map_err(DatabaseError::from)?;
    kill_points::pass("enroll-after-commit");
    Ok(answer)
}

/// Why a key comes to count.
enum Grounds {
    /// It is among the first of a namespace without releases.
    First,
    /// A key that counts signed it in.
    Endorsed(KeyId, Box<Envelope>),
    /// Another key counts, so its owner has the time of the wait to turn this one down.
    Further,
    /// No key counts any more: others have to approve it.
    Recovery,
}

impl Grounds {
    fn of(endorsement: Option<(KeyId, Envelope)>, counting: &[&AuthorKey], has_releases: bool) -> Self {
        match endorsement {
            Some((by, envelope)) => Self::Endorsed(by, Box::new(envelope)),
            None if !has_releases => Self::First,
            None if counting.is_empty() => Self::Recovery,
            None => Self::Further,
        }
    }

    fn is_endorsed(&self) -> bool {
        matches!(self, Self::Endorsed(..))
    }

    fn endorser(&self) -> Option<String> {
        match self {
            Self::Endorsed(by, _) => Some(by.to_hex()),
            _ => None,
        }
    }

    /// From when on the key counts; `None` when that waits for an approval.
    fn counts_from(&self, settings: &KeySettings, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::First | Self::Endorsed(..) => Some(now),
            Self::Further => Some(settings.after_enrollment(now)),
            Self::Recovery => None,
        }
    }

    /// What the log is told; nothing before an approval.
    fn statement(
        &self,
        settings: &KeySettings,
        caller: &Caller,
        namespace: &Namespace,
        public_key: PublicKey,
        now: Timestamp,
    ) -> Option<LogStatement> {
        let endorsement = match self {
            Self::Endorsed(_, envelope) => Some(Envelope::clone(envelope)),
            _ => None,
        };
        let enrollment = KeyEnrollment {
            at: now,
            public_key,
            counts_from: self.counts_from(settings, now)?,
            endorsement,
            account: caller.account.clone(),
            approved_by: Vec::new(),
        };
        Some(LogStatement::of_key(namespace, public_key.id(), LogEvent::KeyEnroll(enrollment)))
    }
}

fn check_room(known: &[AuthorKey], namespace: &Namespace, grounds: &Grounds) -> Result<(), EnrollKeyError> {
    let live = || known.iter().filter(|key| key.revoked_at.is_none());
    if live().count() >= KEYS_MAX {
        return Err(EnrollKeyError::TooMany { namespace: namespace.clone() });
    }
    let waits = live().filter(|key| key.counts_from.is_none()).count();
    if matches!(grounds, Grounds::Recovery) && waits >= RECOVERIES_MAX {
        return Err(EnrollKeyError::TooManyRecoveries { namespace: namespace.clone() });
    }
    Ok(())
}

/// Which key signed the new one in, if the request says that one did.
fn check_endorsement(
    endorsement: Option<&Value>,
    counting: &[&AuthorKey],
    namespace: &Namespace,
    public_key: PublicKey,
) -> Result<Option<(KeyId, Envelope)>, EnrollKeyError> {
    let Some(endorsement) = endorsement else { return Ok(None) };
    let json = endorsement.to_string();
    if json.len() > ENDORSEMENT_MAX_BYTES {
        let problem = format!("it is {} bytes; at most {ENDORSEMENT_MAX_BYTES} are allowed", json.len());
        return Err(EndorsementError::Unreadable { problem }.into());
    }
    let envelope = read_endorsement(json.as_bytes())?;
    let counting: Vec<PublicKey> =
        counting.iter().filter_map(|key| PublicKey::from_bytes(&key.public_key).ok()).collect();
    let expected = KeyEndorsement { namespace: namespace.clone(), public_key };
    let signer = verify_endorsement(&envelope, &counting, &expected)?;
    Ok(Some((signer, envelope)))
}
