//! Saying why there is no lock, in the words of a person.

mod derivation;
mod facts;
mod failure;

use std::collections::{BTreeMap, BTreeSet};

use self::derivation::derivation;
use self::facts::{Fact, facts_of, minimal_proof};
pub(super) use self::failure::registered_are;
pub use self::failure::{Explanation, ResolveFailure};
use self::failure::{VERSIONS_MAX, and, there_are};
use super::hindrance::Hindrance;
use super::index::{Plugin, Symbol, compatibility};
use super::provider::Provider;
use super::solve::{Tree, solve};
use super::{Circumstances, ResolveRequest};
use crate::domain::{PluginName, Requirement, Version};

/// Facts an explanation names before it only counts the rest.
const FACTS_MAX: usize = 9;
/// Other versions of roots that a mend names.
const MENDS_MAX: usize = 2;
/// Steps the search for a mend may take for each root: a refusal should not cost much more than an answer.
const MEND_STEPS_MAX: u32 = 200;

/// The names nearest to one that is not known: at most three, nearest first.
pub(super) fn nearest_names<'a>(
    wanted: &PluginName,
    known: impl Iterator<Item = &'a PluginName>,
) -> Vec<PluginName> {
    let wanted_text = wanted.to_string();
    let near_enough = (wanted_text.len() / 4).clamp(2, 6);
    let mut near: Vec<(usize, &PluginName)> = known
        .filter_map(|name| {
            let distance = if name.name() == wanted.name() {
                1
            } else {
                strsim::damerau_levenshtein(&name.to_string(), &wanted_text)
            };
            (distance <= near_enough).then_some((distance, name))
        })
        .collect();
    near.sort_unstable();
    near.into_iter().take(3).map(|(_, name)| name.clone()).collect()
}

/// The failure behind a proof that there is no lock.
pub(super) fn no_solution(
    provider: &mut Provider<'_>,
    tree: Tree,
    circumstances: &Circumstances<'_>,
) -> ResolveFailure {
    let tree = minimal_proof(provider, tree);
    let facts = facts_of(provider, &tree);
    let teller = Teller { provider, circumstances };
    let explanation = Box::new(Explanation {
        text: teller.text(&facts),
        mend: teller.mend(&facts),
        plugins: teller.plugins(&facts),
        derivation: derivation(provider, &tree),
    });
    match teller.main_hindrance(&facts).map(|(_, hindrance)| hindrance) {
        Some(Hindrance::Ungranted { .. }) => ResolveFailure::MissingGrant(explanation),
        Some(
            Hindrance::OtherProfile { .. }
            | Hindrance::ProfileVersion { .. }
            | Hindrance::ExtensionPoints { .. },
        ) => ResolveFailure::ProfileMismatch(explanation),
        Some(Hindrance::Withdrawn(_)) => ResolveFailure::Withdrawn(explanation),
        Some(_) => ResolveFailure::Policy(explanation),
        None if facts.iter().any(|fact| matches!(fact, Fact::NeedsHost { .. })) => {
            ResolveFailure::ProfileMismatch(explanation)
        }
        None => ResolveFailure::Conflict(explanation),
    }
}

/// What is asked of one plugin, by who asks (`None`: the request); each lists alternatives.
type Demands<'f> = Vec<(Option<Symbol>, Vec<&'f str>)>;

/// Puts facts into words.
struct Teller<'a, 'b> {
    provider: &'b Provider<'a>,
    circumstances: &'b Circumstances<'b>,
}

impl Teller<'_, '_> {
    fn plugin(&self, symbol: Symbol) -> &Plugin {
        self.provider.index.plugin(symbol)
    }

    fn text(&self, facts: &[Fact]) -> String {
        let wants: Vec<String> = facts
            .iter()
            .filter_map(|fact| match fact {
                Fact::Wants { plugin, requirement } => Some(asked(&self.plugin(*plugin).name, requirement)),
                _ => None,
            })
            .collect();
        let mut lines: Vec<String> = facts.iter().filter_map(|fact| self.sentence(fact)).collect();
        if lines.len() > FACTS_MAX {
            let more = lines.len() - (FACTS_MAX - 1);
            lines.truncate(FACTS_MAX - 1);
            lines.push(format!("{more} more facts like these, listed in the derivation"));
        }
        lines.extend(self.disputes(facts));
        lines.extend(self.host_dispute(facts));
        let together = if wants.len() > 1 { " together" } else { "" };
        let mut text = format!("{} cannot be loaded{together}:", and(&wants));
        for line in lines {
            text.push_str("\n- ");
            text.push_str(&line);
        }
        text
    }

