//! How a command fails: the reason, the mend and the exit code.

use std::fmt::Display;
use std::path::Path;

use super::terminal;
use crate::client::ClientError;
use crate::domain::Refusal;
use crate::wasm::Finding;

/// A command that was refused or failed.
#[derive(Debug)]
pub struct Failure {
    code: String,
    message: String,
    mend: Option<String>,
    further: Vec<Finding>,
    exit_code: u8,
}

impl Failure {
    /// A failure with a stable code and what happened, to what.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), mend: None, further: Vec::new(), exit_code: 1 }
    }

    /// Arguments that parse and still make no sense together: exit code 2.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit_code: 2, ..Self::new("usage", message) }
    }

    /// A file that could not be read or written.
    pub fn file(verb: &str, path: &Path, error: impl Display) -> Self {
        Self::new("file-error", format!("cannot {verb} {}: {error}", path.display()))
    }

    /// The same failure with what to do about it.
    #[must_use]
    pub fn with_mend(self, mend: impl Into<String>) -> Self {
        Self { mend: Some(mend.into()), ..self }
    }

    /// The same failure with what it is about before its words.
    #[must_use]
    pub fn with_context(self, what: &str) -> Self {
        Self { message: format!("{what}: {}", self.message), ..self }
    }

    /// The exit code of the process.
    pub fn exit_code(&self) -> u8 {
        self.exit_code
    }

    /// The stable code of the refusal.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Writes reason and mend to stderr.
    pub fn print(&self) {
        terminal::say_error(&self.code, &self.message);
        if let Some(mend) = &self.mend {
            terminal::say_mend(mend);
        }
        for finding in &self.further {
            terminal::say_error(&finding.code, &finding.message);
            if let Some(mend) = &finding.mend {
                terminal::say_mend(mend);
            }
        }
    }
}

impl<E: Refusal> From<E> for Failure {
    fn from(refusal: E) -> Self {
        Self { mend: refusal.mend(), ..Self::new(refusal.code(), refusal.to_string()) }
    }
}

/// The code of a refused request is the registry's own, so [`ClientError`] cannot be a [`Refusal`].
impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let (mend, further) = (error.mend(), error.further_findings());
        Self { mend, further, ..Self::new(error.code(), error.to_string()) }
    }
}
