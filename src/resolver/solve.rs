//! From a request to a lock.

use pubgrub::{PubGrubError, SelectedDependencies};

use super::answer::Selected;
use super::bounds::{check_answer, check_request};
use super::explain::{no_solution, refusal};
use super::host::registered_versions;
use super::index::Contents;
use super::proof::Proof;
use super::provider::{Package, Provider, Stopped};
use super::{IndexSnapshot, Lock, ResolveFailure, ResolveRequest};
use crate::domain::{HostProfile, Timestamp};

/// What a resolve depends on beside the index and the request.
#[derive(Clone, Copy)]
pub struct Circumstances<'a> {
    /// Every registered version of every profile; empty: the host's profile is taken on trust, at the version it names.
    pub profiles: &'a [HostProfile],
    /// The moment that `min_age_hours` counts back from.
    pub now: Timestamp,
    /// Asked often; `true` ends the work with [`ResolveFailure::Deadline`].
    pub should_stop: &'a dyn Fn() -> bool,
}

/// Finds the releases that meet the request, or says why there are none.
///
/// The same index, request and moment give the same lock, byte for byte.
pub fn resolve(
    index: &IndexSnapshot,
    request: &ResolveRequest,
    circumstances: &Circumstances<'_>,
) -> Result<Lock, ResolveFailure> {
    decide(index, request, circumstances).map_err(Unexplained::explain)
}

/// Finds the releases that meet the request, or proves that there are none without putting the proof into words.
pub fn decide<'a>(
    index: &'a IndexSnapshot,
    request: &'a ResolveRequest,
    circumstances: &'a Circumstances<'a>,
) -> Result<Lock, Unexplained<'a>> {
    let (outcome, steps) =
        attempt(&index.0, request, circumstances, u32::MAX, |selected| selected.into_lock());
    outcome.map_err(|refused| Unexplained { index, request, circumstances, refused, steps })
}

/// A refusal whose words and mends nobody asked for yet.
pub struct Unexplained<'a> {
    index: &'a IndexSnapshot,
    request: &'a ResolveRequest,
    circumstances: &'a Circumstances<'a>,
    refused: Refused<'a>,
    steps: u32,
}

impl Unexplained<'_> {
    /// The failure, where it is no conflict that wants explaining: a circle, an unknown name, the deadline, a bound.
    pub fn plainly(&self) -> Option<&ResolveFailure> {
        match &self.refused {
            Refused::Plainly(failure) => Some(failure),
            Refused::Impossible(..) => None,
        }
    }

    /// Finds one minimal conflict, its words and its mends.
    pub fn explain(self) -> ResolveFailure {
        let Self { index, request, circumstances, refused, steps } = self;
        match refused {
            Refused::Plainly(failure) => refusal(&index.0, request, circumstances, failure, steps),
            Refused::Impossible(provider, proof) => no_solution(*provider, proof, circumstances),
        }
    }
}

/// Why there is no answer, before anything is explained.
pub(super) enum Refused<'a> {
    Plainly(ResolveFailure),
    /// What was solved, and the proof that there is no answer.
    Impossible(Box<Provider<'a>>, Proof),
}

/// Resolves within so many steps, explaining nothing; says how many it took. `finish` makes what is wanted of the answer.
pub(super) fn attempt<'a, T>(
    index: &'a Contents,
    request: &'a ResolveRequest,
    circumstances: &Circumstances<'a>,
    steps_max: u32,
    finish: impl FnOnce(Selected<'a, '_>) -> Result<T, ResolveFailure>,
) -> (Result<T, Refused<'a>>, u32) {
    let provider = match prepared(index, request, circumstances) {
        Ok(provider) => provider.with_steps_max(steps_max),
        Err(failure) => return (Err(Refused::Plainly(failure)), 0),
    };
    let outcome = match solve(&provider) {
        Ok(selection) => {
            let selected = Selected::walk(&provider, &selection);
            let checked = check_answer(selected.chosen.len());
            checked.and_then(|()| finish(selected)).map_err(Refused::Plainly)
        }
        Err(Unsolved::Stopped) => Err(Refused::Plainly(ResolveFailure::Deadline)),
        Err(Unsolved::Impossible(proof)) => {
            let steps = provider.steps();
            return (Err(Refused::Impossible(Box::new(provider), proof)), steps);
        }
    };
    (outcome, provider.steps())
}

