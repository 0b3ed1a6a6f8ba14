//! Everything known under one name: its releases, the lines they fall into, and what others ask of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::interval::Interval;
use super::super::version_bits::VersionBits;
use super::release::{Need, Release, Traits};
use super::runs::Runs;
use super::{Symbol, Texts};
use crate::domain::{IndexRelease, PluginName, Requirement, Version};

/// Everything known under one name: its releases, and what others ask of it.
#[derive(Debug, Clone)]
pub(in crate::resolver) struct Plugin {
    pub(in crate::resolver) name: PluginName,
    /// Ascending by version; the place is the ordinal.
    pub(in crate::resolver) releases: Vec<Release>,
    /// The runs of compatible versions, ascending.
    pub(in crate::resolver) lines: Box<[Line]>,
    /// The requirements anybody has on it, matched against its versions.
    pub(in crate::resolver) requirements: Vec<Matching>,
    /// The plugins with a release that provides this name.
    pub(in crate::resolver) providers: BTreeSet<Symbol>,
    /// Whether a release of another plugin conflicts with it.
    pub(in crate::resolver) guarded: bool,
    /// Whether a lock may hold only one version of it; see [`Self::is_singleton_at`].
    pub(in crate::resolver) singleton: bool,
    /// The ordinals that are on offer and no pre-releases.
    pub(in crate::resolver) candidates: VersionBits,
    pub(in crate::resolver) pre_releases: Box<[u32]>,
    /// The ordinals their authors advise against; absent: none.
    pub(in crate::resolver) deprecated: Option<Box<VersionBits>>,
}

/// A run of compatible versions: the ordinals `start..end`.
#[derive(Debug, Clone)]
pub(in crate::resolver) struct Line {
    pub(in crate::resolver) start: u32,
    pub(in crate::resolver) end: u32,
    /// On offer and no pre-releases, counted from `start`.
    pub(in crate::resolver) candidates: VersionBits,
    /// What its author advises against, counted from `start`; absent: nothing.
    pub(in crate::resolver) deprecated: Option<Box<VersionBits>>,
}

/// A requirement and the versions it matches.
#[derive(Debug, Clone)]
pub(in crate::resolver) struct Matching {
    pub(in crate::resolver) requirement: Requirement,
    runs: Runs,
    /// The lines of its first and its last match; both 0 without a match.
    first_line: u32,
    last_line: u32,
}

impl Plugin {
    pub(super) fn new(name: PluginName) -> Self {
        Self {
            name,
            releases: Vec::new(),
            lines: Box::default(),
            requirements: Vec::new(),
            providers: BTreeSet::new(),
            guarded: false,
            singleton: false,
            candidates: VersionBits::none(),
            pre_releases: Box::default(),
            deprecated: None,
        }
    }

    /// The ordinal after the last.
    pub(in crate::resolver) fn end(&self) -> u32 {
        self.releases.len() as u32
    }

    /// The line that holds `ordinal`.
    pub(in crate::resolver) fn line_of(&self, ordinal: u32) -> u32 {
        self.lines.partition_point(|line| line.end <= ordinal) as u32
    }

    /// The place of `version`, if it is released.
    pub(in crate::resolver) fn ordinal_of(&self, version: &Version) -> Option<u32> {
        self.place_of(version).ok().map(|place| place as u32)
    }

    /// The place of `version`, or where it would stand.
    pub(super) fn place_of(&self, version: &Version) -> Result<usize, usize> {
        match self.releases.last() {
            // Most releases are newer than what there is.
            Some(last) if last.version < *version => Err(self.releases.len()),
            _ => self.releases.binary_search_by(|release| release.version.cmp(version)),
        }
    }

