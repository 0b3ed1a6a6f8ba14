use super::*;
use crate::domain::Capabilities;
use crate::signing::{KeyEndorsement, ReleaseStatement, SecretKey, sign_endorsement, sign_release};
use crate::trust::Moment;

const START: i64 = 1_700_000_000_000_000;

fn at(second: u64) -> Timestamp {
    Timestamp::from_micros(START + second as i64 * 1_000_000)
}

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

fn namespace() -> Namespace {
    "acme".parse().unwrap()
}

fn release(version: &str) -> ReleaseId {
    format!("acme:markdown@{version}").parse().unwrap()
}

fn owned_by(owners: &[&str]) -> LogStatement {
    let owners = owners.iter().map(ToString::to_string).collect();
    LogStatement {
        subject: LogSubject::Namespace(namespace()),
        event: LogEvent::OwnerChange(Owners { at: at(0), owners }),
    }
}

fn enrollment(key: &SecretKey, second: u64, counts_from: u64) -> KeyEnrollment {
    KeyEnrollment {
        at: at(second),
        public_key: key.public_key(),
        counts_from: at(counts_from),
        endorsement: None,
        account: "ada".into(),
        approved_by: Vec::new(),
    }
}

fn enrolled(key: &SecretKey, second: u64, counts_from: u64) -> LogStatement {
    let event = LogEvent::KeyEnroll(enrollment(key, second, counts_from));
    LogStatement::of_key(&namespace(), key.public_key().id(), event)
}

fn revoked(key: &SecretKey, from_index: Option<u64>) -> LogStatement {
    let revocation = KeyRevocation { at: at(50), from_index, account: "ada".into(), reason: None };
    LogStatement::of_key(&namespace(), key.public_key().id(), LogEvent::KeyRevoke(revocation))
}

fn published(version: &str, key: &SecretKey, second: u64) -> LogStatement {
    let (release, digest) = (release(version), Digest::of(version.as_bytes()));
    let statement = ReleaseStatement {
        release: release.clone(),
        digest,
        manifest_digest: Digest::of(b"manifest"),
        capabilities: Capabilities::new(),
    };
    let entry = PublishEntry {
        at: at(second),
        size_bytes: 5,
        manifest_digest: statement.manifest_digest,
        signer: key.public_key().id(),
        profile: "wasi:cli".parse().unwrap(),
        profile_version: "0.2.0".parse().unwrap(),
        risk: None,
        widening: false,
        attestation: sign_release(&statement, key),
    };
    LogStatement::of_release(&release, digest, LogEvent::Publish(entry))
}

fn about(version: &str, event: LogEvent) -> LogStatement {
    LogStatement::of_release(&release(version), Digest::of(version.as_bytes()), event)
}

fn advice(reason: &str) -> Advice {
    Advice { at: at(60), reason: (!reason.is_empty()).then(|| reason.to_owned()) }
}

/// What the last of these entries breaks; those before it must break nothing.
fn last_breaks(statements: &[LogStatement]) -> Vec<String> {
    let mut replay = Replay::default();
    let (last, before) = statements.split_last().unwrap();
    for statement in before {
        assert_eq!(replay.take(statement), [], "{}", statement.kind());
    }
    replay.take(last).iter().map(ToString::to_string).collect()
}

#[test]
fn an_honest_log_breaks_no_rule_and_says_what_each_release_is_now() {
    let (mine, next) = (key(1), key(2));
    let statements = [
        owned_by(&["ada"]),
        enrolled(&mine, 0, 0),
        published("1.0.0", &mine, 1),
        about("1.0.0", LogEvent::Yank(Moment { at: at(2) })),
        about("1.0.0", LogEvent::Deprecate(advice("use 2"))),
        enrolled(&next, 2, 9),
        published("2.0.0", &next, 9),
        about("2.0.0", LogEvent::Recall(advice("steals cookies"))),
        revoked(&mine, Some(2)),
    ];

    let mut replay = Replay::default();
    let broken: Vec<_> = statements.iter().flat_map(|statement| replay.take(statement)).collect();

    assert_eq!(broken, []);
    let first = replay.release(&release("1.0.0")).unwrap();
    assert_eq!((first.yanked, first.deprecated.as_deref(), first.index), (true, Some("use 2"), 2));
    let warned: Vec<_> = replay.warned().map(|release| release.recalled.clone().unwrap()).collect();
    assert_eq!(warned, [Warned { reason: "steals cookies".into(), index: 7 }]);
    let revocations = replay.revocations();
    assert_eq!((revocations[0].from_index, revocations[0].index), (2, 8));
}

