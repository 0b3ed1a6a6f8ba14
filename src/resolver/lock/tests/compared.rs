//! Two locks side by side.

use insta::assert_json_snapshot;

use super::{Lock, ReleaseChangeKind, lock, release, sample};
use crate::domain::Risk;

/// The sample after an upgrade that asks for more, adds a plugin and drops one.
fn upgraded() -> Lock {
    let mut after = sample();
    let mut app = release(
        "acme:app@1.3.0",
        2,
        &["acme:mailer ^1 -> acme:mailer@1.0.0", "text:renderer ^1 -> acme:markdown@1.2.0"],
        "{}",
    );
    app.signer = "cd".repeat(32);
    app.deprecated = Some("moved to acme:suite".into());
    let network = r#"{"network":{"hosts":["a:443","mail:25"],"reason":"fetches feeds and sends mail"}}"#;
    let mut tokenizer = release("acme:tokenizer@1.1.0", 0, &[], network);
    tokenizer.risk = Some(Risk::High);
    let mut mailer = release("acme:mailer@1.0.0", 0, &[], r#"{"kv":{"reason":"remembers"}}"#);
    mailer.size_bytes = 4000;
    after.releases.retain(|known| {
        !["acme:fonts@2.0.0", "acme:app@1.2.0", "acme:tokenizer@1.0.3"]
            .contains(&known.id().to_string().as_str())
    });
    after.releases.extend([app, tokenizer, mailer]);
    after.roots.insert("acme:app".parse().unwrap(), "^1.3".parse().unwrap());
    after.policy.min_age_hours = 0;
    after.policy.max_risk = Some(Risk::High);
    after
}

#[test]
fn a_comparison_tells_releases_powers_risk_weight_signers_and_the_question() {
    let comparison = sample().compare(&upgraded());

    assert!(!comparison.is_same_choice());
    assert_json_snapshot!(comparison);
}

#[test]
fn versions_side_by_side_are_compared_with_their_own_line() {
    let before = lock(&[], vec![release("a:a@1.0.0", 0, &[], "{}"), release("a:a@2.0.0", 0, &[], "{}")]);
    let after = lock(
        &[],
        vec![
            release("a:a@0.9.0", 0, &[], "{}"),
            release("a:a@1.1.0", 0, &[], "{}"),
            release("a:a@2.0.0", 0, &[], "{}"),
        ],
    );

    let there = before.compare(&after);
    let back = after.compare(&before);

    let told = |change: &super::ReleaseChange| {
        let version = |facts: &Option<super::Facts>| facts.as_ref().map(|facts| facts.version.to_string());
        (change.kind, version(&change.before), version(&change.after))
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        there.changes.iter().map(told).collect::<Vec<_>>(),
        [
            (ReleaseChangeKind::Added, None, some("0.9.0")),
            (ReleaseChangeKind::Upgraded, some("1.0.0"), some("1.1.0"))
        ]
    );
    assert_eq!(back.count(ReleaseChangeKind::Removed), 1);
    assert_eq!(back.count(ReleaseChangeKind::Downgraded), 1);
}

#[test]
fn other_bytes_under_one_version_are_said_so() {
    let before = lock(&[], vec![release("a:a@1.0.0", 0, &[], "{}")]);
    let mut after = before.clone();
    after.releases[0].digest = crate::domain::Digest::of(b"other");

    let comparison = before.compare(&after);

    assert!(comparison.changes[0].package_changed && !comparison.is_same_choice());
}

#[test]
fn news_of_a_release_that_stays_are_no_other_choice() {
    let before = lock(&[], vec![release("a:a@1.0.0", 0, &[], "{}")]);
    let mut after = before.clone();
    after.releases[0].deprecated = Some("use a:b".into());

    let comparison = before.compare(&after);

    assert!(comparison.is_same_choice());
    assert_eq!(comparison.changes[0].newly_deprecated.as_deref(), Some("use a:b"));
}

#[test]
fn a_limit_that_falls_away_is_a_gain_without_limits() {
    let of = |capabilities: &str| lock(&[], vec![release("a:a@1.0.0", 0, &[], capabilities)]);
    let limited = of(r#"{"network":{"hosts":["a:443"]}}"#);
    let unlimited = of(r#"{"network":{}}"#);

    let comparison = limited.compare(&unlimited);

    assert!(comparison.capabilities_gained.values().all(|scope| scope.0.is_empty()));
    assert_eq!(comparison.capabilities_gained.len(), 1);
    assert!(comparison.capabilities_lost.is_empty());
}
