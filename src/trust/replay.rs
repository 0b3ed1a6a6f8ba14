//! The registry as its log tells it: the rules every entry keeps, and what follows from all entries together.
//!
//! A pure fold over [`LogStatement`]s in log order. Whoever has the log (the monitor, the server's own tests) gets
//! from it what the index files and the recall feed must say. Fetching and comparing belong to the caller.

mod broken_rule;
mod keys;

use std::collections::BTreeMap;

use super::entry::{
    Advice, KeyEnrollment, KeyRevocation, LogEvent, LogStatement, LogSubject, NamespaceTrust, Owners,
    PublishEntry,
};
use crate::domain::{
    Capabilities, Digest, IndexRelease, Manifest, Namespace, PluginName, PublishFacts, ReleaseId, Risk,
    Timestamp, TrustLevel, VerificationState, Version,
};
use crate::signing::{KeyId, SigningError, verify_release};

pub use broken_rule::BrokenRule;
use keys::{KeyRing, LoggedKey};

/// A release and everything the log says about it so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRelease {
    /// The release.
    pub release: ReleaseId,
    /// SHA-256 of its package.
    pub digest: Digest,
    /// The log index of its publish.
    pub index: u64,
    /// When it was published.
    pub published_at: Timestamp,
    /// Size of its package in bytes.
    pub size_bytes: u64,
    /// SHA-256 of the manifest's canonical JSON.
    pub manifest_digest: Digest,
    /// The author key that signed it.
    pub signer: KeyId,
    /// The host profile it was inspected against, with its version.
    pub profile: ReleaseId,
    /// The highest risk among what it asks for.
    pub risk: Option<Risk>,
    /// Whether it asks for more than the release before it.
    pub widening: bool,
    /// SHA-256 of the author's envelope as JSON.
    pub attestation_digest: Digest,
    /// What the author signed that it asks for; absent: the signature does not hold.
    pub capabilities: Option<Capabilities>,
    /// Where its verification stands.
    pub verification: VerificationState,
    /// Whether its author withdrew it.
    pub yanked: bool,
    /// Whether its signer is revoked from its index or before: it no longer verifies.
    pub signer_revoked: bool,
    /// How far the operator trusts its namespace.
    pub trust: TrustLevel,
    /// The author's advice against it.
    pub deprecated: Option<String>,
    /// Why the operator hides it.
    pub quarantined: Option<Warned>,
    /// Why the operator deleted its bytes.
    pub taken_down: Option<Warned>,
    /// Why hosts shall stop running it.
    pub recalled: Option<Warned>,
}

/// What an operator said against a release, and where the log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warned {
    /// The words.
    pub reason: String,
    /// The index of the entry.
    pub index: u64,
}

/// A revoked author key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRevocation {
    /// The namespace it signed for.
    pub namespace: Namespace,
    /// The key.
    pub key_id: KeyId,
    /// From which log index on it counts for nothing.
    pub from_index: u64,
    /// The index of the entry that says so.
    pub index: u64,
}

/// What all entries so far say together.
#[derive(Debug, Clone, Default)]
pub struct Replay {
    size: u64,
    owners: BTreeMap<Namespace, Vec<String>>,
    trust: BTreeMap<Namespace, TrustLevel>,
    keys: KeyRing,
    plugins: BTreeMap<PluginName, BTreeMap<Version, LoggedRelease>>,
    profiles: BTreeMap<ReleaseId, Digest>,
}

