//! Offline bundles: everything the log says about releases, proven against one signed head.
//!
//! Two queries, however many releases: the entries about them, then those about the keys that signed them. What the
//! bundle says beside the entries is worked out from these same entries, so it cannot disagree with them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::find_release::find_release;
use super::log_tree::{ReadLogError, SignedHead};
use super::show_release::ShowError;
use super::{Registry, ServedRecalls};
use crate::db::DatabaseError;
use crate::db::log::{self, LogEntry};
use crate::domain::{Digest, PluginName, Refusal, ReleaseId, Timestamp, VerificationState, Version};
use crate::log::{Hash, TlogProof};
use crate::resolver::Lock;
use crate::signing::KeyId;
use crate::trust::{
    BUNDLE_EVENTS_MAX, BUNDLE_FORMAT, Bundle, EntryError, KeyEnrollment, LOCK_BUNDLE_MAX_BYTES,
    LOCK_BUNDLE_RELEASES_MAX, LockBundle, LogEvent, LogStatement, LogSubject, LoggedEntry, PublishEntry,
    Standing, sign_standing,
};

/// The most entries of a lock's releases that are read, in bytes; proofs, profiles and standings come on top.
const ENTRIES_MAX_BYTES: usize = LOCK_BUNDLE_MAX_BYTES / 4;

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum BuildBundleError {
    /// There is no such release.
    #[error(transparent)]
    Show(#[from] ShowError),
    /// A lock names releases this registry does not have.
    #[error("this registry has no {}", list(releases))]
    UnknownReleases {
        /// Which.
        releases: Vec<ReleaseId>,
    },
    /// A lock pins other bytes.
    #[error("the lock pins {release} with {pinned}, but the log has {logged}")]
    DigestDiffers {
        /// Which release.
        release: ReleaseId,
        /// As in the lock.
        pinned: Digest,
        /// As logged.
        logged: Digest,
    },
    /// A lock over the bound.
    #[error("the lock has {count} releases; at most {LOCK_BUNDLE_RELEASES_MAX} fit into a bundle")]
    TooManyReleases {
        /// How many.
        count: usize,
    },
    /// What the log says about the releases is over the bound.
    #[error("the log holds more than {ENTRIES_MAX_BYTES} bytes about these releases")]
    TooLarge,
    /// The host profile of a release is gone.
    #[error("the host profile {profile}@{version} is not registered any more")]
    ProfileMissing {
        /// Its name.
        profile: PluginName,
        /// Its version.
        version: Version,
    },
    /// The log does not tell how a key was enrolled.
    #[error("the log does not tell how the key {key_id} came to sign {release}")]
    EnrollmentMissing {
        /// The release.
        release: ReleaseId,
        /// Its signer.
        key_id: KeyId,
    },
    /// An entry of the log cannot be read.
    #[error("entry {index} of the log: {source}")]
    Entry {
        /// Its index.
        index: u64,
        /// Why.
        source: EntryError,
    },
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] ReadLogError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

fn list(releases: &[ReleaseId]) -> String {
    const SHOWN: usize = 10;
    let mut told: Vec<String> = releases.iter().take(SHOWN).map(ToString::to_string).collect();
    if releases.len() > SHOWN {
        told.push(format!("{} more", releases.len() - SHOWN));
    }
    told.join(", ")
}

impl Refusal for BuildBundleError {
    fn code(&self) -> &'static str {
        match self {
            Self::Show(error) => error.code(),
            Self::UnknownReleases { .. } => "unknown-releases",
            Self::DigestDiffers { .. } => "lock-digest-differs",
            Self::TooManyReleases { .. } | Self::TooLarge => "lock-too-large",
            Self::Log(error) => error.code(),
            Self::ProfileMissing { .. }
            | Self::EnrollmentMissing { .. }
            | Self::Entry { .. }
            | Self::Database(_) => "internal",
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::Show(error) => error.mend(),
            Self::UnknownReleases { .. } => {
                Some("Send the lock to the registry it came from, or resolve again here.".into())
            }
            Self::DigestDiffers { .. } => Some(
                "Do not use this lock: it or this registry names other bytes under a published version."
                    .into(),
            ),
            Self::TooManyReleases { .. } | Self::TooLarge => {
                Some("Fetch the bundle of each release, or split the lock.".into())
            }
            Self::Log(error) => error.mend(),
            _ => None,
        }
    }
}