    /// Whether a lock may hold only one version of it, going by the releases there were at a size of the log.
    ///
    /// The newest release on offer that is no pre-release decides for all: what was withdrawn has no say, since it
    /// may have been withdrawn for this. Where every release was withdrawn or is a pre-release, the newest decides.
    pub(in crate::resolver) fn is_singleton_at(&self, tree_size: u64) -> bool {
        let known = || self.releases.iter().rev().filter(|release| release.sequence <= tree_size);
        let settled = known().find(|release| release.is_on_offer() && !release.version.is_pre_release());
        settled.or_else(|| known().next()).is_some_and(|release| release.singleton)
    }

    /// The release of `line` at `place` (there, or to be put there), sharing what its neighbours hold already.
    pub(super) fn sharing(
        &self,
        place: Result<usize, usize>,
        traits: Traits,
        needs: Vec<Need>,
        line: &IndexRelease,
        texts: &mut Texts,
    ) -> Release {
        let neighbours = || match place {
            Ok(place) => &self.releases[place..=place],
            Err(place) => &self.releases[place.saturating_sub(1)..(place + 1).min(self.releases.len())],
        };
        let same_traits = neighbours().iter().find(|known| *known.traits == traits);
        let same_needs = neighbours().iter().find(|known| *known.dependencies == *needs);
        Release {
            version: line.version.clone(),
            digest: line.digest,
            size_bytes: line.size_bytes,
            sequence: line.sequence,
            published_at: line.published_at,
            traits: same_traits.map_or_else(|| Arc::new(traits), |known| Arc::clone(&known.traits)),
            dependencies: same_needs.map_or_else(|| needs.into(), |known| Arc::clone(&known.dependencies)),
            objection: line.objection().map(Box::new),
            verification: line.verification,
            signer_revoked: line.signer_revoked,
            yanked: line.yanked,
            trust: line.trust,
            deprecated: line.deprecated.as_deref().map(|advice| texts.shared(advice)),
        }
    }

    /// Computes what follows from the versions: lines, candidates, what each requirement matches.
    pub(super) fn follow_versions(&mut self) {
        self.releases.shrink_to_fit();
        self.requirements.shrink_to_fit();
        let every = || (0_u32..).zip(&self.releases);
        self.pre_releases =
            every().filter(|(_, release)| release.version.is_pre_release()).map(|(o, _)| o).collect();
        let starts: Vec<u32> = every()
            .filter(|(ordinal, release)| {
                *ordinal == 0
                    || compatibility(&self.releases[*ordinal as usize - 1].version)
                        != compatibility(&release.version)
            })
            .map(|(ordinal, _)| ordinal)
            .collect();
        let ends = starts.iter().skip(1).copied().chain([self.end()]);
        let line = |(&start, end)| Line { start, end, candidates: VersionBits::none(), deprecated: None };
        self.lines = starts.iter().zip(ends).map(line).collect();
        self.follow_states();
        let mut requirements = std::mem::take(&mut self.requirements);
        for matching in &mut requirements {
            *matching = Matching::of(self, matching.requirement.clone(), false);
        }
        self.requirements = requirements;
    }

    /// Computes what follows from how the releases now stand, the versions being the same.
    pub(super) fn follow_states(&mut self) {
        self.singleton = self.is_singleton_at(u64::MAX);
        self.candidates = (0_u32..)
            .zip(&self.releases)
            .filter(|(_, release)| release.is_on_offer() && !release.version.is_pre_release())
            .map(|(ordinal, _)| ordinal)
            .collect();
        let advised_against =
            (0_u32..).zip(&self.releases).filter(|(_, release)| release.deprecated.is_some());
        self.deprecated = if_any(advised_against.map(|(ordinal, _)| ordinal).collect());
        for line in &mut self.lines {
            line.deprecated =
                self.deprecated.as_ref().and_then(|all| if_any(all.slice(line.start, line.end)));
            line.candidates = self.candidates.slice(line.start, line.end);
        }
    }
}

impl Matching {
    /// A requirement whose plugin is to follow its versions anew.
    pub(super) fn unmatched(requirement: Requirement) -> Self {
        Self { requirement, runs: Runs::default(), first_line: 0, last_line: 0 }
    }

