//! Facts in the words of a person: a headline, then a line for each fact, never twelve.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::Fact;
use super::lines::{
    LINE_CHARACTERS, and, brief, brief_version, few, names_within, registered_are, there_are,
};
use crate::domain::{PluginName, Requirement, Version};
use crate::resolver::hindrance::Hindrance;
use crate::resolver::index::{Plugin, Symbol};
use crate::resolver::provider::Provider;

use super::derivation::line_name;

/// Lines behind the headline.
const LINES_MAX: usize = 10;
/// Versions named before the rest is only counted.
const VERSIONS_MAX: usize = 4;
/// Facts that are folded into lines; more are only counted.
const FOLDED_MAX: usize = 300;
/// Plugins that share a line because the same is so of all of them.
const SHARED_MAX: usize = 6;

/// What is asked of one plugin, by who asks (`None`: the request); each lists alternatives.
type Demands<'f> = Vec<(Option<Symbol>, Vec<&'f str>)>;

/// Puts facts into words.
pub(super) struct Teller<'a, 'b> {
    pub(super) provider: &'b Provider<'a>,
}

impl Teller<'_, '_> {
    pub(super) fn plugin(&self, symbol: Symbol) -> &Plugin {
        self.provider.index.plugin(symbol)
    }

    pub(super) fn name(&self, symbol: Symbol) -> &PluginName {
        &self.plugin(symbol).name
    }

    /// The headline and the lines of facts.
    pub(super) fn text(&self, facts: &[Fact]) -> String {
        let wants: Vec<String> = facts
            .iter()
            .filter_map(|fact| match fact {
                Fact::Wants { plugin, requirement } => Some(asked(self.name(*plugin), requirement)),
                _ => None,
            })
            .collect();
        let together = if wants.len() > 1 { " together" } else { "" };
        let wants = names_within(&wants, LINE_CHARACTERS, "others");
        let mut text = format!("{wants} cannot be loaded{together}:");
        for line in self.lines(facts) {
            text.push_str("\n- ");
            text.push_str(&brief(&line, LINE_CHARACTERS));
        }
        text
    }

    /// Every plugin that the facts name.
    pub(super) fn plugins(&self, facts: &[Fact]) -> Vec<PluginName> {
        let plugins: BTreeSet<Symbol> = facts.iter().flat_map(named_in).collect();
        let mut names: Vec<PluginName> =
            plugins.into_iter().map(|plugin| self.name(plugin).clone()).collect();
        names.sort_unstable();
        names
    }

    fn lines(&self, facts: &[Fact]) -> Vec<String> {
        let mut conclusions = self.disputes(facts);
        conclusions.extend(self.host_dispute(facts));
        let told: Vec<&Fact> = facts.iter().filter(|fact| !matches!(fact, Fact::Wants { .. })).collect();
        if told.len() + conclusions.len() <= LINES_MAX {
            return told.iter().map(|fact| self.sentence(fact)).chain(conclusions).collect();
        }
        conclusions.truncate(2);
        let (first, beyond) = told.split_at(told.len().min(FOLDED_MAX));
        let mut folded = self.folded(first);
        let room = LINES_MAX - conclusions.len();
        if folded.len() > room || !beyond.is_empty() {
            let mut rest = folded.split_off(folded.len().min(room - 1));
            rest.extend(beyond.iter().map(|fact| (String::new(), vec![*fact])));
            let is_named: BTreeSet<Symbol> =
                folded.iter().flat_map(|(_, of)| of).flat_map(|fact| named_in(fact)).collect();
            let unnamed: BTreeSet<&PluginName> = rest
                .iter()
                .flat_map(|(_, of)| of)
                .flat_map(|fact| named_in(fact))
                .filter(|plugin| !is_named.contains(plugin))
                .map(|plugin| self.name(plugin))
                .collect();
            let unnamed: Vec<String> = unnamed.into_iter().map(ToString::to_string).collect();
            let count: usize = rest.iter().map(|(_, of)| of.len()).sum();
            let about = match &*unnamed {
                [] => "the plugins above".to_owned(),
                _ => names_within(&unnamed, LINE_CHARACTERS - 60, "others"),
            };
            folded.push((format!("{count} more facts like these, about {about}"), Vec::new()));
        }
        folded.into_iter().map(|(line, _)| line).chain(conclusions).collect()
    }