    fn sentence(&self, fact: &Fact) -> Option<String> {
        Some(match fact {
            Fact::Wants { .. } => return None,
            Fact::Needs { plugin, ordinals, dependency, requirement } => {
                let (subject, plural) = self.subject(*plugin, ordinals);
                let need = if plural { "need" } else { "needs" };
                let wanted = asked(&self.plugin(*dependency).name, requirement);
                format!("{subject} {need} {wanted}{}", self.absence(*dependency, requirement))
            }
            Fact::NeedsHost { plugin, ordinals, requirement } => {
                let (subject, plural) = self.subject(*plugin, ordinals);
                let need = if plural { "need" } else { "needs" };
                format!("{subject} {need} {} {requirement}", self.provider.host().request.profile)
            }
            Fact::Conflicts { plugin, ordinals, other, requirement } => {
                let (subject, _) = self.subject(*plugin, ordinals);
                format!("{subject} cannot be loaded beside {}", asked(&self.plugin(*other).name, requirement))
            }
            Fact::Provides { plugin, provided } => {
                format!("{} can stand in for {}", self.plugin(*plugin).name, self.plugin(*provided).name)
            }
            Fact::LeftOut { plugin, ordinals, hindrance } => {
                let (subject, plural) = self.subject(*plugin, ordinals);
                format!("{subject} {}", hindrance.sentence(plural))
            }
        })
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
        if is_met || !plugin.providers.is_empty() {
            return String::new();
        }
        let versions: Vec<Version> =
            plugin.releases.iter().rev().map(|release| release.version.clone()).collect();
        format!(", and {}", there_are(&versions))
    }

    /// "acme:menu 1.0.0 to 1.2.0", and whether that is several.
    fn subject(&self, symbol: Symbol, ordinals: &BTreeSet<u32>) -> (String, bool) {
        let plugin = self.plugin(symbol);
        let version = |ordinal: &u32| plugin.releases[*ordinal as usize].version.to_string();
        let name = &plugin.name;
        let (Some(first), Some(last)) = (ordinals.first(), ordinals.last()) else {
            return (name.to_string(), false);
        };
        if first == last {
            return (format!("{name} {}", version(first)), false);
        }
        // What is said of releases on offer leaves the others aside; what is said of withdrawn ones counts them all.
        let are_on_offer = ordinals.iter().all(|ordinal| plugin.candidates.has(*ordinal));
        let covers = |from: u32, to: u32| {
            (from..to)
                .filter(|ordinal| !are_on_offer || plugin.candidates.has(*ordinal))
                .all(|ordinal| ordinals.contains(&ordinal))
        };
        if covers(0, plugin.end()) {
            return (format!("every release of {name}"), false);
        }
        if ordinals.len() > 2 && covers(*first, *last) {
            return (format!("{name} {} to {}", version(first), version(last)), true);
        }
        let mut named: Vec<String> = ordinals.iter().rev().take(VERSIONS_MAX).map(version).collect();
        if ordinals.len() > VERSIONS_MAX {
            named.push(format!("{} more", ordinals.len() - VERSIONS_MAX));
        } else {
            named.reverse();
        }
        (format!("{name} {}", and(&named)), true)
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
            .map(|(plugin, demands)| (&self.plugin(plugin).name, self.dispute(plugin, &demands)))
            .collect();
        disputes.sort();
        disputes.into_iter().map(|(_, sentence)| sentence).collect()
    }

    fn is_disputed(&self, plugin: Symbol, demands: &Demands<'_>) -> bool {
        let versions = || self.plugin(plugin).releases.iter().map(|release| &release.version);
        let meets = |version: &Version, alternatives: &[&str]| {
            let fits = |text: &&str| text.parse::<Requirement>().is_ok_and(|known| known.matches(version));
            alternatives.iter().any(fits)
        };
        let is_met_at_all =
            |(_, all): &(Option<Symbol>, Vec<&str>)| versions().any(|version| meets(version, all));
        demands.len() > 1
            && demands.iter().all(is_met_at_all)
            && !versions().any(|version| demands.iter().all(|(_, all)| meets(version, all)))
    }

