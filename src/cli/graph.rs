//! `pluginry graph`: the picture of a lock.

use std::path::{Path, PathBuf};

use super::fetch::read_lock;
use super::pack::replace_file;
use super::{Failure, terminal};
use crate::resolver::picture::{Setting, draw, graphviz};

/// Draw which release of a lock needs which, and what each may do.
#[derive(clap::Args)]
pub(super) struct GraphArguments {
    /// The lock, written by `pluginry resolve`.
    #[arg(long, value_name = "FILE", default_value = "pluginry.lock")]
    lock: PathBuf,
    /// A picture, or text for Graphviz; left out: what the ending of the output's name says, else a picture.
    #[arg(long)]
    format: Option<Format>,
    /// Where it is written; left out: stdout.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What the graph is written as.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A picture for browsers, by day and by night.
    Svg,
    /// The language of Graphviz.
    Dot,
}

impl Format {
    fn of_file(path: &Path) -> Self {
        let is_dot = path.extension().is_some_and(|extension| extension == "dot" || extension == "gv");
        if is_dot { Self::Dot } else { Self::Svg }
    }
}

impl GraphArguments {
    pub(super) fn run(self) -> Result<(), Failure> {
        let lock = read_lock(&self.lock)?;
        let format =
            self.format.or_else(|| self.output.as_deref().map(Format::of_file)).unwrap_or(Format::Svg);
        let text = match format {
            Format::Svg => draw(&lock, Setting::File, &|| false)?.svg,
            Format::Dot => graphviz(&lock)?,
        };
        match &self.output {
            Some(path) => {
                replace_file(path, text.as_bytes())?;
                terminal::say(&format!("Wrote {}: {} releases.", path.display(), lock.releases.len()));
            }
            None => terminal::print(text.trim_end()),
        }
        Ok(())
    }
}
