//! `pluginry run`: one call of a package on this machine, with nothing it was not granted.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::PathBuf;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::grants::{self, Grant};
use super::pack::replace_file;
use super::package_files::read_package_file;
use super::{Failure, local_verification, profiles, terminal};
use crate::domain::{Grants, HostProfile, Manifest, Timestamp};
use crate::runtime::{
    ClockSource, HostServices, KeyValueStore, LogBook, Plugin, PluginError, PluginLimits, RandomSource,
    RunningPlugin, Sandbox, SandboxSettings, Terms, VerificationLimits,
};
use crate::wasm::{
    PackageKind, PackageLimits, PreflightLimits, derive_capabilities, inspect, preflight, read_package,
};

/// Call a plugin once on this machine and print its answer.
///
/// It gets what --grant gives and nothing else, within the limits of its manifest and profile. The answer
/// goes to stdout as JSON, what the plugin logs to stderr.
#[derive(clap::Args)]
pub(super) struct RunArguments {
    /// The package.
    file: PathBuf,
    /// What to call: an extension point like `tool`, or an export of a core module.
    #[arg(long, value_name = "POINT", required_unless_present = "verify")]
    call: Option<String>,
    /// JSON for a tool, an array of numbers for an export; `-` reads it from stdin.
    #[arg(long, value_name = "JSON", default_value = "null")]
    input: String,
    /// A capability to give, like storage or network=hosts:api.example.com:443; may be repeated.
    #[arg(long = "grant", value_name = "GRANT")]
    grants: Vec<Grant>,
    /// A setting for the plugin; may be repeated.
    #[arg(long = "config", value_name = "KEY=VALUE")]
    settings: Vec<Setting>,
    /// A file that keeps what the plugin stores; without it, the store is gone after the call.
    #[arg(long, value_name = "FILE")]
    storage: Option<PathBuf>,
    /// A host profile document, when the plugin is made for a profile that is not built in.
    #[arg(long, value_name = "FILE")]
    profile_file: Option<PathBuf>,
    /// Run the package's verify cases in a child process, as the registry does, and print the report.
    #[arg(long, conflicts_with_all = ["call", "input", "grants", "settings", "storage"])]
    verify: bool,
}

/// `KEY=VALUE`.
#[derive(Debug, Clone)]
struct Setting {
    key: String,
    value: String,
}

impl std::str::FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) =
            text.split_once('=').ok_or_else(|| format!("{text:?} is not of the form KEY=VALUE"))?;
        Ok(Self { key: key.to_owned(), value: value.to_owned() })
    }
}

/// A core export answers a list of numbers; a list of one is shown as that number.
fn shown(kind: PackageKind, answer: &Value) -> &Value {
    match answer {
        Value::Array(values) if kind == PackageKind::Core && values.len() == 1 => &values[0],
        _ => answer,
    }
}

impl RunArguments {
    pub(super) fn run(self) -> Result<(), Failure> {
        let bytes = read_package_file(&self.file)?;
        let package = read_package(&bytes, &PackageLimits::default())?;
        let manifest = &package.manifest;
        let from_file = self.profile_file.as_deref().map(profiles::read_profile).transpose()?;
        let profile = match &from_file {
            Some(profile) => profile,
            None => profiles::built_in(&manifest.host.profile, &manifest.host.version)?,
        };
        let report = inspect(&package, profile);
        if let Some(refusal) = report.refusals.first() {
            let failure = Failure::new(&refusal.code, &refusal.message);
            return Err(match &refusal.mend {
                Some(mend) => failure.with_mend(mend),
                None => failure,
            });
        }
        if self.verify {
            let report = local_verification::verify(&self.file, manifest, profile)?;
            terminal::say(&local_verification::summary(&report));
            terminal::print_json(&report);
            return Ok(());
        }
        let mut granted = Grants::new();
        grants::add(&mut granted, self.grants.iter().cloned());
        check_grants(&bytes, manifest, profile, &granted)?;
        let terms = terms(manifest, profile, &granted);
        let input = self.read_input()?;
        let services = HostServices {
            config: self.settings.iter().map(|s| (s.key.clone(), s.value.clone())).collect(),
            clock: ClockSource::Real { now: Timestamp::now, started: Instant::now() },
            random: RandomSource::System(fill_random),
            store: self.read_store()?,
            log: LogBook::default(),
        };
        let running = start(&bytes, &terms, services)?;
        let call = self.call.as_deref().expect("clap requires it without --verify");
        let answer = self.call(running, call, &input)?;
        terminal::print(&shown(package.kind, &answer).to_string());
        Ok(())
    }

