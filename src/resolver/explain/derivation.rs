//! The proof as JSON, for programs: steps that say what can never be so, each true of the registry or following from
//! two earlier ones. The shapes are in docs/RESOLVER.md.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use pubgrub::{DerivationTree, External, Term, VersionSet as _};
use serde_json::{Map, Value, json};

use super::facts::Leaf;
use crate::domain::Version;
use crate::resolver::choices::ChoiceOption;
use crate::resolver::index::{Symbol, compatibility};
use crate::resolver::proof::Tree;
use crate::resolver::provider::{Package, Provider};
use crate::resolver::version_bits::VersionBits;

/// Steps of a derivation that is told; a longer one is only counted.
const STEPS_MAX: usize = 2_000;
/// Versions that all steps together may name.
const VERSIONS_MAX: usize = 40_000;

/// The proof as a list of steps; the last says that the request cannot be met.
pub(super) fn derivation(provider: &Provider<'_>, tree: &Tree) -> Value {
    let mut steps: Vec<Value> = Vec::new();
    let mut numbers: HashMap<*const Tree, usize> = HashMap::new();
    let mut stack = vec![(tree, false)];
    let teller = Teller { provider, versions_left: std::cell::Cell::new(VERSIONS_MAX) };
    while let Some((node, are_causes_done)) = stack.pop() {
        let key = std::ptr::from_ref(node);
        if numbers.contains_key(&key) {
            continue;
        }
        let step = match node {
            DerivationTree::External(leaf) => teller.leaf(leaf),
            DerivationTree::Derived(derived) if are_causes_done => {
                let number = |cause: &Arc<Tree>| numbers[&Arc::as_ptr(cause)];
                let mut never: Vec<Value> =
                    derived.terms.iter().map(|(package, term)| teller.term(*package, term)).collect();
                // By what they say: the order of packages depends on the order in which the index learned of them.
                never.sort_by_cached_key(ToString::to_string);
                let from = [number(&derived.cause1), number(&derived.cause2)];
                step("conclusion", json!({ "from": from }), never)
            }
            DerivationTree::Derived(derived) => {
                stack.extend([(node, true), (&derived.cause1, false), (&derived.cause2, false)]);
                continue;
            }
        };
        numbers.insert(key, steps.len());
        steps.push(step);
        if steps.len() > STEPS_MAX || teller.versions_left.get() == 0 {
            return json!({ "steps": [], "is_too_long": true });
        }
    }
    json!({ "steps": steps })
}

fn step(kind: &str, details: Value, never: Vec<Value>) -> Value {
    let mut step = Map::from_iter([("kind".to_owned(), json!(kind))]);
    if let Value::Object(details) = details {
        step.extend(details);
    }
    step.insert("never".into(), Value::Array(never));
    Value::Object(step)
}

struct Teller<'a, 'b> {
    provider: &'b Provider<'a>,
    versions_left: std::cell::Cell<usize>,
}

impl Teller<'_, '_> {
    /// What a release has to do with: the package it is chosen from, and in which versions.
    fn term(&self, package: Package, term: &Term<VersionBits>) -> Value {
        match term {
            Term::Positive(set) => self.state(package, set, false),
            Term::Negative(set) => self.state(package, &set.complement(), true),
        }
    }

    /// That a package is there in one of these versions, or, with `absent`, not at all.
    fn state(&self, package: Package, set: &VersionBits, absent: bool) -> Value {
        let mut state = match package {
            Package::Root => return json!({ "request": !absent }),
            Package::Line { plugin, line } => {
                let mut state = self.line(plugin, line);
                state["versions"] = self.versions(plugin, line, set);
                state
            }
            Package::Host => {
                let versions: Vec<&Version> = self.provider.host().versions(set).collect();
                json!({ "host": self.profile(), "versions": versions })
            }
            Package::Choice(plugin, requirement) => {
                let requirement = &self.provider.index.plugin(plugin).requirements[requirement as usize];
                let need = json!({ "plugin": self.name(plugin), "requirement": requirement.requirement });
                json!({ "need": need, "met_by": self.options(package, set) })
            }
            Package::RootChoice(place) => {
                let root = &self.provider.roots[place as usize];
                let need = json!({
                    "plugin": self.name(root.plugin), "requirement": root.matching.requirement, "of": "request",
                });
                json!({ "need": need, "met_by": self.options(package, set) })
            }
            Package::Guard { plugin, line } => {
                let mut state = self.line(plugin, line);
                let shifted = VersionBits::from_iter(
                    set.ordinals(self.provider.releases(plugin, line).1.len() as u32 + 1)
                        .filter_map(|number| number.checked_sub(1)),
                );
                state["beside"] = self.versions(plugin, line, &shifted);
                state["none"] = json!(set.has(0));
                state
            }
        };
        if absent {
            state["absent"] = json!(true);
        }
        state
    }

    fn leaf(&self, leaf: &Leaf) -> Value {
        match leaf {
            External::NotRoot(..) => step("request", json!({}), vec![json!({ "request": false })]),
            External::NoVersions(package, set) => self.missing(*package, set),
            External::FromDependencyOf(subject, versions, target, targets) => {
                let never = vec![
                    self.state(*subject, versions, false),
                    self.state(*target, &targets.complement(), true),
                ];
                let (kind, details) = self.dependency(*subject, *target, versions);
                step(kind, details, never)
            }
            External::Custom(_, _, never) => match *never {},
        }
    }