    fn dispute(&self, symbol: Symbol, demands: &Demands<'_>) -> String {
        let plugin = self.plugin(symbol);
        let because = if self.provider.request.policy.one_version_per_plugin {
            "the policy allows one version of a plugin".to_owned()
        } else if plugin.singleton {
            "it allows only one version of itself".to_owned()
        } else {
            let first = demands.iter().flat_map(|(_, all)| all).copied().next();
            format!("two {} releases cannot be loaded side by side", line_name(plugin, first.unwrap_or("*")))
        };
        let demands: Vec<String> = demands.iter().map(|(_, all)| all.join(" or ")).collect();
        let all = match &*demands {
            [one, other] if !one.contains(" or ") && !other.contains(" or ") => {
                format!("both {one} and {other}")
            }
            _ => demands.join(" as well as "),
        };
        format!("no release of {} meets {all}, and {because}", plugin.name)
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
        let all: BTreeSet<String> =
            needed.into_values().map(|alternatives| alternatives.join(" or ")).collect();
        let all: Vec<String> = all.into_iter().collect();
        let all = match &*all {
            [one, other] if !one.contains(" or ") && !other.contains(" or ") => {
                format!("both {one} and {other}")
            }
            _ => all.join(" as well as "),
        };
        let host = self.provider.host();
        let mut versions: Vec<Version> = host.versions(&host.every()).cloned().collect();
        versions.reverse();
        Some(format!("no version of {} meets {all}; {}", host.request.profile, registered_are(&versions)))
    }

    fn plugins(&self, facts: &[Fact]) -> Vec<PluginName> {
        let mut plugins = BTreeSet::new();
        for fact in facts {
            match fact {
                Fact::Wants { plugin, .. }
                | Fact::LeftOut { plugin, .. }
                | Fact::NeedsHost { plugin, .. } => {
                    plugins.extend([*plugin]);
                }
                Fact::Needs { plugin, dependency: other, .. }
                | Fact::Conflicts { plugin, other, .. }
                | Fact::Provides { plugin, provided: other } => plugins.extend([*plugin, *other]),
            }
        }
        let mut names: Vec<PluginName> =
            plugins.into_iter().map(|plugin| self.plugin(plugin).name.clone()).collect();
        names.sort_unstable();
        names
    }

