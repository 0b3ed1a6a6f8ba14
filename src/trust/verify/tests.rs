//! An honest release passes every step, and every lie ends at its own.

use super::*;
use crate::domain::Refusal as _;
use crate::log::{Hash, NoteVerifier, SignedCheckpoint, cosign};
use crate::signing::{Envelope, SecretKey};
use crate::trust::testing::{ORIGIN, QUIET, START, TALKATIVE, TestLog, TestPackage, author, profile};
use crate::trust::*;

fn quiet() -> TestPackage {
    TestPackage::new("acme:hello", QUIET, "")
}

/// A package, what the registry says about it, and what the host asks.
struct World {
    log: TestLog,
    package: TestPackage,
    bundle: Bundle,
    bytes: Vec<u8>,
    trust: TrustDocument,
    feed: Option<RecallFeed>,
    pinned: Option<(Digest, u64, String, VerificationState)>,
    authors: Option<TrustedKeys>,
    demands: Demands,
    grants: Option<Grants>,
    known_log: Option<Checkpoint>,
    profiles: Vec<HostProfile>,
    believe_bundle_profile: bool,
    now: Timestamp,
}

impl World {
    /// A release that was published and passed.
    fn new() -> Self {
        Self::of(quiet(), TestLog::release)
    }

    /// What `happened` to a package.
    fn of(package: TestPackage, happened: impl FnOnce(&mut TestLog, &TestPackage)) -> Self {
        let mut log = TestLog::new();
        happened(&mut log, &package);
        Self {
            bundle: log.bundle(&package),
            bytes: package.bytes.clone(),
            trust: log.trust(),
            feed: Some(log.feed()),
            pinned: None,
            authors: None,
            demands: Demands::default(),
            grants: Some(Grants::default()),
            known_log: None,
            profiles: vec![profile()],
            believe_bundle_profile: false,
            now: log.now().plus_seconds(2 * 3600),
            log,
            package,
        }
    }

    fn pin(&mut self) {
        let (digest, size_bytes) = (self.package.digest(), self.package.bytes.len() as u64);
        let signer = self.bundle.key_id.to_hex();
        self.pinned = Some((digest, size_bytes, signer, VerificationState::Passed));
    }

    fn check(&self) -> Result<CheckedPackage, StepFailure> {
        let pinned = self.pinned.as_ref().map(|(digest, size_bytes, signer, verification)| Pinned {
            digest: *digest,
            size_bytes: *size_bytes,
            signer,
            verification: *verification,
        });
        let check = Check {
            release: &self.package.release(),
            trust: &self.trust,
            known_log: self.known_log.as_ref(),
            recalls: self.feed.as_ref(),
            pinned,
            authors: self.authors.as_ref(),
            demands: &self.demands,
            grants: self.grants.as_ref(),
            host: None,
            profiles: &self.profiles,
            believe_bundle_profile: self.believe_bundle_profile,
            limits: &PackageLimits::default(),
            now: self.now,
        };
        check_package(&self.bytes, &self.bundle, &check)
    }

    fn words(&self) -> String {
        match self.check() {
            Ok(_) => "passed".into(),
            Err(failure) => {
                format!("{failure}\n    [{}] {}", failure.code(), failure.mend().unwrap_or_default())
            }
        }
    }
}

/// The words of each lie, for a snapshot.
fn told(lies: Vec<(&str, World)>) -> String {
    lies.into_iter().map(|(name, world)| format!("{name}\n  {}\n\n", world.words())).collect()
}

/// An honest world after `change`.
fn with(change: impl FnOnce(&mut World)) -> World {
    changed(World::new(), change)
}

fn changed(mut world: World, change: impl FnOnce(&mut World)) -> World {
    change(&mut world);
    world
}

#[test]
fn an_honest_release_passes_every_step_with_its_evidence() {
    let world = with(World::pin);

    let checked = world.check().unwrap();

    insta::assert_json_snapshot!(checked);
}

#[test]
fn without_lock_feed_and_authors_the_remarks_say_what_was_not_checked() {
    let world = with(|world| {
        world.feed = None;
        world.grants = None;
        world.profiles.clear();
        world.believe_bundle_profile = true;
    });

    let checked = world.check().unwrap();

    insta::assert_json_snapshot!(checked.remarks);
}