    /// The facts with what is said of several plugins said once, and chains of needs on one line.
    fn folded<'f>(&self, facts: &[&'f Fact]) -> Vec<(String, Vec<&'f Fact>)> {
        let mut lines = Vec::new();
        let mut told: BTreeSet<usize> = BTreeSet::new();
        for (place, fact) in facts.iter().enumerate() {
            if !told.insert(place) {
                continue;
            }
            let alike: Vec<usize> = (place + 1..facts.len())
                .filter(|other| !told.contains(other) && says_the_same(fact, facts[*other]))
                .take(SHARED_MAX - 1)
                .collect();
            let mut line;
            let mut of = vec![*fact];
            if alike.is_empty() {
                line = self.sentence(fact);
                let mut last = *fact;
                while let Some(next) = continuation(last, facts).filter(|next| !told.contains(next)) {
                    let (versions, plural) = self.versions(facts[next]);
                    let longer = format!("{line}, whose {versions} {}", self.predicate(facts[next], plural));
                    if longer.chars().count() > LINE_CHARACTERS - 100 {
                        break;
                    }
                    line = longer;
                    told.insert(next);
                    last = facts[next];
                    of.push(last);
                }
            } else {
                let mut subjects = vec![self.subject(fact).0];
                for other in alike {
                    let subject = self.subject(facts[other]).0;
                    let length: usize = subjects.iter().map(String::len).sum();
                    if length + subject.len() > LINE_CHARACTERS / 2 {
                        break;
                    }
                    told.insert(other);
                    of.push(facts[other]);
                    subjects.push(subject);
                }
                line = format!(
                    "{} {}",
                    and(&subjects),
                    self.predicate(fact, subjects.len() > 1 || self.subject(fact).1)
                );
            }
            lines.push((line, of));
        }
        lines
    }

    fn sentence(&self, fact: &Fact) -> String {
        let (subject, plural) = self.subject(fact);
        format!("{subject} {}", self.predicate(fact, plural))
    }

    /// What is said of the releases of a fact.
    fn predicate(&self, fact: &Fact, plural: bool) -> String {
        let need = if plural { "need" } else { "needs" };
        match fact {
            Fact::Wants { requirement, .. } => format!("is asked for at {}", brief_version(requirement)),
            Fact::Needs { dependency, requirement, .. } => {
                let wanted = asked(self.name(*dependency), requirement);
                format!("{need} {wanted}{}", self.absence(*dependency, requirement))
            }
            Fact::NeedsHost { requirement, .. } => {
                format!("{need} {} {}", self.provider.host().request.profile, brief_version(requirement))
            }
            Fact::Conflicts { other, requirement, .. } => {
                format!("cannot be loaded beside {}", asked(self.name(*other), requirement))
            }
            Fact::Provides { provided, .. } => format!("can stand in for {}", self.name(*provided)),
            Fact::LeftOut { hindrance, .. } => hindrance.sentence(plural),
        }
    }

    /// What to add when nothing can meet a need.
    fn absence(&self, dependency: Symbol, requirement: &str) -> String {
        let plugin = self.plugin(dependency);
        if plugin.releases.is_empty() && plugin.providers.is_empty() {
            return ", which is not in this registry".into();
        }
        let is_met = plugin
            .requirements
            .iter()
            .any(|matching| matching.requirement.to_string() == requirement && !matching.is_empty());
        if is_met {
            return String::new();
        }
        if !plugin.providers.is_empty() {
            return self.provided_are(dependency, requirement);
        }
        let versions: Vec<Version> =
            plugin.releases.iter().rev().map(|release| release.version.clone()).collect();
        format!(", and {}", there_are(&versions))
    }

    /// What to add when no stand-in provides a fitting version.
    fn provided_are(&self, wanted: Symbol, requirement: &str) -> String {
        let plugin = self.plugin(wanted);
        let releases = plugin.providers.iter().flat_map(|provider| &self.plugin(*provider).releases);
        let provided = releases.flat_map(|release| release.provides.iter());
        let provided = provided.filter(|(name, _)| *name == wanted).map(|(_, version)| version);
        let versions: BTreeSet<&Version> =
            provided.chain(plugin.releases.iter().map(|release| &release.version)).collect();
        let requirement = requirement.parse::<Requirement>().unwrap_or(Requirement::any());
        let newest_first: Vec<&Version> = versions.into_iter().rev().collect();
        match &*newest_first {
            versions if versions.iter().any(|version| requirement.matches(version)) => String::new(),
            [one] => format!(", and provided is only {}", brief_version(one)),
            versions => format!(", and provided are {}", and(&few(versions, VERSIONS_MAX, "older ones"))),
        }
    }

    /// "acme:menu 1.0.0 to 1.2.0", and whether that is several.
    fn subject(&self, fact: &Fact) -> (String, bool) {
        let name = self.name(subject_of(fact));
        match self.versions(fact) {
            (versions, plural) if versions.is_empty() => (name.to_string(), plural),
            (versions, plural) if versions.starts_with("every ") => (format!("{versions} of {name}"), plural),
            (versions, plural) => (format!("{name} {versions}"), plural),
        }
    }

    /// "1.0.0 to 1.2.0", and whether that is several.
    fn versions(&self, fact: &Fact) -> (String, bool) {
        let plugin = self.plugin(subject_of(fact));
        let none = BTreeSet::new();
        let ordinals = match fact {
            Fact::Needs { ordinals, .. }
            | Fact::NeedsHost { ordinals, .. }
            | Fact::Conflicts { ordinals, .. }
            | Fact::LeftOut { ordinals, .. } => ordinals,
            Fact::Wants { .. } | Fact::Provides { .. } => &none,
        };
        let version = |ordinal: &u32| brief_version(&plugin.releases[*ordinal as usize].version);
        let (Some(first), Some(last)) = (ordinals.first(), ordinals.last()) else {
            return (String::new(), false);
        };
        if first == last {
            return (version(first), false);
        }
        // What is said of releases on offer leaves the others aside; what is said of withdrawn ones counts them all.
        let are_on_offer = ordinals.iter().all(|ordinal| plugin.candidates.has(*ordinal));
        let covers = |from: u32, to: u32| {
            (from..to)
                .filter(|ordinal| !are_on_offer || plugin.candidates.has(*ordinal))
                .all(|ordinal| ordinals.contains(&ordinal))
        };
        if covers(0, plugin.end()) {
            return ("every release".into(), false);
        }
        if ordinals.len() > 2 && covers(*first, *last) {
            return (format!("{} to {}", version(first), version(last)), true);
        }
        let mut newest_first: Vec<String> = ordinals.iter().rev().map(version).collect();
        if newest_first.len() <= VERSIONS_MAX {
            newest_first.reverse();
        }
        (and(&few(&newest_first, VERSIONS_MAX, "more")), true)
    }

    /// The plugins of which no release meets what each of those who ask for it asks.
    fn disputes(&self, facts: &[Fact]) -> Vec<String> {
        let mut asked_of: BTreeMap<Symbol, Demands<'_>> = BTreeMap::new();
        for fact in facts {
            let (source, plugin, requirement) = match fact {
                Fact::Wants { plugin, requirement } => (None, plugin, requirement),
                Fact::Needs { plugin, dependency, requirement, .. } => {
                    (Some(*plugin), dependency, requirement)
                }
                _ => continue,
            };
            let demands = asked_of.entry(*plugin).or_default();
            match demands.iter_mut().find(|(known, _)| *known == source) {
                Some((_, alternatives)) => alternatives.push(requirement),
                None => demands.push((source, vec![requirement])),
            }
        }
        let mut disputes: Vec<(&PluginName, String)> = asked_of
            .into_iter()
            .filter(|(plugin, demands)| self.is_disputed(*plugin, demands))
            .map(|(plugin, demands)| (self.name(plugin), self.dispute(plugin, &demands)))
            .collect();
        disputes.sort();
        disputes.into_iter().map(|(_, sentence)| sentence).collect()
    }

    fn is_disputed(&self, plugin: Symbol, demands: &Demands<'_>) -> bool {
        if demands.len() < 2 {
            return false;
        }
        let parsed: Vec<Vec<Requirement>> = demands
            .iter()
            .map(|(_, all)| all.iter().filter_map(|text| text.parse().ok()).collect())
            .collect();
        let versions = || self.plugin(plugin).releases.iter().map(|release| &release.version);
        let meets =
            |version: &Version, all: &Vec<Requirement>| all.iter().any(|known| known.matches(version));
        parsed.iter().all(|all| versions().any(|version| meets(version, all)))
            && !versions().any(|version| parsed.iter().all(|all| meets(version, all)))
    }

    fn dispute(&self, symbol: Symbol, demands: &Demands<'_>) -> String {
        let plugin = self.plugin(symbol);
        let because = if self.provider.request.policy.one_version_per_plugin {
            "the policy allows one version of a plugin".to_owned()
        } else if plugin.singleton {
            "it allows only one version of itself".to_owned()
        } else {
            let first = demands.iter().flat_map(|(_, all)| all).copied().next();
            format!("only one {} release of it can be loaded", line_of(plugin, first.unwrap_or("*")))
        };
        let demands: Vec<String> = demands.iter().map(|(_, all)| alternatives(all)).collect();
        format!("no release of {} meets {}, and {because}", plugin.name, together(&demands))
    }

    /// That no version of the host's profile meets what each plugin needs of it.
    fn host_dispute(&self, facts: &[Fact]) -> Option<String> {
        let mut needed: BTreeMap<Symbol, Vec<&str>> = BTreeMap::new();
        for fact in facts {
            if let Fact::NeedsHost { plugin, requirement, .. } = fact {
                needed.entry(*plugin).or_default().push(requirement);
            }
        }
        if needed.is_empty() {
            return None;
        }
        let demands: BTreeSet<String> = needed.into_values().map(|all| alternatives(&all)).collect();
        let demands: Vec<String> = demands.into_iter().collect();
        let host = self.provider.host();
        let mut versions: Vec<Version> = host.versions(host.every()).cloned().collect();
        versions.reverse();
        let profile = &host.request.profile;
        Some(format!("no version of {profile} meets {}; {}", together(&demands), registered_are(&versions)))
    }

    /// The hindrance to mend: grants before profiles before the rest of the policy.
    pub(super) fn main_hindrance<'f>(&self, facts: &'f [Fact]) -> Option<(Symbol, &'f Hindrance)> {
        facts
            .iter()
            .filter_map(|fact| match fact {
                Fact::LeftOut { plugin, hindrance, .. } => Some((*plugin, hindrance)),
                _ => None,
            })
            .min_by_key(|(_, hindrance)| match hindrance {
                Hindrance::Ungranted { .. } => 0,
                Hindrance::ProfileVersion { .. } => 1,
                Hindrance::OtherProfile { .. } | Hindrance::ExtensionPoints { .. } => 2,
                Hindrance::Withdrawn(_) | Hindrance::SignerRevoked => 4,
                Hindrance::Yanked | Hindrance::PreRelease => 5,
                _ => 3,
            })
    }
}

