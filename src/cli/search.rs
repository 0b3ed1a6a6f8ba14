//! `pluginry search`: find plugins.

use super::settings::RegistryOptions;
use super::{Failure, block_on, terminal};
use crate::domain::VerificationState;
use crate::domain::api::{PluginSummary, SearchAnswer};

/// Find plugins by words of their name, description and keywords.
#[derive(clap::Args)]
pub(super) struct SearchArguments {
    /// What to look for; everything when absent.
    words: Vec<String>,
    /// Continue a search where it stopped.
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    registry: RegistryOptions,
}

impl SearchArguments {
    pub(super) fn run(self) -> Result<(), Failure> {
        let client = self.registry.client()?;
        let found = block_on(client.search(&self.words.join(" "), self.cursor.as_deref()))?;
        if self.json {
            terminal::print_json(&found);
            return Ok(());
        }
        print_lines(&found);
        Ok(())
    }
}

fn print_lines(found: &SearchAnswer) {
    if found.plugins.is_empty() {
        terminal::say("Nothing found.");
    }
    for plugin in &found.plugins {
        terminal::print(&line(plugin));
    }
    if let Some(cursor) = &found.next_cursor {
        terminal::say(&format!("There is more: add --cursor {}", terminal::one_line(cursor)));
    }
}

fn line(plugin: &PluginSummary) -> String {
    let powers: Vec<String> = plugin.capabilities.keys().map(ToString::to_string).collect();
    let powers = match plugin.risk {
        None => "pure computation".to_owned(),
        Some(risk) => format!("{risk} risk: {}", powers.join(", ")),
    };
    let verification = match plugin.verification {
        VerificationState::Pending => "verification pending",
        VerificationState::Passed => "verified",
        VerificationState::Failed => "verification failed",
    };
    let recalled = plugin.recalled.as_ref().map_or("", |_reason| "RECALLED by the operator, ");
    let deprecated = plugin.deprecated.as_ref().map_or("", |_advice| ", deprecated");
    format!(
        "{}@{}  {}\n    {recalled}{powers}; {verification}{deprecated}; runs on {}",
        plugin.name,
        plugin.version,
        terminal::one_line(&plugin.description),
        plugin.profile,
    )
}
