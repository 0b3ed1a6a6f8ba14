//! Publishing: from uploaded bytes to a release that is there or is not.
//!
//! The order of DESIGN section 5 is in the types: only a [`SignedPackage`] can be committed, only an
//! [`InspectedPackage`] can be signed, only an [`UploadedPackage`] can be inspected.

use serde_json::Value;

use super::append_statement::EncodedStatement;
use super::check_widening::Widened;
use super::commit::{Change, Committed};
use super::publish_error::{LOGGED_ATTESTATION_MAX_BYTES, PublishError};
use super::{Registry, UploadedPackage};
use crate::db::keys::AuthorKey;
use crate::db::new_release::{NewCapability, NewExport, NewImport, NewRelease};
use crate::db::releases;
use crate::db::{keys, plugins};
use crate::domain::api::KeyState;
use crate::domain::{Digest, HostProfile, IndexRelease, Manifest, PluginName, ReleaseId, Timestamp};
use crate::kill_points;
use crate::signing::{Envelope, KeyId, PublicKey, verify_release};
use crate::storage::BlobPut;
use crate::trust::{LogEvent, LogStatement, PublishEntry};
use crate::wasm::inspect;
use crate::wasm::{
    ImportDecision, ImportFinding, InspectionReport, PackageKind, PackageLimits, read_package,
};

/// How often a publish tries to commit while others of the same plugin come before it.
const COMMITS_AT_MOST: usize = 8;

/// What a publish is asked to do, by whom it was authorised.
pub struct PublishRequest {
    /// The release the address names.
    pub release: ReleaseId,
    /// Row id of its namespace.
    pub namespace_id: i64,
    /// The account that publishes.
    pub account_id: i64,
    /// The bytes.
    pub package: UploadedPackage,
    /// The author's DSSE envelope, as sent.
    pub attestation: Vec<u8>,
    /// Whether the author agrees that it asks for more.
    pub accept_widening: bool,
    /// When.
    pub now: Timestamp,
}

/// A publish that is done.
pub struct Published {
    /// Whether it is new; a retry of the same bytes is not.
    pub is_new: bool,
    /// The release as the index tells it.
    pub release: IndexRelease,
    /// The inspection report.
    pub inspection: Value,
    /// Advice that did not stop the publish.
    pub warnings: Vec<String>,
}

/// A package whose bytes were read and found to do what its manifest says.
pub struct InspectedPackage {
    uploaded: UploadedPackage,
    kind: PackageKind,
    manifest: Manifest,
    manifest_digest: Digest,
    readme: Option<String>,
    report: InspectionReport,
}

/// An inspected package whose author is known.
pub struct SignedPackage {
    inspected: InspectedPackage,
    attestation: Envelope,
    key_id: KeyId,
    public_key: PublicKey,
}

/// Publishes a release, or says why not. The same bytes again give the same answer.
pub async fn publish_release(
    registry: &Registry,
    request: PublishRequest,
) -> Result<Published, PublishError> {
    if let Some(published) = published_before(registry, &request).await? {
        return Ok(published);
    }
    let keys = enrolled_keys(registry, request.namespace_id, request.now).await?;
    let terms = Terms {
        release: request.release.clone(),
        accept_widening: request.accept_widening,
        namespace_id: request.namespace_id,
        account_id: request.account_id,
        now: request.now,
    };
    let (package, attestation) = (request.package, request.attestation);
    let work = registry.clone();
    let signed = registry
        .on_inspection_thread(move || {
            let address = terms.release.clone();
            let inspected = InspectedPackage::of(package, &address, &work)?;
            Ok::<_, PublishError>((inspected.signed(&attestation, &keys)?, terms))
        })
        .await
        .map_err(|error| PublishError::Broken(error.to_string()))?;
    let (signed, terms) = signed?;

    check_dependencies(registry, &signed.inspected).await?;
    store_and_commit(registry, &signed, &terms).await
}

/// What stays of a request beside its bytes.
struct Terms {
    release: ReleaseId,
    accept_widening: bool,
    namespace_id: i64,
    account_id: i64,
    now: Timestamp,
}

