//! Writing a new release: its row and what inspection found in it.

use sqlx::AnyConnection;

use super::DatabaseError;
use super::row::{Columns, as_number, corrupt, to_json, version_key};
use super::statement::StatementBuilder;
use crate::domain::{Digest, Manifest, Risk, Scope, Timestamp, Version};
/// A release on its way into the database.
#[derive(Debug, Clone)]
pub struct NewRelease {
    /// The manifest: name, version, description and the rest.
    pub manifest: Manifest,
    /// SHA-256 of the manifest's canonical JSON.
    pub manifest_digest: Digest,
    /// SHA-256 of the package.
    pub digest: Digest,
    /// Size of the package in bytes.
    pub size_bytes: u64,
    /// `core` or `component`.
    pub kind: String,
    /// The readme, Markdown.
    pub readme: Option<String>,
    /// Version of the host profile it was inspected against.
    pub profile_version: Version,
    /// The highest risk among its capabilities.
    pub risk: Option<Risk>,
    /// The inspection report, JSON.
    pub inspection: String,
    /// The author's DSSE envelope, JSON.
    pub attestation: String,
    /// Key id of the signer.
    pub key_id: String,
    /// The signer's public key.
    pub public_key: [u8; 32],
    /// What it needs beyond the release before it, JSON; absent: nothing.
    pub widening: Option<String>,
    /// Account that published it.
    pub published_by: i64,
    /// When.
    pub published_at: Timestamp,
    /// The capabilities it declares, with risk and whether an import uses it.
    pub capabilities: Vec<NewCapability>,
    /// What it imports.
    pub imports: Vec<NewImport>,
    /// What it exports.
    pub exports: Vec<NewExport>,
}

/// A capability row of a new release.
#[derive(Debug, Clone)]
pub struct NewCapability {
    /// Its name.
    pub name: String,
    /// Its risk under the profile.
    pub risk: Risk,
    /// Its scope.
    pub scope: Scope,
    /// The author's reason.
    pub reason: Option<String>,
    /// Whether an import needs it.
    pub is_used: bool,
}

/// An import row of a new release.
#[derive(Debug, Clone)]
pub struct NewImport {
    /// Import module or interface.
    pub module: String,
    /// Import name, for core modules.
    pub name: Option<String>,
    /// Its type as text.
    pub signature: Option<String>,
    /// The capability it needs.
    pub capability: Option<String>,
}

/// An export row of a new release.
#[derive(Debug, Clone)]
pub struct NewExport {
    /// Export name or interface.
    pub name: String,
    /// Its type as text.
    pub signature: Option<String>,
}

/// Inserts the release row alone, visible from its place in the log on; its children follow with [`insert_children`].
pub async fn insert(
    connection: &mut AnyConnection,
    plugin_id: i64,
    new: &NewRelease,
    sequence: u64,
) -> Result<i64, DatabaseError> {
    let manifest =
        String::from_utf8(new.manifest.to_canonical_json()).map_err(|error| corrupt("manifest", error))?;
    let version = &new.manifest.plugin.version;
    let row = sqlx::query(
        "INSERT INTO releases (plugin_id, version, version_key, is_pre_release, digest, size_bytes, kind, manifest, \
             manifest_digest, description, license, readme, profile_name, profile_version, profile_requirement, risk, \
             inspection, attestation, key_id, public_key, widening, published_by, published_at, verification, sequence) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, \
             $22, $23, 'pending', $24) \
         RETURNING id",
    )
    .bind(plugin_id)
    .bind(version.to_string())
    .bind(version_key(version))
    .bind(i64::from(version.is_pre_release()))
    .bind(new.digest.as_bytes().to_vec())
    .bind(as_number(new.size_bytes))
    .bind(&new.kind)
    .bind(manifest)
    .bind(new.manifest_digest.as_bytes().to_vec())
    .bind(&new.manifest.plugin.description)
    .bind(&new.manifest.plugin.license)
    .bind(new.readme.as_deref())
    .bind(new.manifest.host.profile.to_string())
    .bind(new.profile_version.to_string())
    .bind(new.manifest.host.version.to_string())
    .bind(new.risk.map(|risk| risk.to_string()))
    .bind(&new.inspection)
    .bind(&new.attestation)
    .bind(&new.key_id)
    .bind(new.public_key.to_vec())
    .bind(new.widening.as_deref())
    .bind(new.published_by)
    .bind(new.published_at.as_micros())
    .bind(as_number(sequence))
    .fetch_one(connection)
    .await?;
    row.number("id")
}

