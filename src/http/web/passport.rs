//! The passport: what a release may do, who signed it, whether it was verified, where it runs, what it
//! weighs. The same panel on the plugin and the release page; small, it is the search result.

use crate::db::plugins::PluginRecord;
use crate::domain::api::PluginSummary;
use crate::domain::{
    Capabilities, CapabilityName, CapabilityRequest, Digest, HostProfile, IndexRelease, PluginName,
    ReleaseId, Requirement, Risk, VerificationState,
};
use crate::http::api::catalog::summary;
use crate::runtime::VerificationReport;

/// How many powers the panel shows before the rest folds away.
const POWERS_SHOWN: usize = 6;
/// How many rows are behind the fold; the rest is named only.
const POWERS_FOLDED: usize = 24;

/// One power of a plugin in words.
#[derive(Debug, Clone)]
pub struct Power {
    /// The capability's name.
    pub name: CapabilityName,
    /// How much harm it could do.
    pub risk: Option<Risk>,
    /// A sentence that starts with "Can".
    pub sentence: String,
    /// How far it reaches: kind and values.
    pub scope: Vec<(String, Vec<String>)>,
    /// The kinds of scope it could have been limited by, where it names none of them.
    pub unlimited: Vec<String>,
    /// The author's reason.
    pub reason: Option<String>,
    /// Whether it is declared although nothing in the code needs it.
    pub unused: bool,
}

impl Power {
    fn new(name: &CapabilityName, request: &CapabilityRequest, profile: Option<&HostProfile>) -> Self {
        let definition = profile.and_then(|profile| profile.capability(name));
        let scope: Vec<_> =
            request.scope.0.iter().map(|(kind, values)| (kind.clone(), values.clone())).collect();
        let unlimited = definition
            .map(|definition| definition.scopes.iter().filter(|kind| !request.scope.0.contains_key(*kind)))
            .map(|kinds| kinds.cloned().collect())
            .unwrap_or_default();
        Self {
            name: name.clone(),
            risk: definition.map(|definition| definition.risk).or(Some(Risk::High)),
            sentence: definition.map_or_else(
                || format!("Can use “{name}”, which this registry has no description of"),
                |definition| definition.description.trim_end_matches('.').to_owned(),
            ),
            scope,
            unlimited,
            reason: request.reason.clone().filter(|reason| !reason.trim().is_empty()),
            unused: false,
        }
    }
}

/// All powers, the highest risk first, then by name.
pub(super) fn powers(capabilities: &Capabilities, profile: Option<&HostProfile>) -> Vec<Power> {
    let mut powers: Vec<_> =
        capabilities.iter().map(|(name, request)| Power::new(name, request, profile)).collect();
    powers.sort_by(|a, b| b.risk.cmp(&a.risk).then_with(|| a.name.cmp(&b.name)));
    powers
}

/// What the profile could give and the plugin does not ask for, the highest risk first.
fn absent(asked: &Capabilities, profile: Option<&HostProfile>) -> Vec<CapabilityName> {
    let offered = profile.map(|profile| profile.capabilities.as_slice()).unwrap_or_default();
    let mut absent: Vec<_> = offered.iter().filter(|offered| !asked.contains_key(&offered.name)).collect();
    absent.sort_by(|a, b| b.risk.cmp(&a.risk).then_with(|| a.name.cmp(&b.name)));
    absent.into_iter().map(|definition| definition.name.clone()).collect()
}

/// Everything the panel says.
#[derive(Debug, Clone)]
pub struct Passport {
    /// The release it is of.
    pub release: ReleaseId,
    /// Digest of its package.
    pub digest: Digest,
    /// Its powers, the highest risk first; empty: pure computation.
    pub powers: Vec<Power>,
    /// The highest risk among them.
    pub risk: Option<Risk>,
    /// Key id of the author key.
    pub signer: String,
    /// Where the verification run stands.
    pub verification: VerificationState,
    /// What the run found, once it is over.
    pub report: Option<VerificationReport>,
    /// The host profile it is made for.
    pub profile: PluginName,
    /// The profile's versions that will do.
    pub profile_version: Requirement,
    /// Where it plugs in.
    pub extension_points: Vec<String>,
    /// Powers its host profile has and it does not ask for.
    pub absent: Vec<CapabilityName>,
    /// Size of the package.
    pub size_bytes: u64,
    /// Whether the operator keeps its package back.
    pub is_withheld: bool,
    /// How many plugins it needs.
    pub dependencies: u64,
    /// How many more it can use.
    pub optional_dependencies: u64,
}

