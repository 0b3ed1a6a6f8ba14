//! The registry's own keys and its trust document: where they are kept, and that they fit together.
//!
//! The first start makes both keys and version 1 of the document, which fixes the origin for ever. Every later
//! start must find the very keys the newest version names. Replacing one is [`rotate_key`]'s.

mod error;
mod key_file;
mod rotate_key;

use std::path::{Path, PathBuf};

use sqlx::AnyConnection;

use self::key_file::read_key_file;
use crate::config::Configuration;
use crate::db::{Database, DatabaseError, log, trust_documents};
use crate::domain::Timestamp;
use crate::log::{Checkpoint, Hash, NoteVerifier, is_key_name};
use crate::registry::ServedDocument;
use crate::signing::{Envelope, PublicKey, SecretKey};
use crate::trust::{DatedKey, TrustChain, TrustDocument};

pub use error::{KeyPlace, KeyRole, RegistryKeysError};
pub(crate) use key_file::read_or_make_key_file;
pub use rotate_key::{RotateKeyError, Rotated, rotate_key};

/// The keys of a running registry, and what it tells the world about them.
pub struct RegistryKeys {
    log: SecretKey,
    overlapping: Vec<Overlapping>,
    registry: SecretKey,
    chain: TrustChain,
    document: TrustDocument,
    served: ServedDocument,
}

/// A retired log key that still signs beside the new one.
struct Overlapping {
    key: SecretKey,
    until: Timestamp,
}

/// A key and where it was found.
struct Found {
    key: SecretKey,
    place: KeyPlace,
}

impl RegistryKeys {
    /// Finds the keys, or makes them for a registry that has signed nothing yet.
    pub(super) async fn open(
        configuration: &Configuration,
        database: &Database,
        now: Timestamp,
    ) -> Result<Self, RegistryKeysError> {
        let mut transaction = database.write().await?;
        log::lock_sequencer(&mut transaction, database.dialect()).await?;
        let mut keys = match stored_chain(&mut transaction).await? {
            Some(chain) => Self::of_chain(configuration, chain, now)?,
            None => {
                let has_signed = trust_documents::has_signed_log(&mut transaction).await?;
                Self::of_first_start(configuration, has_signed, now)?
            }
        };
        keys.renew_witnesses(configuration, now)?;
        keys.store_new_versions(&mut transaction, now).await?;
        transaction.commit().await.map_err(DatabaseError::from)?;
        Ok(keys)
    }

    /// The name of the log, in every checkpoint and for ever.
    pub fn origin(&self) -> &str {
        &self.document.origin
    }

    /// The key that signs verdicts, standings, the recall feed and the trust document.
    pub fn registry(&self) -> &SecretKey {
        &self.registry
    }

    /// The keys that sign checkpoints now: the retired ones that are still in their overlap, then the current one.
    pub fn log(&self, now: Timestamp) -> Vec<&SecretKey> {
        let overlapping = self.overlapping.iter().filter(|retired| now < retired.until);
        overlapping.map(|retired| &retired.key).chain([&self.log]).collect()
    }

    /// Signs the head of the log. The caller knows that the tree contains every tree signed before.
    pub fn sign_checkpoint(&self, tree_size: u64, root: Hash, now: Timestamp) -> String {
        let origin = self.origin();
        let keys: Vec<_> = self.log(now).into_iter().map(|key| (origin, key)).collect();
        Checkpoint { origin: origin.to_owned(), tree_size, root }.sign(&keys)
    }

    /// The newest trust document.
    pub fn document(&self) -> &TrustDocument {
        &self.document
    }

    /// Every version of the trust document as it is served.
    pub fn served_chain(&self) -> &ServedDocument {
        &self.served
    }

    /// Every version of the trust document.
    pub fn chain(&self) -> &TrustChain {
        &self.chain
    }

    fn of_first_start(
        configuration: &Configuration,
        has_signed: bool,
        now: Timestamp,
    ) -> Result<Self, RegistryKeysError> {
        let find_or_make = |role| match find_key(configuration, role)? {
            Some(found) => Ok(found.key),
            None if has_signed => Err(missing(configuration, role, "")),
            None => read_or_make_key_file(&default_path(configuration, role)),
        };
        let (log, registry) = (find_or_make(KeyRole::Log)?, find_or_make(KeyRole::Registry)?);
        let (witnesses, witness_quorum) = witnesses_of(configuration)?;
        let document = TrustDocument {
            version: 1,
            origin: origin_for(configuration, &log.public_key())?,
            issued_at: now,
            log_keys: vec![DatedKey::new(log.public_key())],
            registry_keys: vec![DatedKey::new(registry.public_key())],
            witnesses,
            witness_quorum,
        };
        let chain = TrustChain(vec![document.sign(&[&registry])]);
        let served = ServedDocument::new(chain.to_json());
        Ok(Self { log, overlapping: Vec::new(), registry, chain, document, served })
    }

