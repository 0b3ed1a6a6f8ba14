//! The lock as text: TOML for a file under version control, made so that a change of one release is one change in a diff.
//!
//! One block a release, sorted by name and version; one dependency and one capability a line. A dependency is named
//! without its version where only one is locked, so that an upgrade leaves the blocks of the others alone. What
//! comes from a file may be edited, merged or hostile: reading it is bounded, and every refusal says where.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use toml::Spanned;

use super::{Lock, LockProblem, LockedDependency, LockedRelease, union_of};
use crate::domain::{
    Capabilities, Digest, PluginName, Refusal, ReleaseId, Requirement, Risk, VerificationState, Version,
};
use crate::resolver::{AsOf, LockedHost, Policy};

mod write;

/// The format's number; a reader refuses what it does not know.
const FORMAT: u32 = 2;
/// Ten thousand releases with a page of capabilities each.
const TEXT_MAX: usize = 16 << 20;
/// What is shown of a parser's complaint, which may quote the file.
const COMPLAINT_MAX: usize = 300;

/// Why a text is not a lock.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    /// Over the bound.
    #[error("the lock has {bytes} bytes; at most {TEXT_MAX} are allowed")]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// Version control left both sides in it.
    #[error("the lock holds an unfinished merge: line {line} is a conflict marker")]
    MergeConflict {
        /// The line, counted from 1.
        line: usize,
    },
    /// Not TOML of the lock's shape.
    #[error("the lock cannot be read at line {line}, column {column}: {problem}")]
    Unreadable {
        /// The line, counted from 1.
        line: usize,
        /// The column in bytes, counted from 1.
        column: usize,
        /// What the parser says.
        problem: String,
    },
    /// Written by another version of the program.
    #[error("the lock has format {format}; this program reads format {FORMAT}")]
    UnknownFormat {
        /// The format it states.
        format: i64,
    },
    /// Readable, but its releases do not make a lock.
    #[error("the lock does not hold together{}: {problem}", at_line(*line))]
    Unsound {
        /// The line of the release's block, counted from 1, where it is about one release.
        line: Option<usize>,
        /// What is wrong.
        problem: LockProblem,
    },
}

fn at_line(line: Option<usize>) -> String {
    line.map(|line| format!(" at line {line}")).unwrap_or_default()
}

impl Refusal for LockError {
    fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "lock-file-too-large",
            Self::MergeConflict { .. } => "lock-merge-conflict",
            Self::Unreadable { .. } => "lock-invalid",
            Self::UnknownFormat { .. } => "lock-format-unknown",
            Self::Unsound { .. } => "lock-unsound",
        }
    }

    fn mend(&self) -> Option<String> {
        Some(match self {
            Self::MergeConflict { .. } => {
                "Take one side whole, say with `git checkout --theirs pluginry.lock`, and run `pluginry resolve` \
                 with the roots of both."
                    .into()
            }
            Self::TooLarge { .. } | Self::Unreadable { .. } => {
                "Take the file back from version control, or write it anew with `pluginry resolve --fresh`.".into()
            }
            Self::UnknownFormat { format } if *format < i64::from(FORMAT) => {
                "An earlier pluginry wrote it; write it anew with `pluginry resolve --fresh`.".into()
            }
            Self::UnknownFormat { .. } => "Use the pluginry version that wrote it, or a later one.".into(),
            Self::Unsound { .. } => {
                "It was edited, or merged line by line. Take one side whole from version control, and run \
                 `pluginry resolve`."
                    .into()
            }
        })
    }
}

/// The text as it lies in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LockText {
    format: u32,
    registry: Option<String>,
    sequence: u64,
    checkpoint: Option<String>,
    as_of: Option<AsOf>,
    #[serde(default)]
    with_optional: BTreeSet<PluginName>,
    #[serde(default)]
    pre_releases_of: BTreeSet<PluginName>,
    #[serde(default)]
    roots: BTreeMap<PluginName, Requirement>,
    #[serde(default)]
    root_releases: BTreeMap<PluginName, Pin>,
    host: Option<LockedHost>,
    #[serde(default)]
    policy: Policy,
    #[serde(default, rename = "release")]
    releases: Vec<Spanned<ReleaseText>>,
}

/// One `[[release]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReleaseText {
    name: PluginName,
    version: Version,
    digest: Digest,
    size_bytes: u64,
    url: Option<String>,
    signer: String,
    verification: VerificationState,
    risk: Option<Risk>,
    #[serde(default)]
    license: String,
    deprecated: Option<String>,
    load_level: u32,
    #[serde(default)]
    dependencies: BTreeMap<PluginName, DependencyText>,
    #[serde(default)]
    capabilities: Capabilities,
}

