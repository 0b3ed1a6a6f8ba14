//! Choices: the ways to meet a requirement that spans lines or that virtual packages can meet, the best last.
//!
//! What the lock holds is better than anything else, what met the same requirement before best of all; then whatever
//! leads to a release without advice against it; then the plugin itself before those that stand in for it, its newer
//! lines before older ones, and providers by name.

use std::cmp::Reverse;
use std::rc::Rc;

use super::index::{Edge, Matching, Plugin, Release, Symbol};
use super::provider::{Package, Provider, WHOLE};
use super::version_bits::VersionBits;
use crate::domain::Requirement;

/// One way to meet a requirement.
#[derive(Debug, Clone)]
pub(super) struct ChoiceOption {
    pub(super) package: Package,
    pub(super) versions: VersionBits,
}

impl Provider<'_> {
    /// The options of a choice, the best last.
    pub(super) fn options(&self, choice: Package) -> Rc<[ChoiceOption]> {
        if let Some(known) = self.known_options.borrow().get(&choice) {
            return Rc::clone(known);
        }
        match choice {
            Package::Choice(plugin, requirement) => {
                self.options_of(choice, plugin, &self.matching(Edge { plugin, requirement }))
            }
            Package::RootChoice(place) => {
                let root = &self.roots[place as usize];
                self.options_of(choice, root.plugin, &root.matching)
            }
            _ => Rc::default(),
        }
    }

    pub(super) fn options_of(
        &self,
        choice: Package,
        symbol: Symbol,
        matching: &Matching,
    ) -> Rc<[ChoiceOption]> {
        if let Some(known) = self.known_options.borrow().get(&choice) {
            return Rc::clone(known);
        }
        let plugin = self.index.plugin(symbol);
        let mut options = self.provider_options(plugin, symbol, &matching.requirement);
        if self.is_whole(plugin) {
            if !matching.is_empty() {
                let package = Package::Line { plugin: symbol, line: WHOLE };
                options.push(ChoiceOption { package, versions: matching.all(plugin) });
            }
        } else {
            options.extend(matching.lines(plugin).map(|(line, versions)| ChoiceOption {
                package: Package::Line { plugin: symbol, line },
                versions,
            }));
        }
        // Stable: what the lock holds goes last, where the best option is.
        options.sort_by_cached_key(|option| {
            let is_it = |(plugin, ordinal)| self.has(option, plugin, ordinal);
            let rank = self.filters.kept.rank(symbol, &matching.requirement, is_it);
            (rank, self.holds_preferred(option), self.holds_undeprecated(option))
        });
        let options: Rc<[ChoiceOption]> = options.into();
        self.known_options.borrow_mut().insert(choice, Rc::clone(&options));
        options
    }

    /// The plugins that provide a virtual package: the last by name first, so that the first by name wins.
    fn provider_options(
        &self,
        plugin: &Plugin,
        symbol: Symbol,
        requirement: &Requirement,
    ) -> Vec<ChoiceOption> {
        let mut providers: Vec<Symbol> = plugin.providers.iter().copied().collect();
        providers.sort_by_key(|provider| Reverse(&self.index.plugin(*provider).name));
        let mut options = Vec::new();
        for provider in providers {
            let provides = |release: &Release| {
                release.provides.iter().any(|(name, version)| *name == symbol && requirement.matches(version))
            };
            let entry = self.index.plugin(provider);
            let lines =
                if self.is_whole(entry) { WHOLE..=WHOLE } else { 0..=(entry.lines.len() as u32).max(1) - 1 };
            for line in lines {
                let (_, releases) = self.releases(provider, line);
                let versions: VersionBits = (0..)
                    .zip(releases)
                    .filter(|(_, release)| provides(release))
                    .map(|(number, _)| number)
                    .collect();
                if !versions.is_empty() {
                    let package = Package::Line { plugin: provider, line };
                    options.push(ChoiceOption { package, versions });
                }
            }
        }
        options
    }

    /// Whether a way to meet a requirement leads to the release of this ordinal.
    fn has(&self, option: &ChoiceOption, symbol: Symbol, ordinal: u32) -> bool {
        let Package::Line { plugin, line } = option.package else { return false };
        plugin == symbol
            && ordinal
                .checked_sub(self.releases(plugin, line).0)
                .is_some_and(|number| option.versions.has(number))
    }

    fn holds_preferred(&self, option: &ChoiceOption) -> bool {
        let Package::Line { plugin, line } = option.package else { return false };
        self.preferred_numbers(plugin, line).any(|number| option.versions.has(number))
    }

    /// Whether a way to meet a requirement leads to a candidate that its author does not advise against.
    fn holds_undeprecated(&self, option: &ChoiceOption) -> bool {
        let Package::Line { plugin, line } = option.package else { return true };
        let Some(deprecated) = self.deprecated(plugin, line) else { return true };
        self.with_candidates(plugin, line, |candidates| {
            option.versions.highest_common_but(candidates, deprecated).is_some()
        })
    }
}