impl Replay {
    /// Takes in the next entry and names the rules it breaks. What it says is taken as said all the same, so that
    /// one lie is told once.
    pub fn take(&mut self, statement: &LogStatement) -> Vec<BrokenRule> {
        let index = self.size;
        self.size += 1;
        let mut broken = Vec::new();
        match (&statement.subject, &statement.event) {
            (LogSubject::Namespace(namespace), LogEvent::OwnerChange(owners)) => {
                self.change_owners(namespace, owners, &mut broken);
            }
            (LogSubject::Namespace(namespace), LogEvent::Trust(trust)) => {
                self.change_trust(namespace, trust, &mut broken);
            }
            (LogSubject::Key { namespace, key_id }, LogEvent::KeyEnroll(enrollment)) => {
                self.enroll_key(index, namespace, *key_id, enrollment, &mut broken);
            }
            (LogSubject::Key { namespace, key_id }, LogEvent::KeyRevoke(revocation)) => {
                self.revoke_key(index, namespace, *key_id, revocation, &mut broken);
            }
            (LogSubject::Profile { profile, digest }, _) => {
                let before = self.profiles.insert(profile.clone(), *digest);
                broken.extend(before.map(|_| BrokenRule::ProfileTwice { profile: profile.clone() }));
            }
            (LogSubject::Release { release, digest }, LogEvent::Publish(entry)) => {
                self.publish(index, release, *digest, entry, &mut broken);
            }
            (LogSubject::Release { release, digest }, event) => {
                self.change_release(index, release, *digest, event, &mut broken);
            }
            // `LogStatement` holds no other pair.
            _ => {}
        }
        broken
    }

    /// Passes over an entry that cannot be read, so that the places of those behind it stay right.
    pub fn skip(&mut self) {
        self.size += 1;
    }

    fn change_owners(&mut self, namespace: &Namespace, owners: &Owners, broken: &mut Vec<BrokenRule>) {
        let is_sorted = owners.owners.windows(2).all(|pair| pair[0] < pair[1]);
        if owners.owners.is_empty() {
            broken.push(BrokenRule::NoOwner { namespace: namespace.clone() });
        } else if !is_sorted {
            broken.push(BrokenRule::OwnersUnsorted { namespace: namespace.clone() });
        }
        self.owners.insert(namespace.clone(), owners.owners.clone());
    }

    fn change_trust(&mut self, namespace: &Namespace, trust: &NamespaceTrust, broken: &mut Vec<BrokenRule>) {
        self.expect_owned(namespace, broken);
        self.trust.insert(namespace.clone(), trust.level);
        let plugins = self.plugins.iter_mut().filter(|(plugin, _releases)| plugin.namespace() == namespace);
        for release in plugins.flat_map(|(_plugin, releases)| releases.values_mut()) {
            release.trust = trust.level;
        }
    }

    fn expect_owned(&self, namespace: &Namespace, broken: &mut Vec<BrokenRule>) {
        if !self.owners.contains_key(namespace) {
            broken.push(BrokenRule::NamespaceUnowned { namespace: namespace.clone() });
        }
    }

    fn enroll_key(
        &mut self,
        index: u64,
        namespace: &Namespace,
        key_id: KeyId,
        enrollment: &KeyEnrollment,
        broken: &mut Vec<BrokenRule>,
    ) {
        self.expect_owned(namespace, broken);
        let has_releases = self.has_releases(namespace);
        self.keys.check_enrollment(index, namespace, key_id, enrollment, has_releases, broken);
        self.keys.enroll(namespace, key_id, enrollment);
    }

    fn revoke_key(
        &mut self,
        index: u64,
        namespace: &Namespace,
        key_id: KeyId,
        revocation: &KeyRevocation,
        broken: &mut Vec<BrokenRule>,
    ) {
        let from_index = revocation.from_index.unwrap_or(index);
        if from_index > index {
            broken.push(BrokenRule::RevokedFromLater { namespace: namespace.clone(), key_id, from_index });
        }
        if !self.keys.revoke(namespace, key_id, from_index, index) {
            broken.push(BrokenRule::NothingToRevoke { namespace: namespace.clone(), key_id });
        }
        let plugins = self.plugins.iter_mut().filter(|(plugin, _releases)| plugin.namespace() == namespace);
        for release in plugins.flat_map(|(_plugin, releases)| releases.values_mut()) {
            release.signer_revoked |= release.signer == key_id && release.index >= from_index;
        }
    }

