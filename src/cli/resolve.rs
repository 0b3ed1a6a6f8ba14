//! `pluginry resolve`: choose releases and write a lock.

use std::path::{Path, PathBuf};

use super::contact::contact;
use super::fetch::read_lock;
use super::grants::{self, Grant};
use super::pack::replace_file;
use super::plan_text::plan_text;
use super::question::Question;
use super::settings::RegistryOptions;
use super::tree::not_locked;
use super::trust_options::TrustFileOption;
use super::{Failure, block_on, terminal};
use crate::client::{Client, Contact};
use crate::domain::{Grants, PluginName};
use crate::resolver::{Lock, LockedHost, Policy, ResolveRequest, UpgradePlan};

/// Where a lock is looked for and written.
const USUAL_FILE: &str = "pluginry.lock";

/// Choose releases that fit together and your host, and write them down in a lock.
///
/// Nothing is granted by default: when a plugin needs a power, the command names it and the flag to add.
/// A lock that is there already is kept where it still fits, with what was asked of it and what it grants.
#[derive(clap::Args)]
pub(super) struct ResolveArguments {
    #[command(flatten)]
    question: Question,
    /// Where the lock is written; without it, pluginry.lock is brought up to date, or with other roots the lock is printed.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Give every power the chosen plugins ask for.
    #[arg(long)]
    grant_requested: bool,
    /// A plugin to move forward though it is locked; may be given more than once.
    #[arg(long, value_name = "NAME", conflicts_with = "fresh")]
    upgrade: Vec<PluginName>,
    /// Move every plugin forward.
    #[arg(long, conflicts_with_all = ["upgrade", "fresh"])]
    upgrade_all: bool,
    /// Choose as if there were no lock yet.
    #[arg(long)]
    fresh: bool,
    /// Fail when the lock is not what a resolve would keep, and say what would change; writes nothing.
    #[arg(long, conflicts_with_all = ["fresh", "upgrade", "upgrade_all", "dry_run"])]
    locked: bool,
    /// Say what would change, and write nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    trust: TrustFileOption,
    /// Print the lock as JSON, or with --dry-run what would change.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    registry: RegistryOptions,
}

impl ResolveArguments {
    pub(super) fn run(self) -> Result<(), Failure> {
        let before = self.lock_before()?;
        let request = self.request(before.clone())?;
        let (trust, _document) = self.trust.read()?;
        let registry = before.as_ref().and_then(|lock| lock.registry.as_deref());
        let registry = contact(self.registry.client_or(registry)?, trust.chain)?;
        let lock = if self.grant_requested {
            block_on(resolve_granting_requests(&registry, request))?
        } else {
            block_on(resolve_within_grants(&registry, request))?
        };
        if self.dry_run {
            return self.show_plan(&before.unwrap_or_default(), lock);
        }
        if let Some(before) = before.filter(|_| self.locked) {
            return self.check_locked(&before, &lock);
        }
        say_choice(&lock);
        self.write(&lock)
    }

    /// The file that the lock is in: the one named, or the usual one where a lock is what it is about.
    fn lock_file(&self) -> Option<PathBuf> {
        let is_about_lock = self.question.roots.is_empty()
            || self.locked
            || self.dry_run
            || self.upgrade_all
            || !self.upgrade.is_empty();
        self.output.clone().or_else(|| is_about_lock.then(|| PathBuf::from(USUAL_FILE)))
    }

    fn lock_before(&self) -> Result<Option<Lock>, Failure> {
        let needs_lock = self.locked || self.upgrade_all || !self.upgrade.is_empty();
        match self.lock_file() {
            Some(path) if !self.fresh && (needs_lock || path.exists()) => read_lock(&path).map(Some),
            _ => Ok(None),
        }
    }

    fn request(&self, before: Option<Lock>) -> Result<ResolveRequest, Failure> {
        let request = self.question.request(before)?;
        let Some(lock) = &request.lock else { return Ok(request) };
        check_names(&self.upgrade, lock)?;
        let upgrade = if self.upgrade_all {
            lock.releases.iter().map(|release| release.name.clone()).collect()
        } else {
            self.upgrade.iter().cloned().collect()
        };
        Ok(ResolveRequest { upgrade, ..request })
    }

