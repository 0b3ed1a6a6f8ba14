//! Steps 1 and 2: the checkpoint, and that everything the bundle tells stands in the log.

use super::words::entries;
use super::{Check, CheckedStep, Step, StepFailure, StepRefusal};
use crate::domain::Digest;
use crate::log::{Checkpoint, SignedCheckpoint, leaf_hash, verify_inclusion};
use crate::trust::{
    Bundle, KeyEnrollment, KeyRevocation, LogEvent, LogStatement, LogSubject, LoggedEntry, PublishEntry,
    TrustDocument, VerdictEntry,
};

/// An entry at its place in the log.
#[derive(Debug, Clone)]
pub(super) struct Placed<Entry> {
    /// The index.
    pub(super) index: u64,
    /// What stands there.
    pub(super) entry: Entry,
}

/// A release whose bundle passed the steps that need no bytes of the package.
#[derive(Debug)]
pub struct ProvenRelease<'a> {
    pub(super) bundle: &'a Bundle,
    pub(super) check: &'a Check<'a>,
    pub(super) checkpoint: Checkpoint,
    pub(super) publish: Placed<PublishEntry>,
    pub(super) enrollment: Placed<KeyEnrollment>,
    pub(super) revocation: Option<Placed<KeyRevocation>>,
    pub(super) verdict: Option<Placed<VerdictEntry>>,
    /// What else was logged about the release, oldest first.
    pub(super) events: Vec<Placed<LogEvent>>,
    pub(super) steps: Vec<CheckedStep>,
}

/// Whether a checkpoint must carry the cosignatures the trust document asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Witnesses {
    /// It must.
    Required,
    /// It was stored without them: a lock's.
    NotNeeded,
}

/// Reads a checkpoint that a log key of the trust document signed; gives the evidence too.
pub fn read_checkpoint(
    note: &str,
    trust: &TrustDocument,
    witnesses: Witnesses,
) -> Result<(Checkpoint, String), StepRefusal> {
    let signed = SignedCheckpoint::parse(note)?;
    let log_keys = trust.log_verifiers_at(signed.unverified().tree_size);
    let checkpoint = signed.verify(&log_keys)?;
    let signer = log_keys.iter().find(|key| signed.note().signed_by(key));
    let signer = signer.map(|key| format!("{:08x}", key.key_id())).unwrap_or_default();
    let mut evidence =
        format!("{}, {}, signed by its key {signer}", checkpoint.origin, entries(checkpoint.tree_size));
    if witnesses == Witnesses::Required && trust.witness_quorum > 0 {
        let cosigned = signed.cosignatures(&trust.witness_verifiers());
        let (found, needed) = (cosigned.len(), trust.witness_quorum);
        if found < needed {
            return Err(StepRefusal::WitnessesMissing { found, needed });
        }
        let names: Vec<&str> = cosigned.iter().map(|one| one.witness.as_str()).collect();
        evidence.push_str(&format!(", cosigned by {} ({needed} needed)", names.join(", ")));
    }
    Ok((checkpoint, evidence))
}

/// Steps 1 and 2, before a byte of the package is there.
pub fn check_log<'a>(bundle: &'a Bundle, check: &'a Check<'a>) -> Result<ProvenRelease<'a>, StepFailure> {
    let at = |step: Step| move |refusal: StepRefusal| refusal.at(step, check.release);
    let (checkpoint, evidence) = check_checkpoint(bundle, check).map_err(at(Step::Checkpoint))?;
    let mut logged = check_inclusion(bundle, check, checkpoint).map_err(at(Step::Inclusion))?;
    let inclusion = logged.inclusion_evidence();
    logged.steps = vec![
        CheckedStep { step: Step::Checkpoint, evidence },
        CheckedStep { step: Step::Inclusion, evidence: inclusion },
    ];
    Ok(logged)
}

