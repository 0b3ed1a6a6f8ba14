//! An independent reader of derivations: every leaf is true of the universe, every conclusion follows from two earlier
//! steps, and the last one says that the request cannot be met.

use std::collections::{BTreeMap, BTreeSet};

use pluginry::domain::{PluginName, Requirement, Version};
use pluginry::resolver::ResolveFailure;
use serde_json::Value;

use super::case::Case;

/// What a statement is about: the request, a line of a plugin, the host, a need, or what is loaded beside somebody.
type About = String;
/// In which states it holds: versions or options as texts, `absent`, `none`.
type States = BTreeSet<String>;
/// What can never hold together.
type Never = BTreeMap<About, States>;

const ABSENT: &str = "absent";

/// Panics where the derivation of a failure proves nothing.
pub(crate) fn check_derivation(case: &Case, failure: &ResolveFailure) {
    let Some(derivation) = failure.derivation() else { return };
    let steps = derivation["steps"].as_array().unwrap();
    assert!(!steps.is_empty(), "a small proof is told in full");
    let said: Vec<Never> = steps.iter().map(never).collect();
    let universe = Universe::of(case, &said);
    for (place, step) in steps.iter().enumerate() {
        match step["kind"].as_str().unwrap() {
            "conclusion" => {
                let from: Vec<usize> =
                    step["from"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect();
                assert!(from.len() == 2 && from.iter().all(|earlier| *earlier < place), "{step}");
                assert!(
                    universe.follows(&said[place], &said[from[0]], &said[from[1]]),
                    "step {place} does not follow: {derivation:#}"
                );
            }
            kind => universe.check_leaf(kind, step, &said[place]),
        }
    }
    let request = Never::from([("request".into(), States::from(["true".into()]))]);
    assert_eq!(said.last().unwrap(), &request, "{derivation:#}");
    for forbidden in ["Choice", "Guard", "RootChoice", "Line"] {
        assert!(!derivation.to_string().contains(forbidden), "{derivation:#}");
    }
}

fn never(step: &Value) -> Never {
    let terms = step["never"].as_array().unwrap();
    let named: Never = terms.iter().map(|term| (about(term), states(term))).collect();
    assert_eq!(named.len(), terms.len(), "one term about each: {step}");
    named
}

fn about(term: &Value) -> About {
    if let Some(need) = term.get("need") {
        return format!("need {need}");
    }
    if let Some(host) = term.get("host") {
        return format!("host {host}");
    }
    if term.get("request").is_some() {
        return "request".into();
    }
    let kind = if term.get("beside").is_some() { "beside" } else { "plugin" };
    format!(
        "{kind} {} {}",
        term["plugin"].as_str().unwrap(),
        term.get("line").map_or("", |line| line.as_str().unwrap())
    )
}

fn states(term: &Value) -> States {
    let mut states = States::new();
    if let Some(holds) = term.get("request") {
        return States::from([holds.to_string()]);
    }
    for list in ["versions", "beside"] {
        let versions = term.get(list).and_then(Value::as_array).into_iter().flatten();
        states.extend(versions.map(|version| version.as_str().unwrap().to_owned()));
    }
    let options = term.get("met_by").and_then(Value::as_array).into_iter().flatten();
    states.extend(options.map(ToString::to_string));
    if term.get("none") == Some(&Value::Bool(true)) {
        states.insert("none".into());
    }
    if term.get("absent") == Some(&Value::Bool(true)) {
        states.insert(ABSENT.into());
    }
    states
}

/// What there is, as the scenario says and not as the derivation does.
struct Universe<'a> {
    case: &'a Case,
    /// Every state that something can be in.
    every: BTreeMap<About, States>,
}

impl<'a> Universe<'a> {
    fn of(case: &'a Case, said: &[Never]) -> Self {
        let mut every: BTreeMap<About, States> = BTreeMap::new();
        for (about, states) in said.iter().flatten() {
            let known = every.entry(about.clone()).or_default();
            known.extend(states.iter().cloned());
            known.insert(if about == "request" { "false".into() } else { ABSENT.into() });
            if about == "request" {
                known.insert("true".into());
            }
            if about.starts_with("beside") {
                known.insert("none".into());
            }
        }
        for id in case.releases.keys() {
            for line in [line_of(&id.version), String::new()] {
                for kind in ["plugin", "beside"] {
                    if let Some(known) = every.get_mut(&format!("{kind} {} {line}", id.plugin)) {
                        known.insert(id.version.to_string());
                    }
                }
            }
        }
        for profile in &case.profiles {
            let fixed = case.resolve_request().host.and_then(|host| host.version);
            if let Some(known) = every.get_mut(&format!("host \"{}\"", profile.plugin))
                && fixed.is_none_or(|fixed| fixed == profile.version)
            {
                known.insert(profile.version.to_string());
            }
        }
        Self { case, every }
    }