    fn show_plan(&self, before: &Lock, lock: Lock) -> Result<(), Failure> {
        let plan = UpgradePlan::new(before, lock);
        if self.json {
            terminal::print_json(&plan);
        } else {
            terminal::print(&plan_text(&plan.comparison, &plan.lock.held_back, &plan.lock.let_go));
        }
        Ok(())
    }

    fn check_locked(&self, before: &Lock, lock: &Lock) -> Result<(), Failure> {
        let comparison = before.compare(lock);
        if !comparison.is_same_choice() {
            let changes = plan_text(&comparison, &[], &lock.let_go);
            let message = format!("the lock is not what a resolve keeps\n{changes}");
            return Err(Failure::new("lock-outdated", message)
                .with_mend("Run the same command without --locked, and look at what it changes."));
        }
        for release in &lock.releases {
            if let Some(advice) = &release.deprecated {
                terminal::say(&format!(
                    "note: {} is deprecated: {}",
                    release.id(),
                    terminal::one_line(advice)
                ));
            }
        }
        if self.json {
            terminal::print_json(before);
        }
        Ok(())
    }

    fn write(&self, lock: &Lock) -> Result<(), Failure> {
        let file = self.lock_file();
        if let Some(path) = &file {
            replace_file(path, lock.to_toml().as_bytes())?;
            terminal::say(&format!("Wrote {}.", path.display()));
        }
        match (self.json, &file) {
            (true, _) => terminal::print_json(lock),
            (false, None) => terminal::print(lock.to_toml().trim_end()),
            (false, Some(_)) => {}
        }
        Ok(())
    }
}

/// Each name must be of a plugin in the lock, of what one stands in for, or of the host's profile.
pub(super) fn check_names(names: &[PluginName], lock: &Lock) -> Result<(), Failure> {
    let is_known = |name: &&PluginName| {
        lock.host.as_ref().is_some_and(|host| host.profile == **name) || lock.why(name).is_some()
    };
    match names.iter().find(|name| !is_known(name)) {
        None => Ok(()),
        Some(unknown) => Err(not_locked(unknown, lock)),
    }
}

/// A registry, and how it was found.
type Registry = (Client, Contact);

/// Resolves with the given grants; when they are what is missing, says exactly which.
async fn resolve_within_grants(registry: &Registry, request: ResolveRequest) -> Result<Lock, Failure> {
    let (client, contact) = registry;
    let refused = match client.resolve(&request, contact).await {
        Ok(lock) => return Ok(lock),
        Err(error) if error.status() == Some(422) => error,
        Err(error) => return Err(error.into()),
    };
    let granted = request.host.as_ref().and_then(|host| host.grants.clone()).unwrap_or_default();
    match client.resolve(&without_grants(request), contact).await {
        Ok(lock) => Err(missing_grants(&lock, &granted).unwrap_or_else(|| refused.into())),
        Err(_) => Err(refused.into()),
    }
}

/// Resolves without looking at grants, then grants what the chosen releases ask for.
async fn resolve_granting_requests(registry: &Registry, request: ResolveRequest) -> Result<Lock, Failure> {
    let (client, contact) = registry;
    let granted_before = request.host.as_ref().and_then(|host| host.grants.clone());
    let mut lock = client.resolve(&without_grants(request), contact).await?;
    let mut granted = granted_before.unwrap_or_default();
    let requested = lock
        .capabilities
        .iter()
        .map(|(capability, scope)| Grant { capability: capability.clone(), scope: scope.clone() });
    grants::add(&mut granted, requested);
    lock.host = lock.host.map(|host| LockedHost { grants: Some(granted), ..host });
    for grant in asked_by(&lock, &Grants::new()) {
        terminal::say(&format!("granted: {grant}"));
    }
    Ok(lock)
}

