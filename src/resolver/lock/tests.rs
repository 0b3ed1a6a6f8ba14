//! Locks, written, read, compared and walked. The refusals of hostile texts are in `hostile`, any lock in `any`.

use std::collections::BTreeMap;

use super::*;
use crate::domain::Digest;

mod any;
mod compared;
mod hostile;
mod walked;

/// A release whose needs are `asked requirement -> name@version`.
pub(super) fn release(id: &str, load_level: u32, needs: &[&str], capabilities: &str) -> LockedRelease {
    let id: ReleaseId = id.parse().unwrap();
    let digest = Digest::of(id.to_string().as_bytes());
    let dependencies = needs.iter().map(|need| {
        let (asked, by) = need.split_once(" -> ").unwrap();
        let (name, requirement) = asked.split_once(' ').unwrap();
        let (name, release): (PluginName, ReleaseId) = (name.parse().unwrap(), by.parse().unwrap());
        let provides = (name != release.plugin).then_some(name);
        LockedDependency { release, requirement: requirement.parse().unwrap(), provides }
    });
    LockedRelease {
        name: id.plugin,
        version: id.version,
        digest,
        size_bytes: 120,
        url: format!("/blobs/sha256/{}", digest.to_hex()),
        signer: "ab".repeat(32),
        verification: VerificationState::Passed,
        risk: None,
        license: "MIT".into(),
        deprecated: None,
        load_level,
        dependencies: dependencies.collect(),
        capabilities: serde_json::from_str(capabilities).unwrap(),
    }
}

pub(super) fn lock(roots: &[(&str, &str)], releases: Vec<LockedRelease>) -> Lock {
    Lock {
        sequence: 42,
        roots: roots.iter().map(|(root, wanted)| (root.parse().unwrap(), wanted.parse().unwrap())).collect(),
        capabilities: union_of(releases.iter().map(|release| &release.capabilities)),
        releases,
        ..Lock::default()
    }
}

/// Two versions of one plugin, a stand-in, a power, advice, and a host with a policy.
pub(super) fn sample() -> Lock {
    let mut tokenizer = release(
        "acme:tokenizer@1.0.3",
        0,
        &[],
        r#"{"network":{"hosts":["a:443"],"reason":"fetches \"feeds\"\nat night"}}"#,
    );
    tokenizer.risk = Some(Risk::High);
    tokenizer.deprecated = Some("use acme:lexer, \u{202e}really".into());
    let sample = lock(
        &[("acme:app", "^1.2"), ("text:renderer", "^1")],
        vec![
            release("acme:fonts@1.9.0", 0, &[], "{}"),
            release("acme:fonts@2.0.0", 0, &[], "{}"),
            tokenizer,
            release(
                "acme:markdown@1.2.0",
                1,
                &["acme:fonts ^1 -> acme:fonts@1.9.0", "acme:tokenizer ^1.0 -> acme:tokenizer@1.0.3"],
                r#"{"file-read":{"paths":["/workspace"]},"network":{"hosts":["b:443"]}}"#,
            ),
            release(
                "acme:app@1.2.0",
                2,
                &["acme:fonts ^2 -> acme:fonts@2.0.0", "text:renderer ^1 -> acme:markdown@1.2.0"],
                "{}",
            ),
        ],
    );
    let host = r#"{"profile":"pluginry:reference","version":"1.1.0","extension_points":["tool"],
        "grants":{"network":{"hosts":["*"]},"file-read":{"paths":["/workspace"]}}}"#;
    let policy = r#"{"min_age_hours":72,"max_risk_by_trust":{"internal":"high","marketplace":"low"},
        "licenses":["MIT","Apache-2.0"],"allow_widening":true}"#;
    Lock {
        registry: Some("https://plugins.example.org".into()),
        checkpoint: Some("plugins.example.org\n42\nMTIz\n\n— plugins.example.org c2lnbmVk\n".into()),
        root_releases: BTreeMap::from([(name("text:renderer"), "acme:markdown@1.2.0".parse().unwrap())]),
        with_optional: BTreeSet::from([name("acme:themes")]),
        pre_releases_of: BTreeSet::from([name("acme:app")]),
        host: Some(serde_json::from_str(host).unwrap()),
        policy: serde_json::from_str(policy).unwrap(),
        as_of: Some(AsOf { tree_size: 42 }),
        ..sample
    }
}

