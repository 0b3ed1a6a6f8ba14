//! `pluginry outdated`: what of a lock could move on, and why the rest cannot.

use std::path::PathBuf;

use super::contact::contact;
use super::fetch::read_lock;
use super::layout::{hanging, table};
use super::resolve::read_policy;
use super::settings::RegistryOptions;
use super::terminal::one_line;
use super::trust_options::TrustFileOption;
use super::{Failure, block_on, terminal};
use crate::resolver::{Outdated, OutdatedPlugin};

/// Show which locked releases could move on, how far they fit, and why not to the newest.
#[derive(clap::Args)]
pub(super) struct OutdatedArguments {
    /// The lock, written by `pluginry resolve`.
    #[arg(long, value_name = "FILE", default_value = "pluginry.lock")]
    lock: PathBuf,
    /// What else you accept, instead of the lock's policy.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    trust: TrustFileOption,
    /// Print the list as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    registry: RegistryOptions,
}

impl OutdatedArguments {
    pub(super) fn run(self) -> Result<(), Failure> {
        let lock = read_lock(&self.lock)?;
        let mut request = lock.to_request();
        if let Some(path) = &self.policy {
            request.policy = read_policy(path)?;
        }
        let (trust, _document) = self.trust.read()?;
        let (client, contact) = contact(self.registry.client_or(lock.registry.as_deref())?, trust.chain)?;
        let outdated = block_on(client.outdated(&request, &contact))?;
        if self.json {
            terminal::print_json(&outdated);
        } else {
            terminal::print(&told(&outdated));
        }
        Ok(())
    }
}

fn told(outdated: &Outdated) -> String {
    if outdated.plugins.is_empty() {
        return format!("Nothing is outdated: {} looked at.", releases(outdated.up_to_date));
    }
    let head = ["plugin", "locked", "fits", "newest"].map(str::to_owned).to_vec();
    let rows = outdated.plugins.iter().map(|row| {
        let fits = row.fits.as_ref().map_or("none".to_owned(), ToString::to_string);
        vec![row.plugin.to_string(), row.locked.to_string(), fits, row.newest.to_string()]
    });
    let rows: Vec<Vec<String>> = [head].into_iter().chain(rows).collect();
    let mut table = table(&rows).into_iter();
    let mut lines: Vec<String> = table.next().into_iter().collect();
    for (line, row) in table.zip(&outdated.plugins) {
        lines.push(line);
        lines.extend(notes(row));
    }
    let moves = outdated.plugins.iter().any(|row| row.fits.as_ref().is_some_and(|fits| *fits != row.locked));
    let how = if moves { " `pluginry resolve --upgrade-all` moves to what fits." } else { "" };
    lines.push(String::new());
    lines.push(hanging("", &format!("{} up to date.{how}", others(outdated.up_to_date))));
    lines.join("\n")
}

fn notes(row: &OutdatedPlugin) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(reason) = &row.let_go {
        notes.push(hanging("    ! cannot be kept: ", &one_line(reason)));
    }
    if let Some(advice) = &row.deprecated {
        notes.push(hanging(&format!("    ! {} is deprecated: ", row.locked), &one_line(advice)));
    }
    if row.fits.is_none() {
        notes.push("    nothing needs it any more".into());
    }
    if let Some(reason) = &row.why_not {
        let newest = row.newest.to_string();
        let reason = one_line(reason);
        let reason = reason.strip_prefix(&newest).map(str::trim_start).unwrap_or(&reason);
        notes.push(hanging(&format!("    not {newest}: "), reason));
    }
    notes
}

fn releases(count: usize) -> String {
    if count == 1 { "1 release".into() } else { format!("{count} releases") }
}

fn others(count: usize) -> String {
    match count {
        0 => "No other is".into(),
        1 => "1 other is".into(),
        count => format!("{count} others are"),
    }
}