async fn published_before(
    registry: &Registry,
    request: &PublishRequest,
) -> Result<Option<Published>, PublishError> {
    let mut connection = registry.database().read().await?;
    let Some(existing) = releases::find(&mut connection, &request.release).await? else { return Ok(None) };
    if let Some(reason) = existing.taken_down {
        return Err(PublishError::TakenDown { release: existing.release, reason });
    }
    if existing.digest != request.package.digest() {
        return Err(PublishError::VersionExists {
            release: request.release.clone(),
            existing: existing.digest,
            sent: request.package.digest(),
        });
    }
    // Until it is in the signed log and shown, it is not published: the committer waits for that.
    if existing.sequence.is_none_or(|sequence| sequence > registry.sequence()) {
        return Ok(None);
    }
    let texts = releases::find_texts(&mut connection, existing.id).await?;
    let report = texts.map(|texts| texts.inspection).unwrap_or_default();
    let report: InspectionReport =
        serde_json::from_str(&report).map_err(|error| PublishError::Broken(error.to_string()))?;
    Ok(Some(Published {
        is_new: false,
        release: existing.index_line(),
        warnings: warnings_of(&report),
        inspection: as_value(&report),
    }))
}

fn as_value(report: &InspectionReport) -> Value {
    serde_json::to_value(report).expect("a report has text keys only")
}

fn warnings_of(report: &InspectionReport) -> Vec<String> {
    report.warnings.iter().map(|finding| finding.message.clone()).collect()
}

/// The keys of a namespace: those that count, and the others, which are known enough to say why they do not.
struct EnrolledKeys {
    counting: Vec<PublicKey>,
    others: Vec<(PublicKey, AuthorKey)>,
}

async fn enrolled_keys(
    registry: &Registry,
    namespace_id: i64,
    now: Timestamp,
) -> Result<EnrolledKeys, PublishError> {
    let mut connection = registry.database().read().await?;
    let mut enrolled = EnrolledKeys { counting: Vec::new(), others: Vec::new() };
    for key in keys::list(&mut connection, namespace_id).await? {
        let Ok(public_key) = PublicKey::from_bytes(&key.public_key) else { continue };
        match key.state(now) {
            KeyState::Counts => enrolled.counting.push(public_key),
            _ => enrolled.others.push((public_key, key)),
        }
    }
    Ok(enrolled)
}

/// Why a key that is enrolled does not count.
fn not_counting(key: &AuthorKey) -> PublishError {
    let key_id = key.key_id.chars().take(12).collect();
    match (key.revoked_at, key.counts_from) {
        (Some(_), _) => PublishError::KeyRevoked { key_id },
        (None, Some(until)) => PublishError::KeyWaiting { key_id, until },
        (None, None) => PublishError::KeyNeedsApproval { key_id },
    }
}

/// What reading and inspecting finds, accepted or not.
struct Findings {
    kind: PackageKind,
    manifest: Manifest,
    manifest_digest: Digest,
    readme: Option<String>,
    report: InspectionReport,
}

/// Reads the bytes and inspects them under `profile`, or under the one their manifest asks for.
fn look_at(
    uploaded: &UploadedPackage,
    address: Option<&ReleaseId>,
    profile: Option<HostProfile>,
    registry: &Registry,
) -> Result<Findings, PublishError> {
    let bytes = uploaded.bytes().map_err(|error| PublishError::Broken(error.to_string()))?;
    let limits = PackageLimits {
        package_bytes: registry.configuration().limits.package_bytes,
        ..PackageLimits::default()
    };
    let package = read_package(&bytes, &limits)?;
    let described = package.manifest.release_id();
    if let Some(address) = address.filter(|address| **address != described) {
        return Err(PublishError::ManifestDisagrees { manifest: described, address: address.clone() });
    }
    let profile = match profile {
        Some(profile) => profile,
        None => registry.profile_for(&package.manifest)?,
    };
    check_dependency_count(&package.manifest, &profile)?;
    let report = inspect(&package, &profile);
    Ok(Findings {
        kind: package.kind,
        manifest_digest: package.manifest_digest,
        readme: package.readme.map(str::to_owned),
        manifest: package.manifest,
        report,
    })
}