    fn call(&self, mut running: RunningPlugin, call: &str, input: &Value) -> Result<Value, Failure> {
        let answer = running.activate().and_then(|_fuel| running.call(call, input).0);
        let answer = match &answer {
            // What was answered stands, even if saying goodbye fails. A trapped instance is not entered again.
            Ok(_) | Err(PluginError::Refused { .. }) => {
                if let Err(error) = running.deactivate() {
                    terminal::say(&format!("warn: deactivating it failed: {error}"));
                }
                answer
            }
            Err(_) => answer,
        };
        for line in &running.log().lines {
            terminal::say(&format!("{}: {}", line.level, line.message));
        }
        if running.log().dropped > 0 {
            terminal::say(&format!("({} more lines were not kept)", running.log().dropped));
        }
        self.write_store(&running.into_services().store)?;
        Ok(answer?)
    }

    fn read_input(&self) -> Result<Value, Failure> {
        let mut text = self.input.clone();
        if text == "-" {
            text.clear();
            let read = std::io::stdin().read_to_string(&mut text);
            read.map_err(|error| Failure::new("file-error", format!("cannot read stdin: {error}")))?;
        }
        serde_json::from_str(&text).map_err(|error| Failure::usage(format!("--input is not JSON: {error}")))
    }

    fn read_store(&self) -> Result<KeyValueStore, Failure> {
        let Some(path) = &self.storage else { return Ok(KeyValueStore::default()) };
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(KeyValueStore::default()),
            Err(error) => return Err(Failure::file("read", path, error)),
        };
        let damaged = |error: &dyn std::fmt::Display| Failure::file("understand", path, error);
        let entries: BTreeMap<String, String> =
            serde_json::from_slice(&bytes).map_err(|error| damaged(&error))?;
        let entries: Result<Vec<_>, Failure> = entries
            .into_iter()
            .map(|(key, value)| Ok((key, STANDARD.decode(value).map_err(|error| damaged(&error))?)))
            .collect();
        Ok(KeyValueStore::with_entries(entries?))
    }

    fn write_store(&self, store: &KeyValueStore) -> Result<(), Failure> {
        let Some(path) = &self.storage else { return Ok(()) };
        let entries: BTreeMap<&String, String> =
            store.entries().iter().map(|(key, value)| (key, STANDARD.encode(value))).collect();
        let text = serde_json::to_vec_pretty(&entries).expect("keys and values are text");
        replace_file(path, &text)
    }
}

/// Nothing runs that was not granted: what the imports need, re-derived here, and the scopes asked for.
fn check_grants(
    bytes: &[u8],
    manifest: &Manifest,
    profile: &HostProfile,
    granted: &Grants,
) -> Result<(), Failure> {
    let release = manifest.release_id();
    for (capability, imports) in derive_capabilities(bytes, profile)? {
        let wanted = manifest.capabilities.get(&capability);
        let scope = wanted.map(|request| request.scope.clone()).unwrap_or_default();
        let flag = Grant { capability: capability.clone(), scope: scope.clone() }.as_flag();
        let mend = format!("If you trust it with that, add {flag}.");
        let Some(given) = granted.get(&capability) else {
            let power = profile.capability(&capability).map_or("", |definition| &definition.description);
            let reason = wanted.and_then(|request| request.reason.as_deref());
            let reason = reason.map_or(String::new(), |reason| format!(" Its author says: {reason}."));
            let message = format!(
                "{release} needs the capability `{capability}` ({power}) for {}, and it was not granted.{reason}",
                imports.join(", ")
            );
            return Err(Failure::new("grant-missing", message).with_mend(mend));
        };
        if !scope.is_within(given) {
            let message = format!("{release} asks for `{capability}` with {scope}; granted is {given}");
            return Err(Failure::new("grant-too-narrow", message).with_mend(mend));
        }
    }
    Ok(())
}

fn terms(manifest: &Manifest, profile: &HostProfile, granted: &Grants) -> Terms {
    let limits = VerificationLimits::new(manifest, &profile.limits);
    Terms {
        profile: profile.clone(),
        granted: granted.keys().cloned().collect(),
        limits: PluginLimits::from(&limits),
    }
}

fn start(bytes: &[u8], terms: &Terms, services: HostServices) -> Result<RunningPlugin, Failure> {
    let bounds = PreflightLimits { memory_bytes: terms.limits.memory_bytes, ..PreflightLimits::default() };
    preflight(bytes, &bounds)?;
    let stack_bytes = terms.profile.limits.stack_kib as usize * 1024;
    let sandbox = Sandbox::new(SandboxSettings { stack_bytes, verification: false })?;
    Ok(Plugin::compile(&sandbox, bytes)?.start(terms, services)?)
}

fn fill_random(buffer: &mut [u8]) {
    getrandom::fill(buffer).expect("the system gives random bytes");
}
