//! Whether a lock is what a host may load: judged from the index lines and the request alone.
//!
//! It shares no code with the solver: not its index, its intervals, its filters or its walk. What it knows of the rules
//! is written down here a second time, as plainly as it goes.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use pluginry::domain::{
    Grants, HostProfile, IndexRelease, PluginName, ReleaseId, Requirement, Timestamp, TrustLevel,
    VerificationState, Version,
};
use pluginry::resolver::{Lock, LockedDependency, LockedRelease, ResolveRequest};
use semver::{Comparator, Op};

/// The index lines that a lock is judged by.
pub(crate) trait Registry {
    /// The line of a release, if it was published.
    fn line(&self, id: &ReleaseId) -> Option<Rc<IndexRelease>>;

    /// Whether a lock may hold one version of the plugin only, going by the releases up to this place of the log: the
    /// newest that is on offer and no pre-release says so, or the newest where there is none.
    fn is_singleton(&self, plugin: &PluginName, until: u64) -> bool;
}

/// A lock's question, and where it was asked.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) registry: &'a dyn Registry,
    pub(crate) request: &'a ResolveRequest,
    pub(crate) profiles: &'a [HostProfile],
    pub(crate) now: Timestamp,
}

impl Asked<'_> {
    /// Whether only one version of the plugin may be chosen.
    pub(crate) fn is_alone(&self, plugin: &PluginName) -> bool {
        let until = self.request.as_of.map_or(u64::MAX, |point| point.tree_size);
        self.request.policy.one_version_per_plugin || self.registry.is_singleton(plugin, until)
    }
}

/// Everything that is wrong with a lock; empty: it holds.
pub(crate) fn faults(lock: &Lock, asked: &Asked<'_>) -> Vec<String> {
    let mut check = Check { lock, asked, lines: BTreeMap::new(), faults: Vec::new() };
    check.releases_are_known();
    check.host_is_the_one_asked_for();
    check.every_release_may_be_chosen();
    check.needs_are_met_and_told();
    check.versions_that_exclude_each_other_stand_alone();
    check.conflicts_are_kept_apart();
    check.roots_are_met_and_nothing_is_superfluous();
    check.load_order_holds();
    check.capabilities_are_the_union();
    check.what_is_held_back_is_newer();
    check.faults
}

struct Check<'a> {
    lock: &'a Lock,
    asked: &'a Asked<'a>,
    lines: BTreeMap<ReleaseId, Rc<IndexRelease>>,
    faults: Vec<String>,
}