#[test]
fn what_is_taken_back_no_longer_holds() {
    let mine = key(1);
    let mut replay = Replay::default();
    let events = [
        LogEvent::Yank(Moment { at: at(2) }),
        LogEvent::Quarantine(advice("looked at")),
        LogEvent::Recall(advice("leaks")),
        LogEvent::Deprecate(advice("old")),
        LogEvent::Unyank(Moment { at: at(3) }),
        LogEvent::Quarantine(advice("")),
        LogEvent::Recall(advice("")),
        LogEvent::Deprecate(advice("")),
    ];
    let mut statements = vec![owned_by(&["ada"]), enrolled(&mine, 0, 0), published("1.0.0", &mine, 1)];
    statements.extend(events.map(|event| about("1.0.0", event)));

    let broken: Vec<_> = statements.iter().flat_map(|statement| replay.take(statement)).collect();

    assert_eq!(broken, []);
    assert_eq!(replay.warned().count(), 0);
    let release = replay.release(&release("1.0.0")).unwrap();
    assert_eq!((release.yanked, &release.deprecated), (false, &None));
}

#[test]
fn every_broken_rule_is_told_in_a_sentence() {
    let (mine, other) = (key(1), key(2));
    let start = || vec![owned_by(&["ada"]), enrolled(&mine, 0, 0), published("1.0.0", &mine, 1)];
    let then = |statement: LogStatement| [start(), vec![statement]].concat();
    let forged = |change: fn(&mut PublishEntry)| {
        let mut statement = published("1.1.0", &key(1), 2);
        if let LogEvent::Publish(entry) = &mut statement.event {
            change(entry);
        }
        then(statement)
    };
    let mut endorsed = enrollment(&other, 3, 3);
    endorsed.endorsement = Some(crate::signing::Envelope::sign("x", b"y".to_vec(), &other));
    let endorsed = LogStatement::of_key(&namespace(), other.public_key().id(), LogEvent::KeyEnroll(endorsed));
    let other_bytes =
        LogStatement::of_release(&release("1.0.0"), Digest::of(b"?"), LogEvent::Yank(Moment { at: at(2) }));
    let profile = LogStatement {
        subject: LogSubject::Profile {
            profile: "acme:host@1.0.0".parse().unwrap(),
            digest: Digest::of(b"p"),
        },
        event: LogEvent::Profile(Moment { at: at(2) }),
    };
    let cases = [
        vec![enrolled(&mine, 0, 0)],
        vec![owned_by(&[])],
        vec![owned_by(&["bob", "ada"])],
        then(enrolled(&mine, 2, 9)),
        then(enrolled(&other, 2, 2)),
        then(endorsed),
        [start(), vec![revoked(&mine, None), enrolled(&other, 60, 90)]].concat(),
        then(revoked(&other, None)),
        then(revoked(&mine, Some(9))),
        then(published("1.0.0", &mine, 2)),
        then(published("1.1.0", &other, 2)),
        [start(), vec![revoked(&mine, None), published("1.1.0", &mine, 60)]].concat(),
        [start(), vec![enrolled(&other, 2, 9), published("1.1.0", &other, 8)]].concat(),
        forged(|entry| entry.attestation = sign_other_release()),
        forged(|entry| entry.manifest_digest = Digest::of(b"another")),
        then(about("3.0.0", LogEvent::Yank(Moment { at: at(2) }))),
        then(other_bytes),
        vec![profile.clone(), profile],
    ];

    let told: Vec<String> = cases.iter().flat_map(|case| last_breaks(case)).collect();

    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_key_that_waits_may_be_endorsed_later_and_a_revocation_moved_back() {
    let (mine, next) = (key(1), key(2));
    let endorse = |by: &SecretKey| {
        let expected = KeyEndorsement { namespace: namespace(), public_key: next.public_key() };
        let endorsement = Some(sign_endorsement(&expected, by));
        let event = LogEvent::KeyEnroll(KeyEnrollment { endorsement, ..enrollment(&next, 4, 4) });
        LogStatement::of_key(&namespace(), next.public_key().id(), event)
    };
    let statements = [
        owned_by(&["ada"]),
        enrolled(&mine, 0, 0),
        published("1.0.0", &mine, 1),
        enrolled(&next, 2, 9),
        endorse(&mine),
        // By a clock that is behind: it counts at once all the same.
        published("1.1.0", &next, 3),
        published("1.2.0", &mine, 5),
        revoked(&mine, None),
        revoked(&mine, Some(6)),
    ];

    let mut replay = Replay::default();
    let broken: Vec<_> = statements.iter().flat_map(|statement| replay.take(statement)).collect();

    assert_eq!(broken, []);
    let fallen = ["1.0.0", "1.1.0", "1.2.0"].map(|v| replay.release(&release(v)).unwrap().signer_revoked);
    assert_eq!(fallen, [false, false, true]);
    assert_eq!((replay.revocations()[0].from_index, replay.revocations()[0].index), (6, 8));
    assert_eq!(replay.take(&revoked(&mine, Some(8))).len(), 1, "it is never moved on");
    assert_eq!(replay.take(&endorse(&next)).len(), 1, "a key that counts is not enrolled again");
}

#[test]
fn a_trust_level_reaches_the_releases_of_before_and_of_after() {
    let mine = key(1);
    let trust = |level| LogStatement {
        subject: LogSubject::Namespace(namespace()),
        event: LogEvent::Trust(NamespaceTrust { at: at(2), level, account: "op".into() }),
    };
    let mut replay = Replay::default();
    assert_eq!(replay.take(&trust(TrustLevel::Partner)).len(), 1, "nobody owns the namespace yet");
    let statements = [
        owned_by(&["ada"]),
        enrolled(&mine, 0, 0),
        published("1.0.0", &mine, 1),
        trust(TrustLevel::Internal),
        published("1.1.0", &mine, 3),
    ];

    let broken: Vec<_> = statements.iter().flat_map(|statement| replay.take(statement)).collect();

    assert_eq!(broken, []);
    let levels = ["1.0.0", "1.1.0"].map(|version| replay.release(&release(version)).unwrap().trust);
    assert_eq!(levels, [TrustLevel::Internal; 2]);
}

fn sign_other_release() -> crate::signing::Envelope {
    match published("9.9.9", &key(1), 2).event {
        LogEvent::Publish(entry) => entry.attestation,
        _ => unreachable!("it is a publish"),
    }
}

#[test]
fn widening_is_measured_against_the_highest_release_below_that_was_there() {
    let mine = key(1);
    let mut replay = Replay::default();
    let versions = ["1.0.0", "2.0.0", "1.9.0-rc.1", "1.5.0", "2.1.0"];
    let mut statements = vec![owned_by(&["ada"]), enrolled(&mine, 0, 0)];
    statements.extend(versions.iter().map(|version| published(version, &mine, 1)));
    for statement in &statements {
        replay.take(statement);
    }

    let before = versions.map(|version| {
        let logged = replay.release(&release(version)).unwrap();
        replay.release_before(logged).map(|before| before.release.version.to_string())
    });

    let expected = [None, Some("1.0.0"), Some("1.0.0"), Some("1.0.0"), Some("2.0.0")];
    assert_eq!(before, expected.map(|version| version.map(str::to_owned)));
}
