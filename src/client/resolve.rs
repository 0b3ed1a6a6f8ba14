//! Resolving: the lock is an answer to what was asked, and no older than the log.

use std::time::Duration;

use reqwest::Method;

use super::contact_refusal::ContactRefusal;
use super::error::ClientError;
use super::transport::Retry;
use super::{Client, Contact, FetchOptions};
use crate::domain::ReleaseId;
use crate::resolver::{Lock, ResolveRequest};
use crate::trust::{Demands, Witnesses, read_checkpoint};

/// How often an answer of an older log than the checkpoint is asked for again: replicas lag a moment.
const OUTDATED_ATTEMPTS: u32 = 4;
const OUTDATED_PAUSE: Duration = Duration::from_millis(150);

impl Client {
    /// Chooses releases; the lock remembers which registry it came from.
    ///
    /// Refused is a lock of an older log than the contact's, since it could hide a yank; one of a log that does not
    /// continue what is remembered; one that is for other roots or another host than asked for; and one that newly
    /// chose a release which its author or the registry took back.
    pub async fn resolve(&self, request: &ResolveRequest, contact: &Contact) -> Result<Lock, ClientError> {
        let lock = self.current_lock(request, contact).await?;
        if let Some(problem) = what_differs(&lock, request) {
            return Err(ContactRefusal::LockDiffers { problem }.into());
        }
        if request.as_of.is_none() {
            self.check_choices(&lock, request, contact).await?;
        }
        let registry = self.registry().as_str().trim_end_matches('/').to_owned();
        Ok(Lock { registry: Some(registry), ..lock })
    }

    /// An answer no older than the contact's checkpoint.
    async fn current_lock(&self, request: &ResolveRequest, contact: &Contact) -> Result<Lock, ClientError> {
        let url = self.api(&["resolve"]);
        let make = || self.request(Method::POST, &url).json(request);
        let known = contact.checkpoint.tree_size;
        for attempt in 1.. {
            let lock: Lock = self.transport.json(Retry::Safe, make).await?;
            let found = log_size_of(&lock, contact)?;
            if found >= known {
                return Ok(lock);
            }
            if !may_ask_again(attempt) {
                return Err(ContactRefusal::Outdated { what: "lock", found, known }.into());
            }
            pause(attempt).await;
        }
        unreachable!("the loop ends by returning")
    }

    /// What the lock before did not hold is in the log, counts, and was not taken back.
    async fn check_choices(
        &self,
        lock: &Lock,
        request: &ResolveRequest,
        contact: &Contact,
    ) -> Result<(), ClientError> {
        let was_locked =
            |id: &ReleaseId| request.lock.as_ref().is_some_and(|lock| lock.release(id).is_some());
        let demands = Demands { verified: request.policy.require_verified, ..Demands::default() };
        let options = FetchOptions { demands, ..FetchOptions::default() };
        let terms = self.terms(lock, &options, contact).await?;
        let chosen = lock.releases.iter().filter(|locked| !was_locked(&locked.id()));
        let failures: Vec<_> = chosen.filter_map(|locked| terms.check_choice(locked).err()).collect();
        if failures.is_empty() { Ok(()) } else { Err(ClientError::Steps(failures)) }
    }
}

/// Before an answer is asked for again.
pub(super) async fn pause(attempt: u32) {
    tokio::time::sleep(OUTDATED_PAUSE * attempt).await;
}

/// Whether an answer may be asked for again.
pub(super) fn may_ask_again(attempt: u32) -> bool {
    attempt < OUTDATED_ATTEMPTS
}

/// The size of the log the lock was computed from; a lock without a checkpoint proves nothing.
fn log_size_of(lock: &Lock, contact: &Contact) -> Result<u64, ContactRefusal> {
    let Some(note) = &lock.checkpoint else { return Ok(0) };
    let (checkpoint, _) = read_checkpoint(note, &contact.trust, Witnesses::NotNeeded)?;
    Ok(checkpoint.tree_size)
}

/// What the registry changed of the question, or of what was locked before.
fn what_differs(lock: &Lock, request: &ResolveRequest) -> Option<String> {
    if lock.roots != request.roots {
        return Some("it is for other roots".into());
    }
    let is_same_host = match (&lock.host, &request.host) {
        (Some(locked), Some(asked)) => {
            locked.profile == asked.profile
                && asked.version.as_ref().is_none_or(|version| *version == locked.version)
                && locked.extension_points == asked.extension_points
                && locked.grants == asked.grants
        }
        (locked, asked) => locked.is_none() && asked.is_none(),
    };
    if !is_same_host {
        return Some("it is for another host, or grants other powers".into());
    }
    let before = request.lock.as_ref()?;
    let changed = lock.releases.iter().find_map(|now| {
        let then = before.release(&now.id())?;
        (then.digest != now.digest || then.signer != now.signer).then_some(now)
    })?;
    Some(format!("{} has other bytes or another signer than it was locked with before", changed.id()))
}