/// The bundle of one release, with its own checkpoint.
pub async fn build_bundle(
    registry: &Registry,
    release: &ReleaseId,
    now: Timestamp,
) -> Result<Bundle, BuildBundleError> {
    let (head, mut bundles) = match build(registry, vec![release.clone()], now).await {
        // Asked for by name: the words with the nearest plugin or the newest version.
        Err(BuildBundleError::UnknownReleases { releases }) => {
            find_release(registry, release).await?;
            return Err(BuildBundleError::UnknownReleases { releases });
        }
        other => other?,
    };
    let bundle = bundles.pop().expect("one bundle for one release");
    Ok(Bundle { checkpoint: head.note.clone(), ..bundle })
}

/// One checkpoint, the recall feed and the bundles of all releases of a lock, in its order.
pub async fn build_lock_bundle(
    registry: &Registry,
    lock: &Lock,
    now: Timestamp,
) -> Result<LockBundle, BuildBundleError> {
    if lock.releases.len() > LOCK_BUNDLE_RELEASES_MAX {
        return Err(BuildBundleError::TooManyReleases { count: lock.releases.len() });
    }
    let releases: Vec<ReleaseId> = lock
        .releases
        .iter()
        .map(|release| ReleaseId::new(release.name.clone(), release.version.clone()))
        .collect();
    let (head, bundles) = build(registry, releases, now).await?;
    for (pinned, bundle) in lock.releases.iter().zip(&bundles) {
        if pinned.digest != bundle.digest {
            let (release, pinned, logged) = (bundle.release_id(), pinned.digest, bundle.digest);
            return Err(BuildBundleError::DigestDiffers { release, pinned, logged });
        }
    }
    let ServedRecalls { envelope, .. } = &*registry.recalls(now).await?;
    let (checkpoint, recalls) = (head.note.clone(), envelope.clone());
    Ok(LockBundle { format: BUNDLE_FORMAT, checkpoint, recalls, bundles })
}

/// The proof to carry away that a release is in the log.
pub async fn prove_publish(registry: &Registry, release: &ReleaseId) -> Result<TlogProof, BuildBundleError> {
    let sequence = find_release(registry, release).await?.sequence;
    let index = sequence.and_then(|sequence| sequence.checked_sub(1));
    let index = index.ok_or_else(|| BuildBundleError::UnknownReleases { releases: vec![release.clone()] })?;
    let head = registry.head_over(index).await?;
    let hashes = registry.prove_inclusion(&head, index).await?;
    Ok(TlogProof { extra: None, index, hashes, checkpoint: head.note.clone() })
}

async fn build(
    registry: &Registry,
    releases: Vec<ReleaseId>,
    now: Timestamp,
) -> Result<(Arc<SignedHead>, Vec<Bundle>), BuildBundleError> {
    let mut connection = registry.database().read().await?;
    let histories = read_histories(&mut connection, &releases).await?;
    let missing = releases.iter().filter(|release| !histories.is_published(release));
    let missing: Vec<ReleaseId> = missing.cloned().collect();
    if !missing.is_empty() {
        return Err(BuildBundleError::UnknownReleases { releases: missing });
    }
    drop(connection);
    let head = registry.head_over(histories.last_publish).await?;

    let mut parts = Vec::with_capacity(releases.len());
    for release in &releases {
        parts.push(Part::of(&histories, release, head.tree_size)?);
    }
    let indexes: Vec<u64> = parts.iter().flat_map(Part::indexes).collect();
    let mut proofs = registry.prove_inclusions(&head, &indexes).await?.into_iter();
    let mut bundles = Vec::with_capacity(parts.len());
    for part in parts {
        bundles.push(part.bundle(registry, &head, &mut proofs, now)?);
    }
    Ok((head, bundles))
}

/// An entry with its leaf.
struct Placed {
    index: u64,
    leaf: String,
    statement: LogStatement,
}

impl Placed {
    fn read(entry: LogEntry) -> Result<Self, BuildBundleError> {
        let index = entry.sequence.saturating_sub(1);
        let statement = LogStatement::from_bytes(entry.payload.as_bytes())
            .map_err(|source| BuildBundleError::Entry { index, source })?;
        Ok(Self { index, leaf: entry.payload, statement })
    }

    fn logged(&self, proofs: &mut impl Iterator<Item = Vec<Hash>>) -> LoggedEntry {
        let proof = proofs.next().expect("one proof for each index");
        LoggedEntry { index: self.index, entry: self.leaf.clone(), proof }
    }
}