    /// The hindrance to mend: grants before profiles before the rest of the policy.
    fn main_hindrance<'f>(&self, facts: &'f [Fact]) -> Option<(Symbol, &'f Hindrance)> {
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

    fn mend(&self, facts: &[Fact]) -> String {
        let other_versions = self.other_versions(facts);
        let lifted = self.main_hindrance(facts).map(|(plugin, hindrance)| self.lift(plugin, hindrance));
        match (lifted, other_versions) {
            (Some(lifted), Some(other)) => format!("{lifted}, or ask for {other}."),
            (Some(lifted), None) => format!("{lifted}."),
            (None, Some(other)) => format!("Ask for {other}."),
            (None, None) => self.last_resort(facts),
        }
    }

    /// What to do when no other version of anything asked for helps.
    fn last_resort(&self, facts: &[Fact]) -> String {
        let wanted: Vec<String> = facts
            .iter()
            .filter_map(|fact| match fact {
                Fact::Wants { plugin, .. } => Some(self.plugin(*plugin).name.to_string()),
                _ => None,
            })
            .collect();
        let other = if self.provider.request.policy.one_version_per_plugin && wanted.len() > 1 {
            ", or drop `one_version_per_plugin` from the policy".to_owned()
        } else {
            let conflict = facts.iter().find(|fact| matches!(fact, Fact::Conflicts { .. }));
            conflict
                .into_iter()
                .chain(facts.iter().rev())
                .find_map(|fact| self.plea(fact))
                .unwrap_or_default()
        };
        match &*wanted {
            [one] => format!("No other version of {one} helps; leave it out{other}."),
            _ => format!("No other versions of {} help; leave one out{other}.", and(&wanted)),
        }
    }

    /// What an author could do about a fact.
    fn plea(&self, fact: &Fact) -> Option<String> {
        let name = |symbol: &Symbol| &self.plugin(*symbol).name;
        match fact {
            Fact::Conflicts { plugin, other, .. } => {
                Some(format!(", or ask the author of {} to get along with {}", name(plugin), name(other)))
            }
            Fact::Needs { plugin, dependency, .. } if self.plugin(*dependency).releases.is_empty() => {
                Some(format!(", or ask the author of {} to do without {}", name(plugin), name(dependency)))
            }
            Fact::NeedsHost { plugin, .. } => Some(format!(
                ", or ask the author of {} to run on other versions of {}",
                name(plugin),
                self.provider.host().request.profile
            )),
            Fact::Needs { plugin, dependency, .. } => Some(format!(
                ", or ask the author of {} to accept other versions of {}",
                name(plugin),
                name(dependency)
            )),
            _ => None,
        }
    }

    /// Roots of the conflict at versions with which everything can be loaded.
    fn other_versions(&self, facts: &[Fact]) -> Option<String> {
        let mut found = Vec::new();
        for fact in facts {
            let Fact::Wants { plugin, requirement } = fact else { continue };
            let name = &self.plugin(*plugin).name;
            if found.len() == MENDS_MAX {
                break;
            }
            if let Some(version) = self.version_that_fits(name) {
                found.push(format!("{name} ={version} instead of {requirement}"));
            }
        }
        (!found.is_empty()).then(|| found.join(", or for "))
    }

    fn version_that_fits(&self, name: &PluginName) -> Option<Version> {
        let mut request: ResolveRequest = self.provider.request.clone();
        request.roots.insert(name.clone(), Requirement::any());
        let mut provider = Provider::new(self.provider.index, &request, self.circumstances);
        provider.steps_max = MEND_STEPS_MAX;
        let selection = solve(&provider).ok()?;
        let place = provider.roots.iter().position(|root| self.plugin(root.plugin).name == *name)?;
        provider.chosen_for(provider.root_target(place).0, &selection).map(|release| release.version.clone())
    }

    fn lift(&self, symbol: Symbol, hindrance: &Hindrance) -> String {
        let name = &self.plugin(symbol).name;
        match hindrance {
            Hindrance::Ungranted { capability, .. } => {
                let release = self.plugin(symbol).releases.iter().rev().find(|release| {
                    self.provider.filters.hindrance(symbol, release).as_ref() == Some(hindrance)
                });
                let scope = release
                    .and_then(|release| release.capabilities.get(capability))
                    .and_then(|request| serde_json::to_string(&request.scope).ok())
                    .unwrap_or_else(|| "{}".into());
                format!("Grant {name} what it asks for (add \"{capability}\": {scope} to the host's grants)")
            }
            Hindrance::OtherProfile { made_for, .. } => format!("Use a host with the profile {made_for}"),
            Hindrance::ProfileVersion { profile, needs, .. } => format!("Use a host with {profile} {needs}"),
            Hindrance::ExtensionPoints { declared, .. } => {
                format!("Use a host that offers the extension point `{}`", declared.join("` or `"))
            }
            Hindrance::NamespaceNotAllowed { namespace } => {
                format!("Add {namespace} to `allowed_namespaces` in the policy")
            }
            Hindrance::NamespaceDenied { namespace } => {
                format!("Take {namespace} out of `denied_namespaces` in the policy")
            }
            Hindrance::TooLittleTrust { namespace, least, .. } => {
                format!(
                    "If you know who {namespace} is, say so in the policy (`trust`: \"{namespace}\": \"{least}\")"
                )
            }
            Hindrance::NotYetPublished { .. } => "Ask with a later tree size".into(),
            Hindrance::Withdrawn(_) => {
                format!("Ask the author of {name} for a release that mends it")
            }
            Hindrance::SignerRevoked => {
                format!("Ask the author of {name} for a release that another key signs")
            }
            Hindrance::Yanked => format!("Ask the author of {name} for a new release"),
            Hindrance::PreRelease => {
                format!("Ask for a pre-release of {name} by its version, or set `pre_release` in the policy")
            }
            Hindrance::TooYoung { .. } => "Wait, or lower `min_age_hours` in the policy".into(),
            Hindrance::Unverified { failed: false } => {
                "Wait for the verification run, or drop `require_verified` from the policy".into()
            }
            Hindrance::Unverified { failed: true } => format!("Ask the author of {name} to mend it"),
            Hindrance::TooRisky { risk, .. } => format!("Set `max_risk` in the policy to {risk}"),
            Hindrance::TooRiskyForTrust { risk, trust, .. } => {
                format!("Set {trust} in `max_risk_by_trust` of the policy to {risk}")
            }
            Hindrance::License { license } => format!("Add {license} to `licenses` in the policy"),
            Hindrance::Widening { .. } => {
                "Look at what it asks for and set `allow_widening` in the policy".into()
            }
        }
    }
}

/// "1.x": the line of what a requirement matches.
fn line_name(plugin: &Plugin, requirement: &str) -> String {
    let requirement = requirement.parse::<Requirement>().unwrap_or(Requirement::any());
    let newest = plugin.releases.iter().rev().find(|release| requirement.matches(&release.version));
    match newest.map(|release| compatibility(&release.version)) {
        Some((0, 0, _)) | None => "compatible".into(),
        Some((0, minor, _)) => format!("0.{minor}.x"),
        Some((major, ..)) => format!("{major}.x"),
    }
}

fn asked(name: &PluginName, requirement: &str) -> String {
    if requirement == "*" { name.to_string() } else { format!("{name} {requirement}") }
}