fn check_checkpoint(bundle: &Bundle, check: &Check<'_>) -> Result<(Checkpoint, String), StepRefusal> {
    let (checkpoint, evidence) = read_checkpoint(&bundle.checkpoint, check.trust, Witnesses::Required)?;
    let Some(known) = check.known_log else { return Ok((checkpoint, evidence)) };
    if checkpoint.tree_size < known.tree_size {
        return Err(StepRefusal::Outdated { found: checkpoint.tree_size, known: known.tree_size });
    }
    if checkpoint.tree_size == known.tree_size && checkpoint.root != known.root {
        return Err(StepRefusal::Forked {
            tree_size: known.tree_size,
            found: checkpoint.root.to_string(),
            known: known.root.to_string(),
        });
    }
    Ok((checkpoint, evidence))
}

/// What the entries of a bundle must be about.
struct Reader<'a> {
    check: &'a Check<'a>,
    release: LogSubject,
    key: LogSubject,
    checkpoint: &'a Checkpoint,
}

impl Reader<'_> {
    /// An entry that is in the log and about `subject`.
    fn read(
        &self,
        what: &'static str,
        logged: &LoggedEntry,
        subject: &LogSubject,
    ) -> Result<LogEvent, StepRefusal> {
        let (index, log) = (logged.index, self.checkpoint);
        let leaf = leaf_hash(logged.entry.as_bytes());
        verify_inclusion(leaf, index, log.tree_size, log.root, &logged.proof)
            .map_err(|error| StepRefusal::NotLogged { what, index, error })?;
        let statement = LogStatement::from_bytes(logged.entry.as_bytes())
            .map_err(|error| StepRefusal::EntryUnreadable { what, index, error })?;
        if statement.subject == *subject {
            return Ok(statement.event);
        }
        if let LogSubject::Release { release, digest } = &statement.subject
            && release == self.check.release
        {
            return Err(match self.check.pinned {
                Some(pinned) => StepRefusal::LockDiffers { locked: pinned.digest, logged: *digest },
                None => StepRefusal::BundleDiffers { what: "digest" },
            });
        }
        Err(StepRefusal::AnotherEntry {
            what,
            index,
            kind: statement.kind(),
            found: statement.subject.to_key(),
        })
    }
}

/// Takes the event of one kind, or says what stands there instead.
macro_rules! expect_event {
    ($reader:expr, $what:literal, $logged:expr, $subject:expr, $kind:path) => {
        match $reader.read($what, $logged, $subject)? {
            $kind(entry) => Placed { index: $logged.index, entry },
            other => return Err(another_entry($what, $logged.index, other, $subject)),
        }
    };
}

fn another_entry(what: &'static str, index: u64, event: LogEvent, subject: &LogSubject) -> StepRefusal {
    let found = subject.to_key();
    let kind = LogStatement { subject: subject.clone(), event }.kind();
    StepRefusal::AnotherEntry { what, index, kind, found }
}

fn check_inclusion<'a>(
    bundle: &'a Bundle,
    check: &'a Check<'a>,
    checkpoint: Checkpoint,
) -> Result<ProvenRelease<'a>, StepRefusal> {
    let found = bundle.release_id();
    if found != *check.release {
        return Err(StepRefusal::AnotherRelease { found });
    }
    let digest = check.pinned.map_or(bundle.digest, |pinned| pinned.digest);
    let namespace = check.release.plugin.namespace().clone();
    let reader = Reader {
        check,
        release: LogSubject::Release { release: found, digest },
        key: LogSubject::Key { namespace, key_id: bundle.key_id },
        checkpoint: &checkpoint,
    };
    let publish = expect_event!(reader, "publish entry", &bundle.publish, &reader.release, LogEvent::Publish);
    let enrollment =
        expect_event!(reader, "key enrolment", &bundle.key_enrollment, &reader.key, LogEvent::KeyEnroll);
    let revocation = match &bundle.key_revocation {
        Some(logged) => {
            Some(expect_event!(reader, "key revocation", logged, &reader.key, LogEvent::KeyRevoke))
        }
        None => None,
    };
    let verdict = match &bundle.verdict {
        Some(logged) => Some(expect_event!(reader, "verdict", logged, &reader.release, LogEvent::Verdict)),
        None => None,
    };
    let mut events = Vec::with_capacity(bundle.events.len());
    for logged in &bundle.events {
        let entry = reader.read("later event", logged, &reader.release)?;
        events.push(Placed { index: logged.index, entry });
    }
    let logged = ProvenRelease {
        bundle,
        check,
        checkpoint,
        publish,
        enrollment,
        revocation,
        verdict,
        events,
        steps: vec![],
    };
    logged.check_order()?;
    logged.check_bundle(digest)?;
    Ok(logged)
}