    fn publish(
        &mut self,
        index: u64,
        release: &ReleaseId,
        digest: Digest,
        entry: &PublishEntry,
        broken: &mut Vec<BrokenRule>,
    ) {
        let namespace = release.plugin.namespace();
        self.expect_owned(namespace, broken);
        if let Some(first) = self.release(release) {
            broken.push(BrokenRule::VersionTwice { release: release.clone(), first: first.index });
            return;
        }
        let signer = self.keys.signer_at(index, entry.at, namespace, entry.signer);
        let signed = signer.and_then(|key| signed_capabilities(key, release, digest, entry));
        let capabilities = signed.map_err(|problem| broken.push(problem)).ok();
        let profile = ReleaseId::new(entry.profile.clone(), entry.profile_version.clone());
        let logged = LoggedRelease {
            release: release.clone(),
            digest,
            index,
            published_at: entry.at,
            size_bytes: entry.size_bytes,
            manifest_digest: entry.manifest_digest,
            signer: entry.signer,
            profile,
            risk: entry.risk,
            widening: entry.widening,
            attestation_digest: Digest::of(&entry.attestation.to_json()),
            capabilities,
            verification: VerificationState::Pending,
            yanked: false,
            signer_revoked: false,
            trust: self.trust.get(namespace).copied().unwrap_or_default(),
            deprecated: None,
            quarantined: None,
            taken_down: None,
            recalled: None,
        };
        self.plugins.entry(release.plugin.clone()).or_default().insert(release.version.clone(), logged);
    }

    fn change_release(
        &mut self,
        index: u64,
        release: &ReleaseId,
        digest: Digest,
        event: &LogEvent,
        broken: &mut Vec<BrokenRule>,
    ) {
        let versions = self.plugins.get_mut(&release.plugin);
        let Some(known) = versions.and_then(|versions| versions.get_mut(&release.version)) else {
            broken.push(BrokenRule::ReleaseUnknown { release: release.clone() });
            return;
        };
        if known.digest != digest {
            let (expected, found) = (known.digest, digest);
            broken.push(BrokenRule::DigestDiffers { release: release.clone(), expected, found });
        }
        known.take(index, event);
    }

    /// How many entries were taken in.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The plugins with a release, by name.
    pub fn plugins(&self) -> impl Iterator<Item = &PluginName> {
        self.plugins.keys()
    }

    /// The releases of a plugin, in the order of the log.
    pub fn releases_of(&self, plugin: &PluginName) -> Vec<&LoggedRelease> {
        let mut releases: Vec<_> = self.plugins.get(plugin).into_iter().flat_map(BTreeMap::values).collect();
        releases.sort_by_key(|release| release.index);
        releases
    }

    /// The release with this name and version.
    pub fn release(&self, release: &ReleaseId) -> Option<&LoggedRelease> {
        self.plugins.get(&release.plugin)?.get(&release.version)
    }

    /// The release that widening of `release` is measured against: the highest one below it that was there before,
    /// a pre-release only when there is nothing else.
    pub fn release_before(&self, release: &LoggedRelease) -> Option<&LoggedRelease> {
        self.plugins
            .get(&release.release.plugin)?
            .range(..release.release.version.clone())
            .map(|(_version, earlier)| earlier)
            .filter(|earlier| earlier.index < release.index)
            .max_by_key(|earlier| {
                (!earlier.release.version.is_pre_release(), earlier.release.version.clone())
            })
    }

    /// The digest of a registered profile's document.
    pub fn profile(&self, profile: &ReleaseId) -> Option<Digest> {
        self.profiles.get(profile).copied()
    }

    /// Every registered profile with the digest of its document.
    pub fn profiles(&self) -> impl Iterator<Item = (&ReleaseId, Digest)> {
        self.profiles.iter().map(|(profile, digest)| (profile, *digest))
    }

    /// The releases that operators warn of, by name and version.
    pub fn warned(&self) -> impl Iterator<Item = &LoggedRelease> {
        self.plugins.values().flat_map(BTreeMap::values).filter(|release| {
            release.quarantined.is_some() || release.taken_down.is_some() || release.recalled.is_some()
        })
    }

