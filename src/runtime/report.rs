//! What a verification run is asked to do and what it found: plain data, read by server and child alike.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::{Abi, Capabilities, HostProfile, Manifest, ProfileLimits, VerificationState, VerifyCase};

/// The most bytes of a case's output that a report keeps.
pub const CASE_OUTPUT_MAX_BYTES: usize = 16 * 1024;

/// What to verify about a package, and within which limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VerificationRequest {
    /// The cases of the manifest.
    pub cases: Vec<VerifyCase>,
    /// What the manifest asks for: nothing else is linked.
    pub capabilities: Capabilities,
    /// The profile it is made for.
    pub profile: HostProfile,
    /// Limits of the run.
    pub limits: VerificationLimits,
}

impl VerificationRequest {
    /// The request for a package with this manifest under this profile, with the usual limits.
    pub fn new(manifest: &Manifest, profile: &HostProfile) -> Self {
        Self {
            cases: manifest.verify.clone(),
            capabilities: manifest.capabilities.clone(),
            profile: profile.clone(),
            limits: VerificationLimits::new(manifest, &profile.limits),
        }
    }

    /// Whether the profile is for components alone.
    pub fn is_component_profile(&self) -> bool {
        self.profile.abi == Abi::Component
    }
}

/// Bounds of one verification run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerificationLimits {
    /// Linear memory of the plugin, over all its memories, in bytes.
    pub memory_bytes: u64,
    /// Stack of the plugin in bytes.
    pub stack_bytes: u64,
    /// Fuel for instantiating, and again for each call: the limit that is the same on every machine.
    pub call_fuel: u64,
    /// Wall time of one call in milliseconds; generous, because fuel decides first.
    pub call_wall_ms: u64,
    /// CPU seconds of the whole child, compiling included.
    pub cpu_seconds: u64,
    /// Wall seconds of the whole child; then it is killed.
    pub wall_seconds: u64,
    /// Address space of the child in bytes.
    pub address_space_bytes: u64,
    /// Calls of host functions in one call of the plugin.
    pub host_calls: u64,
}

impl VerificationLimits {
    /// Fuel that a machine of today uses up in about one millisecond.
    pub const FUEL_PER_MS: u64 = 2_000_000;
    /// Milliseconds on the wall for each millisecond of call time.
    pub(super) const WALL_MS_PER_CALL_MS: u64 = 20;
    /// Milliseconds on the wall that every call gets.
    pub(super) const CALL_WALL_MS_LEAST: u64 = 2_000;
    /// CPU seconds of the whole child.
    pub(super) const CPU_SECONDS: u64 = 10;
    /// Wall seconds of the whole child.
    pub(super) const WALL_SECONDS: u64 = 30;
    /// Address space of the child.
    pub(super) const ADDRESS_SPACE_BYTES: u64 = 1536 * 1024 * 1024;
    /// Elements of all tables together.
    pub(super) const TABLE_ELEMENTS: u64 = 100_000;
    /// Calls of host functions in one call of the plugin.
    pub(super) const HOST_CALLS: u64 = 10_000;

    /// The limits of a plugin: its own where it names them, at most the profile's.
    pub fn new(manifest: &Manifest, profile: &ProfileLimits) -> Self {
        let own = |own: Option<u32>, most: u32| u64::from(own.unwrap_or(most).min(most));
        let call_ms = own(manifest.limits.call_ms, profile.call_ms);
        Self {
            memory_bytes: own(manifest.limits.memory_mib, profile.memory_mib) * 1024 * 1024,
            stack_bytes: u64::from(profile.stack_kib) * 1024,
            call_fuel: call_ms.max(1) * Self::FUEL_PER_MS,
            call_wall_ms: (call_ms * Self::WALL_MS_PER_CALL_MS).max(Self::CALL_WALL_MS_LEAST),
            cpu_seconds: Self::CPU_SECONDS,
            wall_seconds: Self::WALL_SECONDS,
            address_space_bytes: Self::ADDRESS_SPACE_BYTES,
            host_calls: Self::HOST_CALLS,
        }
    }
}

/// What a verification run found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VerificationReport {
    /// How it ended.
    pub outcome: VerificationOutcome,
    /// Milliseconds spent compiling; absent if it did not get that far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compile_ms: Option<u64>,
    /// Microseconds of the first instantiation; absent if it did not get that far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instantiate_us: Option<u64>,
    /// Fuel used by the first round over all cases.
    pub fuel: u64,
    /// The most linear memory any instance held.
    pub peak_memory_bytes: u64,
    /// Calls of host functions in the first round, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub host_calls: BTreeMap<String, u64>,
    /// Whether every case gave the same answer for the same fuel twice.
    pub deterministic: bool,
    /// The cases in the manifest's order; those after a crash are missing.
    pub cases: Vec<CaseReport>,
    /// Engine and version, such as `wasmtime 48.0.8`.
    pub runtime_version: String,
    /// What held the child.
    pub isolation: Isolation,
}

