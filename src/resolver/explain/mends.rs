//! Finding ways out of a refusal. Each is proven: the changed request was resolved and ended in a lock.
//!
//! A refusal should not cost much more than an answer, so the search has a bound; what it does not reach is not said.

use std::cell::Cell;
use std::collections::BTreeSet;

use super::facts::{Fact, facts_of};
use super::lifts::{Lift, Lifter, at_least};
use crate::domain::{PluginName, ReleaseId, Requirement, VerificationState, Version};
use crate::resolver::answer::{Selected, Sketch};
use crate::resolver::index::{Contents, Release, Symbol};
use crate::resolver::solve::{Refused, attempt};
use crate::resolver::{Change, Circumstances, ResolveFailure, ResolveRequest};

/// How often a changed request is resolved.
const ATTEMPTS_MAX: u32 = 24;
/// How many further hindrances one mend lifts.
const ROUNDS_MAX: usize = 4;
/// Ways of one sort that are looked for.
const EACH_MAX: usize = 2;
/// Steps that the search may take whatever the first answer took.
const STEPS_LEAST: u32 = 600;
/// How many times the steps of the first answer the search may take, and how many for each locked release.
const STEPS_FACTOR: u32 = 4;
/// Request entries that all attempts together may copy.
const ENTRIES_MAX: usize = 40_000;

/// Changes that lead to a lock.
pub(super) type Changes = Vec<Change>;

/// Tries changes of one request.
pub(super) struct Mender<'a> {
    index: &'a Contents,
    request: &'a ResolveRequest,
    circumstances: &'a Circumstances<'a>,
    steps_left: Cell<u32>,
    attempts_left: Cell<u32>,
}

/// What became of a changed request.
enum Outcome<'a> {
    Lock(Sketch<'a>),
    /// What stands against it now; nothing where it cannot be told in facts, or nobody asked.
    Refused(Vec<Fact>),
}

impl<'a> Mender<'a> {
    pub(super) fn new(
        index: &'a Contents,
        request: &'a ResolveRequest,
        circumstances: &'a Circumstances<'a>,
        steps_taken: u32,
    ) -> Self {
        let entries = request.roots.len()
            + request.lock.as_ref().map_or(0, |lock| lock.releases.len() + lock.roots.len());
        let locked = request.lock.as_ref().map_or(0, |lock| lock.releases.len());
        let expected = steps_taken.saturating_add(u32::try_from(locked).unwrap_or(u32::MAX));
        let affordable = u32::try_from(ENTRIES_MAX / (entries + 1)).unwrap_or(u32::MAX);
        Self {
            index,
            request,
            circumstances,
            steps_left: Cell::new(STEPS_LEAST.saturating_add(expected.saturating_mul(STEPS_FACTOR))),
            attempts_left: Cell::new(affordable.clamp(3, ATTEMPTS_MAX)),
        }
    }

    /// Whether everything was tried that was to be tried.
    pub(super) fn is_exhaustive(&self) -> bool {
        self.attempts_left.get() > 0 && self.steps_left.get() > 0 && !(self.circumstances.should_stop)()
    }

    /// Ways out of a conflict, the best first.
    pub(super) fn mends(&self, facts: &[Fact]) -> Vec<Changes> {
        let mut found: Vec<Changes> = Vec::new();
        for Lift { changes, .. } in self.lifter(self.request).lifts(facts) {
            if found.len() == EACH_MAX {
                break;
            }
            self.add(&mut found, self.lift_all(changes));
        }
        let most = found.len() + EACH_MAX;
        for root in self.wanted(facts) {
            if found.len() == most {
                break;
            }
            self.add(&mut found, self.ask_otherwise(&[root], false));
        }
        if found.is_empty() {
            self.add(&mut found, self.ask_otherwise(&self.wanted(facts), true));
        }
        if self.request.policy.one_version_per_plugin {
            let (field, value) = ("one_version_per_plugin".into(), false.into());
            self.add(&mut found, self.proven(vec![Change::Policy { field, value }]));
        }
        let most = found.len() + EACH_MAX + 1;
        for change in self.omissions(facts) {
            if found.len() == most {
                break;
            }
            self.add(&mut found, self.omit(change));
        }
        found
    }

    /// Ways out of a circle: another version of one of its releases, or one root less.
    pub(super) fn mends_of_circle(&self, releases: &[ReleaseId]) -> Vec<Changes> {
        let mut found: Vec<Changes> = Vec::new();
        for release in releases {
            let Some(symbol) = self.index.symbol(&release.plugin) else { continue };
            let others = self.index.plugin(symbol).releases.iter().rev();
            let others = others.filter(|other| other.is_on_offer() && !other.version.is_pre_release());
            let others = others.map(|other| &other.version).filter(|other| **other != release.version);
            for version in others.take(EACH_MAX + 1) {
                if found.len() == EACH_MAX {
                    return found;
                }
                let (plugin, requirement) = (release.plugin.clone(), Requirement::exactly(version));
                self.add(&mut found, self.proven(vec![Change::AskFor { plugin, requirement }]));
            }
        }
        for plugin in self.request.roots.keys().filter(|_| self.request.roots.len() > 1) {
            if !found.is_empty() {
                break;
            }
            self.add(&mut found, self.proven(vec![Change::LeaveOut { plugin: plugin.clone() }]));
        }
        found
    }

