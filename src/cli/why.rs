//! `pluginry why`: what brought a plugin into a lock.

use std::path::PathBuf;

use super::fetch::read_lock;
use super::tree::not_locked;
use super::{Failure, terminal};
use crate::domain::PluginName;
use crate::resolver::{Chain, Chains, Link};

/// Show every shortest way from what you asked for to a plugin of the lock, and everybody who asks for it.
#[derive(clap::Args)]
pub(super) struct WhyArguments {
    /// The plugin, or the virtual package that a plugin stands in for.
    #[arg(value_name = "NAME")]
    name: PluginName,
    /// The lock, written by `pluginry resolve`.
    #[arg(long, value_name = "FILE", default_value = "pluginry.lock")]
    lock: PathBuf,
    /// Print the ways as JSON.
    #[arg(long)]
    json: bool,
}

impl WhyArguments {
    pub(super) fn run(self) -> Result<(), Failure> {
        let lock = read_lock(&self.lock)?;
        let chains = lock.why(&self.name).ok_or_else(|| not_locked(&self.name, &lock))?;
        if self.json {
            terminal::print_json(&chains);
        } else {
            terminal::print(&told(&chains));
        }
        Ok(())
    }
}

fn told(chains: &Chains) -> String {
    let mut blocks: Vec<String> = chains.chains.iter().map(way).collect();
    if chains.more > 0 {
        blocks.push(format!("… and {} more ways", chains.more));
    }
    if blocks.is_empty() {
        blocks.push("Nothing you ask for leads to it.".into());
    }
    let askers: Vec<String> = chains
        .asked_by
        .iter()
        .map(|asker| {
            let who = asker.release.as_ref().map_or("you".to_owned(), ToString::to_string);
            let ask = if asker.release.is_some() { "needs" } else { "ask for" };
            format!("  {who} {ask} {}: {}", wanted(&asker.link), asker.link.release)
        })
        .collect();
    blocks.push(format!("Asked for by {}:\n{}", askers.len(), askers.join("\n")));
    blocks.join("\n\n")
}

fn way(chain: &Chain) -> String {
    let lines = chain.0.iter().enumerate().map(|(depth, link)| {
        let verb = if depth == 0 { "you ask for" } else { "which needs" };
        let indent = "  ".repeat(depth);
        format!("{indent}{verb} {}: {}", wanted(link), link.release)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// "acme:tokenizer ^1.0".
fn wanted(link: &Link) -> String {
    format!("{} {}", link.provides.as_ref().unwrap_or(&link.release.plugin), link.requirement)
}