/// The dry run: what a publish would find. Heavy: for a blocking thread.
pub(super) fn read_and_inspect(
    uploaded: &UploadedPackage,
    profile: Option<HostProfile>,
    registry: &Registry,
) -> Result<InspectionReport, PublishError> {
    Ok(look_at(uploaded, None, profile, registry)?.report)
}

impl InspectedPackage {
    /// Reads and inspects the bytes under the profile their manifest asks for. Heavy: for a blocking thread.
    fn of(uploaded: UploadedPackage, address: &ReleaseId, registry: &Registry) -> Result<Self, PublishError> {
        let Findings { kind, manifest, manifest_digest, readme, report } =
            look_at(&uploaded, Some(address), None, registry)?;
        if !report.is_accepted() {
            return Err(PublishError::Inspection(Box::new(report)));
        }
        Ok(Self { uploaded, kind, manifest, manifest_digest, readme, report })
    }

    /// Checks the author's statement about these bytes.
    fn signed(self, attestation: &[u8], keys: &EnrolledKeys) -> Result<SignedPackage, PublishError> {
        let envelope = Envelope::from_json(attestation)?;
        let size_bytes = envelope.to_json().len();
        if size_bytes > LOGGED_ATTESTATION_MAX_BYTES {
            return Err(PublishError::AttestationTooLarge { size_bytes });
        }
        let release = self.manifest.release_id();
        let digest = self.uploaded.digest();
        let signed_by = |keys: &[PublicKey]| verify_release(&envelope, keys, &release, digest);
        let (statement, key_id) = signed_by(&keys.counting).map_err(|error| {
            let signer = keys.others.iter().find(|(public_key, _)| signed_by(&[*public_key]).is_ok());
            signer.map_or_else(|| error.into(), |(_, key)| not_counting(key))
        })?;
        if statement.manifest_digest != self.manifest_digest {
            return Err(PublishError::StatementDiffers { part: "manifest digest" });
        }
        if statement.capabilities != self.manifest.capabilities {
            return Err(PublishError::StatementDiffers { part: "capabilities" });
        }
        let public_key = keys.counting.iter().find(|key| key.id() == key_id);
        let public_key = *public_key.expect("the signer is one of the candidates");
        Ok(SignedPackage { inspected: self, attestation: envelope, key_id, public_key })
    }
}

fn check_dependency_count(manifest: &Manifest, profile: &HostProfile) -> Result<(), PublishError> {
    let (count, most) = (manifest.dependencies.len(), profile.limits.dependencies);
    if count > usize::try_from(most).unwrap_or(usize::MAX) {
        return Err(PublishError::TooManyDependencies { count, most });
    }
    Ok(())
}

async fn check_dependencies(registry: &Registry, package: &InspectedPackage) -> Result<(), PublishError> {
    let needed: Vec<PluginName> = package.manifest.dependencies.keys().cloned().collect();
    if needed.is_empty() {
        return Ok(());
    }
    let mut connection = registry.database().read().await?;
    let existing = plugins::existing(&mut connection, &needed).await?;
    let snapshot = registry.index_snapshot();
    let is_missing = |name: &PluginName| !existing.contains(name) && !snapshot.is_provided(name);
    let missing: Vec<PluginName> = needed.into_iter().filter(is_missing).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(PublishError::UnknownDependency { release: package.manifest.release_id(), missing })
}

/// Stores the package and commits; again, as long as another release of the plugin comes between the look at the
/// release before it and the commit.
async fn store_and_commit(
    registry: &Registry,
    signed: &SignedPackage,
    terms: &Terms,
) -> Result<Published, PublishError> {
    let mut widened = find_widening(registry, &signed.inspected, terms).await?;
    kill_points::pass("publish-inspected");
    let uploaded = &signed.inspected.uploaded;
    let (digest, size_bytes) = (uploaded.digest(), uploaded.size_bytes());
    let blob = registry.storage().put_blob(digest, uploaded.path(), size_bytes).await?;
    kill_points::pass("blob-stored");
    for _ in 1..COMMITS_AT_MOST {
        match commit(registry, signed, &widened, blob, terms).await {
            Err(PublishError::Overtaken(_)) => {
                widened = find_widening(registry, &signed.inspected, terms).await?;
            }
            committed => return committed,
        }
    }
    commit(registry, signed, &widened, blob, terms).await
}

