//! `pluginry upgrade-plan`: what an upgrade would change, before it is done; or what differs between two lock files.

use std::path::PathBuf;

use super::contact::contact;
use super::fetch::read_lock;
use super::plan_text::plan_text;
use super::resolve::{check_names, read_policy};
use super::settings::RegistryOptions;
use super::trust_options::TrustFileOption;
use super::{Failure, block_on, terminal};
use crate::domain::PluginName;

/// Show what an upgrade would change: releases, powers, risk, size, signers. Writes nothing.
#[derive(clap::Args)]
pub(super) struct UpgradePlanArguments {
    /// The plugins to move forward; without any, all of them.
    #[arg(value_name = "NAME")]
    names: Vec<PluginName>,
    /// Compare two lock files instead, without asking a registry.
    #[arg(long, num_args = 2, value_names = ["OLD", "NEW"], conflicts_with_all = ["names", "lock", "policy"])]
    between: Option<Vec<PathBuf>>,
    /// The lock, written by `pluginry resolve`.
    #[arg(long, value_name = "FILE", default_value = "pluginry.lock")]
    lock: PathBuf,
    /// What else you accept, instead of the lock's policy.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    trust: TrustFileOption,
    /// Print the plan as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    registry: RegistryOptions,
}

impl UpgradePlanArguments {
    pub(super) fn run(self) -> Result<(), Failure> {
        if let Some([old, new]) = self.between.as_deref() {
            let comparison = read_lock(old)?.compare(&read_lock(new)?);
            if self.json {
                terminal::print_json(&comparison);
            } else {
                terminal::print(&plan_text(&comparison, &[], &[]));
            }
            return Ok(());
        }
        let lock = read_lock(&self.lock)?;
        check_names(&self.names, &lock)?;
        let mut request = lock.to_request();
        request.upgrade = if self.names.is_empty() {
            lock.releases.iter().map(|release| release.name.clone()).collect()
        } else {
            self.names.iter().cloned().collect()
        };
        if let Some(path) = &self.policy {
            request.policy = read_policy(path)?;
        }
        let (trust, _document) = self.trust.read()?;
        let (client, contact) = contact(self.registry.client_or(lock.registry.as_deref())?, trust.chain)?;
        let plan = block_on(client.plan_upgrade(&request, &contact))?;
        if self.json {
            terminal::print_json(&plan);
        } else {
            // That the lock holds what was not to move goes without saying.
            let mut held_back = plan.lock.held_back;
            held_back.retain(|held| request.upgrade.contains(&held.name));
            terminal::print(&plan_text(&plan.comparison, &held_back, &plan.lock.let_go));
        }
        Ok(())
    }
}