    /// Whether everything that the third forbids is forbidden by one of the other two.
    fn follows(&self, conclusion: &Never, one: &Never, other: &Never) -> bool {
        // A counterexample holds in all of the conclusion, and fails in some term of each of the others.
        let allowed = |about: &About| conclusion.get(about).unwrap_or(&self.every[about]);
        let fails = |never: &Never, about: &About| -> States {
            self.every[about].difference(&never[about]).cloned().collect()
        };
        !one.keys().any(|a| {
            other.keys().any(|b| {
                let (first, second) = (fails(one, a), fails(other, b));
                if a == b {
                    first.iter().any(|state| second.contains(state) && allowed(a).contains(state))
                } else {
                    first.iter().any(|state| allowed(a).contains(state))
                        && second.iter().any(|state| allowed(b).contains(state))
                }
            })
        })
    }

    fn check_leaf(&self, kind: &str, step: &Value, never: &Never) {
        let case = self.case;
        match kind {
            "request" => {
                assert_eq!(*never, Never::from([("request".into(), States::from(["false".into()]))]))
            }
            "wants" => {
                let plugin: PluginName = step["plugin"].as_str().unwrap().parse().unwrap();
                let requirement: Requirement = step["requirement"].as_str().unwrap().parse().unwrap();
                assert_eq!(case.resolve_request().roots.get(&plugin), Some(&requirement), "{step}");
                self.check_unmet(step, &plugin, &requirement);
            }
            "runs-on" => {
                let host = case.resolve_request().host.expect("the request names a host");
                assert_eq!(step["profile"], serde_json::json!(host.profile));
            }
            "needs" | "excludes" => {
                let other: PluginName = step["other"].as_str().unwrap().parse().unwrap();
                let requirements: Vec<Requirement> = step["requirements"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|r| r.as_str().unwrap().parse().unwrap())
                    .collect();
                for (_, release) in self.releases(step) {
                    let asked = match kind {
                        "needs" => release.needs.get(&other).map(|spec| &spec.version),
                        _ => release.conflicts.get(&other),
                    };
                    assert!(asked.is_some_and(|asked| requirements.contains(asked)), "{step}");
                }
                if kind == "needs" && requirements.len() == 1 {
                    self.check_unmet(step, &other, &requirements[0]);
                }
            }
            "needs-host" => {
                let needed: Vec<Requirement> = step["requirements"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|r| r.as_str().unwrap().parse().unwrap())
                    .collect();
                for (_, release) in self.releases(step) {
                    assert!(needed.contains(&release.profile_version), "{step}");
                }
            }
            "is-beside" => assert!(self.releases(step).next().is_some(), "{step}"),
            "left-out" => self.check_left_out(step),
            "met-by" | "nothing-else" => {}
            other => panic!("an unknown kind of step: {other}"),
        }
    }

    /// What a need is not met by does not match it.
    fn check_unmet(&self, step: &Value, wanted: &PluginName, requirement: &Requirement) {
        let counts_pre_releases = |version: &Version| !version.is_pre_release();
        for term in step["never"].as_array().unwrap() {
            if term["plugin"] != serde_json::json!(wanted) || term.get("absent").is_none() {
                continue;
            }
            for version in term["versions"].as_array().unwrap() {
                let version: Version = version.as_str().unwrap().parse().unwrap();
                let is_met = requirement.matches(&version) && counts_pre_releases(&version);
                assert!(!is_met, "{version} meets {requirement}: {step}");
            }
        }
    }

    fn releases(&self, step: &Value) -> impl Iterator<Item = (Version, &super::case::CaseRelease)> {
        let plugin: PluginName = step["plugin"].as_str().unwrap().parse().unwrap();
        let versions = step["versions"].as_array().unwrap().clone();
        versions.into_iter().map(move |version| {
            let id = format!("{plugin}@{}", version.as_str().unwrap()).parse().unwrap();
            let release = self.case.releases.get(&id).expect("a release of the universe");
            (id.version, release)
        })
    }

    /// A release that is left out cannot be had by itself either, without any need or conflict.
    fn check_left_out(&self, step: &Value) {
        let term = &step["never"][0];
        let Some(plugin) = term.get("plugin") else { return };
        let plugin: PluginName = plugin.as_str().unwrap().parse().unwrap();
        let told: BTreeSet<&str> = step["reasons"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|reason| reason["versions"].as_array().unwrap())
            .map(|version| version.as_str().unwrap())
            .collect();
        for version in term["versions"].as_array().unwrap() {
            let version = version.as_str().unwrap();
            assert!(told.contains(version), "{version} has no reason: {step}");
            let mut case = self.case.clone();
            for release in case.releases.values_mut() {
                release.needs.clear();
                release.conflicts.clear();
                release.provides.clear();
            }
            let is_early = version.contains('-');
            // Asking for a pre-release by name would let it in.
            if is_early {
                continue;
            }
            let roots = toml::Table::from_iter([(plugin.to_string(), format!("={version}").into())]);
            case.request.insert("roots".into(), roots.into());
            case.request.remove("pre_releases_of");
            assert!(case.answer(false).is_err(), "{plugin} {version} is not left out: {step}");
        }
    }
}

fn line_of(version: &Version) -> String {
    let version = version.as_semver();
    match (version.major, version.minor) {
        (0, 0) => format!("0.0.{}", version.patch),
        (0, minor) => format!("0.{minor}.x"),
        (major, _) => format!("{major}.x"),
    }
}