    /// What `requirement` matches among the plugin's versions.
    ///
    /// Pre-releases follow the rule of the `semver` crate, or count like releases with `pre_releases`.
    pub(in crate::resolver) fn of(plugin: &Plugin, requirement: Requirement, pre_releases: bool) -> Self {
        let interval = Interval::of(&requirement);
        let versions = &plugin.releases;
        let start = versions.partition_point(|release| interval.lies_below(release.version.as_semver()));
        let end = versions.partition_point(|release| !interval.lies_above(release.version.as_semver()));
        let (start, end) = (start as u32, (end as u32).max(start as u32));
        // Only a requirement that names a pre-release matches one by the rule.
        let names_one =
            requirement.as_semver().comparators.iter().any(|comparator| !comparator.pre.is_empty());
        let is_named = |ordinal: u32| names_one && requirement.matches(&versions[ordinal as usize].version);
        let pre_releases_of = |range: std::ops::Range<u32>| {
            let from = plugin.pre_releases.partition_point(|ordinal| *ordinal < range.start);
            let to = plugin.pre_releases.partition_point(|ordinal| *ordinal < range.end);
            plugin.pre_releases[from..to].iter().copied()
        };
        let named_in = |range| pre_releases_of(range).filter(|o| is_named(*o)).map(|o| (o, o + 1));
        let left_out = pre_releases_of(start..end).filter(|ordinal| !pre_releases && !is_named(*ordinal));
        let ends = left_out.clone().chain([end]);
        let starts = std::iter::once(start).chain(left_out.map(|ordinal| ordinal + 1));
        let runs = Runs::of(named_in(0..start).chain(starts.zip(ends)).chain(named_in(end..plugin.end())));
        let line_of = |ordinal: Option<u32>| ordinal.map_or(0, |ordinal| plugin.line_of(ordinal));
        let (first_line, last_line) = (line_of(runs.first()), line_of(runs.last()));
        Self { requirement, runs, first_line, last_line }
    }

    /// Whether it matches no version there is.
    pub(in crate::resolver) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Whether it matches the version of this ordinal.
    pub(in crate::resolver) fn has(&self, ordinal: u32) -> bool {
        self.runs.has(ordinal)
    }

    /// What it matches, by ordinal; `plugin` is the one it was matched against.
    pub(in crate::resolver) fn all(&self, plugin: &Plugin) -> VersionBits {
        self.runs.within(0, plugin.end())
    }

    /// The only line it matches in and what it matches there, counted from the line's start.
    pub(in crate::resolver) fn only_line(&self, plugin: &Plugin) -> Option<(u32, VersionBits)> {
        let is_one = self.first_line == self.last_line && !self.is_empty();
        is_one.then(|| (self.first_line, self.within(plugin, self.first_line)))
    }

    /// The lines it matches in, ascending, and what it matches there, counted from the line's start.
    pub(in crate::resolver) fn lines<'a>(
        &'a self,
        plugin: &'a Plugin,
    ) -> impl Iterator<Item = (u32, VersionBits)> + 'a {
        let lines = (!self.is_empty()).then_some(self.first_line..=self.last_line);
        lines
            .into_iter()
            .flatten()
            .map(|line| (line, self.within(plugin, line)))
            .filter(|(_, versions)| !versions.is_empty())
    }

    fn within(&self, plugin: &Plugin, line: u32) -> VersionBits {
        let Line { start, end, .. } = plugin.lines[line as usize];
        self.runs.within(start, end)
    }
}

/// A set that is hardly ever more than empty.
fn if_any(set: VersionBits) -> Option<Box<VersionBits>> {
    (!set.is_empty()).then(|| Box::new(set))
}

/// Versions with equal numbers here are compatible, as cargo sees it: `^` keeps them.
pub(in crate::resolver) fn compatibility(version: &Version) -> (u64, u64, u64) {
    let version = version.as_semver();
    match (version.major, version.minor) {
        (0, 0) => (0, 0, version.patch),
        (0, minor) => (0, minor, 0),
        (major, _) => (major, 0, 0),
    }
}