/// Inserts dependencies, capabilities, imports and exports: one statement a table, whatever their number.
pub async fn insert_children(
    connection: &mut AnyConnection,
    release_id: i64,
    new: &NewRelease,
) -> Result<(), DatabaseError> {
    insert_dependencies(connection, release_id, new).await?;
    insert_capabilities(connection, release_id, new).await?;
    insert_imports(connection, release_id, new).await?;
    insert_exports(connection, release_id, new).await
}

async fn insert_dependencies(
    connection: &mut AnyConnection,
    release_id: i64,
    new: &NewRelease,
) -> Result<(), DatabaseError> {
    if new.manifest.dependencies.is_empty() {
        return Ok(());
    }
    let mut query = StatementBuilder::new(
        "INSERT INTO release_dependencies (release_id, dependency, requirement, optional) ",
    );
    query.push_values(&new.manifest.dependencies, |mut row, (dependency, spec)| {
        row.push_bind(release_id)
            .push_bind(dependency.to_string())
            .push_bind(spec.version.to_string())
            .push_bind(i64::from(spec.optional));
    });
    query.build().execute(connection).await?;
    Ok(())
}

async fn insert_capabilities(
    connection: &mut AnyConnection,
    release_id: i64,
    new: &NewRelease,
) -> Result<(), DatabaseError> {
    if new.capabilities.is_empty() {
        return Ok(());
    }
    let mut query = StatementBuilder::new(
        "INSERT INTO release_capabilities (release_id, capability, risk, scope, reason, is_used) ",
    );
    query.push_values(&new.capabilities, |mut row, capability| {
        row.push_bind(release_id)
            .push_bind(capability.name.clone())
            .push_bind(capability.risk.to_string())
            .push_bind(to_json(&capability.scope))
            .push_bind(capability.reason.clone())
            .push_bind(i64::from(capability.is_used));
    });
    query.build().execute(connection).await?;
    Ok(())
}

/// How many import or export rows one statement carries; below the parameter limits of both databases.
const ROWS_PER_STATEMENT: usize = 1_000;

async fn insert_imports(
    connection: &mut AnyConnection,
    release_id: i64,
    new: &NewRelease,
) -> Result<(), DatabaseError> {
    let numbered: Vec<_> = (0_i64..).zip(&new.imports).collect();
    for chunk in numbered.chunks(ROWS_PER_STATEMENT) {
        let mut query = StatementBuilder::new(
            "INSERT INTO release_imports (release_id, position, module, name, signature, capability) ",
        );
        query.push_values(chunk, |mut row, (position, import)| {
            row.push_bind(release_id)
                .push_bind(*position)
                .push_bind(import.module.clone())
                .push_bind(import.name.clone())
                .push_bind(import.signature.clone())
                .push_bind(import.capability.clone());
        });
        query.build().execute(&mut *connection).await?;
    }
    Ok(())
}

async fn insert_exports(
    connection: &mut AnyConnection,
    release_id: i64,
    new: &NewRelease,
) -> Result<(), DatabaseError> {
    let numbered: Vec<_> = (0_i64..).zip(&new.exports).collect();
    for chunk in numbered.chunks(ROWS_PER_STATEMENT) {
        let mut query =
            StatementBuilder::new("INSERT INTO release_exports (release_id, position, name, signature) ");
        query.push_values(chunk, |mut row, (position, export)| {
            row.push_bind(release_id)
                .push_bind(*position)
                .push_bind(export.name.clone())
                .push_bind(export.signature.clone());
        });
        query.build().execute(&mut *connection).await?;
    }
    Ok(())
}
