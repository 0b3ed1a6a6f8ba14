//! Saying why there is no lock, in the words of a person.

mod clauses;
mod derivation;
mod facts;
mod failure;
mod lifts;
mod lines;
mod mends;
mod tell;

use self::derivation::derivation;
use self::facts::{Fact, facts_of, minimal_proof};
pub use self::failure::{Explanation, ResolveFailure};
pub(super) use self::lines::{WORDS_CHARACTERS, brief, brief_version, registered_are};
use self::mends::Mender;
use self::tell::Teller;
use super::hindrance::Hindrance;
use super::index::Contents;
use super::proof::Proof;
use super::provider::Provider;
use super::{Change, Circumstances, Mend, ResolveRequest};
use crate::domain::PluginName;

/// The names nearest to one that is not known: at most three, nearest first.
fn nearest_names<'a>(wanted: &PluginName, known: impl Iterator<Item = &'a PluginName>) -> Vec<PluginName> {
    let wanted_text = wanted.to_string();
    let wanted_letters = letters(&wanted_text);
    let near_enough = (wanted_text.len() / 4).clamp(2, 6);
    let distance = |name: &PluginName| {
        if name.name() == wanted.name() {
            return Some(1);
        }
        let text = name.to_string();
        // Each edit changes two counts at most, which is quick to see; most names are far away.
        let differing: usize =
            letters(&text).iter().zip(&wanted_letters).map(|(a, b)| usize::from(a.abs_diff(*b))).sum();
        (differing <= 2 * near_enough)
            .then(|| strsim::damerau_levenshtein(&text, &wanted_text))
            .filter(|distance| *distance <= near_enough)
    };
    let mut near: Vec<(usize, &PluginName)> =
        known.filter_map(|name| Some((distance(name)?, name))).collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(3).map(|(_, name)| name.clone()).collect()
}

/// How often each character of a name stands in it.
fn letters(name: &str) -> [u8; 64] {
    let mut counts = [0_u8; 64];
    for byte in name.bytes() {
        let count = &mut counts[usize::from(byte % 64)];
        *count = count.saturating_add(1);
    }
    counts
}

