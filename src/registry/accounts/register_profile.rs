//! Registers a host profile.

use super::access::{AccessError, Caller, require_operator};
use crate::db::profiles::NewProfile;
use crate::db::{Database, DatabaseError, audit, profiles};
use crate::domain::{Digest, HostProfile, ProfileError, Refusal, ReleaseId, Timestamp};
use crate::registry::append_statement::{AppendError, append_statement};
use crate::trust::{LogEvent, LogStatement, LogSubject, Moment};
use crate::wasm::check_profile;

/// Why a profile was not registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterProfileError {
    /// The caller may not.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The document is none.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// Another document has this name and version.
    #[error("the host profile {profile} is there with another content")]
    Exists {
        /// Name and version.
        profile: ReleaseId,
    },
    /// It comes with the registry.
    #[error("the host profile {profile} is built in")]
    BuiltIn {
        /// Name and version.
        profile: ReleaseId,
    },
    /// The log cannot hold what it would be told.
    #[error(transparent)]
    Log(#[from] AppendError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Refusal for RegisterProfileError {
    fn code(&self) -> &'static str {
        match self {
            Self::Access(error) => error.code(),
            Self::Profile(error) => error.code(),
            Self::Exists { .. } | Self::BuiltIn { .. } => "profile-exists",
            Self::Log(error) => error.code(),
            Self::Database(_) => "internal",
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::Access(error) => error.mend(),
            Self::Profile(error) => error.mend(),
            Self::Exists { .. } | Self::BuiltIn { .. } => {
                Some("A published profile never changes: give the changed one a new version.".into())
            }
            Self::Log(error) => error.mend(),
            Self::Database(_) => None,
        }
    }
}

/// Registers a profile from its TOML document; operators only. The same document again changes nothing.
pub async fn register_profile(
    database: &Database,
    built_in: &[HostProfile],
    caller: &Caller,
    document: &str,
    now: Timestamp,
) -> Result<HostProfile, RegisterProfileError> {
    require_operator(caller)?;
    let profile = HostProfile::from_toml(document)?;
    check_profile(&profile)?;
    let id = ReleaseId::new(profile.name.clone(), profile.version.clone());
    if built_in.iter().any(|known| known.name == profile.name && known.version == profile.version) {
        return Err(RegisterProfileError::BuiltIn { profile: id });
    }
    let json = serde_json::to_string(&profile).expect("a profile becomes JSON");

    let mut transaction = database.write().await?;
    if let Some(known) = profiles::find(&mut transaction, &profile.name, &profile.version).await? {
        return match known == json {
            true => Ok(profile),
            false => Err(RegisterProfileError::Exists { profile: id }),
        };
    }
    let row = NewProfile {
        name: &profile.name,
        version: &profile.version,
        document: &json,
        registered_by: caller.account_id,
        created_at: now,
    };
    profiles::insert(&mut transaction, &row).await?;
    let subject = LogSubject::Profile { profile: id.clone(), digest: Digest::of(json.as_bytes()) };
    let statement = LogStatement { subject, event: LogEvent::Profile(Moment { at: now }) };
    append_statement(&mut transaction, &statement).await?;
    audit::record(&mut transaction, Some(caller.account_id), "register-profile", &id.to_string(), "{}", now)
        .await?;
    transaction.commit().await.map_err(DatabaseError::from)?;
    Ok(profile)
}

/// Every registered profile, in the order of registration.
pub async fn registered_profiles(database: &Database) -> Result<Vec<HostProfile>, DatabaseError> {
    let documents = profiles::list(&mut *database.read().await?).await?;
    documents
        .iter()
        .map(|document| {
            serde_json::from_str(document).map_err(|error| DatabaseError::Corrupt {
                what: "host_profiles.document",
                problem: error.to_string(),
            })
        })
        .collect()
}
