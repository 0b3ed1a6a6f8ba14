//! Releases as they are stored: finding, listing and changing them. Writing a new one stands in [`super::new_release`].

use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::DatabaseError;
use super::row::{Columns, as_number, corrupt, version_key};
use super::statement::StatementBuilder;
use crate::domain::{
    Digest, IndexRelease, Manifest, Objection, PluginName, PublishFacts, ReleaseId, Requirement, Risk,
    Timestamp, TrustLevel, VerificationState, Version,
};

/// A release as it is stored, without the large texts.
#[derive(Debug, Clone)]
pub struct ReleaseRecord {
    /// Row id.
    pub id: i64,
    /// Row id of its plugin.
    pub plugin_id: i64,
    /// Name and version.
    pub release: ReleaseId,
    /// SHA-256 of the package.
    pub digest: Digest,
    /// Size of the package in bytes.
    pub size_bytes: u64,
    /// `core` or `component`.
    pub kind: String,
    /// The manifest.
    pub manifest: Manifest,
    /// SHA-256 of its canonical JSON.
    pub manifest_digest: Digest,
    /// Version of the host profile it was inspected against.
    pub profile_version: Version,
    /// The highest risk among its capabilities.
    pub risk: Option<Risk>,
    /// Key id of the signer.
    pub key_id: String,
    /// The signer's public key.
    pub public_key: [u8; 32],
    /// What it needs beyond the release before it, JSON.
    pub widening: Option<String>,
    /// Account that published it.
    pub published_by: i64,
    /// When.
    pub published_at: Timestamp,
    /// Place in the log; absent: not sequenced yet, so not visible.
    pub sequence: Option<u64>,
    /// Where its verification stands.
    pub verification: VerificationState,
    /// Whether its signer is revoked from its place in the log or before.
    pub signer_revoked: bool,
    /// How far the operator trusts its namespace.
    pub trust: TrustLevel,
    /// When it was yanked.
    pub yanked_at: Option<Timestamp>,
    /// The author's advice against it.
    pub deprecated: Option<String>,
    /// Why the operator hides it.
    pub quarantined: Option<String>,
    /// Why the operator deleted its package.
    pub taken_down: Option<String>,
    /// Why the operator tells hosts to stop running it.
    pub recalled: Option<String>,
    /// How often it was downloaded.
    pub downloads: u64,
}

impl ReleaseRecord {
    /// What the operator holds against it, the gravest first.
    pub fn objection(&self) -> Option<Objection> {
        Objection::gravest(&self.taken_down, &self.quarantined, &self.recalled)
    }

    /// Its line in the index file.
    pub fn index_line(&self) -> IndexRelease {
        let facts = PublishFacts {
            digest: self.digest,
            size_bytes: self.size_bytes,
            sequence: self.sequence.unwrap_or_default(),
            published_at: self.published_at,
            risk: self.risk,
            signer: self.key_id.clone(),
            widening: self.widening.is_some(),
        };
        IndexRelease {
            signer_revoked: self.signer_revoked,
            trust: self.trust,
            verification: self.verification,
            yanked: self.yanked_at.is_some(),
            deprecated: self.deprecated.clone(),
            quarantined: self.quarantined.clone(),
            taken_down: self.taken_down.clone(),
            recalled: self.recalled.clone(),
            ..IndexRelease::new(&self.manifest, facts)
        }
    }
}

const RECORD: &str = "SELECT r.id, r.plugin_id, p.full_name, r.version, r.digest, r.size_bytes, r.kind, r.manifest, \
     r.manifest_digest, r.profile_version, r.risk, r.key_id, r.public_key, r.widening, r.published_by, \
     r.published_at, r.sequence, r.verification, r.signer_revoked, r.yanked_at, r.deprecated, r.quarantined, \
     r.taken_down, r.recalled, r.downloads, space.trust \
     FROM releases r JOIN plugins p ON p.id = r.plugin_id JOIN namespaces space ON space.id = p.namespace_id";

