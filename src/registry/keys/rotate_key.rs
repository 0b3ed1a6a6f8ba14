//! Replacing a key of the registry: the old one is kept and retired, the next trust document names the new one.
//!
//! Order: new key file durable, document committed, files renamed. A kill in between is put right by
//! [`finish_rotation`] at the next start.

use std::path::PathBuf;

use super::key_file::{draw_key, move_key_file, read_key_file, write_key_file};
use super::{
    KeyPlace, KeyRole, RegistryKeys, RegistryKeysError, current_key, default_path, find_key, keys_folder,
    missing, place_of, retired_path,
};
use crate::config::Configuration;
use crate::db::{Database, DatabaseError, log};
use crate::domain::{Refusal, Timestamp};
use crate::registry::{OpenError, lock_data_directory};
use crate::signing::{KeyId, PublicKey};
use crate::trust::{DatedKey, TrustDocument};

/// Why a key was not replaced.
#[derive(Debug, thiserror::Error)]
pub enum RotateKeyError {
    /// The server runs, or its data directory cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The keys here are not in order.
    #[error(transparent)]
    Keys(#[from] RegistryKeysError),
    /// The key is not ours to replace.
    #[error("the {role} key comes from {place}, which this command cannot replace")]
    KeptElsewhere {
        /// Which key.
        role: KeyRole,
        /// Where it is kept.
        place: KeyPlace,
    },
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(#[from] DatabaseError),
}

impl Refusal for RotateKeyError {
    fn code(&self) -> &'static str {
        match self {
            Self::Open(OpenError::InUse(_)) => "data-directory-in-use",
            Self::Open(_) | Self::Database(_) => "internal",
            Self::Keys(error) => error.code(),
            Self::KeptElsewhere { .. } => "registry-key-kept-elsewhere",
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::Open(OpenError::InUse(_)) => Some("Stop the registry first, every replica of it.".into()),
            Self::Keys(error) => error.mend(),
            Self::KeptElsewhere { role, .. } => Some(format!(
                "Move the key to keys/{role}.key in the data directory and clear the setting, rotate, and move the new key back."
            )),
            Self::Open(_) | Self::Database(_) => None,
        }
    }
}

/// A key that was replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// Which.
    pub role: KeyRole,
    /// The old key.
    pub old: KeyId,
    /// The new key.
    pub new: KeyId,
    /// The tree size up to which the old key counts.
    pub retired_at: u64,
    /// The version of the trust document that says so.
    pub version: u64,
    /// Where the old key is kept.
    pub kept_at: PathBuf,
}

/// Replaces a key of a stopped registry.
pub async fn rotate_key(
    configuration: &Configuration,
    role: KeyRole,
    now: Timestamp,
) -> Result<Rotated, RotateKeyError> {
    let _lock = lock_data_directory(configuration)?;
    let place = place_of(configuration, role);
    if place != KeyPlace::File(default_path(configuration, role)) {
        return Err(RotateKeyError::KeptElsewhere { role, place });
    }
    find_key(configuration, role)?.ok_or_else(|| missing(configuration, role, ""))?;
    let database = Database::connect(&configuration.effective_database_url()).await?;
    let mut keys = RegistryKeys::open(configuration, &database, now).await?;

    let new = draw_key()?;
    write_key_file(&next_path(configuration, role), &new)?;
    let mut transaction = database.write().await?;
    log::lock_sequencer(&mut transaction, database.dialect()).await?;
    let retired_at = log::last_sequence(&mut transaction).await?;
    let old = current_key(&keys.document, role);
    keys.document = replaced(&keys.document, role, new.public_key(), retired_at, now);
    let signers = match role {
        KeyRole::Log => vec![&keys.registry],
        KeyRole::Registry => vec![&keys.registry, &new],
    };
    keys.chain.0.push(keys.document.sign(&signers));
    keys.store_new_versions(&mut transaction, now).await?;
    transaction.commit().await.map_err(DatabaseError::from)?;
    database.close().await;

    finish_rotation(configuration, role, new.public_key())?;
    Ok(Rotated {
        role,
        old: old.id(),
        new: new.public_key().id(),
        retired_at,
        version: keys.document.version,
        kept_at: retired_path(configuration, role, &old),
    })
}

fn replaced(
    before: &TrustDocument,
    role: KeyRole,
    new: PublicKey,
    retired_at: u64,
    now: Timestamp,
) -> TrustDocument {
    let mut next = TrustDocument { version: before.version + 1, issued_at: now, ..before.clone() };
    let keys = match role {
        KeyRole::Log => &mut next.log_keys,
        KeyRole::Registry => &mut next.registry_keys,
    };
    for key in keys.iter_mut() {
        key.retired_at.get_or_insert(retired_at);
    }
    keys.push(DatedKey::new(new));
    next
}

fn next_path(configuration: &Configuration, role: KeyRole) -> PathBuf {
    keys_folder(configuration).join(format!("{role}.next.key"))
}

/// Puts the drawn key in the place of the old one, once the trust document names it. Does nothing otherwise.
pub(super) fn finish_rotation(
    configuration: &Configuration,
    role: KeyRole,
    current: PublicKey,
) -> Result<(), RegistryKeysError> {
    let (next_path, path) = (next_path(configuration, role), default_path(configuration, role));
    let Some(next) = read_key_file(&next_path)? else { return Ok(()) };
    if next.public_key() != current {
        return Ok(());
    }
    if let Some(old) = read_key_file(&path)?.filter(|old| old.public_key() != current) {
        move_key_file(&path, &retired_path(configuration, role, &old.public_key()))?;
    }
    move_key_file(&next_path, &path)
}