#[test]
fn a_checkpoint_that_is_not_the_log_s_stops_at_step_1() {
    let other_key = |world: &mut World| {
        world.log.log_key = SecretKey::from_seed(&[66; 32]);
        world.bundle = world.log.bundle(&world.package);
    };
    let retired = |world: &mut World| {
        world.trust.log_keys[0].retired_at = Some(1);
        world.trust.log_keys.push(DatedKey::new(SecretKey::from_seed(&[67; 32]).public_key()));
    };
    let known = |tree_size: u64| {
        move |world: &mut World| {
            world.known_log = Some(Checkpoint { origin: ORIGIN.into(), tree_size, root: Hash([9; 32]) });
        }
    };

    insta::assert_snapshot!(told(vec![
        ("no note", with(|world| world.bundle.checkpoint = "hello".into())),
        ("truncated", with(|world| world.bundle.checkpoint.truncate(60))),
        ("another key", with(other_key)),
        (
            "changed after signing",
            with(|world| {
                world.bundle.checkpoint = world.bundle.checkpoint.replacen("\n3\n", "\n4\n", 1);
            })
        ),
        ("a key that was retired before", with(retired)),
        ("another registry", with(|world| world.trust.origin = "other.example.org".into())),
        ("older than known", with(known(4))),
        ("forked", with(known(3))),
    ]));
}

#[test]
fn a_checkpoint_needs_the_witnesses_that_the_trust_document_asks_for() {
    let witness = |seed: u8| SecretKey::from_seed(&[seed; 32]);
    let verifier = |seed: u8| {
        NoteVerifier::of_witness(&format!("witness{seed}.example"), witness(seed).public_key()).unwrap()
    };
    let mut world = World::new();
    world.trust.witnesses = vec![verifier(1), verifier(2), verifier(3)];
    world.trust.witness_quorum = 2;
    let cosigned = |note: &str, seed: u8| {
        let signed = SignedCheckpoint::parse(note).unwrap();
        let line = cosign(&signed, verifier(seed).name(), &witness(seed), 1_767_225_600);
        signed.with_cosignature(&line).unwrap().to_string()
    };

    world.bundle.checkpoint = cosigned(&world.bundle.checkpoint, 1);
    let refusal = world.words();
    world.bundle.checkpoint = cosigned(&world.bundle.checkpoint, 3);
    let evidence = world.check().unwrap().steps[0].evidence.clone();

    insta::assert_snapshot!(format!("{refusal}\n{evidence}"));
}

#[test]
fn what_is_not_in_the_log_or_about_something_else_stops_at_step_2() {
    let stranger = |world: &mut World| {
        // The registry signs the package with a key of its own and makes up an enrolment that is not in the log.
        let key = SecretKey::from_seed(&[66; 32]);
        let mut forged = TestLog::new();
        forged.enroll(&key);
        forged.publish(&world.package, &key);
        let forged = forged.bundle(&world.package);
        world.bundle = Bundle { checkpoint: world.bundle.checkpoint.clone(), ..forged };
    };
    let other_release = |world: &mut World| {
        let other = TestPackage::new("acme:other", QUIET, "");
        world.log.publish(&other, &author());
        let checkpoint = world.log.bundle(&world.package);
        world.bundle = Bundle { publish: world.log.bundle(&other).publish, ..checkpoint };
    };
    let locked_other_bytes = |world: &mut World| {
        world.pin();
        world.pinned.as_mut().unwrap().0 = Digest::of(b"other");
    };
    let key_after_release = World::of(quiet(), |log, package| {
        let key = SecretKey::from_seed(&[5; 32]);
        log.publish(package, &key);
        log.enroll(&key);
    });

    insta::assert_snapshot!(told(vec![
        (
            "an entry that was changed",
            with(|world| {
                world.bundle.publish.entry =
                    world.bundle.publish.entry.replacen("\"sizeBytes\":", "\"sizeBytes\":1", 1);
            })
        ),
        (
            "a proof that was cut",
            with(|world| {
                world.bundle.publish.proof.pop();
            })
        ),
        ("an index beyond the log", with(|world| world.bundle.publish.index = 99)),
        ("a signer that is not in the log", with(stranger)),
        ("the entry of another release", with(other_release)),
        (
            "a verdict in place of the publish",
            with(|world| {
                world.bundle.publish = world.bundle.verdict.clone().unwrap();
            })
        ),
        ("other bytes than locked", with(locked_other_bytes)),
        ("another digest in the bundle", with(|world| world.bundle.digest = Digest::of(b"other"))),
        ("another size in the bundle", with(|world| world.bundle.size_bytes += 1)),
        (
            "another public key in the bundle",
            with(|world| {
                world.bundle.public_key = SecretKey::from_seed(&[66; 32]).public_key();
            })
        ),
        (
            "another profile in the bundle",
            with(|world| {
                world.bundle.profile.name = "evil:host".parse().unwrap();
            })
        ),
        ("a key enrolled after the release", key_after_release),
    ]));
}