/// The failure behind a proof that there is no lock.
pub(super) fn no_solution<'a>(
    mut provider: Provider<'a>,
    proof: Proof,
    circumstances: &Circumstances<'a>,
) -> ResolveFailure {
    let steps = provider.steps();
    let proof = minimal_proof(&mut provider, proof);
    let facts = facts_of(&provider, &proof);
    let mender = Mender::new(provider.index, provider.request, circumstances, steps);
    let found = mender.mends(&facts);
    let teller = Teller { provider: &provider };
    let mends = clauses::in_words(provider.request, Some((&teller, &facts)), found);
    let explanation = Box::new(Explanation {
        text: teller.text(&facts),
        mend: mend_sentence(&teller, &facts, &mends, mender.is_exhaustive()),
        plugins: teller.plugins(&facts),
        derivation: derivation(&provider, &proof),
        mends,
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

/// A refusal for which nothing was to be solved, with the mends that are found.
pub(super) fn refusal(
    index: &Contents,
    request: &ResolveRequest,
    circumstances: &Circumstances<'_>,
    mut failure: ResolveFailure,
    steps: u32,
) -> ResolveFailure {
    match &mut failure {
        ResolveFailure::UnknownPlugin { plugin, nearest, .. } => {
            let known = index.plugins().filter(|plugin| !plugin.releases.is_empty());
            *nearest = nearest_names(plugin, known.map(|plugin| &plugin.name));
        }
        ResolveFailure::UnknownProfile { profile, nearest, .. } => {
            *nearest = nearest_names(profile, circumstances.profiles.iter().map(|known| &known.name));
        }
        _ => {}
    }
    let mender = Mender::new(index, request, circumstances, steps);
    let found = match &failure {
        ResolveFailure::UnknownPlugin { plugin, nearest, .. } => nearest
            .iter()
            .filter_map(|other| {
                mender.proven(vec![Change::AskInstead { plugin: plugin.clone(), other: other.clone() }])
            })
            .collect(),
        ResolveFailure::UnknownProfile { nearest, .. } => {
            nearest.iter().flat_map(|profile| mender.mends_of_host(profile)).collect()
        }
        ResolveFailure::PreReleasesOfNoRoot { plugin, .. } => {
            let requirement = crate::domain::Requirement::any();
            mender.proven(vec![Change::AskFor { plugin: plugin.clone(), requirement }]).into_iter().collect()
        }
        ResolveFailure::NoMatchingVersion { plugin, versions, .. } => mender.mends_of_root(plugin, versions),
        ResolveFailure::Cycle { releases, .. } => mender.mends_of_circle(releases),
        _ => Vec::new(),
    };
    if let Some(mends) = failure.mends_mut() {
        *mends = clauses::in_words(request, None, found);
    }
    failure
}

/// What to do, or what is left to do when nothing helps.
fn mend_sentence(teller: &Teller<'_, '_>, facts: &[Fact], mends: &[Mend], is_exhaustive: bool) -> String {
    let said = clauses::sentence(teller.provider.request, Some((teller, facts)), mends);
    let is_omission =
        |change: &Change| matches!(change, Change::LeaveOut { .. } | Change::LeaveOutOptional { .. });
    let only_omissions = mends.iter().all(|mend| mend.changes.iter().all(is_omission));
    match said {
        Some(said) if !only_omissions => said,
        Some(said) => {
            let said = said.trim_end_matches('.');
            let plea = facts_to_plead(teller, facts).map(|plea| format!(", or {plea}"));
            format!("{said}{}.", plea.unwrap_or_default())
        }
        None => {
            let wanted = facts.iter().filter_map(|fact| match fact {
                Fact::Wants { plugin, .. } => Some(teller.name(*plugin).to_string()),
                _ => None,
            });
            let wanted = lines::names_within(&wanted.collect::<Vec<_>>(), lines::LINE_CHARACTERS, "others");
            let plea = facts_to_plead(teller, facts).map(|plea| lines::capitalised(&plea));
            match (plea, is_exhaustive) {
                (Some(plea), true) => format!("No other version of {wanted} helps. {plea}."),
                (Some(plea), false) => format!("{plea}."),
                (None, _) => format!("Leave out {wanted}, or ask its author."),
            }
        }
    }
}

/// What somebody else could do: the operator's objections first, then what the authors declared.
fn facts_to_plead(teller: &Teller<'_, '_>, facts: &[Fact]) -> Option<String> {
    let withdrawn = teller.main_hindrance(facts).and_then(|(plugin, hindrance)| {
        let name = teller.name(plugin);
        let wish = match hindrance {
            Hindrance::Withdrawn(_) => "for a release that mends it",
            Hindrance::SignerRevoked => "for a release that another key signs",
            Hindrance::Yanked => "for a new release",
            Hindrance::Unverified { failed: true } => "to mend it",
            Hindrance::PreRelease => "when the release is due",
            Hindrance::ProfileVersion { profile, offered, .. } => {
                let on = match &**offered {
                    [one] => format!("{profile} {}", brief_version(one)),
                    _ => profile.to_string(),
                };
                return Some(format!("ask the author of {name} for a release that runs on {on}"));
            }
            Hindrance::OtherProfile { host, .. } => {
                return Some(format!("ask the author of {name} for a release that runs on {host}"));
            }
            _ => return None,
        };
        Some(format!("ask the author of {name} {wish}"))
    });
    let conflict = facts.iter().find(|fact| matches!(fact, Fact::Conflicts { .. }));
    withdrawn.or_else(|| conflict.into_iter().chain(facts.iter().rev()).find_map(|fact| plea(teller, fact)))
}

/// What an author could do about a fact.
fn plea(teller: &Teller<'_, '_>, fact: &Fact) -> Option<String> {
    let (author, wish) = match fact {
        Fact::Conflicts { plugin, other, .. } => (plugin, format!("get along with {}", teller.name(*other))),
        Fact::Needs { plugin, dependency, .. } if teller.plugin(*dependency).releases.is_empty() => {
            (plugin, format!("do without {}", teller.name(*dependency)))
        }
        Fact::NeedsHost { plugin, .. } => {
            (plugin, format!("run on other versions of {}", teller.provider.host().request.profile))
        }
        Fact::Needs { plugin, dependency, .. } => {
            (plugin, format!("accept other versions of {}", teller.name(*dependency)))
        }
        _ => return None,
    };
    Some(format!("ask the author of {} to {wish}", teller.name(*author)))
}