pub(super) fn release_record(row: &AnyRow) -> Result<ReleaseRecord, DatabaseError> {
    let public_key = row.bytes("public_key")?;
    Ok(ReleaseRecord {
        id: row.number("id")?,
        plugin_id: row.number("plugin_id")?,
        release: ReleaseId::new(row.parsed("full_name")?, row.parsed("version")?),
        digest: row.digest("digest")?,
        size_bytes: row.size("size_bytes")?,
        kind: row.text("kind")?,
        manifest: row.json("manifest")?,
        manifest_digest: row.digest("manifest_digest")?,
        profile_version: row.parsed("profile_version")?,
        risk: row.text_or_null("risk")?.map(|risk| risk_from_text(&risk)).transpose()?,
        key_id: row.text("key_id")?,
        public_key: public_key.try_into().map_err(|_| corrupt("public_key", "it is not 32 bytes"))?,
        widening: row.text_or_null("widening")?,
        published_by: row.number("published_by")?,
        published_at: row.time("published_at")?,
        sequence: row.number_or_null("sequence")?.map(|sequence| u64::try_from(sequence).unwrap_or_default()),
        verification: verification_from_text(&row.text("verification")?)?,
        signer_revoked: row.flag("signer_revoked")?,
        trust: trust_from_text(&row.text("trust")?)?,
        yanked_at: row.time_or_null("yanked_at")?,
        deprecated: row.text_or_null("deprecated")?,
        quarantined: row.text_or_null("quarantined")?,
        taken_down: row.text_or_null("taken_down")?,
        recalled: row.text_or_null("recalled")?,
        downloads: row.size("downloads")?,
    })
}

/// The release with this name and version.
pub async fn find(
    connection: &mut AnyConnection,
    release: &ReleaseId,
) -> Result<Option<ReleaseRecord>, DatabaseError> {
    let sql = record_statement(" WHERE p.full_name = $1 AND r.version = $2");
    let row = sqlx::query(sql)
        .bind(release.plugin.to_string())
        .bind(release.version.to_string())
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(release_record).transpose()
}

/// The release of this row id.
pub async fn find_by_id(
    connection: &mut AnyConnection,
    release_id: i64,
) -> Result<Option<ReleaseRecord>, DatabaseError> {
    let sql = record_statement(" WHERE r.id = $1");
    let row = sqlx::query(sql).bind(release_id).fetch_optional(connection).await?;
    row.as_ref().map(release_record).transpose()
}

/// The row ids of the releases that hold these digests.
pub async fn ids_of_digests(
    connection: &mut AnyConnection,
    digests: &[Digest],
) -> Result<Vec<(Digest, i64)>, DatabaseError> {
    if digests.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = StatementBuilder::new("SELECT digest, id FROM releases WHERE digest IN (");
    let mut list = query.separated(", ");
    for digest in digests {
        list.push_bind(digest.as_bytes().to_vec());
    }
    query.push(")");
    let rows = query.build().fetch_all(connection).await?;
    rows.iter().map(|row| Ok((row.digest("digest")?, row.number("id")?))).collect()
}

/// Every sequenced release of a plugin, highest version first.
pub async fn list_of_plugin(
    connection: &mut AnyConnection,
    plugin: &PluginName,
) -> Result<Vec<ReleaseRecord>, DatabaseError> {
    let sql =
        record_statement(" WHERE p.full_name = $1 AND r.sequence IS NOT NULL ORDER BY r.version_key DESC");
    let rows = sqlx::query(sql).bind(plugin.to_string()).fetch_all(connection).await?;
    rows.iter().map(release_record).collect()
}

/// The highest release below `version`, yanked or not: what widening is measured against.
pub async fn find_before(
    connection: &mut AnyConnection,
    release: &ReleaseId,
) -> Result<Option<ReleaseRecord>, DatabaseError> {
    let sql = record_statement(
        " WHERE p.full_name = $1 AND r.version_key < $2 ORDER BY r.is_pre_release, r.version_key DESC LIMIT 1",
    );
    let row = sqlx::query(sql)
        .bind(release.plugin.to_string())
        .bind(version_key(&release.version))
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(release_record).transpose()
}

/// Releases in sequence order behind `sequence`, for projections.
pub async fn list_sequenced_after(
    connection: &mut AnyConnection,
    sequence: u64,
    limit: i64,
) -> Result<Vec<ReleaseRecord>, DatabaseError> {
    let sql = record_statement(" WHERE r.sequence > $1 ORDER BY r.sequence LIMIT $2");
    let rows = sqlx::query(sql).bind(as_number(sequence)).bind(limit).fetch_all(connection).await?;
    rows.iter().map(release_record).collect()
}