#[test]
fn other_bytes_stop_at_step_3() {
    let other = TestPackage::new("acme:other", QUIET, "");
    let mislabelled = World::of(quiet(), |log, package| log.release(package));
    insta::assert_snapshot!(told(vec![
        (
            "fewer",
            with(|world| {
                world.bytes.pop();
            })
        ),
        ("others", with(|world| *world.bytes.last_mut().unwrap() ^= 1)),
        (
            "locked with another size",
            with(|world| {
                world.pin();
                world.pinned.as_mut().unwrap().1 += 1;
            })
        ),
        ("of another release", changed(mislabelled, |world| world.bytes = other.bytes)),
    ]));
}

#[test]
fn a_verdict_that_is_missing_failed_or_forged_stops_at_step_4() {
    let unverified = || {
        World::of(quiet(), |log, package| {
            log.publish(package, &author());
        })
    };
    let failed = || {
        World::of(quiet(), |log, package| {
            log.publish(package, &author());
            log.verify(package, VerificationState::Failed);
        })
    };
    let forged = World::of(quiet(), |log, package| {
        let honest = std::mem::replace(&mut log.registry_key, SecretKey::from_seed(&[66; 32]));
        log.release(package);
        log.registry_key = honest;
    });
    let verified = |world: &mut World| world.demands.verified = true;

    insta::assert_snapshot!(told(vec![
        ("none, and asked for", changed(unverified(), verified)),
        (
            "stripped, though the lock pins it",
            with(|world| {
                world.pin();
                world.bundle.verdict = None;
            })
        ),
        ("stripped, and nothing pins it", with(|world| world.bundle.verdict = None)),
        ("failed, and asked for", changed(failed(), verified)),
        ("failed, though the lock pins a pass", changed(failed(), World::pin)),
        ("failed, and not asked for", failed()),
        ("signed by a stranger", forged),
        ("by another policy", with(|world| world.demands.policies = vec![Digest::of(b"strict")])),
    ]));
}

#[test]
fn a_signature_or_key_that_does_not_count_stops_at_step_5() {
    let waiting = World::of(quiet(), |log, package| {
        let key = SecretKey::from_seed(&[5; 32]);
        log.enroll_from(&key, START.plus_seconds(86_400));
        log.publish(package, &key);
    });
    let revoked = |from_index: Option<u64>| {
        World::of(quiet(), |log, package| {
            log.publish(package, &author());
            log.revoke(author().public_key().id(), from_index);
        })
    };
    let hidden = |world: &mut World| {
        world.bundle.key_revocation = None;
        let mut standing = world.log.standing(&world.package);
        standing.signer_revoked_from = None;
        world.bundle.standing = sign_standing(&standing, &world.log.registry_key);
    };
    let wrong_signature = World::of(quiet(), |log, package| {
        let index = log.publish(package, &author());
        let place = usize::try_from(index).unwrap();
        let mut statement = LogStatement::from_bytes(&log.entries[place]).unwrap();
        if let LogEvent::Publish(entry) = &mut statement.event {
            entry.attestation = unsigned(&entry.attestation);
        }
        log.entries[place] = statement.to_bytes().unwrap();
    });
    let stranger = TrustedKey { public_key: SecretKey::from_seed(&[9; 32]).public_key(), namespaces: None };

    insta::assert_snapshot!(told(vec![
        ("revoked later", revoked(None)),
        ("revoked before", revoked(Some(1))),
        ("revoked before, known by the feed alone", changed(revoked(Some(1)), hidden)),
        ("not counting yet", waiting),
        (
            "another key than locked",
            with(|world| {
                world.pin();
                world.pinned.as_mut().unwrap().2 = "ab".repeat(32);
            })
        ),
        ("a key the host does not name", with(|world| world.authors = Some(TrustedKeys(vec![stranger])))),
        ("signature stripped before it was logged", wrong_signature),
    ]));
}