    /// Other versions of one root, pre-releases last.
    pub(super) fn mends_of_root(&self, plugin: &PluginName, versions: &[Version]) -> Vec<Changes> {
        let mut found: Vec<Changes> = Vec::new();
        if let Some(newest) = versions.first().filter(|newest| newest.is_pre_release()) {
            let (plugin, requirement) = (plugin.clone(), at_least(newest));
            self.add(&mut found, self.proven(vec![Change::AskFor { plugin, requirement }]));
        }
        self.add(&mut found, self.ask_otherwise(std::slice::from_ref(plugin), true));
        found
    }

    /// These changes, if they lead to a lock by themselves.
    pub(super) fn proven(&self, changes: Changes) -> Option<Changes> {
        matches!(self.attempt(&changes, false)?, Outcome::Lock(_)).then_some(changes)
    }

    /// The host at whichever registered version fits.
    pub(super) fn mends_of_host(&self, profile: &PluginName) -> Vec<Changes> {
        let mut request = self.request.clone();
        let Some(host) = &mut request.host else { return Vec::new() };
        (host.profile, host.version) = (profile.clone(), None);
        let version = match self.attempt_request(&request, &[], false) {
            Some(Outcome::Lock(lock)) => lock.host,
            _ => None,
        };
        let change = version.map(|version| Change::HostVersion { profile: profile.clone(), version });
        change.into_iter().filter_map(|change| self.proven(vec![change])).collect()
    }

    fn add(&self, found: &mut Vec<Changes>, changes: Option<Changes>) {
        found.extend(changes.filter(|changes| !found.contains(changes)));
    }

    fn lifter<'s>(&'s self, request: &'s ResolveRequest) -> Lifter<'s> {
        let Circumstances { profiles, now, .. } = *self.circumstances;
        Lifter { index: self.index, profiles, now, request }
    }

    fn name(&self, symbol: Symbol) -> &PluginName {
        &self.index.plugin(symbol).name
    }

    fn wanted(&self, facts: &[Fact]) -> Vec<PluginName> {
        let wanted = facts.iter().filter_map(|fact| match fact {
            Fact::Wants { plugin, .. } => Some(self.name(*plugin).clone()),
            _ => None,
        });
        wanted.filter(|name| self.request.roots.contains_key(name)).collect()
    }

    /// Lifts one hindrance after another until nothing stands in the way.
    fn lift_all(&self, first: Changes) -> Option<Changes> {
        self.change_until_met(first, |so_far, facts| {
            let request = self.changed(so_far);
            let next = self.lifter(&request).lifts(facts).into_iter().next()?;
            Some(next.changes)
        })
    }

    /// Asks for any version of these roots, and `with_others` of those that then stand in the way; then for what was
    /// found.
    fn ask_otherwise(&self, roots: &[PluginName], with_others: bool) -> Option<Changes> {
        let any =
            |plugin: &PluginName| Change::AskFor { plugin: plugin.clone(), requirement: Requirement::any() };
        let is_loosened = |plugin: &&PluginName| self.request.roots.get(*plugin) != Some(&Requirement::any());
        let mut changes: Changes = roots.iter().filter(is_loosened).map(any).collect();
        let mut chosen_for: Vec<(Version, Vec<Version>)> = Vec::new();
        for _ in 0..ROUNDS_MAX {
            if changes.is_empty() {
                return None;
            }
            match self.attempt(&changes, with_others)? {
                Outcome::Lock(found) => {
                    let versions = |plugin: &PluginName| {
                        let symbol = self.index.symbol(plugin)?;
                        Some((
                            found.version_of(symbol)?.clone(),
                            found.versions_of(symbol).cloned().collect(),
                        ))
                    };
                    let chosen = |change: &Change| match change {
                        Change::AskFor { plugin, .. } => versions(plugin),
                        _ => None,
                    };
                    chosen_for = changes.iter().map(chosen).collect::<Option<Vec<_>>>()?;
                    break;
                }
                Outcome::Refused(facts) => {
                    let more: Changes = self.wanted(&facts).iter().filter(is_loosened).map(any).collect();
                    let more: Changes = more.into_iter().filter(|change| !changes.contains(change)).collect();
                    if more.is_empty() || !with_others {
                        return None;
                    }
                    changes.extend(more);
                }
            }
        }
        let mut named = Changes::new();
        let mut exactly = Changes::new();
        for (change, (highest, all)) in changes.into_iter().zip(chosen_for) {
            let Change::AskFor { plugin, .. } = change else { continue };
            let before = self.request.roots.get(&plugin);
            // Where there is a version that was asked for anyway, nothing needs to change.
            if all.iter().any(|version| before.is_some_and(|before| before.matches(version))) {
                continue;
            }
            named.push(Change::AskFor { plugin: plugin.clone(), requirement: at_least(&highest) });
            exactly.push(Change::AskFor { plugin, requirement: Requirement::exactly(&highest) });
        }
        if named.is_empty() {
            return None;
        }
        self.proven(named).or_else(|| self.proven(exactly))
    }

