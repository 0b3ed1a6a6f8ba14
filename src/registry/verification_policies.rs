//! The verification policies this registry has measured releases by: each stays readable under its digest.

use bytes::Bytes;

use super::Registry;
use crate::domain::Digest;
use crate::runtime::verification_policy;
use crate::storage::StorageError;

impl Registry {
    /// Keeps the policy of this program, so that its verdicts can be read by it for ever.
    pub(super) async fn keep_verification_policy(&self) -> Result<(), StorageError> {
        let policy = verification_policy();
        let digest = Digest::of(&policy);
        if self.storage().get_policy(digest).await?.is_none() {
            self.storage().put_policy(digest, Bytes::from(policy)).await?;
        }
        Ok(())
    }
}

/// The policy under a digest, as canonical JSON.
pub async fn find_verification_policy(
    registry: &Registry,
    digest: Digest,
) -> Result<Option<Bytes>, StorageError> {
    registry.storage().get_policy(digest).await
}

/// Where a policy of this registry is read.
pub fn policy_uri(registry: &Registry, digest: Digest) -> String {
    format!("{}/api/v1/verification-policies/{digest}", registry.public_url())
}