/// Everything the log says about some releases and the keys that signed them.
struct Histories {
    by_subject: HashMap<String, Vec<Placed>>,
    last_publish: u64,
}

async fn read_histories(
    connection: &mut sqlx::AnyConnection,
    releases: &[ReleaseId],
) -> Result<Histories, BuildBundleError> {
    let mut histories = Histories { by_subject: HashMap::new(), last_publish: 0 };
    let subjects: Vec<String> = releases.iter().map(ToString::to_string).collect();
    histories.take(log::entries_about(connection, &subjects, ENTRIES_MAX_BYTES).await?)?;
    let keys: BTreeSet<String> =
        releases.iter().filter_map(|release| histories.signer_key(release)).collect();
    let keys: Vec<String> = keys.into_iter().collect();
    histories.take(log::entries_about(connection, &keys, ENTRIES_MAX_BYTES).await?)?;
    Ok(histories)
}

impl Histories {
    fn take(&mut self, entries: Option<Vec<LogEntry>>) -> Result<(), BuildBundleError> {
        for entry in entries.ok_or(BuildBundleError::TooLarge)? {
            let subject = entry.subject.clone();
            let placed = Placed::read(entry)?;
            if matches!(placed.statement.event, LogEvent::Publish(_)) {
                self.last_publish = self.last_publish.max(placed.index);
            }
            self.by_subject.entry(subject).or_default().push(placed);
        }
        Ok(())
    }

    fn about(&self, subject: &str) -> &[Placed] {
        self.by_subject.get(subject).map_or(&[], Vec::as_slice)
    }

    fn is_published(&self, release: &ReleaseId) -> bool {
        self.publish(release).is_some()
    }

    fn publish(&self, release: &ReleaseId) -> Option<(&Placed, &PublishEntry, Digest)> {
        self.about(&release.to_string()).iter().find_map(|placed| {
            match (&placed.statement.event, &placed.statement.subject) {
                (LogEvent::Publish(entry), LogSubject::Release { digest, .. }) => {
                    Some((placed, entry, *digest))
                }
                _ => None,
            }
        })
    }

    /// The subject of the key that signed a release.
    fn signer_key(&self, release: &ReleaseId) -> Option<String> {
        let (_, publish, _) = self.publish(release)?;
        Some(format!("{}/{}", release.plugin.namespace(), publish.signer))
    }
}

/// What a bundle is made of, cut at the size of the tree.
struct Part<'a> {
    release: &'a ReleaseId,
    digest: Digest,
    publish: (&'a Placed, &'a PublishEntry),
    enrollment: (&'a Placed, &'a KeyEnrollment),
    revocation: Option<(&'a Placed, u64)>,
    verdict: Option<&'a Placed>,
    events: Vec<&'a Placed>,
    state: State,
}

/// What the entries of a release say together.
#[derive(Default)]
struct State {
    verification: Option<VerificationState>,
    yanked: bool,
    deprecated: Option<String>,
    quarantined: Option<String>,
    taken_down: Option<String>,
    recalled: Option<String>,
}

impl State {
    fn take(&mut self, event: &LogEvent) {
        match event {
            LogEvent::Verdict(entry) => self.verification = Some(entry.state),
            LogEvent::Yank(_) => self.yanked = true,
            LogEvent::Unyank(_) => self.yanked = false,
            LogEvent::Deprecate(advice) => self.deprecated.clone_from(&advice.reason),
            LogEvent::Quarantine(advice) => self.quarantined.clone_from(&advice.reason),
            LogEvent::Takedown(advice) => self.taken_down.clone_from(&advice.reason),
            LogEvent::Recall(advice) => self.recalled.clone_from(&advice.reason),
            _ => {}
        }
    }
}

impl<'a> Part<'a> {
    fn of(
        histories: &'a Histories,
        release: &'a ReleaseId,
        tree_size: u64,
    ) -> Result<Self, BuildBundleError> {
        let (placed, entry, digest) = histories.publish(release).expect("every release is published");
        let key = histories.signer_key(release).unwrap_or_default();
        let key_entries = || histories.about(&key).iter().filter(|entry| entry.index < tree_size);
        let enrollment = key_entries().rev().filter(|entry| entry.index < placed.index);
        let enrollment = enrollment.filter_map(as_enrollment).next().ok_or_else(|| {
            BuildBundleError::EnrollmentMissing { release: release.clone(), key_id: entry.signer }
        })?;
        let revocation = key_entries().filter_map(as_revocation).min_by_key(|(_, from_index)| *from_index);
        let later = histories.about(&release.to_string()).iter();
        let later = later.filter(|entry| entry.index > placed.index && entry.index < tree_size);
        let mut state = State::default();
        let (mut verdict, mut events) = (None, Vec::new());
        for entry in later {
            state.take(&entry.statement.event);
            if matches!(entry.statement.event, LogEvent::Verdict(_)) {
                verdict.replace(entry).into_iter().for_each(|older| events.push(older));
            } else {
                events.push(entry);
            }
        }
        events.sort_by_key(|entry| entry.index);
        let events = newest_and_last_of_each_kind(events);
        Ok(Self { release, digest, publish: (placed, entry), enrollment, revocation, verdict, events, state })
    }