impl Check<'_> {
    fn must(&mut self, holds: bool, fault: impl FnOnce() -> String) {
        if !holds {
            self.faults.push(fault());
        }
    }

    fn releases_are_known(&mut self) {
        for locked in &self.lock.releases {
            let id = locked.id();
            let Some(line) = self.asked.registry.line(&id) else {
                self.faults.push(format!("{id} was never published"));
                continue;
            };
            let told = self.lines.insert(id.clone(), Rc::clone(&line)).is_none();
            self.must(told, || format!("{id} is in the lock twice"));
            let is_as_published = locked.digest == line.digest
                && locked.size_bytes == line.size_bytes
                && locked.signer == line.signer
                && locked.verification == line.verification
                && locked.capabilities == line.capabilities
                && (locked.risk, &locked.license, &locked.deprecated)
                    == (line.risk, &line.license, &line.deprecated)
                && locked.url == format!("/blobs/sha256/{}", line.digest.to_hex());
            self.must(is_as_published, || format!("{id} is not told as it was published"));
        }
        let (lock, request) = (self.lock, self.asked.request);
        let is_same = lock.roots == request.roots
            && lock.with_optional == request.with_optional
            && lock.pre_releases_of == request.pre_releases_of
            && lock.policy == request.policy
            && lock.as_of == request.as_of;
        self.must(is_same, || "the lock tells another question than was asked".into());
    }

    fn host_is_the_one_asked_for(&mut self) {
        let (lock, profiles) = (self.lock, self.asked.profiles);
        let (locked, wanted) = match (&lock.host, &self.asked.request.host) {
            (None, None) => return,
            (Some(locked), Some(wanted)) => (locked, wanted),
            _ => return self.faults.push("a host was asked for or locked, not both".into()),
        };
        let is_same = locked.profile == wanted.profile
            && locked.grants == wanted.grants
            && locked.extension_points == wanted.extension_points;
        self.must(is_same, || "the host is not the one asked for".into());
        let is_registered = || {
            profiles.iter().any(|profile| profile.name == wanted.profile && profile.version == locked.version)
        };
        let is_offered = match &wanted.version {
            Some(version) => locked.version == *version,
            None => is_registered(),
        };
        self.must(is_offered, || format!("{} {} is not offered", locked.profile, locked.version));
    }

    fn every_release_may_be_chosen(&mut self) {
        let host_version = self.lock.host.as_ref().map(|host| &host.version);
        for (id, line) in &self.lines {
            if let Some(objection) = objection_to(self.asked, id, line, host_version) {
                self.faults.push(format!("{id} {objection}"));
            }
        }
    }

    fn needs_are_met_and_told(&mut self) {
        for locked in &self.lock.releases {
            let id = locked.id();
            let Some(line) = self.lines.get(&id).cloned() else { continue };
            let mut told: Vec<&LockedDependency> = locked.dependencies.iter().collect();
            for (name, spec) in &line.dependencies {
                if spec.optional && !self.asked.request.with_optional.contains(name) {
                    continue;
                }
                let is_this = |told: &&LockedDependency| {
                    let stands_in = self.meets(&told.release, name, &spec.version);
                    told.requirement == spec.version
                        && match &told.provides {
                            None => told.release.plugin == *name && stands_in == Some(false),
                            Some(provided) => provided == name && stands_in == Some(true),
                        }
                };
                match told.iter().position(is_this) {
                    Some(place) => drop(told.remove(place)),
                    None => self
                        .faults
                        .push(format!("{id} needs {name} {}, which the lock does not meet", spec.version)),
                }
            }
            for more in told {
                self.faults.push(format!(
                    "{id} is said to need {} {}, and does not",
                    more.release, more.requirement
                ));
            }
            let order = |told: &LockedDependency| (told.release.clone(), told.provides.clone());
            self.must(locked.dependencies.is_sorted_by_key(order), || {
                format!("the needs of {id} are not in order")
            });
        }
    }

    /// Whether a locked release meets a need, and then whether by standing in for what is asked.
    fn meets(&self, release: &ReleaseId, name: &PluginName, requirement: &Requirement) -> Option<bool> {
        let line = self.lines.get(release)?;
        if release.plugin == *name {
            return is_met_by(self.asked, name, requirement, &release.version).then_some(false);
        }
        line.provides.get(name).is_some_and(|provided| requirement.matches(provided)).then_some(true)
    }

    fn versions_that_exclude_each_other_stand_alone(&mut self) {
        let mut seen = BTreeSet::new();
        for id in self.lines.keys() {
            let is_alone = self.asked.is_alone(&id.plugin);
            let line = (!is_alone).then(|| compatible_with(&id.version));
            if !seen.insert((id.plugin.clone(), line)) {
                self.faults.push(format!("{id} stands beside another version that excludes it"));
            }
        }
    }

    fn conflicts_are_kept_apart(&mut self) {
        for (id, line) in &self.lines {
            for (name, requirement) in line.conflicts.iter().filter(|(name, _)| **name != id.plugin) {
                for other in self.lines.keys().filter(|other| other.plugin == *name) {
                    if is_met_by(self.asked, name, requirement, &other.version) {
                        self.faults.push(format!("{id} conflicts with {other}"));
                    }
                }
            }
        }
    }

    fn roots_are_met_and_nothing_is_superfluous(&mut self) {
        let mut reached: BTreeSet<ReleaseId> = BTreeSet::new();
        for (name, requirement) in &self.asked.request.roots {
            let led_to = self.lock.root_release(name).map(LockedRelease::id);
            match led_to.filter(|id| self.meets(id, name, requirement).is_some()) {
                Some(id) => drop(reached.insert(id)),
                None => self.faults.push(format!("nothing in the lock meets the root {name} {requirement}")),
            }
        }
        for root in
            self.lock.root_releases.keys().filter(|root| !self.asked.request.roots.contains_key(*root))
        {
            self.faults.push(format!("{root} is no root"));
        }
        let mut next: Vec<ReleaseId> = reached.iter().cloned().collect();
        while let Some(locked) = next.pop().and_then(|id| self.lock.release(&id)) {
            let needed = locked.dependencies.iter().map(|told| told.release.clone());
            next.extend(needed.filter(|id| reached.insert(id.clone())));
        }
        for id in self.lines.keys().filter(|id| !reached.contains(id)) {
            self.faults.push(format!("nothing leads to {id}"));
        }
    }

    fn load_order_holds(&mut self) {
        let order = |locked: &LockedRelease| (locked.load_level, locked.name.clone(), locked.version.clone());
        let lock = self.lock;
        self.must(lock.releases.is_sorted_by_key(order), || "the releases are not in load order".into());
        for locked in &lock.releases {
            let levels = locked.dependencies.iter().map(|told| {
                lock.release(&told.release).map_or(u32::MAX - 1, |dependency| dependency.load_level)
            });
            let lowest = levels.max().map_or(0, |highest| highest + 1);
            self.must(locked.load_level == lowest, || {
                format!("{} is at level {}, and its needs allow {lowest}", locked.id(), locked.load_level)
            });
        }
    }

    fn capabilities_are_the_union(&mut self) {
        let sets = |grants: &Grants| -> BTreeMap<_, BTreeMap<String, BTreeSet<String>>> {
            let kinds =
                |(kind, values): (&String, &Vec<String>)| (kind.clone(), values.iter().cloned().collect());
            grants.iter().map(|(name, scope)| (name.clone(), scope.0.iter().map(kinds).collect())).collect()
        };
        let asking = || self.lines.values().flat_map(|line| &line.capabilities);
        let mut union = Grants::new();
        for (name, _) in asking() {
            let scopes: Vec<_> =
                asking().filter(|(other, _)| *other == name).map(|(_, asked)| &asked.scope.0).collect();
            // A kind that one of them leaves open is open for all.
            let limited =
                scopes[0].keys().filter(|kind| scopes.iter().all(|scope| scope.contains_key(*kind)));
            let values =
                |kind: &String| scopes.iter().flat_map(|scope| scope[kind].iter().cloned()).collect();
            let scope = limited.map(|kind| (kind.clone(), values(kind))).collect();
            union.insert(name.clone(), pluginry::domain::Scope(scope));
        }
        let is_same = sets(&union) == sets(&self.lock.capabilities);
        self.must(is_same, || "the capabilities are not the union of what the releases ask for".into());
    }

    fn what_is_held_back_is_newer(&mut self) {
        for held in &self.lock.held_back {
            let (chosen, newest) = [&held.chosen, &held.newest]
                .map(|version| ReleaseId::new(held.name.clone(), version.clone()))
                .into();
            let is_so = self.lines.contains_key(&chosen)
                && newest.version > chosen.version
                && !self.lines.contains_key(&newest)
                && self.asked.registry.line(&newest).is_some();
            self.must(is_so, || format!("{newest} is not held back by {chosen}"));
        }
    }
}

