//! `/plugins/{namespace}/{name}` and `/plugins/{namespace}/{name}/{version}`: the passport, then everything else.

use askama::Template;

use super::filters;
use super::markdown::CleanHtml;
use super::passport::{Passport, release_path};
use super::release_head::ReleaseHead;
use crate::domain::{PluginName, ReleaseId, Requirement, Timestamp, VerificationState, Version};

/// How many versions the page lists.
pub(super) const VERSIONS_SHOWN: usize = 12;

/// A release as people read it; of a plugin's page it is the newest one.
#[derive(Template)]
#[template(path = "release.html")]
pub struct ReleasePage {
    /// The moment relative times count from.
    pub now: Timestamp,
    /// Name, version, state.
    pub head: ReleaseHead,
    /// Powers, signer, verification, host, weight.
    pub passport: Passport,
    /// Whether it is the plugin's newest release.
    pub is_newest: bool,
    /// The README, rendered.
    pub readme: Option<CleanHtml>,
    /// The plugin's releases, newest first, at most [`VERSIONS_SHOWN`].
    pub versions: Vec<VersionRow>,
    /// How many releases the list leaves out.
    pub more_versions: u64,
    /// The plugins it needs.
    pub dependencies: Vec<DependencyRow>,
    /// Virtual packages it provides, as text.
    pub provides: Vec<String>,
    /// Plugins it cannot be loaded beside, as text.
    pub conflicts: Vec<String>,
    /// Who wrote it.
    pub authors: Vec<String>,
    /// Its web page.
    pub homepage: Option<OutsideLink>,
    /// Its source.
    pub repository: Option<OutsideLink>,
    /// Words for search.
    pub keywords: Vec<String>,
    /// Its place in the log.
    pub sequence: u64,
}

impl ReleasePage {
    /// The command that puts it in a lock: a range for the newest release, exactly this one otherwise.
    pub fn resolve_command(&self) -> String {
        let release = &self.head.release;
        let version = release.version.as_semver();
        let requirement = match (self.is_newest && !release.version.is_pre_release(), version.major) {
            (true, 0) => format!("^0.{}", version.minor),
            (true, major) => format!("^{major}.{}", version.minor),
            (false, _) => format!("={version}"),
        };
        format!("pluginry resolve {}@{requirement} -o pluginry.lock", release.plugin)
    }

    fn keyword_url(&self, keyword: &str) -> String {
        format!("/search?q={}", filters::percent(keyword))
    }
}

/// One release in the list of versions.
#[derive(Debug, Clone)]
pub struct VersionRow {
    /// Its version.
    pub version: Version,
    /// Path of its page.
    pub path: String,
    /// Whether it is the release of this page.
    pub is_this: bool,
    /// When it was published.
    pub published_at: Timestamp,
    /// Where its verification run stands.
    pub verification: VerificationState,
    /// Whether its author withdrew it.
    pub yanked: bool,
    /// Powers it has beyond the release before it.
    pub adds: Vec<String>,
    /// Powers it no longer has.
    pub drops: Vec<String>,
}

impl VersionRow {
    /// Path of a release's page.
    pub(super) fn path_of(plugin: &PluginName, version: &Version) -> String {
        release_path(&ReleaseId::new(plugin.clone(), version.clone()))
    }
}

/// One plugin it needs.
#[derive(Debug, Clone)]
pub struct DependencyRow {
    /// The plugin.
    pub name: PluginName,
    /// Path of its page.
    pub path: String,
    /// The versions that will do.
    pub requirement: Requirement,
    /// Whether it is needed only when asked for.
    pub optional: bool,
}

/// A link to another host, from the manifest.
#[derive(Debug, Clone)]
pub struct OutsideLink {
    /// As written.
    pub url: String,
    /// Without scheme and trailing slash.
    pub label: String,
    /// Whether it may be a link: `http` or `https`.
    pub is_web: bool,
}

impl OutsideLink {
    /// Reads a link of a manifest; one of another scheme is shown as text.
    pub fn new(url: &str) -> Self {
        let is_web = url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        let label = url.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
        Self { url: url.to_owned(), label: label.to_owned(), is_web }
    }
}