fn without_grants(mut request: ResolveRequest) -> ResolveRequest {
    if let Some(host) = &mut request.host {
        host.grants = None;
    }
    request
}

/// What the releases of a lock ask for beyond `granted`, a line each.
fn asked_by(lock: &Lock, granted: &Grants) -> Vec<String> {
    let mut lines = Vec::new();
    for release in &lock.releases {
        for (capability, request) in &release.capabilities {
            if granted.get(capability).is_some_and(|scope| request.scope.is_within(scope)) {
                continue;
            }
            let grant = Grant { capability: capability.clone(), scope: request.scope.clone() };
            let reason = request.reason.as_deref().map(|reason| format!(": {}", terminal::one_line(reason)));
            lines.push(format!("{} asks for {grant}{}", release.id(), reason.unwrap_or_default()));
        }
    }
    lines
}

fn missing_grants(lock: &Lock, granted: &Grants) -> Option<Failure> {
    let lines = asked_by(lock, granted);
    if lines.is_empty() {
        return None;
    }
    let flags: Vec<String> = lock
        .capabilities
        .iter()
        .filter(|(capability, scope)| !granted.get(capability).is_some_and(|given| scope.is_within(given)))
        .map(|(capability, scope)| Grant { capability: capability.clone(), scope: scope.clone() }.as_flag())
        .collect();
    let message = format!("plugins need powers that you did not grant\n{}", lines.join("\n"));
    let mend =
        format!("If that is what you want, add {}; or --grant-requested for all of it.", flags.join(" "));
    Some(Failure::new("grants-missing", message).with_mend(mend))
}

/// What was chosen, what it may do, and what was held back: for review, on stderr.
fn say_choice(lock: &Lock) {
    for release in &lock.releases {
        let powers: Vec<String> = release.capabilities.keys().map(ToString::to_string).collect();
        let powers = if powers.is_empty() { "pure computation".to_owned() } else { powers.join(", ") };
        terminal::say(&format!("{}  {powers}", release.id()));
    }
    for gone in &lock.let_go {
        let now = gone.chosen.as_ref().map_or("gone".to_owned(), |chosen| format!("now {chosen}"));
        terminal::say(&format!(
            "let go: {} {} ({now}): {}",
            gone.name,
            gone.version,
            terminal::one_line(&gone.reason)
        ));
    }
    for held in &lock.held_back {
        let reason = terminal::one_line(&held.reason);
        terminal::say(&format!(
            "held back: {} {} (chosen {}): {reason}",
            held.name, held.newest, held.chosen
        ));
    }
    for gone in &lock.let_go {
        terminal::say(&format!("not kept: {}: {}", gone.name, terminal::one_line(&gone.reason)));
    }
}

/// TOML by its file name, JSON otherwise.
pub(super) fn read_policy(path: &Path) -> Result<Policy, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::file("read", path, error))?;
    let is_toml = path.extension().is_some_and(|extension| extension == "toml");
    let policy = if is_toml {
        toml::from_str(&text).map_err(|error| error.to_string())
    } else {
        serde_json::from_str(&text).map_err(|error| error.to_string())
    };
    policy.map_err(|problem| {
        Failure::new("policy-unreadable", format!("{} is not a policy: {problem}", path.display()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_grants_name_who_asks_why_and_the_flag() {
        let lock: Lock = serde_json::from_str(
            r#"{"sequence": 1, "capabilities": {"network": {"hosts": ["api.example.com:443"]}}, "releases": [{
                "name": "acme:feeds", "version": "1.0.0", "size_bytes": 1, "url": "/x", "signer": "ab", "load_level": 0,
                "digest": "sha256:0000000000000000000000000000000000000000000000000000000000000000", "verification": "passed",
                "capabilities": {"network": {"hosts": ["api.example.com:443"], "reason": "fetches feeds"}}}]}"#,
        )
        .unwrap();

        let failure = missing_grants(&lock, &Grants::new()).unwrap();

        insta::assert_debug_snapshot!(failure);
    }
}
