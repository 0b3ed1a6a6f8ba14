//! What can go wrong with a plugin, and with running one at all.

use super::LimitKind;
use crate::domain::Refusal;

/// Why a plugin did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PluginError {
    /// The bytes cannot be compiled.
    #[error("the plugin cannot be compiled: {problem}")]
    Compile {
        /// What the compiler says.
        problem: String,
    },
    /// It imports something that it is not given.
    #[error("the plugin imports {import}, which {reason}")]
    Import {
        /// The import.
        import: String,
        /// Why it is not given.
        reason: String,
    },
    /// It cannot be instantiated.
    #[error("the plugin cannot be instantiated: {problem}")]
    Instantiate {
        /// What the engine says.
        problem: String,
    },
    /// It ran into a limit.
    #[error("the plugin is over its {which} limit: {problem}")]
    OverLimit {
        /// Which limit.
        which: LimitKind,
        /// What happened, with the limit's value.
        problem: String,
    },
    /// It stopped itself or did something the machine forbids.
    #[error("the plugin trapped: {problem}")]
    Trap {
        /// What the engine says.
        problem: String,
    },
    /// It answered with an error of its own.
    #[error("{message}")]
    Refused {
        /// The plugin's words.
        message: String,
    },
    /// What is to be called is not there, or takes something else.
    #[error("{call:?} cannot be called: {problem}")]
    NotCallable {
        /// The extension point or export.
        call: String,
        /// What is wrong.
        problem: String,
    },
}

impl Refusal for PluginError {
    fn code(&self) -> &'static str {
        match self {
            Self::Compile { .. } => "plugin-not-compilable",
            Self::Import { .. } => "plugin-import-not-given",
            Self::Instantiate { .. } => "plugin-not-instantiable",
            Self::OverLimit { .. } => "plugin-over-limit",
            Self::Trap { .. } => "plugin-trapped",
            Self::Refused { .. } => "plugin-refused",
            Self::NotCallable { .. } => "plugin-not-callable",
        }
    }

    fn mend(&self) -> Option<String> {
        Some(match self {
            Self::Compile { .. } => {
                "Build the package again; `pluginry inspect` shows what is wrong with it.".into()
            }
            Self::Import { .. } => {
                "Grant the capability that the import needs, or use another plugin.".into()
            }
            Self::Instantiate { .. } => {
                "Check what its start function does and which profile it is made for.".into()
            }
            Self::OverLimit { .. } => {
                "Give it less to do, or raise the limit in its manifest up to the profile's.".into()
            }
            Self::Trap { .. } => "Report it to the plugin's author with the input that did it.".into(),
            Self::Refused { .. } => return None,
            Self::NotCallable { .. } => "`pluginry inspect` lists what the plugin exports.".into(),
        })
    }
}

/// Why a verification run could not be held at all; says nothing about the plugin.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The engine refuses its settings.
    #[error("the engine cannot be set up: {problem}")]
    Engine {
        /// What it says.
        problem: String,
    },
    /// The child process could not be started or spoken with.
    #[error("the verification child {step}: {source}")]
    Child {
        /// What failed.
        step: &'static str,
        /// What the system says.
        source: std::io::Error,
    },
    /// The child ended well and said something that is not a report.
    #[error("the verification child gave no report: {problem}")]
    Protocol {
        /// What it said instead.
        problem: String,
    },
}

impl Refusal for RuntimeError {
    fn code(&self) -> &'static str {
        match self {
            Self::Engine { .. } => "engine-error",
            Self::Child { .. } => "verification-child-error",
            Self::Protocol { .. } => "verification-protocol-error",
        }
    }
}