/// Why the request does not allow a release, whatever else is chosen; `host_version` as it is settled, if it is.
pub(crate) fn objection_to(
    asked: &Asked<'_>,
    id: &ReleaseId,
    line: &IndexRelease,
    host_version: Option<&Version>,
) -> Option<String> {
    let Asked { request, .. } = asked;
    let locked: Vec<&LockedRelease> = request
        .lock
        .iter()
        .flat_map(|lock| &lock.releases)
        .filter(|locked| locked.name == id.plugin)
        .collect();
    let is_locked = locked.iter().any(|locked| locked.version == id.version);
    let is_kept = is_locked && !request.upgrade.contains(&id.plugin);
    let is_new = request.as_of.is_some_and(|point| line.sequence > point.tree_size);
    if is_new {
        return Some("is newer than the point asked for".into());
    }
    if line.quarantined.is_some()
        || line.taken_down.is_some()
        || line.recalled.is_some()
        || line.signer_revoked
    {
        return Some("was withdrawn".into());
    }
    if line.yanked && !is_kept {
        return Some("was yanked".into());
    }
    if !is_locked {
        if !id.version.as_semver().pre.is_empty() && !counts_pre_releases(request, &id.plugin) {
            return Some("is a pre-release".into());
        }
        let age = asked.now.as_micros() - line.published_at.as_micros();
        if age < i64::from(request.policy.min_age_hours) * 3_600_000_000 && request.policy.min_age_hours > 0 {
            return Some("is too young".into());
        }
        let before =
            locked.iter().filter(|locked| locked.version < id.version).max_by_key(|locked| &locked.version);
        if let Some(before) = before.filter(|_| !request.policy.allow_widening) {
            let grants: Grants =
                before.capabilities.iter().map(|(name, asked)| (name.clone(), asked.scope.clone())).collect();
            if let Some(power) = power_beyond(line, &grants) {
                return Some(format!("asks for more of {power} than the lock has"));
            }
        }
    }
    objection_of_the_host(request, line, host_version).or_else(|| objection_of_the_policy(request, id, line))
}

