//! How large a request and an answer may be. How long the solver works is for the caller to say.

use super::{ResolveFailure, ResolveRequest};

/// Releases in an answer, and so in a lock that is handed in.
pub(super) const RELEASES_MAX: usize = 5_000;
/// Roots and other lists that a person writes.
const LIST_MAX: usize = 1_000;

/// Refuses a request that names more of anything than is looked at.
pub(super) fn check_request(request: &ResolveRequest) -> Result<(), ResolveFailure> {
    let lock = request.lock.as_ref();
    let host = request.host.as_ref();
    let policy = &request.policy;
    let sizes = [
        ("roots", request.roots.len(), LIST_MAX),
        ("optional dependencies", request.with_optional.len(), LIST_MAX),
        ("plugins with pre-releases", request.pre_releases_of.len(), LIST_MAX),
        ("plugins to upgrade", request.upgrade.len(), RELEASES_MAX),
        ("locked releases", lock.map_or(0, |lock| lock.releases.len()), RELEASES_MAX),
        ("roots of the lock", lock.map_or(0, |lock| lock.roots.len()), LIST_MAX),
        ("grants", host.and_then(|host| host.grants.as_ref()).map_or(0, |grants| grants.len()), LIST_MAX),
        (
            "extension points",
            host.and_then(|host| host.extension_points.as_ref()).map_or(0, |points| points.len()),
            LIST_MAX,
        ),
        ("accepted licences", policy.licenses.as_ref().map_or(0, |licenses| licenses.len()), LIST_MAX),
        ("namespaces with a level of trust", policy.trust.len(), LIST_MAX),
        ("allowed namespaces", policy.allowed_namespaces.as_ref().map_or(0, |names| names.len()), LIST_MAX),
        ("denied namespaces", policy.denied_namespaces.len(), LIST_MAX),
    ];
    match sizes.into_iter().find(|(_, count, most)| count > most) {
        None => Ok(()),
        Some((what, count, most)) => Err(ResolveFailure::TooLarge { what, count, most }),
    }
}

/// Refuses an answer that could not be handed in again.
pub(super) fn check_answer(count: usize) -> Result<(), ResolveFailure> {
    if count > RELEASES_MAX {
        return Err(ResolveFailure::AnswerTooLarge { count, most: RELEASES_MAX });
    }
    Ok(())
}
