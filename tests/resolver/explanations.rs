//! What explanations promise, on random small universes and on the scenarios: mends that hold, conflicts that are minimal,
//! few short lines, and a derivation in which every step follows.

use std::collections::{BTreeMap, BTreeSet};

use pluginry::domain::{PluginName, Refusal, ReleaseId, Requirement};
use pluginry::resolver::{Circumstances, Lock, ResolveFailure, resolve};
use proptest::prelude::*;

use super::case::{Case, CaseRelease, NOW, case_files};
use super::derivations::check_derivation;

const PLUGINS: [&str; 5] = ["acme:a", "acme:b", "beta:c", "beta:d", "v:v"];
const VERSIONS: [&str; 5] = ["0.9.0", "1.0.0", "1.1.0", "1.2.0-rc.1", "2.0.0"];

fn one_of(texts: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    proptest::sample::select(texts)
}

fn any_requirement() -> impl Strategy<Value = Requirement> {
    one_of(&["*", "^1", "^1.1", "=1.0.0", "^2", ">=1.1, <3", "<1.1", "^0.9", "^1.2.0-rc.1", "^3"])
        .prop_map(|text| text.parse().unwrap())
}

fn any_needs(most: usize) -> impl Strategy<Value = BTreeMap<PluginName, Requirement>> {
    let name = one_of(&PLUGINS).prop_map(|text| text.parse().unwrap());
    proptest::collection::btree_map(name, any_requirement(), 0..=most)
}

/// Optional parts of a release, as TOML.
fn any_trait() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        6 => Just(""),
        1 => Just(r#"capabilities = { network = { hosts = ["a:443"] } }"#),
        1 => Just(r#"capabilities = { network = {}, kv = {} }"#),
        1 => Just("risk = 'high'"),
        1 => Just("license = 'MIT AND Zlib'"),
        1 => Just("license = 'GPL-3.0-only OR MPL-2.0'"),
        1 => Just("age-hours = 5"),
        1 => Just("verification = 'pending'"),
        1 => Just("verification = 'failed'"),
        1 => Just("yanked = true"),
        1 => Just("recalled = 'leaks'"),
        1 => Just("profile-version = '^2'"),
        1 => Just("profile-version = '>=1.1'"),
        1 => Just("profile = 'other:host'"),
        1 => Just("extension-points = ['menu']"),
        1 => Just("trust = 'internal'"),
        1 => Just("sequence = 9"),
        1 => Just("singleton = true"),
        1 => Just("deprecated = 'use another'"),
    ]
}

fn any_release() -> impl Strategy<Value = CaseRelease> {
    let provided = proptest::option::weighted(0.2, one_of(&["1.0.0", "2.0.0"]));
    let optional = proptest::bool::weighted(0.2);
    (any_needs(2), any_needs(1), provided, any_trait(), optional).prop_map(
        |(needs, conflicts, provided, text, optional)| {
            let mut release: CaseRelease = toml::from_str(text).unwrap();
            release.needs = needs
                .into_iter()
                .map(|(name, version)| {
                    let spec = serde_json::json!({ "version": version, "optional": optional });
                    (name, serde_json::from_value(spec).unwrap())
                })
                .collect();
            release.conflicts = if optional { conflicts } else { BTreeMap::new() };
            release.provides = provided
                .map(|version| ("v:v".parse().unwrap(), version.parse().unwrap()))
                .into_iter()
                .collect();
            release
        },
    )
}

/// Optional parts of a request, as TOML.
fn any_wishes() -> impl Strategy<Value = String> {
    let host = one_of(&[
        "",
        "host = { profile = 'pluginry:reference', version = '1.0.0' }",
        "host = { profile = 'pluginry:reference', version = '1.0.0', grants = {}, extension_points = ['tool'] }",
        "host = { profile = 'pluginry:reference', version = '1.1.0', grants = { network = { hosts = ['b:1'] } } }",
        "host = { profile = 'pluginry:reference' }",
        "host = { profile = 'pluginry:reference', grants = {} }",
    ]);
    let policy = one_of(&[
        "",
        "policy = { max_risk = 'low', licenses = ['MIT'] }",
        "policy = { min_age_hours = 72, require_verified = true }",
        "policy = { one_version_per_plugin = true }",
        "policy = { pre_release = true, denied_namespaces = ['beta'] }",
        "policy = { min_trust = 'partner', trust = { acme = 'internal' } }",
        "policy = { allowed_namespaces = ['acme'], max_risk_by_trust = { marketplace = 'low' } }",
    ]);
    let other =
        one_of(&["", "", "", "with_optional = ['acme:b', 'beta:c', 'v:v']", "as_of = { tree_size = 5 }"]);
    (host, policy, other).prop_map(|(host, policy, other)| format!("{host}\n{policy}\n{other}\n"))
}

