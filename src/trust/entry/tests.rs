//! Entries read back from their leaves, and nothing else does.

use super::*;
use crate::signing::{PAYLOAD_TYPE, SecretKey};

const AT: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

fn statements() -> Vec<LogStatement> {
    let key = SecretKey::from_seed(&[7; 32]);
    let namespace: Namespace = "acme".parse().unwrap();
    let release: ReleaseId = "acme:markdown@1.2.0-rc.1".parse().unwrap();
    let digest = Digest::of(b"package");
    let envelope = Envelope::sign(PAYLOAD_TYPE, b"{}".to_vec(), &key);
    let publish = PublishEntry {
        at: AT,
        size_bytes: 7,
        manifest_digest: Digest::of(b"manifest"),
        signer: key.public_key().id(),
        profile: "pluginry:reference".parse().unwrap(),
        profile_version: "1.0.0".parse().unwrap(),
        risk: Some(Risk::Medium),
        widening: false,
        attestation: envelope.clone(),
    };
    let enrollment = KeyEnrollment {
        at: AT,
        public_key: key.public_key(),
        counts_from: AT,
        endorsement: Some(envelope.clone()),
        account: "ada".into(),
        approved_by: vec!["bob".into()],
    };
    let revocation =
        KeyRevocation { at: AT, from_index: Some(3), account: "ada".into(), reason: Some("stolen".into()) };
    let verdict = VerdictEntry { at: AT, state: VerificationState::Passed, summary: envelope };
    let advice = Advice { at: AT, reason: Some("leaks".into()) };
    let of_release = [
        LogEvent::Publish(publish),
        LogEvent::Verdict(verdict),
        LogEvent::Yank(Moment { at: AT }),
        LogEvent::Unyank(Moment { at: AT }),
        LogEvent::Deprecate(advice.clone()),
        LogEvent::Quarantine(Advice { at: AT, reason: None }),
        LogEvent::Takedown(advice.clone()),
        LogEvent::Recall(advice),
    ];
    let mut all: Vec<_> =
        of_release.into_iter().map(|event| LogStatement::of_release(&release, digest, event)).collect();
    let key_id = key.public_key().id();
    all.push(LogStatement::of_key(&namespace, key_id, LogEvent::KeyEnroll(enrollment)));
    all.push(LogStatement::of_key(&namespace, key_id, LogEvent::KeyRevoke(revocation)));
    let owners = LogEvent::OwnerChange(Owners { at: AT, owners: vec!["ada".into()] });
    all.push(LogStatement { subject: LogSubject::Namespace(namespace.clone()), event: owners });
    let trust = LogEvent::Trust(NamespaceTrust { at: AT, level: TrustLevel::Partner, account: "ada".into() });
    all.push(LogStatement { subject: LogSubject::Namespace(namespace), event: trust });
    let profile = LogSubject::Profile { profile: "acme:host@1.0.0".parse().unwrap(), digest };
    all.push(LogStatement { subject: profile, event: LogEvent::Profile(Moment { at: AT }) });
    all
}

#[test]
fn every_kind_reads_back_from_its_leaf() {
    for statement in statements() {
        let bytes = statement.to_bytes().unwrap();

        assert_eq!(LogStatement::from_bytes(&bytes), Ok(statement));
    }
}

#[test]
fn an_entry_about_the_wrong_kind_of_subject_is_refused() {
    let mut all = statements();
    let (namespace, publish) = (all[10].subject.clone(), all[0].event.clone());
    all[0].subject = namespace;
    all[0].event = publish;

    let read = LogStatement::from_bytes(&all[0].to_bytes().unwrap());

    assert!(matches!(read, Err(EntryError::Unreadable { .. })), "{read:?}");
}

#[test]
fn the_same_content_in_other_bytes_is_refused() {
    let bytes = statements()[2].to_bytes().unwrap();
    let spaced = String::from_utf8(bytes).unwrap().replacen(':', ": ", 1);

    assert_eq!(LogStatement::from_bytes(spaced.as_bytes()), Err(EntryError::NotCanonical));
}

#[test]
fn an_entry_over_the_bound_of_a_bundle_is_refused() {
    let mut statement = statements().remove(4);
    statement.event = LogEvent::Deprecate(Advice { at: AT, reason: Some("x".repeat(70_000)) });

    assert!(matches!(statement.to_bytes(), Err(EntryError::TooLarge { .. })));
}
