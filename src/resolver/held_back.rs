//! What a lock tells of releases that are not in it: newer ones held back, and locked ones let go.

use std::collections::BTreeMap;

use super::answer::{Chosen, Selected};
use super::explain::{WORDS_CHARACTERS, brief};
use super::hindrance::Hindrance;
use super::index::{Matching, Release, Symbol, compatibility};
use super::provider::Package;
use super::version_bits::VersionBits;
use super::{HeldBack, LetGo};
use crate::domain::{PluginName, Version};

impl Selected<'_, '_> {
    /// Plugins whose newest release, withdrawn ones and unwanted pre-releases aside, is not in the lock.
    pub(super) fn held_back(&self) -> Vec<HeldBack> {
        let mut highest: BTreeMap<Symbol, usize> = BTreeMap::new();
        for (place, chosen) in self.chosen.iter().enumerate() {
            let so_far = highest.entry(chosen.plugin).or_insert(place);
            if chosen.ordinal > self.chosen[*so_far].ordinal {
                *so_far = place;
            }
        }
        let mut held_back: Vec<HeldBack> =
            highest.into_values().filter_map(|place| self.held_back_by(place)).collect();
        held_back.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        held_back
    }

    fn held_back_by(&self, place: usize) -> Option<HeldBack> {
        let chosen = &self.chosen[place];
        let plugin = self.provider.index.plugin(chosen.plugin);
        let counts = self.provider.filters.counts_pre_releases(chosen.plugin);
        let mut newer = (chosen.ordinal + 1..plugin.end()).rev().filter(|ordinal| {
            let release = &plugin.releases[*ordinal as usize];
            release.is_on_offer() && (counts || !release.version.is_pre_release())
        });
        let newest = newer.clone().next()?;
        let locked = self.provider.filters.kept.preferred(chosen.plugin);
        let is_kept = locked.iter().any(|locked| *locked.version == chosen.release.version);
        let fits = |ordinal: &u32| {
            let release = &plugin.releases[*ordinal as usize];
            self.hindrance(chosen.plugin, release).is_none()
                && (release.deprecated.is_none() || chosen.release.deprecated.is_some())
                && self.asked_otherwise(place, *ordinal).is_none()
        };
        let (newest, reason) = match newer.find(|ordinal| is_kept && fits(ordinal)) {
            Some(kept_from) => {
                (kept_from, "the lock holds it; name the plugin in `upgrade` to move on".to_owned())
            }
            None => (newest, self.reason_against(place, newest)),
        };
        Some(HeldBack {
            name: plugin.name.clone(),
            chosen: chosen.release.version.clone(),
            newest: plugin.releases[newest as usize].version.clone(),
            reason,
        })
    }

    /// Locked releases that may not be chosen any more, whether or not somebody asked to move off them.
    pub(super) fn let_go(&self) -> Vec<LetGo> {
        let request = self.provider.request;
        let locked = request.lock.iter().flat_map(|lock| &lock.releases);
        let mut let_go: Vec<LetGo> =
            locked.filter_map(|locked| self.let_go_of(&locked.name, &locked.version)).collect();
        let_go.sort_unstable_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
        let_go
    }

    fn let_go_of(&self, name: &PluginName, version: &Version) -> Option<LetGo> {
        let index = self.provider.index;
        let symbol = index.symbol(name);
        let released = symbol.and_then(|symbol| Some((symbol, index.plugin(symbol).ordinal_of(version)?)));
        let against = match released {
            None => "is not in this registry".to_owned(),
            Some((symbol, ordinal)) => {
                let release = &index.plugin(symbol).releases[ordinal as usize];
                // A lock keeps what was yanked: it is left because somebody asks for it.
                let hindrance = self.hindrance(symbol, release).filter(|h| *h != Hindrance::Yanked)?;
                hindrance.sentence(false)
            }
        };
        let in_its_place = self
            .chosen
            .iter()
            .filter(|chosen| Some(chosen.plugin) == symbol)
            .map(|chosen| &chosen.release.version)
            .max_by_key(|chosen| (compatibility(chosen) == compatibility(version), *chosen));
        Some(LetGo {
            name: name.clone(),
            version: version.clone(),
            chosen: in_its_place.cloned(),
            reason: format!("{version} {against}"),
        })
    }

    /// What keeps a release out of this lock, whatever else is in it.
    fn hindrance(&self, plugin: Symbol, release: &Release) -> Option<Hindrance> {
        self.provider.filters.hindrance(plugin, release).or_else(|| {
            let number = self.selection.get(&Package::Host)?;
            self.provider.host().mismatch(release, &VersionBits::only(*number))
        })
    }

    /// Why not this release of the plugin, but the chosen one.
    fn reason_against(&self, place: usize, ordinal: u32) -> String {
        let chosen = &self.chosen[place];
        let plugin = chosen.plugin;
        let release = &self.provider.index.plugin(plugin).releases[ordinal as usize];
        if let Some(hindrance) = self.hindrance(plugin, release) {
            return format!("{} {}", release.version, hindrance.sentence(false));
        }
        if let Some(asked) = self.asked_otherwise(place, ordinal) {
            return asked;
        }
        match &release.deprecated {
            Some(advice) if chosen.release.deprecated.is_none() => {
                format!("the author advises against {}: {}", release.version, brief(advice, WORDS_CHARACTERS))
            }
            _ => format!("{} does not fit the other releases", release.version),
        }
    }

    /// Who of those that the chosen release is there for does not ask for this one, if there is anybody.
    fn asked_otherwise(&self, place: usize, ordinal: u32) -> Option<String> {
        let Chosen { plugin, asked_by, .. } = &self.chosen[place];
        let release = &self.provider.index.plugin(*plugin).releases[ordinal as usize];
        let objection = |wanted: Symbol, matching: &Matching| {
            let Matching { requirement, .. } = matching;
            if wanted == *plugin {
                return (!matching.has(ordinal)).then(|| requirement.to_string());
            }
            let provides =
                |(name, version): &(Symbol, Version)| *name == wanted && requirement.matches(version);
            let name = &self.provider.index.plugin(wanted).name;
            (!release.provides.iter().any(provides))
                .then(|| format!("{name} {requirement}, which {} does not provide", release.version))
        };
        let mut roots =
            self.provider.roots.iter().zip(&self.root_places).filter(|(_, led_to)| **led_to == place);
        let of_root = roots.find_map(|(root, _)| objection(root.plugin, &root.matching));
        let mut others = asked_by.iter();
        of_root.map(|wanted| format!("you ask for {wanted}")).or_else(|| {
            others.find_map(|(asking, edge)| {
                let wanted = objection(edge.plugin, &self.provider.matching(*edge))?;
                Some(format!("{} needs {wanted}", self.id(*asking)))
            })
        })
    }
}
