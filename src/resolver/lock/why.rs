//! Why a plugin is in a lock: the shortest ways from what was asked for to it, and everybody who asks for it.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::Lock;
use super::tree::{Graph, Need};
use crate::domain::{PluginName, ReleaseId, Requirement};

/// Ways that are spelled out before the rest is only counted.
const CHAINS_MAX: usize = 20;

/// Why a plugin is there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chains {
    /// The shortest ways from each root, the shortest first.
    pub chains: Vec<Chain>,
    /// How many more there are.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more: u64,
    /// Everybody who asks for it.
    pub asked_by: Vec<Asker>,
}

/// A way from a root to a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Chain(pub Vec<Link>);

/// A release on the way, and how it was asked for by the one before it, or by the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The release.
    pub release: ReleaseId,
    /// The requirement on it.
    pub requirement: Requirement,
    /// The virtual package that was asked for; absent: the plugin's own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provides: Option<PluginName>,
}

/// Who asks for a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asker {
    /// The release that asks; absent: the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseId>,
    /// What it asks for, and what it gets.
    pub link: Link,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Lock {
    /// Why a plugin, or what stands in for it, is in the lock. `None`: it is not.
    pub fn why(&self, wanted: &PluginName) -> Option<Chains> {
        let graph = Graph::of(self);
        let targets = graph.places_of(wanted);
        if targets.is_empty() {
            return None;
        }
        let mut chains = Chains::default();
        for target in targets {
            let ways = Ways::to(&graph, target);
            ways.tell(&mut chains);
            chains.asked_by.extend(askers(&graph, target));
        }
        let key = |chain: &Chain| -> (usize, Vec<ReleaseId>) {
            (chain.0.len(), chain.0.iter().map(|link| link.release.clone()).collect())
        };
        chains.chains.sort_by_cached_key(key);
        Some(chains)
    }
}

fn askers(graph: &Graph<'_>, target: usize) -> Vec<Asker> {
    let link = |requirement: &Requirement, provides| Link {
        release: graph.lock.releases[target].id(),
        requirement: requirement.clone(),
        provides,
    };
    let roots = graph.roots[target].iter().map(|(root, requirement)| {
        let provides = (graph.lock.releases[target].name != **root).then(|| (*root).clone());
        Asker { release: None, link: link(requirement, provides) }
    });
    let needs = graph.needed_by[target].iter().map(|need| Asker {
        release: Some(graph.lock.releases[need.place].id()),
        link: link(need.requirement, need.provides.cloned()),
    });
    let mut askers: Vec<Asker> = roots.chain(needs).collect();
    askers.sort_by(|a, b| (&a.release, &a.link.provides).cmp(&(&b.release, &b.link.provides)));
    askers
}

/// The shortest ways to one release.
struct Ways<'g, 'a> {
    graph: &'g Graph<'a>,
    target: usize,
    /// By release: how far the target is; `None`: no way leads there.
    distance: Vec<Option<usize>>,
    /// By release: how many shortest ways lead there.
    count: Vec<u64>,
}

impl<'g, 'a> Ways<'g, 'a> {
    fn to(graph: &'g Graph<'a>, target: usize) -> Self {
        let mut distance = vec![None; graph.needs.len()];
        let mut count = vec![0_u64; graph.needs.len()];
        (distance[target], count[target]) = (Some(0), 1);
        let mut queue = VecDeque::from([target]);
        while let Some(here) = queue.pop_front() {
            let further = distance[here].map_or(0, |steps: usize| steps + 1);
            for need in &graph.needed_by[here] {
                if distance[need.place].is_none() {
                    distance[need.place] = Some(further);
                    queue.push_back(need.place);
                }
                if distance[need.place] == Some(further) {
                    count[need.place] = count[need.place].saturating_add(count[here]);
                }
            }
        }
        Self { graph, target, distance, count }
    }

    fn tell(&self, chains: &mut Chains) {
        let roots = self.graph.roots.iter().enumerate();
        let roots = roots.flat_map(|(place, asked)| asked.iter().map(move |asked| (place, asked)));
        for (place, (root, requirement)) in roots {
            if self.distance[place].is_none() {
                continue;
            }
            let release = &self.graph.lock.releases[place];
            let provides = (release.name != **root).then(|| (*root).clone());
            let first = Link { release: release.id(), requirement: (*requirement).clone(), provides };
            let before = chains.chains.len();
            self.spell_out(place, &first, &mut chains.chains);
            let told = (chains.chains.len() - before) as u64;
            chains.more = chains.more.saturating_add(self.count[place].saturating_sub(told));
        }
    }

    /// Walks every shortest way, one step back at a time, until there are enough.
    fn spell_out(&self, root: usize, first: &Link, chains: &mut Vec<Chain>) {
        let mut path: Vec<(usize, usize)> = vec![(root, 0)];
        let mut taken: Vec<Need<'a>> = Vec::new();
        while let Some(&mut (here, ref mut next)) = path.last_mut() {
            if chains.len() >= CHAINS_MAX {
                return;
            }
            if here == self.target {
                let rest = taken.iter().map(|need| self.link(need));
                chains.push(Chain([first.clone()].into_iter().chain(rest).collect()));
            }
            let nearer = self.distance[here].and_then(|steps| steps.checked_sub(1));
            let mut open = self.graph.needs[here].iter().enumerate().skip(*next);
            let step = open.find(|(_, need)| nearer.is_some() && self.distance[need.place] == nearer);
            match step {
                Some((number, need)) => {
                    *next = number + 1;
                    path.push((need.place, 0));
                    taken.push(*need);
                }
                None => {
                    path.pop();
                    taken.pop();
                }
            }
        }
    }

    fn link(&self, need: &Need<'_>) -> Link {
        Link {
            release: self.graph.lock.releases[need.place].id(),
            requirement: need.requirement.clone(),
            provides: need.provides.cloned(),
        }
    }
}