fn objection_of_the_host(
    request: &ResolveRequest,
    line: &IndexRelease,
    version: Option<&Version>,
) -> Option<String> {
    let host = request.host.as_ref()?;
    if line.profile != host.profile {
        return Some(format!("is made for {}", line.profile));
    }
    if let Some(version) = version
        && !line.profile_version.matches(version)
        && !lies_within(&line.profile_version, version)
    {
        return Some(format!("needs the host at {}", line.profile_version));
    }
    if let Some(offered) = &host.extension_points
        && !line.extension_points.is_empty()
        && !line.extension_points.iter().any(|point| offered.contains(point))
    {
        return Some("plugs in nowhere".into());
    }
    power_beyond(line, host.grants.as_ref()?).map(|power| format!("asks for {power}"))
}

fn objection_of_the_policy(request: &ResolveRequest, id: &ReleaseId, line: &IndexRelease) -> Option<String> {
    let policy = &request.policy;
    let namespace = id.plugin.namespace();
    if policy.denied_namespaces.contains(namespace) {
        return Some("is of a denied namespace".into());
    }
    if policy.allowed_namespaces.as_ref().is_some_and(|allowed| !allowed.contains(namespace)) {
        return Some("is of a namespace that is not allowed".into());
    }
    let trust = *policy.trust.get(namespace).unwrap_or(&line.trust);
    if policy.min_trust.is_some_and(|least| trust < least) {
        return Some("is trusted too little".into());
    }
    if policy.require_verified && line.verification != VerificationState::Passed {
        return Some("is not verified".into());
    }
    // A level without a word of its own is held to what the next one above may.
    let levels = [TrustLevel::Marketplace, TrustLevel::Partner, TrustLevel::Internal];
    let of_level = levels
        .into_iter()
        .filter(|level| *level >= trust)
        .find_map(|level| policy.max_risk_by_trust.get(&level));
    if let Some(risk) = line.risk
        && policy.max_risk.iter().chain(of_level).any(|most| risk > *most)
    {
        return Some("is too risky".into());
    }
    let licenses = policy.licenses.as_ref()?;
    (!may_be_licensed(&line.license, licenses)).then(|| format!("is licensed under {}", line.license))
}

/// A licence expression of identifiers, `OR`, `AND` and parentheses.
fn may_be_licensed(expression: &str, accepted: &BTreeSet<String>) -> bool {
    fn alternatives(
        words: &mut std::iter::Peekable<std::vec::IntoIter<String>>,
        accepted: &BTreeSet<String>,
    ) -> bool {
        let mut holds = together(words, accepted);
        while words.next_if(|word| word == "OR").is_some() {
            holds |= together(words, accepted);
        }
        holds
    }
    fn together(
        words: &mut std::iter::Peekable<std::vec::IntoIter<String>>,
        accepted: &BTreeSet<String>,
    ) -> bool {
        let mut holds = one(words, accepted);
        while words.next_if(|word| word == "AND").is_some() {
            holds &= one(words, accepted);
        }
        holds
    }
    fn one(words: &mut std::iter::Peekable<std::vec::IntoIter<String>>, accepted: &BTreeSet<String>) -> bool {
        let word = words.next().expect("a licence expression of this form");
        if word != "(" {
            return accepted.contains(&word);
        }
        let holds = alternatives(words, accepted);
        assert_eq!(words.next().as_deref(), Some(")"));
        holds
    }
    let spaced = expression.replace('(', " ( ").replace(')', " ) ");
    let words: Vec<String> = spaced.split_whitespace().map(str::to_owned).collect();
    alternatives(&mut words.into_iter().peekable(), accepted)
}

