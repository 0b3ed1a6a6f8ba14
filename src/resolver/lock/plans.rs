//! What a registry is asked about a lock beside the next one: what an upgrade would change, and what is outdated.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::compare::are_compatible;
use super::{Comparison, HeldBack, LetGo, Lock, LockedRelease};
use crate::domain::{PluginName, Version};

/// `POST /api/v1/upgrade-plan`: what an upgrade would change, and the lock it would write.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpgradePlan {
    /// What differs from the lock before.
    #[serde(flatten)]
    pub comparison: Comparison,
    /// The lock after, with what is held back and why.
    pub lock: Lock,
}

/// `POST /api/v1/outdated`: locked releases that something speaks against.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outdated {
    /// One for each locked release that could or should move, by plugin.
    pub plugins: Vec<OutdatedPlugin>,
    /// How many of the locked releases need no look.
    pub up_to_date: usize,
    /// The lock in which every plugin has moved as far as it fits; the rest follows from it and from the lock before.
    pub lock: Lock,
}

/// A locked release that could or should move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutdatedPlugin {
    /// The plugin.
    pub plugin: PluginName,
    /// The version that is locked.
    pub locked: Version,
    /// The newest version that fits when everything may move; absent: nothing needs the plugin then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fits: Option<Version>,
    /// The newest version there is.
    pub newest: Version,
    /// Why the newest is not the one that fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
    /// Why the locked release may not be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub let_go: Option<String>,
    /// The author's advice against the locked release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<String>,
}

impl UpgradePlan {
    /// The plan that leads from one lock to the next.
    pub fn new(before: &Lock, lock: Lock) -> Self {
        Self { comparison: before.compare(&lock), lock }
    }
}

impl Outdated {
    /// What is outdated in `locked`, given the lock in which everything has moved; what was held back is told by that
    /// one, and what had to be let go too.
    pub fn new(locked: &Lock, moved: Lock) -> Self {
        let rows: Vec<Option<OutdatedPlugin>> = {
            let moved = Moved::of(&moved);
            locked.releases.iter().map(|release| moved.outdated(release)).collect()
        };
        let up_to_date = rows.iter().filter(|row| row.is_none()).count();
        let mut plugins: Vec<OutdatedPlugin> = rows.into_iter().flatten().collect();
        plugins.sort_by(|a, b| (&a.plugin, &a.locked).cmp(&(&b.plugin, &b.locked)));
        Self { plugins, up_to_date, lock: moved }
    }
}

/// The lock in which everything has moved, by what is looked for in it.
struct Moved<'a> {
    lock: &'a Lock,
    releases: BTreeMap<&'a PluginName, Vec<&'a LockedRelease>>,
    held_back: BTreeMap<&'a PluginName, &'a HeldBack>,
    let_go: BTreeMap<(&'a PluginName, &'a Version), &'a LetGo>,
}

impl<'a> Moved<'a> {
    fn of(lock: &'a Lock) -> Self {
        let mut releases: BTreeMap<&PluginName, Vec<&LockedRelease>> = BTreeMap::new();
        for release in &lock.releases {
            releases.entry(&release.name).or_default().push(release);
        }
        Self {
            lock,
            releases,
            held_back: lock.held_back.iter().map(|held| (&held.name, held)).collect(),
            let_go: lock.let_go.iter().map(|gone| ((&gone.name, &gone.version), gone)).collect(),
        }
    }

    /// `None`: nothing speaks against the locked release.
    fn outdated(&self, release: &LockedRelease) -> Option<OutdatedPlugin> {
        let now = self.releases.get(&release.name).map_or(&[][..], Vec::as_slice);
        let highest = now.iter().map(|release| &release.version).max();
        let in_line =
            now.iter().map(|now| &now.version).filter(|now| are_compatible(&release.version, now)).max();
        let fits = in_line.or(highest);
        let held_back = self.held_back.get(&release.name);
        let newest = held_back.map(|held| &held.newest).into_iter().chain(highest).max();
        let newest = newest.unwrap_or(&release.version);
        let why_not = fits.filter(|fits| *fits != newest).map(|fits| {
            let asked = if Some(fits) == highest { None } else { self.asked_below(release, fits, newest) };
            asked
                .or_else(|| held_back.map(|held| held.reason.clone()))
                .unwrap_or_else(|| format!("{newest} does not fit the other releases"))
        });
        let gone = self.let_go.get(&(&release.name, &release.version));
        let deprecated = locked_advice(release, now);
        let is_up_to_date = fits == Some(&release.version)
            && newest <= &release.version
            && gone.is_none()
            && deprecated.is_none();
        (!is_up_to_date).then(|| OutdatedPlugin {
            plugin: release.name.clone(),
            locked: release.version.clone(),
            fits: fits.cloned(),
            newest: newest.clone(),
            why_not,
            let_go: gone.map(|gone| gone.reason.clone()),
            deprecated,
        })
    }

    /// Who keeps an older line of a plugin beside a newer one.
    fn asked_below(&self, plugin: &LockedRelease, fits: &Version, newest: &Version) -> Option<String> {
        let asks = |release: &LockedRelease| {
            let dependency = release.dependencies.iter().find(|dependency| {
                dependency.release.plugin == plugin.name
                    && dependency.release.version == *fits
                    && dependency.provides.is_none()
                    && !dependency.requirement.matches(newest)
            })?;
            Some(format!("{} needs {}", release.id(), dependency.requirement))
        };
        self.lock.releases.iter().find_map(asks)
    }
}

/// The newest word of the author on the locked release.
fn locked_advice(release: &LockedRelease, now: &[&LockedRelease]) -> Option<String> {
    match now.iter().find(|now| now.version == release.version) {
        Some(now) => now.deprecated.clone(),
        None => release.deprecated.clone(),
    }
}
