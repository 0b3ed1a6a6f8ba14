//! Resolving: the lock is an answer to what was asked, and no older than the log.

use std::time::Duration;

use reqwest::Method;

use super::contact_refusal::ContactRefusal;
use super::error::ClientError;
use super::transport::Retry;
use super::{Client, Contact};
use crate::resolver::{Lock, ResolveRequest};
use crate::trust::{Witnesses, read_checkpoint};

/// How often an answer of an older log than the checkpoint is asked for again: replicas lag a moment.
const OUTDATED_ATTEMPTS: u32 = 4;
const OUTDATED_PAUSE: Duration = Duration::from_millis(150);

impl Client {
    /// Chooses releases; the lock remembers which registry it came from.
    ///
    /// Refused is a lock of an older log than the contact's, since it could hide a yank; one of a log that does not
    /// continue what is remembered; and one that is for other roots or another host than asked for.
    pub async fn resolve(&self, request: &ResolveRequest, contact: &Contact) -> Result<Lock, ClientError> {
        let url = self.api(&["resolve"]);
        let make = || self.request(Method::POST, &url).json(request);
        let known = contact.checkpoint.tree_size;
        let asks_for_the_past = request.as_of.is_some();
        for attempt in 1.. {
            let lock: Lock = self.transport.json(Retry::Safe, make).await?;
            let found = log_size_of(&lock, contact)?;
            if found >= known || asks_for_the_past {
                self.check_lock(&lock, request, contact).await?;
                let registry = self.registry().as_str().trim_end_matches('/').to_owned();
                return Ok(Lock { registry: Some(registry), ..lock });
            }
            if attempt == OUTDATED_ATTEMPTS {
                return Err(ContactRefusal::Outdated { what: "lock", found, known }.into());
            }
            pause(attempt).await;
        }
        unreachable!("the loop ends by returning")
    }

    async fn check_lock(
        &self,
        lock: &Lock,
        request: &ResolveRequest,
        contact: &Contact,
    ) -> Result<(), ClientError> {
        if let Some(problem) = what_differs(lock, request) {
            return Err(ContactRefusal::LockDiffers { problem }.into());
        }
        if let Some(note) = &lock.checkpoint {
            self.observe(&contact.trust, note).await?;
        }
        Ok(())
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

/// The size of the log the lock was computed from: the smaller of what it says and what its checkpoint says.
fn log_size_of(lock: &Lock, contact: &Contact) -> Result<u64, ContactRefusal> {
    let Some(note) = &lock.checkpoint else { return Ok(lock.sequence) };
    let (checkpoint, _) = read_checkpoint(note, &contact.trust, Witnesses::NotNeeded)?;
    Ok(checkpoint.tree_size.min(lock.sequence))
}

/// What the registry changed of the question, or of what was locked before.
fn what_differs(lock: &Lock, request: &ResolveRequest) -> Option<String> {
    if lock.roots != request.roots {
        return Some("it is for other roots".into());
    }
    if lock.host != request.host {
        return Some("it is for another host, or grants other powers".into());
    }
    let before = request.lock.as_ref()?;
    let changed = lock.releases.iter().find_map(|now| {
        let then = before.release(&now.id())?;
        (then.digest != now.digest || then.signer != now.signer).then_some(now)
    })?;
    Some(format!("{} has other bytes or another signer than it was locked with before", changed.id()))
}