    /// The indexes to be proven, in the order [`Self::bundle`] takes the proofs.
    fn indexes(&self) -> Vec<u64> {
        let mut indexes = vec![self.publish.0.index, self.enrollment.0.index];
        indexes.extend(self.revocation.map(|(entry, _)| entry.index));
        indexes.extend(self.verdict.map(|entry| entry.index));
        indexes.extend(self.events.iter().map(|entry| entry.index));
        indexes
    }

    fn bundle(
        self,
        registry: &Registry,
        head: &SignedHead,
        proofs: &mut impl Iterator<Item = Vec<Hash>>,
        now: Timestamp,
    ) -> Result<Bundle, BuildBundleError> {
        let (publish, entry) = self.publish;
        let (profile, version) = (&entry.profile, &entry.profile_version);
        let profile = registry.profile(profile, version).ok_or_else(|| BuildBundleError::ProfileMissing {
            profile: profile.clone(),
            version: version.clone(),
        })?;
        let standing = sign_standing(&self.standing(head, now), registry.keys().registry());
        Ok(Bundle {
            format: BUNDLE_FORMAT,
            plugin: self.release.plugin.clone(),
            version: self.release.version.clone(),
            digest: self.digest,
            size_bytes: entry.size_bytes,
            manifest_digest: entry.manifest_digest,
            attestation: entry.attestation.clone(),
            public_key: self.enrollment.1.public_key,
            key_id: entry.signer,
            profile,
            checkpoint: String::new(),
            publish: publish.logged(proofs),
            key_enrollment: self.enrollment.0.logged(proofs),
            key_revocation: self.revocation.map(|(entry, _)| entry.logged(proofs)),
            verdict: self.verdict.map(|entry| entry.logged(proofs)),
            events: self.events.iter().map(|entry| entry.logged(proofs)).collect(),
            standing,
        })
    }

    fn standing(&self, head: &SignedHead, now: Timestamp) -> Standing {
        Standing {
            release: self.release.clone(),
            digest: self.digest,
            tree_size: head.tree_size,
            root: head.root,
            issued_at: now,
            verification: self.state.verification.unwrap_or(VerificationState::Pending),
            yanked: self.state.yanked,
            deprecated: self.state.deprecated.clone(),
            quarantined: self.state.quarantined.clone(),
            taken_down: self.state.taken_down.clone(),
            recalled: self.state.recalled.clone(),
            signer_revoked_from: self.revocation.map(|(_, from_index)| from_index),
        }
    }
}

fn as_enrollment(placed: &Placed) -> Option<(&Placed, &KeyEnrollment)> {
    match &placed.statement.event {
        LogEvent::KeyEnroll(entry) => Some((placed, entry)),
        _ => None,
    }
}

/// A revocation with the index from which on the key counts for nothing.
fn as_revocation(placed: &Placed) -> Option<(&Placed, u64)> {
    match &placed.statement.event {
        LogEvent::KeyRevoke(entry) => Some((placed, entry.counts_until(placed.index))),
        _ => None,
    }
}

/// What fits into a bundle: of too many events the newest, and of each kind the last, which decides.
fn newest_and_last_of_each_kind(events: Vec<&Placed>) -> Vec<&Placed> {
    let mut spare = BUNDLE_EVENTS_MAX.saturating_sub(LAST_OF_EACH_KIND);
    let mut seen = BTreeSet::new();
    let mut kept: Vec<&Placed> = Vec::new();
    for event in events.into_iter().rev() {
        let kind = event.statement.kind().trim_start_matches("un");
        if seen.insert(kind) {
            kept.push(event);
        } else if spare > 0 {
            spare -= 1;
            kept.push(event);
        }
    }
    kept.reverse();
    kept
}

/// Kinds of events about a release, and room to spare.
const LAST_OF_EACH_KIND: usize = 16;