    fn of_chain(
        configuration: &Configuration,
        chain: TrustChain,
        now: Timestamp,
    ) -> Result<Self, RegistryKeysError> {
        let documents = chain.documents()?;
        let document = documents.last().expect("a chain has at least one version").clone();
        let configured = &configuration.trust.origin;
        if !configured.is_empty() && *configured != document.origin {
            let (configured, origin) = (configured.clone(), document.origin);
            return Err(RegistryKeysError::OriginDiffers { configured, origin });
        }
        for role in [KeyRole::Log, KeyRole::Registry] {
            rotate_key::finish_rotation(configuration, role, current_key(&document, role))?;
        }
        Ok(Self {
            log: expect_key(configuration, &document, KeyRole::Log)?,
            overlapping: overlapping_keys(configuration, &documents, now)?,
            registry: expect_key(configuration, &document, KeyRole::Registry)?,
            served: ServedDocument::new(chain.to_json()),
            chain,
            document,
        })
    }

    /// Other witnesses in the settings are a new version of the document.
    fn renew_witnesses(
        &mut self,
        configuration: &Configuration,
        now: Timestamp,
    ) -> Result<(), RegistryKeysError> {
        let (witnesses, witness_quorum) = witnesses_of(configuration)?;
        if (&witnesses, witness_quorum) == (&self.document.witnesses, self.document.witness_quorum) {
            return Ok(());
        }
        self.document = TrustDocument {
            version: self.document.version + 1,
            issued_at: now,
            witnesses,
            witness_quorum,
            ..self.document.clone()
        };
        self.chain.0.push(self.document.sign(&[&self.registry]));
        self.served = ServedDocument::new(self.chain.to_json());
        Ok(())
    }

    /// Stores the versions behind those the database has.
    async fn store_new_versions(
        &self,
        connection: &mut AnyConnection,
        now: Timestamp,
    ) -> Result<(), DatabaseError> {
        let stored = trust_documents::list(connection).await?.len();
        for (version, envelope) in (1_u64..).zip(&self.chain.0).skip(stored) {
            trust_documents::insert(connection, version, &text_of(envelope), now).await?;
        }
        Ok(())
    }
}

fn text_of(envelope: &Envelope) -> String {
    String::from_utf8(envelope.to_json()).expect("JSON is UTF-8")
}

/// The chain in the database, if there is one.
async fn stored_chain(connection: &mut AnyConnection) -> Result<Option<TrustChain>, RegistryKeysError> {
    let stored = trust_documents::list(connection).await?;
    if stored.is_empty() {
        return Ok(None);
    }
    let corrupt = |error: serde_json::Error| DatabaseError::Corrupt {
        what: "trust_documents.envelope",
        problem: error.to_string(),
    };
    let envelopes = stored.iter().map(|text| serde_json::from_str(text)).collect::<Result<_, _>>();
    Ok(Some(TrustChain(envelopes.map_err(corrupt)?)))
}

/// The folder of the key files.
fn keys_folder(configuration: &Configuration) -> PathBuf {
    configuration.data.join("keys")
}

fn default_path(configuration: &Configuration, role: KeyRole) -> PathBuf {
    keys_folder(configuration).join(format!("{role}.key"))
}

fn retired_path(configuration: &Configuration, role: KeyRole, key: &PublicKey) -> PathBuf {
    keys_folder(configuration).join("retired").join(format!("{role}-{}.key", key.id().short()))
}

/// The settings of a key: as text, as a file; and the name of the first.
fn settings_of(configuration: &Configuration, role: KeyRole) -> (&str, &Path, &'static str) {
    let trust = &configuration.trust;
    match role {
        KeyRole::Log => (trust.log_key.as_str(), &trust.log_key_file, "trust.log_key"),
        KeyRole::Registry => (trust.registry_key.as_str(), &trust.registry_key_file, "trust.registry_key"),
    }
}

/// Where a key is looked for.
fn place_of(configuration: &Configuration, role: KeyRole) -> KeyPlace {
    let (text, file, setting) = settings_of(configuration, role);
    match (text.is_empty(), file.as_os_str().is_empty()) {
        (false, _) => KeyPlace::Setting(setting),
        (true, false) => KeyPlace::File(file.to_owned()),
        (true, true) => KeyPlace::File(default_path(configuration, role)),
    }
}

