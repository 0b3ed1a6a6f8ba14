//! The lock: the exact, ordered, digest-pinned set of releases a resolve returns, as JSON and as TOML.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{AsOf, LockedHost, Policy, ResolveRequest};
use crate::domain::{
    Capabilities, Digest, Grants, PluginName, Refusal, ReleaseId, Requirement, Risk, VerificationState,
    Version,
};

/// The format's number in the text form; a reader refuses what it does not know.
const FORMAT: u32 = 2;

/// The exact set of releases a resolve returns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// The registry it came from; the client fills it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
    /// The size of the log it was computed from.
    pub sequence: u64,
    /// The registry's signed checkpoint of that log, without cosignatures; absent before there was a log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
    /// What was asked for.
    #[serde(default)]
    pub roots: BTreeMap<PluginName, Requirement>,
    /// The roots whose release is not the newest locked one of that name that the requirement matches: another
    /// plugin stands in, or an older release is kept. See [`Lock::root_release`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub root_releases: BTreeMap<PluginName, ReleaseId>,
    /// Optional dependencies that were taken along.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub with_optional: BTreeSet<PluginName>,
    /// Roots of which pre-releases counted like other releases.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub pre_releases_of: BTreeSet<PluginName>,
    /// The host it is for, with its grants, if one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<LockedHost>,
    /// What the host accepted beyond what it can run.
    #[serde(default, skip_serializing_if = "Policy::is_default")]
    pub policy: Policy,
    /// The point in the registry's history it was asked to stop at, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<AsOf>,
    /// The releases in load order: dependencies first, then by name and version.
    pub releases: Vec<LockedRelease>,
    /// The union of what the releases ask for: what the host must grant.
    #[serde(default)]
    pub capabilities: Grants,
    /// Newer releases that were not chosen, and why.
    #[serde(default)]
    pub held_back: Vec<HeldBack>,
    /// Locked releases that could not be kept, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub let_go: Vec<LetGo>,
}

/// One release of a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockedRelease {
    /// The plugin.
    pub name: PluginName,
    /// Its version.
    pub version: Version,
    /// SHA-256 of the package.
    pub digest: Digest,
    /// Size of the package in bytes.
    pub size_bytes: u64,
    /// Where the package is downloaded, relative to the registry.
    pub url: String,
    /// Key id of the author key that signed it.
    pub signer: String,
    /// Where its verification run stood.
    pub verification: VerificationState,
    /// The highest risk among its capabilities; absent: pure computation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<Risk>,
    /// Its licence, as an SPDX expression.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub license: String,
    /// The author's advice against it, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<String>,
    /// Releases of a level may be loaded in parallel once all lower levels are loaded; starts at 0.
    pub load_level: u32,
    /// What it needs, and the releases of this lock that meet it: by name and version, then by what is provided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<LockedDependency>,
    /// What it asks for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub capabilities: Capabilities,
}

/// A dependency of a locked release, and the release of the lock that meets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedDependency {
    /// The release that meets it.
    pub release: ReleaseId,
    /// What was asked of the plugin, or of what is provided.
    pub requirement: Requirement,
    /// The virtual package that the release stands in for; absent: its own name was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provides: Option<PluginName>,
}

/// A newer release that was not chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBack {
    /// The plugin.
    pub name: PluginName,
    /// The version that was chosen.
    pub chosen: Version,
    /// The newest version there is.
    pub newest: Version,
    /// Why it was not chosen, as a sentence.
    pub reason: String,
}

/// A release of the lock before that may not be chosen any more: the author, the operator or the host is against it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetGo {
    /// The plugin.
    pub name: PluginName,
    /// The version that was locked.
    pub version: Version,
    /// The version that stands in its place; absent: none of the plugin does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<Version>,
    /// What is against it, as a sentence.
    pub reason: String,
}

/// Why a text is not a lock.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    /// Not TOML of the lock's shape.
    #[error("the lock cannot be read: {problem}")]
    Unreadable {
        /// What the parser says, with the place.
        problem: String,
    },
    /// Written by a later program.
    #[error("the lock has format {format}; this program reads format {FORMAT}")]
    UnknownFormat {
        /// The format it states.
        format: u32,
    },
}