/// Which plugin a fact is about.
pub(super) fn subject_of(fact: &Fact) -> Symbol {
    match fact {
        Fact::Wants { plugin, .. }
        | Fact::Needs { plugin, .. }
        | Fact::NeedsHost { plugin, .. }
        | Fact::Conflicts { plugin, .. }
        | Fact::Provides { plugin, .. }
        | Fact::LeftOut { plugin, .. } => *plugin,
    }
}

fn named_in(fact: &Fact) -> impl Iterator<Item = Symbol> + use<> {
    let other = match fact {
        Fact::Needs { dependency: other, .. }
        | Fact::Conflicts { other, .. }
        | Fact::Provides { provided: other, .. } => Some(*other),
        Fact::Wants { .. } | Fact::NeedsHost { .. } | Fact::LeftOut { .. } => None,
    };
    [subject_of(fact)].into_iter().chain(other)
}

/// Whether the same is said of another plugin.
fn says_the_same(one: &Fact, other: &Fact) -> bool {
    subject_of(one) != subject_of(other)
        && match (one, other) {
            (
                Fact::Needs { dependency: a, requirement: x, .. },
                Fact::Needs { dependency: b, requirement: y, .. },
            )
            | (
                Fact::Conflicts { other: a, requirement: x, .. },
                Fact::Conflicts { other: b, requirement: y, .. },
            ) => a == b && x == y,
            (Fact::NeedsHost { requirement: x, .. }, Fact::NeedsHost { requirement: y, .. }) => x == y,
            (Fact::Provides { provided: a, .. }, Fact::Provides { provided: b, .. }) => a == b,
            (Fact::LeftOut { hindrance: a, .. }, Fact::LeftOut { hindrance: b, .. }) => a == b,
            _ => false,
        }
}

