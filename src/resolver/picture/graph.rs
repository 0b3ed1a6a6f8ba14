//! The graph that a lock holds: who needs whom, and when each is loaded. Derived anew, since anybody may write a lock.

use std::collections::{BTreeSet, HashMap};

use super::{NEEDS_MAX, PictureError};
use crate::domain::{PluginName, Requirement, Version};
use crate::resolver::load_order::{Circle, load_levels};
use crate::resolver::{Lock, LockedRelease};

/// The releases of a lock, by name and version, and what leads from one to another.
pub(super) struct Graph<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    pub(super) needs: Vec<Need<'a>>,
    /// How many load levels there are.
    pub(super) levels: usize,
}

/// One release.
pub(super) struct Node<'a> {
    pub(super) release: &'a LockedRelease,
    /// What was asked for and is met by it.
    pub(super) roots: Vec<(&'a PluginName, &'a Requirement)>,
    pub(super) level: usize,
    /// How many lines end at it: one for its own name, one for each thing it stands in for.
    pub(super) ports: usize,
}

/// One release needs another, by the other's own name or as a provider of something.
#[derive(Clone, Copy)]
pub(super) struct Need<'a> {
    pub(super) by: usize,
    pub(super) of: usize,
    pub(super) requirement: &'a Requirement,
    pub(super) provides: Option<&'a PluginName>,
}

impl<'a> Graph<'a> {
    pub(super) fn of(lock: &'a Lock) -> Result<Self, PictureError> {
        let needs = lock.releases.iter().map(|release| release.dependencies.len()).sum();
        if needs > NEEDS_MAX {
            return Err(PictureError::TooManyNeeds { needs });
        }
        let mut releases: Vec<&LockedRelease> = lock.releases.iter().collect();
        releases.sort_unstable_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
        let places = places_of(&releases)?;
        let needs = needs_of(&releases, &places)?;
        let nodes = releases.iter().zip(levels_of(&releases, &needs)?).map(|(release, level)| Node {
            release,
            roots: Vec::new(),
            level,
            ports: 0,
        });
        let mut nodes: Vec<Node<'_>> = nodes.collect();
        let ends: BTreeSet<_> = needs.iter().map(|need| (need.of, need.provides)).collect();
        ends.into_iter().for_each(|(of, _)| nodes[of].ports += 1);
        for (name, requirement) in &lock.roots {
            let met =
                lock.root_release(name).and_then(|release| places.get(&(&release.name, &release.version)));
            if let Some(place) = met {
                nodes[*place].roots.push((name, requirement));
            }
        }
        let levels = nodes.iter().map(|node| node.level + 1).max().unwrap_or(0);
        Ok(Self { nodes, needs, levels })
    }

    /// What the release at `place` needs, in the order of the lock's names.
    pub(super) fn needs_of(&self, place: usize) -> &[Need<'a>] {
        let start = self.needs.partition_point(|need| need.by < place);
        let end = self.needs.partition_point(|need| need.by <= place);
        &self.needs[start..end]
    }
}

type Places<'a> = HashMap<(&'a PluginName, &'a Version), usize>;

fn places_of<'a>(releases: &[&'a LockedRelease]) -> Result<Places<'a>, PictureError> {
    let mut places = HashMap::with_capacity(releases.len());
    for (place, release) in releases.iter().enumerate() {
        if places.insert((&release.name, &release.version), place).is_some() {
            return Err(PictureError::Repeated { release: release.id() });
        }
    }
    Ok(places)
}

/// Sorted by who needs, then by what is needed.
fn needs_of<'a>(releases: &[&'a LockedRelease], places: &Places<'a>) -> Result<Vec<Need<'a>>, PictureError> {
    let mut needs = Vec::new();
    for (by, release) in releases.iter().enumerate() {
        for dependency in &release.dependencies {
            let id = &dependency.release;
            let of = *places
                .get(&(&id.plugin, &id.version))
                .ok_or_else(|| PictureError::Missing { release: id.clone(), needed_by: release.id() })?;
            let (requirement, provides) = (&dependency.requirement, dependency.provides.as_ref());
            needs.push(Need { by, of, requirement, provides });
        }
    }
    needs.sort_by_key(|need| (need.by, need.of, need.provides));
    needs.dedup_by_key(|need| (need.by, need.of, need.provides));
    Ok(needs)
}

fn levels_of(releases: &[&LockedRelease], needs: &[Need<'_>]) -> Result<Vec<usize>, PictureError> {
    let mut needed: Vec<Vec<usize>> = vec![Vec::new(); releases.len()];
    needs.iter().for_each(|need| needed[need.by].push(need.of));
    needed.iter_mut().for_each(|all| all.dedup());
    let levels = load_levels(&needed).map_err(|Circle(places)| {
        let mut circle: Vec<_> = places.into_iter().map(|place| releases[place].id()).collect();
        let first = (0..circle.len()).min_by_key(|place| &circle[*place]).unwrap_or(0);
        circle.rotate_left(first);
        PictureError::Circle { releases: circle }
    })?;
    Ok(levels.into_iter().map(|level| level as usize).collect())
}
