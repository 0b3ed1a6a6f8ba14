//! Who needs whom, as the lines of a tree: from the roots down, or from one plugin up to the roots.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Lock;
use crate::domain::{CapabilityName, PluginName, ReleaseId, Requirement};

/// What of the tree is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TreeView {
    /// Start at this plugin and go up to what needs it; absent: from the roots down.
    pub invert: Option<PluginName>,
    /// How many levels below the first are shown; absent: all.
    pub depth: Option<usize>,
}

/// One line of a tree, in the order of printing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeLine {
    /// How far below the first level.
    pub depth: usize,
    /// Whether it is the last of those below the line above it in depth.
    pub is_last: bool,
    /// The release.
    pub release: ReleaseId,
    /// The requirement on the edge to the line above: the line above has it, or upside down this release has it. On the
    /// first level what the request asks; absent: nothing leads here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requirement: Option<Requirement>,
    /// The virtual package asked for on that edge; absent: the plugin's own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provides: Option<PluginName>,
    /// Upside down: what the request asks of it, if it does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roots: Vec<Requirement>,
    /// Whether what lies below it was shown before, and is left out here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_repeat: bool,
    /// What it asks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<CapabilityName>,
}

/// An edge of the graph of needs, by the places of releases.
#[derive(Debug, Clone, Copy)]
pub(super) struct Need<'a> {
    /// The release at the other end: what is needed, or who needs it.
    pub(super) place: usize,
    pub(super) requirement: &'a Requirement,
    pub(super) provides: Option<&'a PluginName>,
}

/// Who needs whom, by places.
pub(super) struct Graph<'a> {
    pub(super) lock: &'a Lock,
    /// By release: what it needs, by the name asked for.
    pub(super) needs: Vec<Vec<Need<'a>>>,
    /// By release: who needs it.
    pub(super) needed_by: Vec<Vec<Need<'a>>>,
    /// By release: what the request asks of it, under which name.
    pub(super) roots: Vec<Vec<(&'a PluginName, &'a Requirement)>>,
}

impl<'a> Graph<'a> {
    pub(super) fn of(lock: &'a Lock) -> Self {
        let places = lock.places();
        let count = lock.releases.len();
        let (mut needs, mut needed_by) = (vec![Vec::new(); count], vec![Vec::new(); count]);
        for (from, release) in lock.releases.iter().enumerate() {
            for dependency in &release.dependencies {
                let id = &dependency.release;
                let Some(&to) = places.get(&(&id.plugin, &id.version)) else { continue };
                let (requirement, provides) = (&dependency.requirement, dependency.provides.as_ref());
                needs[from].push(Need { place: to, requirement, provides });
                needed_by[to].push(Need { place: from, requirement, provides });
            }
        }
        let mut roots = vec![Vec::new(); count];
        for (root, place) in lock.root_places() {
            roots[place].push((root, &lock.roots[root]));
        }
        Self { lock, needs, needed_by, roots }
    }

    /// The places of a plugin's releases, and of those that stand in for the name.
    pub(super) fn places_of(&self, wanted: &PluginName) -> BTreeSet<usize> {
        let named = self.lock.releases.iter().map(|release| release.name == *wanted);
        let stands_in = |place: usize| {
            self.needed_by[place].iter().any(|need| need.provides == Some(wanted))
                || self.roots[place].iter().any(|(root, _)| *root == wanted)
        };
        named
            .enumerate()
            .filter(|(place, named)| *named || stands_in(*place))
            .map(|(place, _)| place)
            .collect()
    }

    /// In the order of names and versions.
    fn sorted(&self, mut places: Vec<usize>) -> Vec<usize> {
        let key = |place: &usize| (&self.lock.releases[*place].name, &self.lock.releases[*place].version);
        places.sort_by(|a, b| key(a).cmp(&key(b)));
        places
    }
}

/// A line that is still to be written.
#[derive(Clone)]
struct Pending<'a> {
    place: usize,
    depth: usize,
    is_last: bool,
    requirement: Option<&'a Requirement>,
    provides: Option<&'a PluginName>,
}