impl Refusal for LockError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "lock-invalid",
            Self::UnknownFormat { .. } => "lock-format-unknown",
        }
    }

    fn mend(&self) -> Option<String> {
        Some(match self {
            Self::Unreadable { .. } => {
                "Take the file back from version control, or write it anew with `pluginry resolve`.".into()
            }
            Self::UnknownFormat { .. } => "Use the pluginry version that wrote it, or a later one.".into(),
        })
    }
}

/// The text form: blocks sorted by name and version, so that a change of one release is one change in a diff.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct LockText {
    format: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    registry: Option<String>,
    sequence: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checkpoint: Option<String>,
    #[serde(default)]
    roots: BTreeMap<PluginName, Requirement>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    root_releases: BTreeMap<PluginName, ReleaseId>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    with_optional: BTreeSet<PluginName>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pre_releases_of: BTreeSet<PluginName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    host: Option<LockedHost>,
    #[serde(default, skip_serializing_if = "Policy::is_default")]
    policy: Policy,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    as_of: Option<AsOf>,
    #[serde(default, rename = "release")]
    releases: Vec<LockedRelease>,
}

impl Lock {
    /// The text form for a file under version control. What was held back is not kept.
    pub fn to_toml(&self) -> String {
        let mut releases = self.releases.clone();
        releases.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
        let text = LockText {
            format: FORMAT,
            registry: self.registry.clone(),
            sequence: self.sequence,
            checkpoint: self.checkpoint.clone(),
            roots: self.roots.clone(),
            root_releases: self.root_releases.clone(),
            with_optional: self.with_optional.clone(),
            pre_releases_of: self.pre_releases_of.clone(),
            host: self.host.clone(),
            policy: self.policy.clone(),
            as_of: self.as_of,
            releases,
        };
        let body = toml::to_string(&text).expect("a lock holds only texts, numbers, lists and tables");
        format!("# Written by `pluginry resolve`. Keep it under version control; do not edit it.\n{body}")
    }

    /// Reads the text form; the releases come back in load order.
    pub fn from_toml(text: &str) -> Result<Self, LockError> {
        let unreadable = |error: toml::de::Error| LockError::Unreadable { problem: error.to_string() };
        let table: toml::Table = toml::from_str(text).map_err(unreadable)?;
        if let Some(format) = table.get("format").and_then(toml::Value::as_integer)
            && format != i64::from(FORMAT)
        {
            return Err(LockError::UnknownFormat { format: u32::try_from(format).unwrap_or(u32::MAX) });
        }
        let read: LockText = toml::from_str(text).map_err(unreadable)?;
        let mut releases = read.releases;
        releases
            .sort_by(|a, b| (a.load_level, &a.name, &a.version).cmp(&(b.load_level, &b.name, &b.version)));
        let capabilities = union_of(releases.iter().map(|release| &release.capabilities));
        Ok(Self {
            registry: read.registry,
            sequence: read.sequence,
            checkpoint: read.checkpoint,
            roots: read.roots,
            root_releases: read.root_releases,
            with_optional: read.with_optional,
            pre_releases_of: read.pre_releases_of,
            host: read.host,
            policy: read.policy,
            as_of: read.as_of,
            releases,
            capabilities,
            held_back: Vec::new(),
            let_go: Vec::new(),
        })
    }

    /// The question that this lock answers, asked again with the lock as the start.
    pub fn to_request(&self) -> ResolveRequest {
        ResolveRequest {
            roots: self.roots.clone(),
            with_optional: self.with_optional.clone(),
            pre_releases_of: self.pre_releases_of.clone(),
            host: self.host.as_ref().map(LockedHost::to_request),
            policy: self.policy.clone(),
            lock: Some(self.clone()),
            upgrade: BTreeSet::new(),
            as_of: self.as_of,
        }
    }

    /// The release that a root led to.
    pub fn root_release(&self, root: &PluginName) -> Option<&LockedRelease> {
        match self.root_releases.get(root) {
            Some(id) => self.release(id),
            None => usual_root_release(&self.releases, root, self.roots.get(root)?),
        }
    }

    /// The locked release of `id`, if it is in the lock.
    pub fn release(&self, id: &ReleaseId) -> Option<&LockedRelease> {
        self.releases.iter().find(|release| release.name == id.plugin && release.version == id.version)
    }
}

impl LockedRelease {
    /// Its name and version.
    pub fn id(&self) -> ReleaseId {
        ReleaseId::new(self.name.clone(), self.version.clone())
    }
}