fn any_case() -> impl Strategy<Value = Case> {
    let id = (one_of(&PLUGINS[..4]), one_of(&VERSIONS))
        .prop_map(|(name, version)| format!("{name}@{version}").parse::<ReleaseId>().unwrap());
    let releases = proptest::collection::btree_map(id, any_release(), 3..12);
    let locked = proptest::collection::vec(any::<proptest::sample::Index>(), 0..3);
    (releases, any_needs(3), any_wishes(), locked, any::<bool>()).prop_map(
        |(mut releases, roots, wishes, locked, upgrades)| {
            for (id, release) in &mut releases {
                release.needs.remove(&id.plugin);
                release.conflicts.remove(&id.plugin);
            }
            let mut request: toml::Table = toml::from_str(&wishes).unwrap();
            request.insert("roots".into(), toml::Value::try_from(&roots).unwrap());
            let ids: Vec<&ReleaseId> = releases.keys().collect();
            let locked: BTreeSet<&ReleaseId> =
                locked.iter().map(|place| ids[place.index(ids.len())]).collect();
            if upgrades && let Some(first) = locked.first() {
                request.insert("upgrade".into(), toml::Value::try_from([&first.plugin]).unwrap());
            }
            if !locked.is_empty() {
                request.insert("locked".into(), toml::Value::try_from(locked).unwrap());
            }
            let profiles = ["1.0.0", "1.1.0", "2.0.0"]
                .map(|version| format!("pluginry:reference@{version}").parse().unwrap())
                .into_iter()
                .chain(["other:host@1.0.0".parse().unwrap()])
                .collect();
            Case { releases, profiles, before: Vec::new(), request, expect: toml::Table::new() }
        },
    )
}

fn check_mends(case: &Case, failure: &ResolveFailure) {
    let index = case.index(false);
    for mend in failure.mends() {
        let request = mend.apply(&case.resolve_request());
        let answer = case.resolve(&index, &request, mend.not_before().unwrap_or(NOW));

        assert!(answer.is_ok(), "{} does not help: {answer:?}\n{case:#?}", mend.says);
    }
}

fn is_solvable(answer: &Result<Lock, ResolveFailure>) -> bool {
    matches!(answer, Ok(_) | Err(ResolveFailure::Cycle { .. }))
}

/// The same universe and request with one plugin left out of account: whatever is asked of it is met.
fn without(case: &Case, plugin: &PluginName) -> Case {
    let mut case = case.clone();
    let virtual_name: PluginName = "v:v".parse().unwrap();
    let provided: BTreeSet<_> = case
        .releases
        .iter()
        .filter(|(id, _)| id.plugin == *plugin)
        .flat_map(|(_, release)| release.provides.values().cloned())
        .collect();
    let is_free = |name: &PluginName, requirement: &Requirement| {
        name == plugin
            || (*name == virtual_name && provided.iter().any(|version| requirement.matches(version)))
    };
    for release in case.releases.values_mut() {
        release.needs.retain(|name, spec| !is_free(name, &spec.version));
        release.conflicts.retain(|name, _| name != plugin);
    }
    if let Some(roots) = case.request.get_mut("roots").and_then(toml::Value::as_table_mut) {
        roots.retain(|name, requirement| {
            !is_free(&name.parse().unwrap(), &requirement.as_str().unwrap().parse().unwrap())
        });
    }
    case
}

/// The plugins named conflict by themselves, and would not if any one of them were left out of account.
fn check_minimality(case: &Case, failure: &ResolveFailure) {
    let names: BTreeSet<PluginName> = PLUGINS.map(|name| name.parse().unwrap()).into();
    let unnamed = names.iter().filter(|name| !failure.plugins().contains(name));
    let alone = unnamed.fold(case.clone(), |case, name| without(&case, name));
    if failure.plugins().is_empty() {
        return;
    }
    assert!(!is_solvable(&alone.answer(false)), "more than these plugins conflict:\n{failure}\n{case:#?}");
    for plugin in failure.plugins() {
        let answer = without(&alone, plugin).answer(false);

        assert!(is_solvable(&answer), "{plugin} plays no part in\n{failure}\n{answer:?}\n{case:#?}");
        assert!(failure.to_string().contains(&plugin.to_string()), "{plugin} is not named in\n{failure}");
    }
}

fn check_lines(failure: &ResolveFailure) {
    let (text, mend) = (failure.to_string(), failure.mend().unwrap_or_default());
    assert!(text.lines().count() < 12, "{text}");
    assert!(text.lines().all(|line| line.chars().count() < 480), "{text}");
    assert!(!mend.is_empty() && mend.lines().count() == 1 && mend.chars().count() < 2_000, "{mend}");
    let is_hidden = |character: char| character != '\n' && character.is_control();
    assert!(!text.chars().any(is_hidden) && !mend.chars().any(is_hidden), "{text}\n{mend}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_refusal_on_random_universes_keeps_what_explanations_promise(case in any_case()) {
        if let Err(failure) = case.answer(false) {
            check_mends(&case, &failure);
            check_minimality(&case, &failure);
            check_lines(&failure);
            check_derivation(&case, &failure);
        }
    }
}

#[test]
fn every_refusal_of_the_scenarios_keeps_what_explanations_promise() {
    let mut explained = 0;
    for file in case_files() {
        let case = Case::read(&file);
        let Err(failure) = case.answer(false) else { continue };

        check_mends(&case, &failure);
        check_lines(&failure);
        check_derivation(&case, &failure);

        explained += 1;
    }
    assert!(explained > 50, "only {explained} refusals");
}

#[test]
fn a_deadline_while_explaining_tells_the_conflict_without_the_mends() {
    let file = case_files()
        .into_iter()
        .find(|file| file.ends_with("the_last_release_that_needs_no_grant_is_offered.toml"));
    let case = Case::read(&file.unwrap());
    let asked = std::cell::Cell::new(0);
    // Asked once by the solver; from then on the time is over.
    let should_stop = || asked.replace(asked.get() + 1) > 0;
    let circumstances = Circumstances { profiles: &[], now: NOW, should_stop: &should_stop };

    let failure = resolve(&case.index(false), &case.resolve_request(), &circumstances).unwrap_err();

    assert_eq!(failure.code(), "resolve-missing-grant");
    assert!(failure.to_string().contains("acme:scraper 2.0.0 and 2.1.0 ask for `network`"), "{failure}");
    assert!(failure.mends().is_empty(), "{:?}", failure.mends());
}