/// Marks the releases of a namespace that a key signed and that stand at `from_index` of the log or behind: the
/// key is revoked from there on. Gives them as they then stand.
pub async fn mark_signer_revoked(
    connection: &mut AnyConnection,
    namespace: &str,
    key_id: &str,
    from_index: u64,
) -> Result<Vec<ReleaseRecord>, DatabaseError> {
    sqlx::query(
        "UPDATE releases SET signer_revoked = 1
         WHERE key_id = $1 AND sequence > $2
             AND plugin_id IN (
                 SELECT p.id FROM plugins p JOIN namespaces n ON n.id = p.namespace_id WHERE n.name = $3)",
    )
    .bind(key_id)
    .bind(as_number(from_index))
    .bind(namespace)
    .execute(&mut *connection)
    .await?;
    list_signer_revoked(connection, namespace, key_id).await
}

/// The releases of a namespace that do not verify any more since their signer is revoked.
pub async fn list_signer_revoked(
    connection: &mut AnyConnection,
    namespace: &str,
    key_id: &str,
) -> Result<Vec<ReleaseRecord>, DatabaseError> {
    let sql = record_statement(
        " JOIN namespaces n ON n.id = p.namespace_id \
         WHERE r.key_id = $1 AND r.signer_revoked = 1 AND n.name = $2 ORDER BY r.sequence",
    );
    let rows = sqlx::query(sql).bind(key_id).bind(namespace).fetch_all(connection).await?;
    rows.iter().map(release_record).collect()
}

/// Every sequenced release of a namespace, in the order of the log.
pub async fn list_of_namespace(
    connection: &mut AnyConnection,
    namespace: &str,
) -> Result<Vec<ReleaseRecord>, DatabaseError> {
    let sql = record_statement(" WHERE space.name = $1 AND r.sequence IS NOT NULL ORDER BY r.sequence");
    let rows = sqlx::query(sql).bind(namespace).fetch_all(connection).await?;
    rows.iter().map(release_record).collect()
}

/// A release's large texts.
#[derive(Debug, Clone)]
pub struct ReleaseTexts {
    /// The readme, Markdown.
    pub readme: Option<String>,
    /// The inspection report, JSON.
    pub inspection: String,
    /// The author's DSSE envelope, JSON.
    pub attestation: String,
}

/// The large texts of a release.
pub async fn find_texts(
    connection: &mut AnyConnection,
    release_id: i64,
) -> Result<Option<ReleaseTexts>, DatabaseError> {
    let row = sqlx::query("SELECT readme, inspection, attestation FROM releases WHERE id = $1")
        .bind(release_id)
        .fetch_optional(connection)
        .await?;
    row.map(|row| {
        Ok(ReleaseTexts {
            readme: row.text_or_null("readme")?,
            inspection: row.text("inspection")?,
            attestation: row.text("attestation")?,
        })
    })
    .transpose()
}

/// Gives a release its place in the log, once.
pub async fn set_sequence(
    connection: &mut AnyConnection,
    release_id: i64,
    sequence: u64,
) -> Result<(), DatabaseError> {
    let result = sqlx::query("UPDATE releases SET sequence = $1 WHERE id = $2 AND sequence IS NULL")
        .bind(as_number(sequence))
        .bind(release_id)
        .execute(connection)
        .await?;
    expect_one("set_sequence", result.rows_affected())
}

/// Marks a release yanked at `yanked_at`, or not yanked any more.
pub async fn set_yanked(
    connection: &mut AnyConnection,
    release_id: i64,
    yanked_at: Option<Timestamp>,
) -> Result<(), DatabaseError> {
    let result = sqlx::query("UPDATE releases SET yanked_at = $1 WHERE id = $2")
        .bind(yanked_at.map(Timestamp::as_micros))
        .bind(release_id)
        .execute(connection)
        .await?;
    expect_one("set_yanked", result.rows_affected())
}

/// Sets or lifts the author's advice against a release.
pub async fn set_deprecated(
    connection: &mut AnyConnection,
    release_id: i64,
    advice: Option<&str>,
) -> Result<(), DatabaseError> {
    let result = sqlx::query("UPDATE releases SET deprecated = $1 WHERE id = $2")
        .bind(advice)
        .bind(release_id)
        .execute(connection)
        .await?;
    expect_one("set_deprecated", result.rows_affected())
}