/// The envelope without its signatures.
fn unsigned(envelope: &Envelope) -> Envelope {
    let mut json = serde_json::to_value(envelope).unwrap();
    json["signatures"] = serde_json::json!([]);
    serde_json::from_value(json).unwrap()
}

#[test]
fn an_import_beyond_the_grants_stops_at_step_6() {
    let talkative = |capabilities: &str| {
        World::of(TestPackage::new("acme:hello", TALKATIVE, capabilities), TestLog::release)
    };
    let doctored = |world: &mut World| {
        world.bundle.profile.imports[1].capability = None;
        world.grants = Some(Grants::default());
    };
    let narrow = |world: &mut World| {
        world.grants = Some(serde_json::from_str(r#"{"network":{"hosts":["a.example:443"]}}"#).unwrap());
    };

    insta::assert_snapshot!(told(vec![
        ("declared, signed, not granted", talkative("network = {}")),
        (
            "granted, not declared",
            changed(talkative(""), |world| {
                world.grants = Some(serde_json::from_str(r#"{"network":{}}"#).unwrap());
            })
        ),
        ("a wider scope than granted", changed(talkative(r#"network = { hosts = ["*"] }"#), narrow)),
        ("a doctored profile in the bundle", changed(talkative(""), doctored)),
        ("a contract that only the registry knows", with(|world| world.profiles.clear())),
    ]));
}

#[test]
fn what_was_taken_back_is_too_young_or_is_hidden_stops_at_step_7() {
    let yanked = || {
        World::of(quiet(), |log, package| {
            log.release(package);
            log.event(package, LogEvent::Yank(Moment { at: log.now() }));
        })
    };
    let hidden_yank = changed(yanked(), |world| {
        let mut standing = world.log.standing(&world.package);
        standing.yanked = false;
        world.bundle.standing = sign_standing(&standing, &world.log.registry_key);
    });
    let recalled = || {
        World::of(quiet(), |log, package| {
            log.release(package);
            log.recall(package, "it sends tokens to a stranger");
        })
    };
    let before = World::new();
    let old_standing = changed(yanked(), |world| world.bundle.standing = before.bundle.standing.clone());
    let old_bundle = changed(recalled(), |world| world.bundle = before.bundle.clone());
    let quarantined = World::of(quiet(), |log, package| {
        log.release(package);
        let advice = Advice { at: log.now(), reason: Some("it is looked at".into()) };
        log.event(package, LogEvent::Quarantine(advice));
    });

    insta::assert_snapshot!(told(vec![
        ("too young", with(|world| world.demands.min_age_hours = Some(72))),
        ("yanked", yanked()),
        ("yanked and locked", changed(yanked(), World::pin)),
        ("yanked and accepted", changed(yanked(), |world| world.demands.accept_yanked = true)),
        ("yanked, which the standing hides", hidden_yank),
        ("yanked, behind an older standing", old_standing),
        ("recalled", recalled()),
        ("recalled, behind an older bundle, known by the feed", old_bundle),
        ("quarantined", quarantined),
        ("an expired feed", with(|world| world.now = world.now.plus_seconds(RECALLS_LIFE_SECONDS))),
        (
            "a forged standing",
            with(|world| {
                let standing = world.log.standing(&world.package);
                world.bundle.standing = sign_standing(&standing, &SecretKey::from_seed(&[66; 32]));
            })
        ),
        (
            "the standing of another release",
            with(|world| {
                let other = TestPackage::new("acme:other", QUIET, "");
                let mut standing = world.log.standing(&world.package);
                standing.release = other.release();
                world.bundle.standing = sign_standing(&standing, &world.log.registry_key);
            })
        ),
    ]));
}