async fn find_widening(
    registry: &Registry,
    package: &InspectedPackage,
    terms: &Terms,
) -> Result<Widened, PublishError> {
    let mut connection = registry.database().read().await?;
    Widened::of(&mut connection, &package.manifest).await?.check(&terms.release, terms.accept_widening)
}

async fn commit(
    registry: &Registry,
    signed: &SignedPackage,
    widened: &Widened,
    blob: BlobPut,
    terms: &Terms,
) -> Result<Published, PublishError> {
    let report = &signed.inspected.report;
    let statement = EncodedStatement::of(&signed.statement(widened, terms))?;
    let new = Box::new(signed.to_rows(widened, terms));
    let change = Change::Publish { namespace_id: terms.namespace_id, new, statement, blob };
    kill_points::pass("publish-before-commit");
    let Committed { is_new, line, .. } = registry.commit(change).await?;
    metrics::counter!("publishes_total", "outcome" => if is_new { "new" } else { "repeated" }).increment(1);
    Ok(Published { is_new, release: line, warnings: warnings_of(report), inspection: as_value(report) })
}

impl SignedPackage {
    /// What the log is told.
    fn statement(&self, widened: &Widened, terms: &Terms) -> LogStatement {
        let InspectedPackage { uploaded, manifest, manifest_digest, report, .. } = &self.inspected;
        let entry = PublishEntry {
            at: terms.now,
            size_bytes: uploaded.size_bytes(),
            manifest_digest: *manifest_digest,
            signer: self.key_id,
            profile: manifest.host.profile.clone(),
            profile_version: report.profile.version.clone(),
            risk: report.risk(),
            widening: widened.is_widening(),
            attestation: self.attestation.clone(),
        };
        LogStatement::of_release(&manifest.release_id(), uploaded.digest(), LogEvent::Publish(entry))
    }

    fn to_rows(&self, widened: &Widened, terms: &Terms) -> NewRelease {
        let InspectedPackage { uploaded, kind, manifest, manifest_digest, readme, report } = &self.inspected;
        NewRelease {
            manifest_digest: *manifest_digest,
            digest: uploaded.digest(),
            size_bytes: uploaded.size_bytes(),
            kind: match kind {
                PackageKind::Core => "core".into(),
                PackageKind::Component => "component".into(),
            },
            readme: readme.clone(),
            profile_version: report.profile.version.clone(),
            risk: report.risk(),
            inspection: serde_json::to_string(report).expect("a report has text keys only"),
            attestation: String::from_utf8(self.attestation.to_json()).expect("JSON is text"),
            key_id: self.key_id.to_hex(),
            public_key: *self.public_key.as_bytes(),
            widening: widened.to_column(),
            published_by: terms.account_id,
            published_at: terms.now,
            capabilities: capability_rows(report),
            imports: report.imports.iter().map(import_row).collect(),
            exports: export_rows(report),
            manifest: manifest.clone(),
        }
    }
}

fn capability_rows(report: &InspectionReport) -> Vec<NewCapability> {
    report
        .capabilities
        .iter()
        .map(|capability| NewCapability {
            name: capability.name.to_string(),
            risk: capability.risk,
            scope: capability.scope.clone(),
            reason: capability.reason.clone(),
            is_used: !capability.used_by.is_empty(),
        })
        .collect()
}

fn import_row(import: &ImportFinding) -> NewImport {
    let capability = match &import.decision {
        ImportDecision::Declared { capabilities } => capabilities.first().map(ToString::to_string),
        _ => None,
    };
    NewImport {
        module: import.module.clone(),
        name: import.name.clone(),
        signature: import.ty.clone(),
        capability,
    }
}

fn export_rows(report: &InspectionReport) -> Vec<NewExport> {
    report
        .exports
        .iter()
        .map(|export| NewExport { name: export.name.clone(), signature: Some(export.ty.clone()) })
        .collect()
}