/// The key of the settings, or else of the data directory. A file that a setting names must be there.
fn find_key(configuration: &Configuration, role: KeyRole) -> Result<Option<Found>, RegistryKeysError> {
    let (text, file, _) = settings_of(configuration, role);
    if !text.is_empty() && !file.as_os_str().is_empty() {
        return Err(RegistryKeysError::SetTwice { role });
    }
    let place = place_of(configuration, role);
    let key = match &place {
        KeyPlace::Setting(_) => {
            let key = text.parse::<SecretKey>();
            Some(key.map_err(|source| RegistryKeysError::NotAKey { place: place.clone(), source })?)
        }
        KeyPlace::File(path) => read_key_file(path)?,
    };
    if key.is_none() && !file.as_os_str().is_empty() {
        let source = std::io::Error::from(std::io::ErrorKind::NotFound);
        return Err(RegistryKeysError::File { path: file.to_owned(), source });
    }
    Ok(key.map(|key| Found { key, place }))
}

fn missing(configuration: &Configuration, role: KeyRole, origin: &str) -> RegistryKeysError {
    RegistryKeysError::Missing { role, place: place_of(configuration, role), origin: origin.to_owned() }
}

/// The key that the newest document names.
fn current_key(document: &TrustDocument, role: KeyRole) -> PublicKey {
    let keys = match role {
        KeyRole::Log => &document.log_keys,
        KeyRole::Registry => &document.registry_keys,
    };
    let current = keys.iter().rfind(|key| key.retired_at.is_none());
    current.expect("a document that was read has a key that counts").public_key
}

fn expect_key(
    configuration: &Configuration,
    document: &TrustDocument,
    role: KeyRole,
) -> Result<SecretKey, RegistryKeysError> {
    let origin = &document.origin;
    let found = find_key(configuration, role)?.ok_or_else(|| missing(configuration, role, origin))?;
    let expected = current_key(document, role);
    if found.key.public_key() != expected {
        return Err(RegistryKeysError::Differs {
            role,
            place: found.place,
            origin: origin.clone(),
            found: found.key.public_key().id().short(),
            expected: expected.id().short(),
        });
    }
    Ok(found.key)
}

/// Retired log keys that still sign, as far as their files are here.
fn overlapping_keys(
    configuration: &Configuration,
    documents: &[TrustDocument],
    now: Timestamp,
) -> Result<Vec<Overlapping>, RegistryKeysError> {
    let newest = documents.last().expect("a chain has at least one version");
    let overlap_seconds = i64::from(configuration.trust.overlap_days) * 24 * 60 * 60;
    let mut overlapping = Vec::new();
    for retired in newest.log_keys.iter().filter(|key| key.retired_at.is_some()) {
        let names_it = |document: &&TrustDocument| document.log_keys.contains(retired);
        let since = documents.iter().find(names_it).unwrap_or(newest).issued_at;
        let until = since.plus_seconds(overlap_seconds);
        if now >= until {
            continue;
        }
        let path = retired_path(configuration, KeyRole::Log, &retired.public_key);
        match read_key_file(&path)? {
            Some(key) => overlapping.push(Overlapping { key, until }),
            None => {
                tracing::warn!(path = %path.display(), "a retired log key is missing; it no longer signs")
            }
        }
    }
    Ok(overlapping)
}

/// The origin of a registry that has none yet.
fn origin_for(configuration: &Configuration, log_key: &PublicKey) -> Result<String, RegistryKeysError> {
    let configured = &configuration.trust.origin;
    if !configured.is_empty() {
        return match is_key_name(configured) {
            true => Ok(configured.clone()),
            false => Err(RegistryKeysError::UnusableOrigin { origin: configured.clone() }),
        };
    }
    let public_url = url::Url::parse(&configuration.public_url).ok();
    let host = public_url.as_ref().and_then(url::Url::host_str).filter(|host| is_key_name(host));
    Ok(host.map_or_else(|| format!("pluginry-{}", log_key.id().short()), str::to_owned))
}

/// The witnesses of the settings, as the trust document names them.
fn witnesses_of(configuration: &Configuration) -> Result<(Vec<NoteVerifier>, usize), RegistryKeysError> {
    let settings = &configuration.witness;
    let read = |vkey: &String| vkey.parse::<NoteVerifier>();
    let witnesses: Result<Vec<_>, _> = settings.witnesses.iter().map(|witness| read(&witness.vkey)).collect();
    let witnesses = witnesses.map_err(|error| RegistryKeysError::Witness { problem: error.to_string() })?;
    if settings.quorum > witnesses.len() {
        let problem = format!("a quorum of {} of {} witnesses", settings.quorum, witnesses.len());
        return Err(RegistryKeysError::Witness { problem });
    }
    Ok((witnesses, settings.quorum))
}
