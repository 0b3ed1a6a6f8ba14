//! One bundle in the making: what the entries of a release say, cut at the size of the tree.

use std::collections::BTreeSet;

use super::error::BuildBundleError;
use super::histories::{Histories, Placed};
use crate::domain::{Digest, ReleaseId, Timestamp, VerificationState};
use crate::log::Hash;
use crate::registry::{Registry, SignedHead};
use crate::trust::{
    BUNDLE_EVENTS_MAX, BUNDLE_FORMAT, Bundle, KeyEnrollment, LogEvent, PublishEntry, Standing, sign_standing,
};

/// Kinds of events about a release, and room to spare.
const LAST_OF_EACH_KIND: usize = 16;

/// What a bundle is made of, cut at the size of the tree.
pub(super) struct Part<'a> {
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
    /// Everything about one release that is under a head of `tree_size`.
    pub(super) fn of(
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
    pub(super) fn indexes(&self) -> Vec<u64> {
        let mut indexes = vec![self.publish.0.index, self.enrollment.0.index];
        indexes.extend(self.revocation.map(|(entry, _)| entry.index));
        indexes.extend(self.verdict.map(|entry| entry.index));
        indexes.extend(self.events.iter().map(|entry| entry.index));
        indexes
    }

    /// The bundle without checkpoint; takes as many proofs as [`Self::indexes`] named.
    pub(super) fn bundle(
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