impl ProvenRelease<'_> {
    /// Key before release before everything said about it; later events in the order of the log.
    fn check_order(&self) -> Result<(), StepRefusal> {
        let mut order = vec![("key enrolment", self.enrollment.index), ("publish entry", self.publish.index)];
        order.extend(self.events.iter().map(|event| ("later event", event.index)));
        let verdict = self.verdict.as_ref().map(|verdict| verdict.index);
        let after_publish = verdict.map(|index| [("publish entry", self.publish.index), ("verdict", index)]);
        let after_enrollment = self
            .revocation
            .as_ref()
            .map(|entry| [("key enrolment", self.enrollment.index), ("key revocation", entry.index)]);
        let is_verdict = |event: &&Placed<LogEvent>| matches!(event.entry, LogEvent::Verdict(_));
        let earlier_verdicts = self
            .events
            .iter()
            .filter(is_verdict)
            .map(|event| [("earlier verdict", event.index), ("verdict", verdict.unwrap_or(event.index))]);
        let pairs = order
            .windows(2)
            .map(|pair| [pair[0], pair[1]])
            .chain(after_publish)
            .chain(after_enrollment)
            .chain(earlier_verdicts);
        for [(earlier, earlier_index), (later, later_index)] in pairs {
            if earlier_index >= later_index {
                return Err(StepRefusal::WrongOrder { earlier, earlier_index, later, later_index });
            }
        }
        Ok(())
    }

    /// What the bundle says beside the entries is what the entries say.
    fn check_bundle(&self, digest: Digest) -> Result<(), StepRefusal> {
        let (bundle, publish) = (self.bundle, &self.publish.entry);
        let same = [
            ("digest", bundle.digest == digest),
            ("size", bundle.size_bytes == publish.size_bytes),
            ("manifest digest", bundle.manifest_digest == publish.manifest_digest),
            ("key id", bundle.key_id == publish.signer && bundle.key_id == bundle.public_key.id()),
            ("public key", bundle.public_key == self.enrollment.entry.public_key),
            ("attestation", bundle.attestation == publish.attestation),
            ("host profile", bundle.profile.name == publish.profile),
            ("host profile's version", bundle.profile.version == publish.profile_version),
        ];
        match same.iter().find(|(_, same)| !same) {
            Some((what, _)) => Err(StepRefusal::BundleDiffers { what }),
            None => Ok(()),
        }
    }

    fn inclusion_evidence(&self) -> String {
        let mut told = vec![
            format!("published at index {}", self.publish.index),
            format!("its key enrolled at {}", self.enrollment.index),
        ];
        told.extend(self.verdict.as_ref().map(|entry| format!("verdict at {}", entry.index)));
        told.extend(self.revocation.as_ref().map(|entry| format!("key revoked at {}", entry.index)));
        told.extend(self.events.iter().map(|event| {
            let subject =
                LogSubject::Release { release: self.check.release.clone(), digest: self.bundle.digest };
            let statement = LogStatement { subject, event: event.entry.clone() };
            format!("{} at {}", statement.kind(), event.index)
        }));
        told.join(", ")
    }
}
