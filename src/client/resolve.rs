//! Resolving, and what is asked about a lock: the lock is an answer to what was asked, and no older than the log.
//!
//! What an upgrade changes and what is outdated follows from two locks. It is computed here: of what the registry
//! computes, only the lock counts.

use std::time::Duration;

use reqwest::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::contact_refusal::ContactRefusal;
use super::error::ClientError;
use super::lock_answers::what_differs;
use super::transport::Retry;
use super::{Client, Contact, FetchOptions};
use crate::domain::ReleaseId;
use crate::resolver::{Lock, Outdated, ResolveRequest, UpgradePlan};
use crate::trust::{Demands, Witnesses, read_checkpoint};

/// How often an answer of an older log than the checkpoint is asked for again: replicas lag a moment.
const OUTDATED_ATTEMPTS: u32 = 4;
const OUTDATED_PAUSE: Duration = Duration::from_millis(150);

impl Client {
    /// Chooses releases; the lock remembers which registry it came from.
    ///
    /// Refused is a lock of an older log than the contact's, since it could hide a yank; one of a log that does not
    /// continue what is remembered; one that is no answer to the question, or holds what policy or grants forbid; and
    /// one that newly chose a release which its author or the registry took back.
    pub async fn resolve(&self, request: &ResolveRequest, contact: &Contact) -> Result<Lock, ClientError> {
        let Bare(lock) = self.current("resolve", request, contact).await?;
        self.believed(lock, request, contact).await
    }

    /// What a resolve would change of the lock in the request, and the lock it would write; both as from
    /// [`Client::resolve`].
    pub async fn plan_upgrade(
        &self,
        request: &ResolveRequest,
        contact: &Contact,
    ) -> Result<UpgradePlan, ClientError> {
        let Beside { lock } = self.current("upgrade-plan", request, contact).await?;
        let lock = self.believed(lock, request, contact).await?;
        let before = request.lock.clone().unwrap_or_default();
        Ok(UpgradePlan::new(&before, lock))
    }

    /// What is outdated in the lock in the request, given that all of it may move.
    pub async fn outdated(
        &self,
        request: &ResolveRequest,
        contact: &Contact,
    ) -> Result<Outdated, ClientError> {
        let before = request.lock.clone().unwrap_or_default();
        let upgrade = before.releases.iter().map(|release| release.name.clone()).collect();
        let moving = ResolveRequest { upgrade, ..request.clone() };
        let Beside { lock } = self.current("outdated", &moving, contact).await?;
        let lock = self.believed(lock, &moving, contact).await?;
        Ok(Outdated::new(&before, lock))
    }

    /// The lock once it is checked; it remembers which registry it came from.
    async fn believed(
        &self,
        lock: Lock,
        request: &ResolveRequest,
        contact: &Contact,
    ) -> Result<Lock, ClientError> {
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
    async fn current<A: DeserializeOwned + AsRef<Lock>>(
        &self,
        address: &'static str,
        request: &ResolveRequest,
        contact: &Contact,
    ) -> Result<A, ClientError> {
        let url = self.api(&[address]);
        let make = || self.request(Method::POST, &url).json(request);
        let known = contact.checkpoint.tree_size;
        for attempt in 1.. {
            let answer: A = self.transport.json(Retry::Safe, make).await?;
            let found = log_size_of(answer.as_ref(), contact)?;
            if found >= known {
                return Ok(answer);
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

/// An answer that is a lock.
#[derive(Deserialize)]
#[serde(transparent)]
struct Bare(Lock);

/// An answer that brings a lock beside what the registry computed from it.
#[derive(Deserialize)]
struct Beside {
    lock: Lock,
}

impl AsRef<Lock> for Bare {
    fn as_ref(&self) -> &Lock {
        &self.0
    }
}

impl AsRef<Lock> for Beside {
    fn as_ref(&self) -> &Lock {
        &self.lock
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