    /// Versions that cannot be chosen, and why.
    fn missing(&self, package: Package, set: &VersionBits) -> Value {
        let never = vec![self.state(package, set, false)];
        let Package::Line { plugin, line } = package else { return step("nothing-else", json!({}), never) };
        let (_, releases) = self.provider.releases(plugin, line);
        let mut reasons: BTreeMap<String, Vec<&Version>> = BTreeMap::new();
        for number in set.ordinals(releases.len() as u32) {
            let release = &releases[number as usize];
            if let Some(hindrance) = self.provider.filters.hindrance(plugin, release) {
                reasons.entry(hindrance.sentence(false)).or_default().push(&release.version);
            }
        }
        let reasons: Vec<Value> = reasons
            .into_iter()
            .map(|(reason, versions)| json!({ "versions": versions, "reason": reason }))
            .collect();
        step("left-out", json!({ "reasons": reasons }), never)
    }

    fn dependency(&self, subject: Package, target: Package, versions: &VersionBits) -> (&'static str, Value) {
        match (subject, target) {
            (Package::Root, Package::Host) => ("runs-on", json!({ "profile": self.profile() })),
            (Package::Line { plugin, line }, Package::Host) => {
                let edges = |release: &crate::resolver::index::Release| vec![release.profile];
                let mut details = self.edges(plugin, line, versions, plugin, edges);
                details["other"] = json!(self.profile());
                ("needs-host", details)
            }
            (Package::Root, _) => {
                let wanted = (0..self.provider.roots.len())
                    .find(|place| self.provider.root_target(*place).0 == target)
                    .map(|place| &self.provider.roots[place]);
                let details = wanted.map(|root| {
                    json!({ "plugin": self.name(root.plugin), "requirement": root.matching.requirement })
                });
                ("wants", details.unwrap_or_default())
            }
            (Package::Line { plugin, line }, Package::Guard { plugin: other, .. }) if plugin == other => {
                let mut details = self.line(plugin, line);
                details["versions"] = self.versions(plugin, line, versions);
                ("is-beside", details)
            }
            (Package::Line { plugin, line }, Package::Guard { plugin: other, .. }) => {
                let edges = |release: &crate::resolver::index::Release| {
                    release.conflicts.iter().copied().filter(|edge| edge.plugin == other).collect()
                };
                ("excludes", self.edges(plugin, line, versions, other, edges))
            }
            (Package::Line { plugin, line }, _) => {
                let mut other = plugin;
                let (_, releases) = self.provider.releases(plugin, line);
                for number in versions.ordinals(releases.len() as u32) {
                    let mut edges = self.provider.dependencies_of(&releases[number as usize]);
                    if let Some(edge) = edges.find(|edge| self.provider.target(*edge).0 == target) {
                        other = edge.plugin;
                        break;
                    }
                }
                let edges = |release| {
                    let edges = self.provider.dependencies_of(release);
                    edges.filter(|edge| self.provider.target(*edge).0 == target).collect()
                };
                ("needs", self.edges(plugin, line, versions, other, edges))
            }
            _ => ("met-by", json!({})),
        }
    }

    /// Who asks what of whom.
    fn edges<'s>(
        &'s self,
        plugin: Symbol,
        line: u32,
        versions: &VersionBits,
        other: Symbol,
        edges: impl Fn(&'s crate::resolver::index::Release) -> Vec<crate::resolver::index::Edge>,
    ) -> Value {
        let (_, releases) = self.provider.releases(plugin, line);
        let mut requirements: Vec<String> = Vec::new();
        for number in versions.ordinals(releases.len() as u32) {
            for edge in edges(&releases[number as usize]) {
                let requirement = self.provider.index.requirement(edge).to_string();
                if !requirements.contains(&requirement) {
                    requirements.push(requirement);
                }
            }
        }
        let mut details = self.line(plugin, line);
        details["versions"] = self.versions(plugin, line, versions);
        details["other"] = json!(self.name(other));
        details["requirements"] = json!(requirements);
        details
    }

    fn profile(&self) -> &crate::domain::PluginName {
        &self.provider.host().request.profile
    }

    fn name(&self, plugin: Symbol) -> &crate::domain::PluginName {
        &self.provider.index.plugin(plugin).name
    }

    /// A plugin and which of its lines: none where only one version of it may be chosen.
    fn line(&self, plugin: Symbol, line: u32) -> Value {
        let mut state = json!({ "plugin": self.name(plugin) });
        let is_one_of_several = self.provider.index.plugin(plugin).lines.get(line as usize).is_some();
        if is_one_of_several && let Some(release) = self.provider.releases(plugin, line).1.first() {
            state["line"] = json!(line_name(&release.version));
        }
        state
    }

    fn versions(&self, plugin: Symbol, line: u32, set: &VersionBits) -> Value {
        let (_, releases) = self.provider.releases(plugin, line);
        let versions: Vec<&Version> = set
            .ordinals(releases.len() as u32)
            .map(|number| &releases[number as usize].version)
            .take(self.versions_left.get())
            .collect();
        self.versions_left.set(self.versions_left.get() - versions.len());
        json!(versions)
    }

    fn options(&self, choice: Package, set: &VersionBits) -> Value {
        let options = self.provider.options(choice);
        let chosen = set.ordinals(options.len() as u32);
        chosen
            .map(|number| {
                let ChoiceOption { package, versions } = &options[number as usize];
                self.state(*package, versions, false)
            })
            .collect()
    }
}

/// "1.x", "0.3.x", "0.0.7": the versions that are compatible with this one.
pub(super) fn line_name(version: &Version) -> String {
    match compatibility(version) {
        (0, 0, patch) => format!("0.0.{patch}"),
        (0, minor, _) => format!("0.{minor}.x"),
        (major, ..) => format!("{major}.x"),
    }
}