    /// The revoked keys, by namespace and key.
    pub fn revocations(&self) -> Vec<LoggedRevocation> {
        self.keys.revocations()
    }

    fn has_releases(&self, namespace: &Namespace) -> bool {
        self.plugins.iter().any(|(plugin, releases)| plugin.namespace() == namespace && !releases.is_empty())
    }
}

/// The author's statement must be about this release, these bytes and this manifest, and the named key signed it.
fn signed_capabilities(
    key: &LoggedKey,
    release: &ReleaseId,
    digest: Digest,
    entry: &PublishEntry,
) -> Result<Capabilities, BrokenRule> {
    let refuse = |problem: SigningError| BrokenRule::Attestation {
        release: release.clone(),
        problem: Box::new(problem),
    };
    let (statement, _signer) =
        verify_release(&entry.attestation, &[key.public_key], release, digest).map_err(refuse)?;
    if statement.manifest_digest != entry.manifest_digest {
        return Err(BrokenRule::ManifestDigestDiffers {
            release: release.clone(),
            signed: statement.manifest_digest,
            logged: entry.manifest_digest,
        });
    }
    Ok(statement.capabilities)
}

impl LoggedRelease {
    fn take(&mut self, index: u64, event: &LogEvent) {
        let warned = |advice: &Advice| advice.reason.clone().map(|reason| Warned { reason, index });
        match event {
            LogEvent::Verdict(verdict) => self.verification = verdict.state,
            LogEvent::Yank(_) => self.yanked = true,
            LogEvent::Unyank(_) => self.yanked = false,
            LogEvent::Deprecate(advice) => self.deprecated.clone_from(&advice.reason),
            LogEvent::Quarantine(advice) => self.quarantined = warned(advice),
            LogEvent::Takedown(advice) => self.taken_down = warned(advice),
            LogEvent::Recall(advice) => self.recalled = warned(advice),
            LogEvent::Publish(_)
            | LogEvent::KeyEnroll(_)
            | LogEvent::KeyRevoke(_)
            | LogEvent::OwnerChange(_)
            | LogEvent::Trust(_)
            | LogEvent::Profile(_) => {}
        }
    }

    /// Its line in the index file, given the manifest that its package holds.
    pub fn index_line(&self, manifest: &Manifest) -> IndexRelease {
        let facts = PublishFacts {
            digest: self.digest,
            size_bytes: self.size_bytes,
            sequence: self.index + 1,
            published_at: self.published_at,
            risk: self.risk,
            signer: self.signer.to_hex(),
            widening: self.widening,
        };
        self.over(IndexRelease::new(manifest, facts))
    }

    /// Its line in the index file when nobody hands out its package any more: `served` with everything that the log
    /// tells put right. The rest stands in the manifest alone and cannot be checked.
    pub fn index_line_like(&self, served: &IndexRelease) -> IndexRelease {
        self.over(IndexRelease {
            digest: self.digest,
            size_bytes: self.size_bytes,
            sequence: self.index + 1,
            published_at: self.published_at,
            profile: self.profile.plugin.clone(),
            capabilities: self.capabilities.clone().unwrap_or_else(|| served.capabilities.clone()),
            risk: self.risk,
            signer: self.signer.to_hex(),
            widening: self.widening,
            ..served.clone()
        })
    }

    /// The line with what the log says since the publish.
    fn over(&self, line: IndexRelease) -> IndexRelease {
        let reason = |warned: &Option<Warned>| warned.as_ref().map(|warned| warned.reason.clone());
        IndexRelease {
            version: self.release.version.clone(),
            trust: self.trust,
            verification: self.verification,
            yanked: self.yanked,
            deprecated: self.deprecated.clone(),
            quarantined: reason(&self.quarantined),
            taken_down: reason(&self.taken_down),
            recalled: reason(&self.recalled),
            ..line
        }
    }

    /// Whether an operator keeps its package back.
    pub fn is_withheld(&self) -> bool {
        self.quarantined.is_some() || self.taken_down.is_some()
    }
}

#[cfg(test)]
mod tests;