pub(super) fn name(text: &str) -> PluginName {
    text.parse().unwrap()
}

#[test]
fn the_text_form_is_one_sorted_block_a_release() {
    insta::assert_snapshot!(sample().to_toml());
}

#[test]
fn the_text_form_reads_back_in_load_order() {
    let lock = sample();

    assert_eq!(Lock::from_toml(&lock.to_toml()).unwrap(), lock);
}

#[test]
fn json_reads_back() {
    let lock = sample();

    assert_eq!(serde_json::from_str::<Lock>(&serde_json::to_string(&lock).unwrap()).unwrap(), lock);
}

#[test]
fn an_unlimited_request_makes_the_union_unlimited() {
    let limited = release("a:a@1.0.0", 0, &[], r#"{"network":{"hosts":["a:443"]}}"#);
    let unlimited = release("a:b@1.0.0", 0, &[], r#"{"network":{}}"#);

    let union = union_of([&limited.capabilities, &unlimited.capabilities].into_iter());

    assert!(union.values().all(|scope| scope.0.is_empty()));
}

#[test]
fn a_lock_asks_its_question_again() {
    let lock = sample();

    let request = lock.to_request();

    assert_eq!((&request.roots, &request.policy), (&lock.roots, &lock.policy));
    assert_eq!(request.host.unwrap().version, Some("1.1.0".parse().unwrap()));
    assert_eq!((request.lock.as_ref(), request.as_of), (Some(&lock), lock.as_of));
}

#[test]
fn a_root_leads_to_its_newest_match_unless_the_lock_says_otherwise() {
    let lock = sample();

    let led_to = |root: &str| lock.root_release(&name(root)).map(|release| release.id().to_string());

    assert_eq!(led_to("acme:app").as_deref(), Some("acme:app@1.2.0"));
    assert_eq!(led_to("text:renderer").as_deref(), Some("acme:markdown@1.2.0"));
    assert_eq!(led_to("acme:fonts"), None);
}

#[test]
fn an_upgrade_of_one_release_of_fifty_changes_its_block_and_the_header() {
    let before = fifty();
    let mut after = before.clone();
    let (old, new) = ("acme:p25@1.0.0".parse::<ReleaseId>().unwrap(), "1.1.0".parse::<Version>().unwrap());
    for release in &mut after.releases {
        if release.id() == old {
            release.version = new.clone();
            release.digest = Digest::of(b"new");
            release.url = format!("/blobs/sha256/{}", release.digest.to_hex());
        }
        for dependency in &mut release.dependencies {
            if dependency.release == old {
                dependency.release.version = new.clone();
            }
        }
    }
    after.sequence += 1;

    let (before, after) = (before.to_toml(), after.to_toml());

    assert!(Lock::from_toml(&after).is_ok());
    let pairs = before.lines().zip(after.lines());
    let differing: Vec<String> =
        pairs.filter(|(old, new)| old != new).map(|(old, new)| format!("-{old}\n+{new}")).collect();
    assert_eq!(before.lines().count(), after.lines().count());
    insta::assert_snapshot!(differing.join("\n"));
}

/// A chain of fifty, each needed by the one before and by the root.
fn fifty() -> Lock {
    let id = |number: u32| format!("acme:p{number:02}@1.0.0");
    let releases = (0..50).map(|number| {
        let need = (number > 0).then(|| format!("acme:p{:02} ^1 -> {}", number - 1, id(number - 1)));
        release(&id(number), number, &need.as_deref().into_iter().collect::<Vec<_>>(), "{}")
    });
    lock(&[("acme:p49", "^1")], releases.collect())
}