    /// What could be left out: roots and optional dependencies.
    fn omissions(&self, facts: &[Fact]) -> Changes {
        let named: BTreeSet<&PluginName> = facts
            .iter()
            .flat_map(|fact| match fact {
                Fact::Needs { plugin, dependency, .. } => vec![*plugin, *dependency],
                Fact::LeftOut { plugin, .. } => vec![*plugin],
                _ => Vec::new(),
            })
            .map(|symbol| self.name(symbol))
            .collect();
        let optional = self.request.with_optional.iter().filter(|name| named.contains(name));
        let optional = optional.map(|plugin| Change::LeaveOutOptional { plugin: plugin.clone() });
        let roots = self.wanted(facts).into_iter().filter(|_| self.request.roots.len() > 1);
        optional.chain(roots.map(|plugin| Change::LeaveOut { plugin })).collect()
    }

    fn omit(&self, first: Change) -> Option<Changes> {
        let changes = self.change_until_met(vec![first], |so_far, facts| {
            let next = self.omissions(facts).into_iter().find(|change| !so_far.contains(change))?;
            Some(vec![next])
        })?;
        let left_out = changes.iter().filter(|change| matches!(change, Change::LeaveOut { .. })).count();
        (left_out < self.request.roots.len()).then_some(changes)
    }

    /// Changes the request further until there is a lock, then takes back what was not needed.
    fn change_until_met(
        &self,
        first: Changes,
        next: impl Fn(&[Change], &[Fact]) -> Option<Changes>,
    ) -> Option<Changes> {
        let mut changes = first;
        for round in 0.. {
            match self.attempt(&changes, round < ROUNDS_MAX)? {
                Outcome::Lock(_) => break,
                Outcome::Refused(facts) => {
                    let more = next(&changes, &facts).filter(|_| round < ROUNDS_MAX)?;
                    if more.iter().all(|change| changes.contains(change)) {
                        return None;
                    }
                    changes.extend(more);
                }
            }
        }
        self.without_needless(changes)
    }

    fn without_needless(&self, mut changes: Changes) -> Option<Changes> {
        let mut place = 0;
        while changes.len() > 1 && place < changes.len() {
            let mut fewer = changes.clone();
            fewer.remove(place);
            match self.proven(fewer) {
                Some(fewer) => changes = fewer,
                None => place += 1,
            }
        }
        Some(changes)
    }

    fn changed(&self, changes: &[Change]) -> ResolveRequest {
        let mut request = self.request.clone();
        changes.iter().for_each(|change| change.apply_to(&mut request));
        request
    }

    fn attempt(&self, changes: &[Change], tells_facts: bool) -> Option<Outcome<'a>> {
        if !self.is_exhaustive() {
            return None;
        }
        self.attempt_request(&self.changed(changes), changes, tells_facts)
    }

    /// Resolves a changed request; `None`: it was not decided within the bounds.
    fn attempt_request(
        &self,
        request: &ResolveRequest,
        changes: &[Change],
        tells_facts: bool,
    ) -> Option<Outcome<'a>> {
        if !self.is_exhaustive() {
            return None;
        }
        self.attempts_left.set(self.attempts_left.get() - 1);
        let later = changes.iter().filter_map(Change::not_before).max();
        let now = later.map_or(self.circumstances.now, |until| until.max(self.circumstances.now));
        let circumstances = Circumstances { now, ..*self.circumstances };
        let index = self.index;
        let finish = |selected: Selected<'_, '_>| selected.into_sketch(index);
        let (outcome, steps) = attempt(index, request, &circumstances, self.steps_left.get(), finish);
        self.steps_left.set(self.steps_left.get().saturating_sub(steps.max(1)));
        match outcome {
            Ok(sketch) if lets_failed_in(changes, &sketch) => Some(Outcome::Refused(Vec::new())),
            Ok(sketch) => Some(Outcome::Lock(sketch)),
            Err(Refused::Impossible(provider, tree)) if tells_facts => {
                Some(Outcome::Refused(facts_of(&provider, &tree)))
            }
            Err(Refused::Plainly(ResolveFailure::Deadline)) => None,
            Err(Refused::Impossible(..) | Refused::Plainly(_)) => Some(Outcome::Refused(Vec::new())),
        }
    }
}

/// Whether the price of a lock is a release that failed its verification run: nobody should be talked into that.
fn lets_failed_in(changes: &[Change], sketch: &Sketch<'_>) -> bool {
    let is_price =
        |change: &Change| matches!(change, Change::Policy { field, .. } if field == "require_verified");
    let failed = |release: &Release| release.verification == VerificationState::Failed;
    changes.iter().any(is_price) && sketch.releases.iter().any(|(_, release)| failed(release))
}
