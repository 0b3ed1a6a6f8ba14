//! Offline bundles: everything the log says about releases, proven against one signed head.
//!
//! Two queries, however many releases: the entries about them, then those about the keys that signed them. What the
//! bundle says beside the entries is worked out from these same entries, so it cannot disagree with them.

mod error;
mod histories;
mod part;

use std::sync::Arc;

use self::histories::Histories;
use self::part::Part;
use super::{Registry, ServedRecalls, SignedHead, find_release};
use crate::domain::{ReleaseId, Timestamp};
use crate::log::{SignedCheckpoint, TlogProof};
use crate::resolver::Lock;
use crate::trust::{BUNDLE_FORMAT, Bundle, LOCK_BUNDLE_RELEASES_MAX, LockBundle};

pub use self::error::BuildBundleError;

/// The bundle of one release, with its own checkpoint.
pub async fn build_bundle(
    registry: &Registry,
    release: &ReleaseId,
    now: Timestamp,
) -> Result<Bundle, BuildBundleError> {
    let (head, mut bundles) = match build(registry, vec![release.clone()], now).await {
        // Asked for by name: the words with the nearest plugin or the newest version.
        Err(BuildBundleError::UnknownReleases { releases }) => {
            find_release(registry, release).await?;
            return Err(BuildBundleError::UnknownReleases { releases });
        }
        other => other?,
    };
    let bundle = bundles.pop().expect("one bundle for one release");
    Ok(Bundle { checkpoint: head.note.clone(), ..bundle })
}

/// One checkpoint, the recall feed and the bundles of all releases of a lock, in its order.
pub async fn build_lock_bundle(
    registry: &Registry,
    lock: &Lock,
    now: Timestamp,
) -> Result<LockBundle, BuildBundleError> {
    if lock.releases.len() > LOCK_BUNDLE_RELEASES_MAX {
        return Err(BuildBundleError::TooManyReleases { count: lock.releases.len() });
    }
    let releases: Vec<ReleaseId> = lock
        .releases
        .iter()
        .map(|release| ReleaseId::new(release.name.clone(), release.version.clone()))
        .collect();
    let (head, bundles) = build(registry, releases, now).await?;
    for (pinned, bundle) in lock.releases.iter().zip(&bundles) {
        if pinned.digest != bundle.digest {
            let (release, pinned, logged) = (bundle.release_id(), pinned.digest, bundle.digest);
            return Err(BuildBundleError::DigestDiffers { release, pinned, logged });
        }
    }
    let ServedRecalls { envelope, .. } = &*registry.recalls(now).await?;
    let (checkpoint, recalls) = (head.note.clone(), envelope.clone());
    Ok(LockBundle { format: BUNDLE_FORMAT, checkpoint, recalls, bundles })
}

/// The proof to carry away that a release is in the log.
pub async fn prove_publish(registry: &Registry, release: &ReleaseId) -> Result<TlogProof, BuildBundleError> {
    let sequence = find_release(registry, release).await?.sequence;
    let index = sequence.and_then(|sequence| sequence.checked_sub(1));
    let index = index.ok_or_else(|| BuildBundleError::UnknownReleases { releases: vec![release.clone()] })?;
    let witnessed = witnessed_head(registry).await?.filter(|head| head.tree_size > index);
    let head = match witnessed {
        Some(head) => head,
        None => registry.head_over(index).await?,
    };
    let hashes = registry.prove_inclusion(&head, index).await?;
    Ok(TlogProof { extra: None, index, hashes, checkpoint: head.note.clone() })
}

async fn build(
    registry: &Registry,
    releases: Vec<ReleaseId>,
    now: Timestamp,
) -> Result<(Arc<SignedHead>, Vec<Bundle>), BuildBundleError> {
    let (head, histories) = read_under_head(registry, &releases).await?;
    let mut parts = Vec::with_capacity(releases.len());
    for release in &releases {
        parts.push(Part::of(&histories, release, head.tree_size)?);
    }
    let indexes: Vec<u64> = parts.iter().flat_map(Part::indexes).collect();
    let mut proofs = registry.prove_inclusions(&head, &indexes).await?.into_iter();
    let mut bundles = Vec::with_capacity(parts.len());
    for part in parts {
        bundles.push(part.bundle(registry, &head, &mut proofs, now)?);
    }
    Ok((head, bundles))
}

/// The head first, then the entries: so none that is under the head is missing. A release that is newer than the
/// head, on a replica that follows, is waited for.
async fn read_under_head(
    registry: &Registry,
    releases: &[ReleaseId],
) -> Result<(Arc<SignedHead>, Histories), BuildBundleError> {
    let mut head = witnessed_head(registry).await?.unwrap_or_else(|| registry.head());
    loop {
        let histories = Histories::read(&mut *registry.database().read().await?, releases).await?;
        let missing = releases.iter().filter(|release| !histories.is_published(release));
        let missing: Vec<ReleaseId> = missing.cloned().collect();
        if !missing.is_empty() {
            return Err(BuildBundleError::UnknownReleases { releases: missing });
        }
        if histories.last_publish < head.tree_size || releases.is_empty() {
            return Ok((head, histories));
        }
        head = registry.head_over(histories.last_publish).await?;
    }
}

/// The newest head that enough witnesses cosigned, where the trust document asks for them.
async fn witnessed_head(registry: &Registry) -> Result<Option<Arc<SignedHead>>, BuildBundleError> {
    if registry.keys().document().witness_quorum == 0 {
        return Ok(None);
    }
    let Some(note) = registry.witnessed_checkpoint().await? else { return Ok(None) };
    let note = String::from_utf8_lossy(&note).into_owned();
    let Ok(signed) = SignedCheckpoint::parse(&note) else { return Ok(None) };
    let (tree_size, root) = (signed.unverified().tree_size, signed.unverified().root);
    Ok(Some(Arc::new(SignedHead { tree_size, root, note })))
}
