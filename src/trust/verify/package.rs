//! Steps 3 and 5: the bytes, and who signed them.

use super::words::minute_of;
use super::{Authority, ProvenRelease, StepRefusal};
use crate::domain::Digest;
use crate::signing::{PublicKey, verify_release};
use crate::wasm::{Package, read_package};

/// A signature that counts.
pub(super) struct Signed {
    pub(super) authority: Authority,
    pub(super) evidence: String,
    pub(super) remark: Option<String>,
}

impl ProvenRelease<'_> {
    /// Length, digest, and that it is a package of the release.
    pub(super) fn check_bytes<'b>(&self, bytes: &'b [u8]) -> Result<(Package<'b>, String), StepRefusal> {
        let (check, bundle) = (self.check, self.bundle);
        let locked = check.pinned.map(|pinned| (pinned.size_bytes, "locked"));
        for (expected, by) in locked.into_iter().chain([(bundle.size_bytes, "logged")]) {
            if bytes.len() as u64 != expected {
                return Err(StepRefusal::SizeDiffers { expected, by, found: bytes.len().to_string() });
            }
        }
        let found = Digest::of(bytes);
        if found != bundle.digest {
            return Err(StepRefusal::DigestDiffers { expected: bundle.digest, by: "logged", found });
        }
        let package = read_package(bytes, check.limits)?;
        let found = package.manifest.release_id();
        if found != *check.release {
            return Err(StepRefusal::AnotherRelease { found });
        }
        if bundle.manifest_digest != package.manifest_digest {
            return Err(StepRefusal::BundleDiffers { what: "manifest digest" });
        }
        let evidence = format!("{}, {} bytes, a {}", bundle.digest, bytes.len(), package.kind);
        Ok((package, evidence))
    }

    /// The author's signature, by a key that counted when the release came into the log.
    pub(super) fn check_signature(&self, package: &Package<'_>) -> Result<Signed, StepRefusal> {
        let (bundle, key) = (self.bundle, self.bundle.public_key);
        let authority = self.authority_of(&key)?;
        self.check_key_counts()?;
        let (statement, _signer) =
            verify_release(&bundle.attestation, &[key], self.check.release, bundle.digest)?;
        if statement.manifest_digest != package.manifest_digest {
            return Err(StepRefusal::StatementDiffers { what: "a manifest digest" });
        }
        if statement.capabilities != package.manifest.capabilities {
            return Err(StepRefusal::StatementDiffers { what: "capabilities" });
        }
        let enrollment = &self.enrollment;
        let revoked = self.revoked_from().map_or_else(
            || ", not revoked".to_owned(),
            |from| format!(", revoked only from index {from} on"),
        );
        let evidence = format!(
            "key {}, {}, enrolled at index {}, counts from {}{revoked}",
            bundle.key_id.short(),
            authority.sentence(),
            enrollment.index,
            minute_of(enrollment.entry.counts_from),
        );
        Ok(Signed { authority, evidence, remark: self.recovery_remark() })
    }

    /// The lock's pin and the trust file are both binding when given.
    fn authority_of(&self, key: &PublicKey) -> Result<Authority, StepRefusal> {
        let check = self.check;
        if let Some(pinned) = check.pinned
            && pinned.signer != key.id().to_hex()
        {
            let (expected, found) = (pinned.signer.chars().take(12).collect(), key.id().short());
            return Err(StepRefusal::SignerDiffers { expected, found });
        }
        if let Some(authors) = check.authors {
            if !authors.for_namespace(check.release.plugin.namespace()).contains(key) {
                return Err(StepRefusal::SignerNotTrusted { found: key.id() });
            }
            return Ok(Authority::Trusted);
        }
        Ok(if check.pinned.is_some() { Authority::Locked } else { Authority::Logged })
    }

    pub(super) fn check_key_counts(&self) -> Result<(), StepRefusal> {
        let (key, publish) = (self.bundle.key_id, &self.publish);
        let counts_from = self.enrollment.entry.counts_from;
        if !self.enrollment.entry.counts_at(publish.entry.at) {
            let published_at = publish.entry.at;
            return Err(StepRefusal::SignerNotYetCounting { key, published_at, counts_from });
        }
        let by_log = self.revocation.as_ref().map(|revocation| {
            (
                self.revoked_from().unwrap_or(revocation.index),
                format!("index {} of the log says so", revocation.index),
            )
        });
        let by_feed = self.check.recalls.into_iter().flat_map(|feed| &feed.revoked_keys);
        let by_feed = by_feed
            .filter(|revoked| {
                revoked.key_id == key && revoked.namespace == *self.check.release.plugin.namespace()
            })
            .map(|revoked| (revoked.from_index, "the recall feed says so".to_owned()));
        match by_log.into_iter().chain(by_feed).find(|(from, _)| *from <= publish.index) {
            Some((revoked_from, by)) => {
                Err(StepRefusal::SignerRevoked { key, publish_index: publish.index, revoked_from, by })
            }
            None => Ok(()),
        }
    }

    /// From which index on the log says that the key counts for nothing.
    pub(super) fn revoked_from(&self) -> Option<u64> {
        let revocation = self.revocation.as_ref()?;
        Some(revocation.entry.counts_until(revocation.index))
    }

    fn recovery_remark(&self) -> Option<String> {
        let approved_by = &self.enrollment.entry.approved_by;
        if approved_by.is_empty() {
            return None;
        }
        Some(format!(
            "No earlier key of {} vouched for the author's key: it was let in by {}.",
            self.check.release.plugin.namespace(),
            approved_by.join(", ")
        ))
    }
}