/// What meets a need: short where the name asked for has one locked release.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "a requirement such as \"^1.0\" or { requirement = \"^1.0\", by = \"acme:other\" }"
)]
enum DependencyText {
    Short(Requirement),
    Long(LongDependency),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LongDependency {
    requirement: Requirement,
    by: Pin,
}

/// A locked release by its plugin, and by its version where several are locked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
enum Pin {
    Plugin(PluginName),
    Release(ReleaseId),
}

impl TryFrom<String> for Pin {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.contains('@') {
            text.parse().map(Self::Release).map_err(|error: crate::domain::ReleaseIdError| error.to_string())
        } else {
            text.parse().map(Self::Plugin).map_err(|error: crate::domain::NameError| error.to_string())
        }
    }
}

/// Which versions of each plugin are locked.
struct LockedVersions(BTreeMap<PluginName, Vec<Version>>);

impl LockedVersions {
    fn of<'a>(releases: impl Iterator<Item = (&'a PluginName, &'a Version)>) -> Self {
        let mut versions: BTreeMap<PluginName, Vec<Version>> = BTreeMap::new();
        for (name, version) in releases {
            versions.entry(name.clone()).or_default().push(version.clone());
        }
        Self(versions)
    }

    /// How a locked release is written.
    fn pin(&self, release: &ReleaseId) -> Pin {
        match self.0.get(&release.plugin).map(Vec::as_slice) {
            Some([only]) if *only == release.version => Pin::Plugin(release.plugin.clone()),
            _ => Pin::Release(release.clone()),
        }
    }

    /// The release that is meant by what is written; `None`: nothing, or one of several.
    fn release(&self, pin: &Pin) -> Result<ReleaseId, Meant> {
        let plugin = match pin {
            Pin::Release(release) => return Ok(release.clone()),
            Pin::Plugin(plugin) => plugin,
        };
        match self.0.get(plugin).map(Vec::as_slice) {
            Some([only]) => Ok(ReleaseId::new(plugin.clone(), only.clone())),
            None | Some([]) => Err(Meant::Nothing(plugin.clone())),
            Some(_) => Err(Meant::Several(plugin.clone())),
        }
    }
}

/// What a pin means that does not mean one release.
enum Meant {
    Nothing(PluginName),
    Several(PluginName),
}

impl Lock {
    /// The text form, for a file under version control. What was held back is not kept.
    pub fn to_toml(&self) -> String {
        write::written(self)
    }

    /// Reads the text form; the releases come back in load order. What is no sound lock is refused.
    pub fn from_toml(text: &str) -> Result<Self, LockError> {
        if text.len() > TEXT_MAX {
            return Err(LockError::TooLarge { bytes: text.len() });
        }
        if let Some(line) = text.lines().position(is_conflict_marker) {
            return Err(LockError::MergeConflict { line: line + 1 });
        }
        let read: LockText = toml::from_str(text)
            .map_err(|error| format_of(text).unwrap_or_else(|| unreadable(text, &error)))?;
        if read.format != FORMAT {
            return Err(LockError::UnknownFormat { format: i64::from(read.format) });
        }
        let places = Places::of(text, &read.releases)?;
        let lock = lock_of(read).map_err(|problem| places.tell(problem))?;
        lock.check().map_err(|problem| places.tell(problem))?;
        Ok(lock)
    }
}

/// Git leaves these at the start of a line; no line of a lock begins like that.
fn is_conflict_marker(line: &str) -> bool {
    ["<<<<<<<", "|||||||", "=======", ">>>>>>>"].iter().any(|marker| line.starts_with(marker))
}

fn unreadable(text: &str, error: &toml::de::Error) -> LockError {
    let start = error.span().map_or(0, |span| span.start);
    let before = text.as_bytes().get(..start).unwrap_or_default();
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |place| place + 1);
    LockError::Unreadable {
        line: line_at(text, start),
        column: before.len() - line_start + 1,
        problem: error.message().chars().take(COMPLAINT_MAX).collect(),
    }
}