fn prepared<'a>(
    index: &'a Contents,
    request: &'a ResolveRequest,
    circumstances: &Circumstances<'a>,
) -> Result<Provider<'a>, ResolveFailure> {
    check_request(request)?;
    check_pre_releases(request)?;
    check_profile(request, circumstances.profiles)?;
    let provider = Provider::new(index, request, circumstances);
    check_roots(&provider)?;
    Ok(provider)
}

/// The solver's answer: a number for each package.
pub(super) type Selection = SelectedDependencies<Package, u32>;

/// Why the solver gave no answer.
pub(super) enum Unsolved {
    Impossible(Proof),
    Stopped,
}

/// Runs the solver.
pub(super) fn solve(provider: &Provider<'_>) -> Result<Selection, Unsolved> {
    match pubgrub::resolve(provider, Package::Root, 0_u32) {
        Ok(selection) => Ok(selection),
        Err(PubGrubError::NoSolution(tree)) => Err(Unsolved::Impossible(tree.into())),
        Err(
            PubGrubError::ErrorInShouldCancel(Stopped)
            | PubGrubError::ErrorRetrievingDependencies { source: Stopped, .. }
            | PubGrubError::ErrorChoosingVersion { source: Stopped, .. },
        ) => Err(Unsolved::Stopped),
    }
}

fn check_pre_releases(request: &ResolveRequest) -> Result<(), ResolveFailure> {
    match request.pre_releases_of.iter().find(|name| !request.roots.contains_key(name)) {
        None => Ok(()),
        Some(plugin) => {
            Err(ResolveFailure::PreReleasesOfNoRoot { plugin: plugin.clone(), mends: Vec::new() })
        }
    }
}

/// A version that is not registered passes: what a host offers is the host's to say.
fn check_profile(request: &ResolveRequest, profiles: &[HostProfile]) -> Result<(), ResolveFailure> {
    let Some(host) = &request.host else { return Ok(()) };
    let profile = host.profile.clone();
    if profiles.is_empty() {
        return match host.version {
            Some(_) => Ok(()),
            None => Err(ResolveFailure::ProfileVersionNeeded { profile }),
        };
    }
    if registered_versions(&profile, profiles).next().is_none() {
        let (nearest, mends) = (Vec::new(), Vec::new());
        return Err(ResolveFailure::UnknownProfile { profile, nearest, mends });
    }
    Ok(())
}

fn check_roots(provider: &Provider<'_>) -> Result<(), ResolveFailure> {
    for (place, (name, requirement)) in provider.request.roots.iter().enumerate() {
        let plugin = provider.index.symbol(name).map(|symbol| provider.index.plugin(symbol));
        let Some(plugin) = plugin.filter(|known| !known.releases.is_empty() || !known.providers.is_empty())
        else {
            let (nearest, mends) = (Vec::new(), Vec::new());
            return Err(ResolveFailure::UnknownPlugin { plugin: name.clone(), nearest, mends });
        };
        // Every root before this one is known, so its place among the roots is its place in the request.
        if provider.root_target(place).1.is_empty() {
            let versions = plugin.releases.iter().rev().filter(|release| release.is_on_offer());
            return Err(ResolveFailure::NoMatchingVersion {
                plugin: name.clone(),
                requirement: requirement.clone(),
                versions: versions.map(|release| release.version.clone()).collect(),
                mends: Vec::new(),
            });
        }
    }
    Ok(())
}