/// The place of the one fact about what this one needs, if nobody else needs it.
fn continuation(fact: &Fact, facts: &[&Fact]) -> Option<usize> {
    let Fact::Needs { dependency, .. } = fact else { return None };
    let needing = facts.iter().filter(|other| named_in(other).nth(1) == Some(*dependency)).count();
    let mut about = (0..facts.len()).filter(|place| subject_of(facts[*place]) == *dependency);
    let only = about.next().filter(|_| about.next().is_none())?;
    (needing == 1 && !matches!(facts[only], Fact::Provides { .. })).then_some(only)
}

/// "1.x": the line of what a requirement matches.
fn line_of(plugin: &Plugin, requirement: &str) -> String {
    let requirement = requirement.parse::<Requirement>().unwrap_or(Requirement::any());
    let newest = plugin.releases.iter().rev().find(|release| requirement.matches(&release.version));
    newest.map_or("compatible".into(), |release| line_name(&release.version))
}

fn alternatives(requirements: &[&str]) -> String {
    let mut named: Vec<String> = requirements.iter().take(VERSIONS_MAX).map(brief_version).collect();
    if requirements.len() > VERSIONS_MAX {
        named.push(format!("{} others", requirements.len() - VERSIONS_MAX));
    }
    named.join(" or ")
}

/// "both ^1 and ^2", "^1, ^2 and ^3", "^1 as well as ^2 or ^3".
fn together(demands: &[String]) -> String {
    let are_plain = demands.iter().all(|demand| !demand.contains(" or "));
    match demands {
        [one] => one.clone(),
        [one, other] if are_plain => format!("both {one} and {other}"),
        _ if are_plain => format!("all of {}", and(&few(demands, VERSIONS_MAX * 2, "others"))),
        _ => few(demands, VERSIONS_MAX, "others").join(" as well as "),
    }
}

/// "acme:menu ^1.0".
pub(super) fn asked(name: &PluginName, requirement: &str) -> String {
    if requirement == "*" { name.to_string() } else { format!("{name} {}", brief_version(&requirement)) }
}
