//! Whether a lock answers its question: it is for what was asked, it holds together, and it holds nothing that the policy
//! or the grants forbid, as far as the lock itself tells.
//!
//! A registry that is honest never fails here; whether what the lock tells of its releases is true, the log and the
//! packages say.

use std::collections::BTreeSet;

use crate::domain::{PluginName, Scope, VerificationState};
use crate::resolver::{Lock, LockedRelease, ResolveRequest};

/// What the registry changed of the question or of what was locked before, or chose against the host's word.
pub(super) fn what_differs(lock: &Lock, request: &ResolveRequest) -> Option<String> {
    other_question(lock, request)
        .map(ToOwned::to_owned)
        .or_else(|| lock.check().err().map(|problem| format!("it does not hold together: {problem}")))
        .or_else(|| {
            lock.unneeded().map(|release| format!("it holds {release}, which nothing asked for needs"))
        })
        .or_else(|| other_bytes(lock, request))
        .or_else(|| lock.releases.iter().find_map(|release| forbidden(release, request)))
        .or_else(|| side_by_side(lock, request))
}

fn other_question(lock: &Lock, request: &ResolveRequest) -> Option<&'static str> {
    let is_same_host = match (&lock.host, &request.host) {
        (Some(locked), Some(asked)) => {
            locked.profile == asked.profile
                && asked.version.as_ref().is_none_or(|version| *version == locked.version)
                && locked.extension_points == asked.extension_points
                && locked.grants == asked.grants
        }
        (locked, asked) => locked.is_none() && asked.is_none(),
    };
    let parts = [
        (lock.roots == request.roots, "it is for other roots"),
        (is_same_host, "it is for another host, or grants other powers"),
        (lock.policy == request.policy, "it is under another policy"),
        (lock.with_optional == request.with_optional, "it takes along other optional dependencies"),
        (lock.pre_releases_of == request.pre_releases_of, "it lets pre-releases of other plugins count"),
        (lock.as_of == request.as_of, "it is as of another moment"),
    ];
    parts.into_iter().find(|(is_same, _)| !is_same).map(|(_, difference)| difference)
}

fn other_bytes(lock: &Lock, request: &ResolveRequest) -> Option<String> {
    let before = request.lock.as_ref()?;
    let changed = lock.releases.iter().find_map(|now| {
        let then = before.release(&now.id())?;
        (then.digest != now.digest || then.signer != now.signer).then_some(now)
    })?;
    Some(format!("{} has other bytes or another signer than it was locked with before", changed.id()))
}

/// What the host's own word forbids of a release.
fn forbidden(release: &LockedRelease, request: &ResolveRequest) -> Option<String> {
    let against = ungranted(release, request)
        .or_else(|| outside_namespaces(release, request))
        .or_else(|| too_risky(release, request))
        .or_else(|| unfit(release, request))
        .or_else(|| widening(release, request))?;
    Some(format!("it holds {}, which {against}", release.id()))
}

fn ungranted(release: &LockedRelease, request: &ResolveRequest) -> Option<String> {
    let grants = request.host.as_ref()?.grants.as_ref()?;
    release.capabilities.iter().find_map(|(capability, asked)| {
        let is_granted = grants.get(capability).is_some_and(|granted| asked.scope.is_within(granted));
        (!is_granted)
            .then(|| format!("asks for `{capability}`{}, and you do not grant that", of(&asked.scope)))
    })
}

fn of(scope: &Scope) -> String {
    if scope.0.is_empty() { String::new() } else { format!(" ({scope})") }
}

fn outside_namespaces(release: &LockedRelease, request: &ResolveRequest) -> Option<String> {
    let (policy, namespace) = (&request.policy, release.name.namespace());
    if policy.denied_namespaces.contains(namespace) {
        return Some(format!("is of the namespace {namespace}, and your policy denies that"));
    }
    if policy.allowed_namespaces.as_ref().is_some_and(|allowed| !allowed.contains(namespace)) {
        return Some(format!("is of the namespace {namespace}, and your policy does not allow that"));
    }
    // How far the registry trusts a namespace is its own to say; what the host says of it is known here.
    let (least, trust) = (policy.min_trust?, *policy.trust.get(namespace)?);
    (trust < least).then(|| format!("you trust as {trust}, and your policy wants {least} at least"))
}

fn too_risky(release: &LockedRelease, request: &ResolveRequest) -> Option<String> {
    let policy = &request.policy;
    let trust = policy.trust.get(release.name.namespace());
    let most = policy.max_risk.into_iter().chain(trust.and_then(|trust| policy.max_risk_at(*trust))).min()?;
    match release.risk {
        Some(risk) if risk > most => {
            Some(format!("asks for powers of {risk} risk, and your policy allows {most} at most"))
        }
        None if !release.capabilities.is_empty() => {
            Some("asks for powers without telling their risk, and your policy limits that".into())
        }
        _ => None,
    }
}

fn unfit(release: &LockedRelease, request: &ResolveRequest) -> Option<String> {
    let policy = &request.policy;
    if policy.require_verified && release.verification != VerificationState::Passed {
        return Some("is not verified, and your policy requires that".into());
    }
    if !policy.accepts_license(&release.license) {
        let license = if release.license.is_empty() { "nothing it tells" } else { &release.license };
        return Some(format!("is licensed under {license}, and your policy does not allow that"));
    }
    let was_locked = request.lock.as_ref().is_some_and(|lock| lock.release(&release.id()).is_some());
    let may_be_pre_release = policy.pre_release
        || request.pre_releases_of.contains(&release.name)
        || request.roots.get(&release.name).is_some_and(|requirement| {
            requirement.as_semver().comparators.iter().any(|comparator| !comparator.pre.is_empty())
        });
    (release.version.is_pre_release() && !was_locked && !may_be_pre_release)
        .then(|| "is a pre-release, and you did not ask for one".into())
}

/// More than what the newest older locked release asked for, where the policy holds that back.
fn widening(release: &LockedRelease, request: &ResolveRequest) -> Option<String> {
    let before = request.lock.as_ref().filter(|_| !request.policy.allow_widening)?;
    if before.release(&release.id()).is_some() {
        return None;
    }
    let locked = before.releases.iter().filter(|known| known.name == release.name);
    let older = locked.filter(|known| known.version < release.version).max_by_key(|known| &known.version)?;
    let wider = release.capabilities.iter().find(|(capability, asked)| {
        let before = older.capabilities.get(*capability);
        !before.is_some_and(|before| asked.scope.is_within(&before.scope))
    });
    wider.map(|(capability, _)| {
        format!(
            "asks for more of `{capability}` than {} did, and your policy does not allow that",
            older.version
        )
    })
}

fn side_by_side(lock: &Lock, request: &ResolveRequest) -> Option<String> {
    let mut seen: BTreeSet<&PluginName> = BTreeSet::new();
    let mut names = lock.releases.iter().map(|release| &release.name);
    let twice = names.find(|name| !seen.insert(name)).filter(|_| request.policy.one_version_per_plugin)?;
    Some(format!("it holds two versions of {twice}, and your policy allows one"))
}
