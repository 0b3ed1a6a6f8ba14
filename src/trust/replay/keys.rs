//! The author keys as the log tells them: who may sign for a namespace at which place.

use std::collections::BTreeMap;

use super::{BrokenRule, LoggedRevocation};
use crate::domain::{Namespace, Timestamp};
use crate::signing::{KeyEndorsement, KeyId, PublicKey, verify_endorsement};
use crate::trust::KeyEnrollment;

/// A key of a namespace.
#[derive(Debug, Clone)]
pub(super) struct LoggedKey {
    pub(super) public_key: PublicKey,
    enrolled_at: Timestamp,
    counts_from: Timestamp,
    revoked: Option<Revoked>,
}

#[derive(Debug, Clone, Copy)]
struct Revoked {
    from_index: u64,
    index: u64,
}

impl LoggedKey {
    /// Whether it is waited for no longer, as [`KeyEnrollment::counts_at`] has it.
    fn is_due(&self, at: Timestamp) -> bool {
        self.counts_from <= self.enrolled_at || self.counts_from <= at
    }

    /// Whether it still waits, so that a key that counts may sign it in.
    fn may_be_endorsed_later(&self, enrollment: &KeyEnrollment) -> bool {
        self.revoked.is_none() && !self.is_due(enrollment.at) && enrollment.endorsement.is_some()
    }

    /// Whether it lets others in at this place and time.
    fn counts(&self, index: u64, at: Timestamp) -> bool {
        self.is_due(at) && self.revoked.is_none_or(|revoked| revoked.from_index > index)
    }
}

/// Whether somebody else than who asked for the key approved it.
fn is_approved(enrollment: &KeyEnrollment) -> bool {
    enrollment.approved_by.iter().any(|account| *account != enrollment.account)
}

/// All keys.
#[derive(Debug, Clone, Default)]
pub(super) struct KeyRing(BTreeMap<Namespace, BTreeMap<KeyId, LoggedKey>>);

impl KeyRing {
    /// The key that may sign a release here.
    pub(super) fn signer_at(
        &self,
        index: u64,
        at: Timestamp,
        namespace: &Namespace,
        key_id: KeyId,
    ) -> Result<&LoggedKey, BrokenRule> {
        let namespace_name = || namespace.clone();
        let key = self.0.get(namespace).and_then(|keys| keys.get(&key_id));
        let key = key.ok_or_else(|| BrokenRule::SignerNotEnrolled { namespace: namespace_name(), key_id })?;
        if let Some(revoked) = key.revoked.filter(|revoked| revoked.from_index <= index) {
            let from_index = revoked.from_index;
            return Err(BrokenRule::SignerRevoked { namespace: namespace_name(), key_id, from_index });
        }
        if !key.is_due(at) {
            let counts_from = key.counts_from;
            return Err(BrokenRule::SignerWaiting { namespace: namespace_name(), key_id, counts_from, at });
        }
        Ok(key)
    }

    /// The first keys of a namespace count at once. Beside releases, a key needs an endorsement, or waits while
    /// another counts, or is approved when none does.
    pub(super) fn check_enrollment(
        &self,
        index: u64,
        namespace: &Namespace,
        key_id: KeyId,
        enrollment: &KeyEnrollment,
        has_releases: bool,
        broken: &mut Vec<BrokenRule>,
    ) {
        let namespace = || namespace.clone();
        let keys = self.0.get(&namespace());
        let known = keys.and_then(|keys| keys.get(&key_id));
        if known.is_some_and(|known| !known.may_be_endorsed_later(enrollment)) {
            broken.push(BrokenRule::KeyTwice { namespace: namespace(), key_id });
        }
        let counting: Vec<PublicKey> = keys
            .into_iter()
            .flat_map(BTreeMap::values)
            .filter(|key| key.counts(index, enrollment.at))
            .map(|key| key.public_key)
            .collect();
        if let Some(endorsement) = &enrollment.endorsement {
            let expected = KeyEndorsement { namespace: namespace(), public_key: enrollment.public_key };
            if let Err(problem) = verify_endorsement(endorsement, &counting, &expected) {
                let problem = problem.to_string();
                broken.push(BrokenRule::Endorsement { namespace: namespace(), key_id, problem });
            }
        } else if has_releases && counting.is_empty() && !is_approved(enrollment) {
            broken.push(BrokenRule::RecoveryNotApproved { namespace: namespace(), key_id });
        } else if has_releases && enrollment.counts_from <= enrollment.at {
            broken.push(BrokenRule::KeyCountsTooSoon { namespace: namespace(), key_id });
        }
    }

    pub(super) fn enroll(&mut self, namespace: &Namespace, key_id: KeyId, enrollment: &KeyEnrollment) {
        let key = LoggedKey {
            public_key: enrollment.public_key,
            enrolled_at: enrollment.at,
            counts_from: enrollment.counts_from,
            revoked: None,
        };
        // A key that waits may be endorsed later. Any other second enrolment is a broken rule; the first one stays.
        let known = self.0.entry(namespace.clone()).or_default().entry(key_id).or_insert_with(|| key.clone());
        if known.may_be_endorsed_later(enrollment) {
            *known = key;
        }
    }

    /// Whether there was a key to revoke.
    pub(super) fn revoke(
        &mut self,
        namespace: &Namespace,
        key_id: KeyId,
        from_index: u64,
        index: u64,
    ) -> bool {
        let key = self.0.get_mut(namespace).and_then(|keys| keys.get_mut(&key_id));
        // A key may be revoked once more, from an earlier index.
        let can_be = |key: &&mut LoggedKey| key.revoked.is_none_or(|before| from_index < before.from_index);
        let Some(key) = key.filter(can_be) else { return false };
        key.revoked = Some(Revoked { from_index, index });
        true
    }

    pub(super) fn revocations(&self) -> Vec<LoggedRevocation> {
        let all = self.0.iter().flat_map(|(namespace, keys)| {
            keys.iter().filter_map(move |(key_id, key)| {
                let Revoked { from_index, index } = key.revoked?;
                Some(LoggedRevocation { namespace: namespace.clone(), key_id: *key_id, from_index, index })
            })
        });
        all.collect()
    }
}