/// What a root means unless the lock says otherwise: the newest release of the name that the requirement matches.
pub(super) fn usual_root_release<'a>(
    releases: &'a [LockedRelease],
    root: &PluginName,
    requirement: &Requirement,
) -> Option<&'a LockedRelease> {
    releases
        .iter()
        .filter(|release| release.name == *root && requirement.matches(&release.version))
        .max_by_key(|release| &release.version)
}

/// What a host must grant for all of these: scopes are united; an unlimited one stays unlimited.
pub(super) fn union_of<'a>(all: impl Iterator<Item = &'a Capabilities>) -> Grants {
    let mut union = Grants::new();
    for (name, request) in all.flatten() {
        let Some(so_far) = union.get_mut(name) else {
            union.insert(name.clone(), request.scope.clone());
            continue;
        };
        so_far.0.retain(|kind, _| request.scope.0.contains_key(kind));
        for (kind, values) in &mut so_far.0 {
            let mut both: BTreeSet<String> = values.drain(..).collect();
            both.extend(request.scope.0[kind].iter().cloned());
            values.extend(both);
        }
    }
    union
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(name: &str, version: &str, load_level: u32, capabilities: &str) -> LockedRelease {
        let digest = Digest::of(name.as_bytes());
        LockedRelease {
            name: name.parse().unwrap(),
            version: version.parse().unwrap(),
            digest,
            size_bytes: 120,
            url: format!("/blobs/sha256/{}", digest.to_hex()),
            signer: "ab".repeat(32),
            verification: VerificationState::Passed,
            risk: None,
            license: "MIT".into(),
            deprecated: None,
            load_level,
            dependencies: Vec::new(),
            capabilities: serde_json::from_str(capabilities).unwrap(),
        }
    }

    fn sample() -> Lock {
        let mut markdown = release("acme:markdown", "1.2.0", 1, r#"{"network":{"hosts":["b:443"]}}"#);
        markdown.dependencies = vec![LockedDependency {
            release: "acme:tokenizer@1.0.3".parse().unwrap(),
            requirement: "^1.0".parse().unwrap(),
            provides: None,
        }];
        let tokenizer =
            release("acme:tokenizer", "1.0.3", 0, r#"{"network":{"hosts":["a:443"],"reason":"feeds"}}"#);
        let releases = vec![tokenizer, markdown];
        Lock {
            registry: Some("https://plugins.example.org".into()),
            sequence: 42,
            checkpoint: Some("plugins.example.org\n42\nMTIz\n\n— plugins.example.org c2lnbmVk\n".into()),
            roots: BTreeMap::from([("acme:markdown".parse().unwrap(), "^1.2".parse().unwrap())]),
            host: Some(
                serde_json::from_str(
                    r#"{"profile":"pluginry:reference","version":"1.1.0","grants":{"network":{"hosts":["*"]}}}"#,
                )
                .unwrap(),
            ),
            capabilities: union_of(releases.iter().map(|release| &release.capabilities)),
            releases,
            ..Lock::default()
        }
    }

    #[test]
    fn the_text_form_is_one_sorted_block_a_release() {
        insta::assert_snapshot!(sample().to_toml());
    }

    #[test]
    fn the_text_form_reads_back_in_load_order() {
        let lock = sample();

        assert_eq!(Lock::from_toml(&lock.to_toml()).unwrap(), lock);
    }

    #[test]
    fn json_reads_back() {
        let lock = sample();

        assert_eq!(serde_json::from_str::<Lock>(&serde_json::to_string(&lock).unwrap()).unwrap(), lock);
    }

    #[test]
    fn a_later_format_is_refused_by_name() {
        let error = Lock::from_toml("format = 3\nsurprise = true").unwrap_err();

        assert_eq!(error, LockError::UnknownFormat { format: 3 });
    }

    #[test]
    fn an_unlimited_request_makes_the_union_unlimited() {
        let limited = release("a:a", "1.0.0", 0, r#"{"network":{"hosts":["a:443"]}}"#);
        let unlimited = release("a:b", "1.0.0", 0, r#"{"network":{}}"#);

        let union = union_of([&limited.capabilities, &unlimited.capabilities].into_iter());

        assert!(union.values().all(|scope| scope.0.is_empty()));
    }
}