impl Lock {
    /// A release that no root leads to, if there is one.
    pub fn unneeded(&self) -> Option<ReleaseId> {
        let graph = Graph::of(self);
        let mut is_needed: Vec<bool> = graph.roots.iter().map(|asked| !asked.is_empty()).collect();
        let mut open: Vec<usize> = (0..is_needed.len()).filter(|place| is_needed[*place]).collect();
        while let Some(place) = open.pop() {
            for need in &graph.needs[place] {
                if !std::mem::replace(&mut is_needed[need.place], true) {
                    open.push(need.place);
                }
            }
        }
        is_needed.iter().position(|is_needed| !is_needed).map(|place| self.releases[place].id())
    }

    /// The tree, line by line. Each release is unfolded once.
    pub fn tree(&self, view: &TreeView) -> Vec<TreeLine> {
        let graph = Graph::of(self);
        let mut pending = match &view.invert {
            None => first_lines(&graph),
            Some(wanted) => graph
                .sorted(graph.places_of(wanted).into_iter().collect())
                .into_iter()
                .map(|place| Pending { place, depth: 0, is_last: false, requirement: None, provides: None })
                .collect(),
        };
        mark_last(&mut pending);
        pending.reverse();
        let edges = if view.invert.is_some() { &graph.needed_by } else { &graph.needs };
        let mut unfolded = BTreeSet::new();
        let mut lines = Vec::new();
        while let Some(next) = pending.pop() {
            let is_within = view.depth.is_none_or(|most| next.depth < most);
            let has_more = !edges[next.place].is_empty();
            let is_repeat = has_more && unfolded.contains(&next.place);
            lines.push(line(&graph, &next, is_repeat, view.invert.is_some()));
            if has_more && is_within && unfolded.insert(next.place) {
                let mut below = below(&graph, &edges[next.place], next.depth + 1);
                mark_last(&mut below);
                pending.extend(below.into_iter().rev());
            }
        }
        lines
    }
}

/// The roots, then releases that nothing leads to.
fn first_lines<'a>(graph: &Graph<'a>) -> Vec<Pending<'a>> {
    let mut first = Vec::new();
    for (root, place) in graph.lock.root_places() {
        let provides = (graph.lock.releases[place].name != *root).then_some(root);
        let requirement = graph.lock.roots.get(root);
        first.push(Pending { place, depth: 0, is_last: false, requirement, provides });
    }
    let is_lost = |place: &usize| graph.roots[*place].is_empty() && graph.needed_by[*place].is_empty();
    let lost = graph.sorted((0..graph.needs.len()).filter(is_lost).collect());
    first.extend(lost.into_iter().map(|place| Pending {
        place,
        depth: 0,
        is_last: false,
        requirement: None,
        provides: None,
    }));
    first
}

fn below<'a>(graph: &Graph<'a>, needs: &[Need<'a>], depth: usize) -> Vec<Pending<'a>> {
    let key = |need: &Need<'a>| {
        let release = &graph.lock.releases[need.place];
        (&release.name, &release.version, need.provides)
    };
    let mut needs: Vec<&Need<'a>> = needs.iter().collect();
    needs.sort_by(|a, b| key(a).cmp(&key(b)));
    needs
        .into_iter()
        .map(|need| Pending {
            place: need.place,
            depth,
            is_last: false,
            requirement: Some(need.requirement),
            provides: need.provides,
        })
        .collect()
}

fn mark_last(pending: &mut [Pending<'_>]) {
    if let Some(last) = pending.last_mut() {
        last.is_last = true;
    }
}

fn line(graph: &Graph<'_>, next: &Pending<'_>, is_repeat: bool, is_inverted: bool) -> TreeLine {
    let release = &graph.lock.releases[next.place];
    let roots = graph.roots[next.place].iter().filter(|_| is_inverted);
    TreeLine {
        depth: next.depth,
        is_last: next.is_last,
        release: release.id(),
        requirement: next.requirement.cloned(),
        provides: next.provides.cloned(),
        roots: roots.map(|(_, requirement)| (*requirement).clone()).collect(),
        is_repeat,
        capabilities: release.capabilities.keys().cloned().collect(),
    }
}