/// Forgets the README of a release that was taken down: it goes with the package it stood in.
pub async fn forget_readme(connection: &mut AnyConnection, release_id: i64) -> Result<(), DatabaseError> {
    let result = sqlx::query("UPDATE releases SET readme = NULL WHERE id = $1")
        .bind(release_id)
        .execute(connection)
        .await?;
    expect_one("forget_readme", result.rows_affected())
}

/// Records where the verification of a release stands.
pub async fn set_verification(
    connection: &mut AnyConnection,
    release_id: i64,
    state: VerificationState,
) -> Result<(), DatabaseError> {
    let result = sqlx::query("UPDATE releases SET verification = $1 WHERE id = $2")
        .bind(verification_text(state))
        .bind(release_id)
        .execute(connection)
        .await?;
    expect_one("set_verification", result.rows_affected())
}

/// Who depends on a plugin: the newest release of each dependant and what it requires.
pub async fn list_dependents(
    connection: &mut AnyConnection,
    plugin: &PluginName,
    limit: i64,
) -> Result<Vec<(ReleaseId, Requirement)>, DatabaseError> {
    let rows = sqlx::query(
        "SELECT p.full_name, r.version, d.requirement \
         FROM release_dependencies d \
         JOIN releases r ON r.id = d.release_id \
         JOIN plugins p ON p.id = r.plugin_id AND p.newest_release_id = r.id \
         WHERE d.dependency = $1 \
         ORDER BY p.full_name LIMIT $2",
    )
    .bind(plugin.to_string())
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok((ReleaseId::new(row.parsed("full_name")?, row.parsed("version")?), row.parsed("requirement")?))
        })
        .collect()
}

/// How many releases are visible.
pub async fn count(connection: &mut AnyConnection) -> Result<u64, DatabaseError> {
    let row = sqlx::query("SELECT COUNT(*) AS releases FROM releases WHERE sequence IS NOT NULL")
        .fetch_one(connection)
        .await?;
    row.size("releases")
}

/// Which of these digests some release holds that was not taken down; for the sweep of leftover packages.
pub async fn held_digests(
    connection: &mut AnyConnection,
    digests: &[Digest],
) -> Result<Vec<Digest>, DatabaseError> {
    if digests.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = StatementBuilder::new(
        "SELECT DISTINCT digest FROM releases WHERE taken_down IS NULL AND digest IN (",
    );
    let mut list = query.separated(", ");
    for digest in digests {
        list.push_bind(digest.as_bytes().to_vec());
    }
    query.push(")");
    let rows = query.build().fetch_all(connection).await?;
    rows.iter().map(|row| row.digest("digest")).collect()
}

pub(super) fn expect_one(statement: &'static str, rows: u64) -> Result<(), DatabaseError> {
    if rows == 1 { Ok(()) } else { Err(DatabaseError::UnexpectedRows { statement, rows }) }
}

pub(super) fn record_statement(tail: &str) -> sqlx::AssertSqlSafe<String> {
    // Both halves are constants of this room; nothing a user sends gets here.
    sqlx::AssertSqlSafe(format!("{RECORD}{tail}"))
}

pub(super) fn trust_from_text(text: &str) -> Result<TrustLevel, DatabaseError> {
    match text {
        "marketplace" => Ok(TrustLevel::Marketplace),
        "partner" => Ok(TrustLevel::Partner),
        "internal" => Ok(TrustLevel::Internal),
        other => Err(corrupt("trust", other)),
    }
}

pub(super) fn risk_from_text(text: &str) -> Result<Risk, DatabaseError> {
    match text {
        "low" => Ok(Risk::Low),
        "medium" => Ok(Risk::Medium),
        "high" => Ok(Risk::High),
        other => Err(corrupt("risk", other)),
    }
}

pub(super) fn verification_text(state: VerificationState) -> &'static str {
    match state {
        VerificationState::Pending => "pending",
        VerificationState::Passed => "passed",
        VerificationState::Failed => "failed",
    }
}

pub(super) fn verification_from_text(text: &str) -> Result<VerificationState, DatabaseError> {
    match text {
        "pending" => Ok(VerificationState::Pending),
        "passed" => Ok(VerificationState::Passed),
        "failed" => Ok(VerificationState::Failed),
        other => Err(corrupt("verification", other)),
    }
}