fn line_at(text: &str, place: usize) -> usize {
    let before = text.as_bytes().get(..place).unwrap_or_default();
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

/// The format of a text that cannot be read as this one.
fn format_of(text: &str) -> Option<LockError> {
    #[derive(Deserialize)]
    struct Stated {
        format: i64,
    }
    let stated: Stated = toml::from_str(text).ok()?;
    (stated.format != i64::from(FORMAT)).then_some(LockError::UnknownFormat { format: stated.format })
}

/// Where the block of each release starts.
struct Places(BTreeMap<ReleaseId, usize>);

impl Places {
    fn of(text: &str, releases: &[Spanned<ReleaseText>]) -> Result<Self, LockError> {
        let (mut places, mut line, mut counted) = (BTreeMap::new(), 1, 0);
        for release in releases {
            let start = release.span().start.max(counted);
            line += line_at(&text[counted..], start - counted) - 1;
            counted = start;
            let release = release.get_ref();
            let release = ReleaseId::new(release.name.clone(), release.version.clone());
            if places.insert(release.clone(), line).is_some() {
                return Err(LockError::Unsound { line: Some(line), problem: LockProblem::Twice { release } });
            }
        }
        Ok(Self(places))
    }

    fn tell(&self, problem: LockProblem) -> LockError {
        let line = problem.release().and_then(|release| self.0.get(release)).copied();
        LockError::Unsound { line, problem }
    }
}

fn lock_of(read: LockText) -> Result<Lock, LockProblem> {
    let texts: Vec<ReleaseText> = read.releases.into_iter().map(Spanned::into_inner).collect();
    let versions = LockedVersions::of(texts.iter().map(|release| (&release.name, &release.version)));
    let mut releases: Vec<LockedRelease> =
        texts.into_iter().map(|release| release_of(release, &versions)).collect::<Result<_, _>>()?;
    releases.sort_by(|a, b| (a.load_level, &a.name, &a.version).cmp(&(b.load_level, &b.name, &b.version)));
    let root_releases = read
        .root_releases
        .into_iter()
        .map(|(root, pin)| match versions.release(&pin) {
            Ok(release) => Ok((root, release)),
            Err(Meant::Several(needed)) => {
                Err(LockProblem::Ambiguous { release: None, asking: format!("the root {root}"), needed })
            }
            Err(Meant::Nothing(_)) => Err(match read.roots.get(&root) {
                Some(requirement) => LockProblem::RootNotThere { root, requirement: requirement.clone() },
                None => LockProblem::NoRoot { root },
            }),
        })
        .collect::<Result<_, _>>()?;
    Ok(Lock {
        registry: read.registry,
        sequence: read.sequence,
        checkpoint: read.checkpoint,
        roots: read.roots,
        root_releases,
        with_optional: read.with_optional,
        pre_releases_of: read.pre_releases_of,
        host: read.host,
        policy: read.policy,
        as_of: read.as_of,
        capabilities: union_of(releases.iter().map(|release| &release.capabilities)),
        releases,
        held_back: Vec::new(),
        let_go: Vec::new(),
    })
}

fn release_of(text: ReleaseText, versions: &LockedVersions) -> Result<LockedRelease, LockProblem> {
    let id = ReleaseId::new(text.name.clone(), text.version.clone());
    let mut dependencies = Vec::with_capacity(text.dependencies.len());
    for (asked, dependency) in text.dependencies {
        let (requirement, pin) = match dependency {
            DependencyText::Short(requirement) => (requirement, Pin::Plugin(asked.clone())),
            DependencyText::Long(LongDependency { requirement, by }) => (requirement, by),
        };
        let release = versions.release(&pin).map_err(|meant| match meant {
            Meant::Nothing(needed) => {
                LockProblem::NotThere { release: id.clone(), needed: needed.to_string() }
            }
            Meant::Several(needed) => {
                LockProblem::Ambiguous { release: Some(id.clone()), asking: id.to_string(), needed }
            }
        })?;
        let provides = (release.plugin != asked).then_some(asked);
        dependencies.push(LockedDependency { release, requirement, provides });
    }
    dependencies.sort_by(|a, b| (&a.release, &a.provides).cmp(&(&b.release, &b.provides)));
    Ok(LockedRelease {
        name: text.name,
        version: text.version,
        digest: text.digest,
        size_bytes: text.size_bytes,
        url: text.url.unwrap_or_else(|| usual_url(&text.digest)),
        signer: text.signer,
        verification: text.verification,
        risk: text.risk,
        license: text.license,
        deprecated: text.deprecated,
        load_level: text.load_level,
        dependencies,
        capabilities: text.capabilities,
    })
}

/// Where a registry serves a package unless the lock says otherwise.
fn usual_url(digest: &Digest) -> String {
    format!("/blobs/sha256/{}", digest.to_hex())
}
