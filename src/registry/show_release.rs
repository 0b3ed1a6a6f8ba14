//! Everything a page about one release tells.

use super::Registry;
use super::search_plugins::nearest_plugins;
use crate::db::releases::{self, ReleaseRecord, ReleaseTexts};
use crate::db::{DatabaseError, verification_runs};
use crate::domain::{ObjectionKind, PluginName, Refusal, ReleaseId, Version, Withheld};

/// Why a release is not shown.
#[derive(Debug, thiserror::Error)]
pub enum ShowError {
    /// There is no such plugin.
    #[error("there is no plugin {plugin} here")]
    UnknownPlugin {
        /// The name asked for.
        plugin: PluginName,
        /// Plugins with a near name.
        nearest: Vec<PluginName>,
    },
    /// The plugin has no such version.
    #[error("{} has no version {}", release.plugin, release.version)]
    UnknownRelease {
        /// The release asked for.
        release: ReleaseId,
        /// Its newest version.
        newest: Version,
    },
    /// It was taken down, so only its tombstone is shown.
    #[error(transparent)]
    Withheld(#[from] Withheld),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Refusal for ShowError {
    fn code(&self) -> &'static str {
        match self {
            Self::UnknownPlugin { .. } => "unknown-plugin",
            Self::UnknownRelease { .. } => "unknown-release",
            Self::Withheld(withheld) => withheld.code(),
            Self::Database(_) => "internal",
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::UnknownPlugin { .. } => Some("Check the spelling, or search for what it does.".into()),
            Self::UnknownRelease { newest, .. } => Some(format!("Its newest version is {newest}.")),
            Self::Withheld(withheld) => withheld.mend(),
            Self::Database(_) => None,
        }
    }
}

/// A release with what surrounds it.
#[derive(Debug, Clone)]
pub struct ReleaseDetails {
    /// The release.
    pub record: ReleaseRecord,
    /// README, inspection report and attestation.
    pub texts: ReleaseTexts,
    /// The report of the newest verification run, JSON, once one ended.
    pub verification_report: Option<String>,
    /// Every release of the plugin, the highest version first.
    pub releases: Vec<ReleaseRecord>,
}

impl ReleaseDetails {
    /// The release a visitor is pointed to: the highest that nobody withdrew and that is no pre-release.
    pub fn newest(&self) -> &ReleaseRecord {
        newest_of(&self.releases).unwrap_or(&self.record)
    }

    /// The release of the plugin just below `version`.
    pub fn before(&self, version: &Version) -> Option<&ReleaseRecord> {
        self.releases.iter().find(|record| record.release.version < *version)
    }
}

/// As the catalog's lists have it: `db::plugins::refresh_newest`.
fn newest_of(releases: &[ReleaseRecord]) -> Option<&ReleaseRecord> {
    let withdrawal = |record: &ReleaseRecord| match record.objection().map(|objection| objection.kind) {
        Some(ObjectionKind::TakenDown) => 4,
        Some(ObjectionKind::Quarantined) => 3,
        Some(ObjectionKind::Recalled) => 2,
        None => u8::from(record.yanked_at.is_some()),
    };
    // The first of the equal ones: the highest version.
    releases.iter().min_by_key(|record| (withdrawal(record), record.release.version.is_pre_release()))
}

/// The release `version` of a plugin, or the one a visitor is pointed to.
pub async fn show_release(
    registry: &Registry,
    plugin: &PluginName,
    version: Option<&Version>,
) -> Result<ReleaseDetails, ShowError> {
    let mut connection = registry.database().read().await?;
    let releases = releases::list_of_plugin(&mut connection, plugin).await?;
    let Some(newest) = newest_of(&releases) else {
        drop(connection);
        let nearest = nearest_plugins(registry, plugin).await?;
        return Err(ShowError::UnknownPlugin { plugin: plugin.clone(), nearest });
    };
    let found = match version {
        None => Some(newest),
        Some(version) => releases.iter().find(|record| record.release.version == *version),
    };
    let Some(record) = found.cloned() else {
        let release = ReleaseId::new(plugin.clone(), version.unwrap_or(&newest.release.version).clone());
        return Err(ShowError::UnknownRelease { release, newest: newest.release.version.clone() });
    };
    let texts = releases::find_texts(&mut connection, record.id).await?.ok_or(DatabaseError::Corrupt {
        what: "release",
        problem: format!("{} lost its texts", record.release),
    })?;
    let run = verification_runs::newest(&mut connection, record.id).await?;
    Ok(ReleaseDetails { record, texts, verification_report: run.map(|run| run.report), releases })
}