impl VerificationReport {
    /// A report that says only how it ended.
    pub fn of_outcome(outcome: VerificationOutcome) -> Self {
        Self {
            outcome,
            compile_ms: None,
            instantiate_us: None,
            fuel: 0,
            peak_memory_bytes: 0,
            host_calls: BTreeMap::new(),
            deterministic: false,
            cases: Vec::new(),
            runtime_version: super::RUNTIME_VERSION.to_owned(),
            isolation: Isolation::default(),
        }
    }

    /// The state the release gets.
    pub fn state(&self) -> VerificationState {
        match self.outcome {
            VerificationOutcome::Passed => VerificationState::Passed,
            _ => VerificationState::Failed,
        }
    }
}

/// How a verification run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum VerificationOutcome {
    /// Every case gave what its manifest promised.
    Passed,
    /// Something answered otherwise than promised, or refused.
    Failed {
        /// How far it got.
        stage: Stage,
        /// The case, if it was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        case: Option<String>,
        /// What happened.
        message: String,
    },
    /// Compiling it takes more than a registry will spend.
    TooCostlyToCompile {
        /// Which bound it met.
        message: String,
    },
    /// It ran into a limit.
    OverLimit {
        /// Which one.
        which: LimitKind,
        /// How far it got.
        stage: Stage,
        /// The case, if it was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        case: Option<String>,
        /// What happened, with the limit's value.
        message: String,
    },
    /// The child died in a way no limit explains.
    Crashed {
        /// The signal that ended it, if one did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signal: Option<i32>,
        /// How far it got.
        stage: Stage,
        /// The last of what it wrote to stderr.
        message: String,
    },
}

impl VerificationOutcome {
    /// One sentence for people.
    pub fn sentence(&self) -> String {
        let of_case =
            |case: &Option<String>| case.as_ref().map_or(String::new(), |name| format!(" in {name:?}"));
        match self {
            Self::Passed => "Every case passed.".into(),
            Self::Failed { stage, case, message } => {
                format!("Failed while {stage}{}: {message}", of_case(case))
            }
            Self::TooCostlyToCompile { message } => format!("Too costly to compile: {message}"),
            Self::OverLimit { which, stage, case, message } => {
                format!("Over the {which} limit while {stage}{}: {message}", of_case(case))
            }
            Self::Crashed { signal: Some(signal), stage, message } => {
                format!("The run was ended by signal {signal} while {stage}: {message}")
            }
            Self::Crashed { signal: None, stage, message } => {
                format!("The run broke off while {stage}: {message}")
            }
        }
    }
}

/// The steps of a verification run, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Locking the child down and reading the package.
    Starting,
    /// Bounding the work before the compiler sees it.
    Preflight,
    /// Compiling.
    Compiling,
    /// Linking and instantiating, start functions included.
    Instantiating,
    /// `lifecycle.activate`, or `_initialize` of a core module.
    Activating,
    /// Running a case.
    Calling,
    /// `lifecycle.deactivate`.
    Deactivating,
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Starting => "starting",
            Self::Preflight => "bounding the work",
            Self::Compiling => "compiling",
            Self::Instantiating => "instantiating",
            Self::Activating => "activating",
            Self::Calling => "calling",
            Self::Deactivating => "deactivating",
        })
    }
}

/// A limit that a plugin can run into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LimitKind {
    /// Instructions.
    Fuel,
    /// Time on the wall.
    Time,
    /// CPU time of the child.
    Cpu,
    /// Linear memory, or the child's address space.
    Memory,
    /// Table elements.
    Tables,
    /// Instances, memories or tables by number.
    Instances,
    /// Depth of calls.
    Stack,
    /// Calls of host functions.
    HostCalls,
}

impl std::fmt::Display for LimitKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Fuel => "fuel",
            Self::Time => "time",
            Self::Cpu => "CPU",
            Self::Memory => "memory",
            Self::Tables => "table",
            Self::Instances => "instance",
            Self::Stack => "stack",
            Self::HostCalls => "host call",
        })
    }
}

/// What one case did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseReport {
    /// Its name in the manifest.
    pub name: String,
    /// The extension point or export that was called.
    pub call: String,
    /// Whether it gave what was expected.
    pub passed: bool,
    /// What came back, as text cut to [`CASE_OUTPUT_MAX_BYTES`]; the error's text if it refused or trapped.
    pub output: String,
    /// What was wrong, if it did not pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Fuel of the call, instantiation and activation left out.
    pub fuel: u64,
    /// Microseconds of the call.
    pub duration_us: u64,
    /// Whether a second fresh instance gave the same answer for the same fuel.
    pub deterministic: bool,
}

/// What held the child while it touched the bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Isolation {
    /// Address space, CPU, files and processes are bounded.
    pub resource_limits: bool,
    /// Landlock: no file can be opened.
    pub landlock: bool,
    /// Seccomp: no sockets, no new processes.
    pub seccomp: bool,
}
