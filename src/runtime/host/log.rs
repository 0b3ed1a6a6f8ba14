//! `pluginry:plugin/log`: lines for the operator, bounded in number and length.

use std::fmt;

use super::HostState;
use super::bindings::pluginry::plugin::log;

/// Lines kept of one plugin; further ones are counted.
const LINES_MAX: usize = 1_000;
/// Bytes kept of one line.
const LINE_MAX_BYTES: usize = 4 * 1024;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// For the author.
    Debug,
    /// For an operator who asks.
    Info,
    /// Something is odd.
    Warn,
    /// A call failed.
    Error,
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        })
    }
}

/// One line a plugin wrote. The text is the plugin's: print it with control characters escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// How much it matters.
    pub level: LogLevel,
    /// What it says.
    pub message: String,
}

/// What a plugin logged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogBook {
    /// The first lines.
    pub lines: Vec<LogLine>,
    /// How many more there were.
    pub dropped: u64,
}

impl LogBook {
    fn add(&mut self, level: LogLevel, message: String) {
        if self.lines.len() == LINES_MAX {
            self.dropped += 1;
            return;
        }
        self.lines.push(LogLine { level, message: super::super::cut(message, LINE_MAX_BYTES) });
    }
}

impl log::Host for HostState {
    fn write(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        self.count("log.write")?;
        let level = match level {
            log::Level::Debug => LogLevel::Debug,
            log::Level::Info => LogLevel::Info,
            log::Level::Warn => LogLevel::Warn,
            log::Level::Error => LogLevel::Error,
        };
        self.services.log.add(level, message);
        Ok(())
    }
}
