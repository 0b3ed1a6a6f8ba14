//! `pluginry tree`: who needs whom in a lock.

use std::path::PathBuf;

use super::fetch::read_lock;
use super::{Failure, terminal};
use crate::domain::{PluginName, Requirement};
use crate::resolver::{Lock, TreeLine, TreeView};

/// Show who needs whom in a lock, with the requirement on each edge and the powers of each plugin.
#[derive(clap::Args)]
pub(super) struct TreeArguments {
    /// The lock, written by `pluginry resolve`.
    #[arg(long, value_name = "FILE", default_value = "pluginry.lock")]
    lock: PathBuf,
    /// Start at this plugin and go up to what needs it.
    #[arg(long, value_name = "NAME")]
    invert: Option<PluginName>,
    /// How many levels below the first are shown.
    #[arg(long, value_name = "LEVELS")]
    depth: Option<usize>,
    /// Print the lines as JSON.
    #[arg(long)]
    json: bool,
}

impl TreeArguments {
    pub(super) fn run(self) -> Result<(), Failure> {
        let lock = read_lock(&self.lock)?;
        if let Some(wanted) = &self.invert
            && lock.why(wanted).is_none()
        {
            return Err(not_locked(wanted, &lock));
        }
        let view = TreeView { invert: self.invert, depth: self.depth };
        let lines = lock.tree(&view);
        if self.json {
            terminal::print_json(&lines);
        } else {
            terminal::print(&drawn(&lines, view.invert.is_some()));
        }
        Ok(())
    }
}

/// A plugin that is asked about and is not there.
pub(super) fn not_locked(wanted: &PluginName, lock: &Lock) -> Failure {
    let alike = lock.releases.iter().map(|release| &release.name);
    let alike = alike.filter(|name| name.name() == wanted.name() || name.namespace() == wanted.namespace());
    let mut alike: Vec<String> = alike.map(ToString::to_string).collect();
    alike.dedup();
    alike.truncate(5);
    let mend = if alike.is_empty() {
        "`pluginry tree` shows what is in it.".to_owned()
    } else {
        format!("In it are {}; `pluginry tree` shows all.", alike.join(", "))
    };
    Failure::new("not-locked", format!("{wanted} is not in the lock")).with_mend(mend)
}

fn drawn(lines: &[TreeLine], is_inverted: bool) -> String {
    if lines.is_empty() {
        return "The lock holds nothing.".into();
    }
    let mut ends: Vec<bool> = Vec::new();
    let mut text: Vec<String> = Vec::new();
    for line in lines {
        ends.truncate(line.depth);
        let mut branches = String::new();
        if line.depth > 0 {
            for end in &ends[1..] {
                branches.push_str(if *end { "    " } else { "│   " });
            }
            branches.push_str(if line.is_last { "└── " } else { "├── " });
        }
        ends.push(line.is_last);
        text.push(format!("{branches}{}", label(line, is_inverted)));
    }
    if lines.iter().any(|line| line.is_repeat) {
        text.push("\n(*) what is below it is shown above".into());
    }
    text.join("\n")
}

fn label(line: &TreeLine, is_inverted: bool) -> String {
    let mut label = format!("{} {}", line.release.plugin, line.release.version);
    if let Some(requirement) = &line.requirement {
        let stands_in = line.provides.as_ref().map(|provides| format!(" of {provides}")).unwrap_or_default();
        let needs = if is_inverted { "needs " } else { "" };
        // A bare `*` would read like the mark of what is shown above.
        let any = *requirement == Requirement::any();
        let requirement = if any { "any version".to_owned() } else { requirement.to_string() };
        label.push_str(&format!(" ({needs}{requirement}{stands_in})"));
    } else if !is_inverted {
        label.push_str(" (nothing needs it)");
    }
    if !line.roots.is_empty() {
        let roots: Vec<String> = line.roots.iter().map(ToString::to_string).collect();
        label.push_str(&format!(" (you ask for {})", roots.join(" and ")));
    }
    if !line.capabilities.is_empty() {
        let powers: Vec<&str> = line.capabilities.iter().map(|name| name.as_str()).collect();
        label.push_str(&format!(" [{}]", powers.join(", ")));
    }
    if line.is_repeat {
        label.push_str(" (*)");
    }
    label
}
