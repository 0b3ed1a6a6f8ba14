//! Host profiles that operators registered; the built-in ones are not stored.

use sqlx::AnyConnection;

use super::DatabaseError;
use crate::domain::{PluginName, Timestamp, Version};

/// A profile to be stored.
pub struct NewProfile<'a> {
    /// Its full name.
    pub name: &'a PluginName,
    /// Its version.
    pub version: &'a Version,
    /// The profile as JSON.
    pub document: &'a str,
    /// The operator.
    pub registered_by: i64,
    /// When.
    pub created_at: Timestamp,
}

/// Stores a profile. Breaks `host_profiles_name_version_unique` when that version is there.
pub async fn insert(connection: &mut AnyConnection, profile: &NewProfile<'_>) -> Result<(), DatabaseError> {
    sqlx::query(
        "INSERT INTO host_profiles (name, version, document, registered_by, created_at)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(profile.name.to_string())
    .bind(profile.version.to_string())
    .bind(profile.document)
    .bind(profile.registered_by)
    .bind(profile.created_at.as_micros())
    .execute(connection)
    .await?;
    Ok(())
}

/// The document of one version of a profile.
pub async fn find(
    connection: &mut AnyConnection,
    name: &PluginName,
    version: &Version,
) -> Result<Option<String>, DatabaseError> {
    let document = sqlx::query_scalar("SELECT document FROM host_profiles WHERE name = $1 AND version = $2")
        .bind(name.to_string())
        .bind(version.to_string())
        .fetch_optional(connection)
        .await?;
    Ok(document)
}

/// The documents of every registered profile, in the order of registration.
pub async fn list(connection: &mut AnyConnection) -> Result<Vec<String>, DatabaseError> {
    let documents =
        sqlx::query_scalar("SELECT document FROM host_profiles ORDER BY id").fetch_all(connection).await?;
    Ok(documents)
}