impl Passport {
    /// The passport of a release, with the profile's words for its powers.
    pub fn new(
        plugin: &PluginName,
        release: &IndexRelease,
        profile: Option<&HostProfile>,
        report: Option<VerificationReport>,
    ) -> Self {
        let optional = release.dependencies.values().filter(|spec| spec.optional).count() as u64;
        Self {
            release: ReleaseId::new(plugin.clone(), release.version.clone()),
            digest: release.digest,
            powers: powers(&release.capabilities, profile),
            risk: release.risk,
            signer: release.signer.clone(),
            verification: release.verification,
            report,
            profile: release.profile.clone(),
            profile_version: release.profile_version.clone(),
            extension_points: release.extension_points.clone(),
            absent: absent(&release.capabilities, profile),
            size_bytes: release.size_bytes,
            is_withheld: release.quarantined.is_some() || release.taken_down.is_some(),
            dependencies: release.dependencies.len() as u64 - optional,
            optional_dependencies: optional,
        }
    }

    /// Marks the powers that nothing in the code needs.
    pub fn mark_unused(&mut self, unused: &[CapabilityName]) {
        for power in &mut self.powers {
            power.unused = unused.contains(&power.name);
        }
    }

    /// The powers shown at once.
    pub fn first_powers(&self) -> &[Power] {
        &self.powers[..self.shown()]
    }

    /// The powers behind the fold.
    pub fn further_powers(&self) -> &[Power] {
        let end = self.powers.len().min(self.shown() + POWERS_FOLDED);
        &self.powers[self.shown()..end]
    }

    /// The powers of which only the name is shown.
    pub fn named_powers(&self) -> &[Power] {
        &self.powers[self.powers.len().min(self.shown() + POWERS_FOLDED)..]
    }

    fn shown(&self) -> usize {
        // Folding away one or two rows would cost more than it spares.
        if self.powers.len() <= POWERS_SHOWN + 2 { self.powers.len() } else { POWERS_SHOWN }
    }

    /// Path of the release page.
    pub fn release_path(&self) -> String {
        release_path(&self.release)
    }

    /// Path of the package's bytes.
    pub fn download_path(&self) -> String {
        format!("/api/v1{}/download", self.release_path())
    }

    /// Path of the proofs in one file.
    pub fn bundle_path(&self) -> String {
        format!("/api/v1{}/bundle", self.release_path())
    }

    /// Path of the proof that its publish is in the log.
    pub fn tlog_proof_path(&self) -> String {
        format!("/api/v1{}/tlog-proof", self.release_path())
    }

    /// Cases that passed.
    pub fn cases_passed(&self) -> usize {
        self.report.iter().flat_map(|report| &report.cases).filter(|case| case.passed).count()
    }

    /// Cases that ran.
    pub fn cases_run(&self) -> usize {
        self.report.as_ref().map_or(0, |report| report.cases.len())
    }

    /// Microseconds of all calls together.
    pub fn run_us(&self) -> u64 {
        self.report.iter().flat_map(|report| &report.cases).map(|case| case.duration_us).sum()
    }
}

/// Path of a plugin's page.
pub(super) fn plugin_path(plugin: &PluginName) -> String {
    format!("/plugins/{}", plugin.path())
}

/// Path of a release's page.
pub(super) fn release_path(release: &ReleaseId) -> String {
    format!("/plugins/{}/{}", release.plugin.path(), release.version)
}

/// A row of search results: the passport, small.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What the catalog knows of it.
    pub plugin: PluginSummary,
}

impl Entry {
    /// Path of the plugin's page.
    pub fn path(&self) -> String {
        plugin_path(&self.plugin.name)
    }

    /// Names of its powers, the first few.
    pub fn power_names(&self) -> Vec<&str> {
        self.plugin.capabilities.keys().take(4).map(CapabilityName::as_str).collect()
    }

    /// How many powers the row leaves out.
    pub fn further_powers(&self) -> usize {
        self.plugin.capabilities.len().saturating_sub(4)
    }
}

impl From<PluginRecord> for Entry {
    fn from(record: PluginRecord) -> Self {
        Self { plugin: summary(record) }
    }
}

#[cfg(test)]
impl From<PluginSummary> for Entry {
    fn from(plugin: PluginSummary) -> Self {
        Self { plugin }
    }
}