/// The first capability of a release that goes beyond what is granted.
fn power_beyond(line: &IndexRelease, grants: &Grants) -> Option<String> {
    let is_within = |(name, asked): &(&_, &pluginry::domain::CapabilityRequest)| {
        grants.get(*name).is_some_and(|granted| asked.scope.is_within(granted))
    };
    line.capabilities.iter().find(|power| !is_within(power)).map(|(name, _)| name.to_string())
}

/// Whether pre-releases of a plugin count like other releases.
fn counts_pre_releases(request: &ResolveRequest, plugin: &PluginName) -> bool {
    let names_one = |requirement: &Requirement| requirement.to_string().contains('-');
    request.policy.pre_release
        || request.pre_releases_of.contains(plugin)
        || request.roots.get(plugin).is_some_and(names_one)
}

/// Whether a version meets a requirement on a plugin, pre-releases counted as the request says.
pub(crate) fn is_met_by(
    asked: &Asked<'_>,
    plugin: &PluginName,
    requirement: &Requirement,
    version: &Version,
) -> bool {
    requirement.matches(version)
        || (counts_pre_releases(asked.request, plugin) && lies_within(requirement, version))
}

/// Whether a version lies where a requirement says, with no rule of its own for pre-releases: only that those of a
/// version do not lie below it.
fn lies_within(requirement: &Requirement, version: &Version) -> bool {
    let version = version.as_semver();
    requirement.as_semver().comparators.iter().all(|comparator| lies_so(comparator, version))
}

fn lies_so(comparator: &Comparator, version: &semver::Version) -> bool {
    let Comparator { op, major, minor, patch, pre } = comparator;
    let given: Vec<u64> = [Some(*major), *minor, *patch].into_iter().map_while(|part| part).collect();
    let parts = [version.major, version.minor, version.patch];
    let mut floor = semver::Version::new(*major, minor.unwrap_or(0), patch.unwrap_or(0));
    floor.pre = pre.clone();
    let is_up_to = |kept: usize| parts[..kept] == given[..kept];
    let numbers = (version.major, version.minor, version.patch);
    match op {
        Op::Exact | Op::Wildcard if given.len() == 3 => *version == floor,
        Op::Exact | Op::Wildcard => is_up_to(given.len()) && *version >= floor,
        Op::Tilde => is_up_to(given.len().min(2)) && *version >= floor,
        Op::Caret => {
            let kept = given.iter().position(|part| *part > 0).map_or(given.len(), |first| first + 1);
            is_up_to(kept) && *version >= floor
        }
        Op::Greater if given.len() == 3 => *version > floor,
        // Beyond all of `1.2`: 1.3.0 and what comes after it.
        Op::Greater => {
            parts[..given.len()] > given[..] && (version.pre.is_empty() || numbers > next_after(&given))
        }
        Op::GreaterEq => *version >= floor,
        Op::Less if !pre.is_empty() => *version < floor,
        Op::Less => numbers < (floor.major, floor.minor, floor.patch),
        Op::LessEq if given.len() == 3 => *version <= floor,
        Op::LessEq => parts[..given.len()] <= given[..],
        _ => panic!("an operator this checker does not know"),
    }
}

/// The numbers that come after everything that begins with these.
fn next_after(given: &[u64]) -> (u64, u64, u64) {
    match *given {
        [major, minor] => (major, minor + 1, 0),
        [major] => (major + 1, 0, 0),
        _ => panic!("two numbers or one"),
    }
}

fn compatible_with(version: &Version) -> (u64, u64, u64) {
    let version = version.as_semver();
    if version.major > 0 {
        (version.major, 0, 0)
    } else if version.minor > 0 {
        (0, version.minor, 0)
    } else {
        (0, 0, version.patch)
    }
}
