//! From a request to a lock.

use super::{IndexSnapshot, Lock, ResolveFailure, ResolveRequest};
use crate::domain::{HostProfile, Timestamp};

/// What a resolve depends on beside the index and the request.
pub struct Circumstances<'a> {
    /// The registered profiles; empty: the host's profile is taken on trust.
    pub profiles: &'a [HostProfile],
    /// The moment that `min_age_hours` counts back from.
    pub now: Timestamp,
    /// Asked often; `true` ends the work with [`ResolveFailure::Deadline`].
    pub should_stop: &'a dyn Fn() -> bool,
}

/// Finds the releases that meet the request, or says why there are none.
pub fn resolve(
    _index: &IndexSnapshot,
    _request: &ResolveRequest,
    _circumstances: &Circumstances<'_>,
) -> Result<Lock, ResolveFailure> {
    Err(ResolveFailure::Deadline)
}
