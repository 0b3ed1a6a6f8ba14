//! Configuration of the server: flag over environment (`PLUGINRY_…`) over `pluginry.toml` over default.
//!
//! Reading the layers belongs here; what the settings do belongs to the rooms that take them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::domain::{Refusal, Timestamp};

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationError {
    /// The file is there and cannot be read.
    #[error("the configuration file {path} cannot be read: {problem}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system or the parser says.
        problem: String,
    },
    /// A variable names no setting.
    #[error("the environment variable {name} names no setting")]
    UnknownVariable {
        /// The variable.
        name: String,
    },
    /// A value does not fit.
    #[error("the configuration is not usable: {problem}")]
    Invalid {
        /// What is wrong, with the key.
        problem: String,
    },
}

impl Refusal for ConfigurationError {
    fn code(&self) -> &'static str {
        "configuration-invalid"
    }

    fn mend(&self) -> Option<String> {
        Some("`pluginry serve --print-config` lists every setting with its value.".into())
    }
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Everything an operator may set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Configuration {
    /// Address and port to listen on; port 0 takes a free one.
    pub listen: String,
    /// Where the embedded database, the objects and temporary files live.
    pub data: PathBuf,
    /// Database URL; empty: `registry.db` in the data directory.
    pub database_url: String,
    /// Object store URL; empty: `objects` in the data directory.
    pub storage_url: String,
    /// The address people reach the registry at; empty: the one it listens on.
    pub public_url: String,
    /// Threads that serve requests; 0: one per processor.
    pub workers: usize,
    /// Name of the operator account made at the first start.
    pub operator: String,
    /// Whether `x-forwarded-for` of the peer is believed (a reverse proxy stands in front).
    pub trust_forwarded_for: bool,
    /// Form of the log lines.
    pub log_format: LogFormat,
    /// Which log lines are written, as `tracing` filters read.
    pub log_filter: String,
    /// Sizes and times a request may take.
    pub limits: LimitSettings,
    /// How often a client may ask.
    pub rate_limits: RateLimitSettings,
    /// The pool of verification runs.
    pub verification: VerificationSettings,
    /// Who may read the metrics.
    pub metrics: MetricsSettings,
    /// Who watches the log of this registry, and whose logs it watches.
    pub witness: WitnessSettings,
    /// The keys of the registry and the name of its log.
    pub trust: TrustSettings,
    /// How long author keys wait before they count.
    pub keys: KeySettings,
}

/// How long author keys wait before they count, so that their owners see them come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeySettings {
    /// Hours until a further key counts that no other key signed in; at least 1.
    pub enrollment_wait_hours: u32,
    /// Hours until a key counts that two owners or an operator let in, no other key being left; at least 1.
    pub recovery_wait_hours: u32,
}

impl Default for KeySettings {
    fn default() -> Self {
        Self { enrollment_wait_hours: 24, recovery_wait_hours: 72 }
    }
}

impl KeySettings {
    /// From when on a further key counts that is enrolled now.
    pub fn after_enrollment(&self, now: Timestamp) -> Timestamp {
        now.plus_seconds(i64::from(self.enrollment_wait_hours.max(1)) * 3_600)
    }

    /// From when on a key counts that is let in now.
    pub fn after_recovery(&self, now: Timestamp) -> Timestamp {
        now.plus_seconds(i64::from(self.recovery_wait_hours.max(1)) * 3_600)
    }
}

/// Sizes and times a request may take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitSettings {
    /// The largest package in bytes.
    pub package_bytes: u64,
    /// The largest JSON body in bytes.
    pub json_bytes: usize,
    /// The largest JSON body in bytes where a lock may be part of it.
    pub lock_bytes: usize,
    /// How long a client may take for the request head, in milliseconds.
    pub head_timeout_ms: u64,
    /// How long a body may stand still, in milliseconds; every 4 KiB received buys one second more.
    pub body_timeout_ms: u64,
    /// How long requests in flight may take at shutdown, in seconds.
    pub shutdown_seconds: u64,
    /// How long one resolve may think, in milliseconds. The answer is to be there within two seconds: the last step may take
    /// a while, and so may a short wait and the way to the client.
    pub resolve_ms: u64,
    /// How many resolves think at once, those that take long aside; 0: one for each core.
    pub resolve_concurrency: usize,
    /// How many resolves may wait to begin; more are answered 503.
    pub resolve_waiting: usize,
    /// How long a resolve may think before it queues with the others that take long, in milliseconds.
    pub resolve_quantum_ms: u64,
    /// How many resolves that take long may wait for each other; more are answered 503.
    pub resolve_slow_waiting: usize,
    /// How many packages are inspected at once; each is mapped, not held in memory.
    pub inspect_concurrency: usize,
    /// Memory for index files in bytes.
    pub index_cache_bytes: u64,
}

/// How often a client may ask; 0 switches a limit off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimitSettings {
    /// Requests of one address in a minute, index and package downloads not counted.
    pub address_per_minute: u32,
    /// Requests with one token in a minute.
    pub token_per_minute: u32,
    /// Publishes with one token in a minute.
    pub publish_per_minute: u32,
    /// Sign-ins and registrations of one address in a minute.
    pub sign_in_per_minute: u32,
    /// Inspections without publishing (`POST /api/v1/inspect`) for one address in a minute; anybody may ask.
    pub inspect_per_minute: u32,
}

/// Who may read `/metrics`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsSettings {
    /// The bearer token it asks for; empty: it answers this machine alone.
    pub token: String,
}

/// The pool of verification runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VerificationSettings {
    /// How many children run at once; 0: this replica runs none.
    pub children: usize,
    /// The program that is started as a child; empty: this one.
    pub executable: PathBuf,
}

/// The keys of the registry and the name of its log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrustSettings {
    /// The secret key that signs checkpoints; empty: the one in `log_key_file`.
    pub log_key: SecretText,
    /// The file of that key; empty: `keys/log.key` in the data directory, made at the first start.
    pub log_key_file: PathBuf,
    /// The secret key that signs verdicts, recalls and the trust document; empty: the one in `registry_key_file`.
    pub registry_key: SecretText,
    /// The file of that key; empty: `keys/registry.key` in the data directory, made at the first start.
    pub registry_key_file: PathBuf,
    /// The name of the log, fixed at the first start; empty: the host of `public_url`, or one made of the log key.
    pub origin: String,
    /// How many days a replaced log key still signs beside the new one.
    pub overlap_days: u32,
}

/// A secret in the settings: written as stars wherever settings are shown.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// The secret itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn blotted(&self) -> &'static str {
        if self.is_empty() { "" } else { "***" }
    }
}

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl std::fmt::Debug for SecretText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.blotted())
    }
}

impl Serialize for SecretText {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.blotted())
    }
}

/// Who watches the log of this registry, and whose logs it watches ([tlog-witness](https://c2sp.org/tlog-witness)).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WitnessSettings {
    /// The witnesses that are asked to cosign every checkpoint.
    pub witnesses: Vec<WitnessAddress>,
    /// How many of them must have cosigned a checkpoint before it is shown as witnessed.
    pub quorum: usize,
    /// The keys of the logs that this registry witnesses (`name+hash+base64`); empty: it is no witness.
    pub logs: Vec<String>,
    /// The name this registry cosigns with, such as `plugins.example.org/witness`; needed with `logs`.
    pub name: String,
    /// The secret key it cosigns with; empty: the one in `key_file`.
    pub key: SecretText,
    /// The file of that key; empty: `keys/witness.key` in the data directory, made when it is needed.
    pub key_file: PathBuf,
}

/// A witness of this registry's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessAddress {
    /// What `/add-checkpoint` is appended to.
    pub url: String,
    /// Its key, `name+hash+base64`.
    pub vkey: String,
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".into(),
            data: PathBuf::from("data"),
            database_url: String::new(),
            storage_url: String::new(),
            public_url: String::new(),
            workers: 0,
            operator: "operator".into(),
            trust_forwarded_for: false,
            log_format: LogFormat::Text,
            log_filter: "info,actix_server=warn,actix_http=warn,pubgrub=warn,sqlx=warn".into(),
            limits: LimitSettings::default(),
            rate_limits: RateLimitSettings::default(),
            verification: VerificationSettings::default(),
            metrics: MetricsSettings::default(),
            witness: WitnessSettings::default(),
            trust: TrustSettings::default(),
            keys: KeySettings::default(),
        }
    }
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            package_bytes: 64 * 1024 * 1024,
            json_bytes: 1024 * 1024,
            lock_bytes: 4 * 1024 * 1024,
            head_timeout_ms: 10_000,
            body_timeout_ms: 30_000,
            shutdown_seconds: 30,
            resolve_ms: 1_800,
            resolve_concurrency: 0,
            resolve_waiting: 512,
            resolve_quantum_ms: 25,
            resolve_slow_waiting: 16,
            inspect_concurrency: 4,
            index_cache_bytes: 32 * 1024 * 1024,
        }
    }
}

impl Default for RateLimitSettings {
    fn default() -> Self {
        Self {
            address_per_minute: 60_000,
            token_per_minute: 120_000,
            publish_per_minute: 120_000,
            sign_in_per_minute: 60,
            inspect_per_minute: 60,
        }
    }
}

impl Default for TrustSettings {
    fn default() -> Self {
        Self {
            log_key: SecretText::default(),
            log_key_file: PathBuf::new(),
            registry_key: SecretText::default(),
            registry_key_file: PathBuf::new(),
            origin: String::new(),
            overlap_days: 90,
        }
    }
}

impl Default for VerificationSettings {
    fn default() -> Self {
        Self { children: 2, executable: PathBuf::new() }
    }
}

/// Environment variables with the prefix that belong to other commands.
const FOREIGN_VARIABLES: &[&str] =
    &["PLUGINRY_REGISTRY", "PLUGINRY_TOKEN", "PLUGINRY_HOME", "PLUGINRY_CONFIG"];

impl Configuration {
    /// Puts the layers over each other: `file` (if it exists), `environment`, `flags`.
    ///
    /// A nested setting is written `PLUGINRY_LIMITS__PACKAGE_BYTES` in the environment and
    /// `limits.package_bytes` as a flag key.
    pub fn load(
        file: &Path,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: &BTreeMap<String, String>,
    ) -> Result<Self, ConfigurationError> {
        let defaults = toml::Table::try_from(Self::default()).expect("the defaults are plain values");
        let mut settings = read_file(file)?;
        for (name, value) in environment {
            if let Some(key) = setting_key(&name) {
                set(&mut settings, &defaults, &key, &value)
                    .ok_or(ConfigurationError::UnknownVariable { name })?;
            }
        }
        for (key, value) in flags {
            set(&mut settings, &defaults, key, value)
                .ok_or_else(|| ConfigurationError::Invalid { problem: format!("no setting `{key}`") })?;
        }
        settings.try_into().map_err(|error: toml::de::Error| ConfigurationError::Invalid {
            problem: error.message().to_owned(),
        })
    }

    /// All settings as TOML with passwords blotted out.
    pub fn to_printable_toml(&self) -> String {
        let mut shown = self.clone();
        shown.database_url = without_password(&shown.database_url);
        shown.storage_url = without_password(&shown.storage_url);
        if !shown.metrics.token.is_empty() {
            shown.metrics.token = "***".into();
        }
        toml::to_string(&shown).expect("settings are plain values")
    }

    /// The database's URL, worked out from the data directory when it is not set.
    pub fn effective_database_url(&self) -> String {
        if self.database_url.is_empty() {
            return format!("sqlite://{}", self.data.join("registry.db").display());
        }
        self.database_url.clone()
    }

    /// The object store's URL or path, worked out from the data directory when it is not set.
    pub fn effective_storage_url(&self) -> String {
        if self.storage_url.is_empty() {
            return self.data.join("objects").display().to_string();
        }
        self.storage_url.clone()
    }

    /// Where uploads are written before they are accepted.
    pub fn upload_directory(&self) -> PathBuf {
        self.data.join("uploads")
    }
}

fn read_file(file: &Path) -> Result<toml::Table, ConfigurationError> {
    let failed = |problem: String| ConfigurationError::File { path: file.to_owned(), problem };
    match std::fs::read_to_string(file) {
        Ok(text) => toml::from_str(&text).map_err(|error| failed(error.to_string())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(toml::Table::new()),
        Err(error) => Err(failed(error.to_string())),
    }
}

/// `PLUGINRY_LIMITS__PACKAGE_BYTES` → `limits.package_bytes`; nothing for variables of others.
fn setting_key(variable: &str) -> Option<String> {
    if FOREIGN_VARIABLES.contains(&variable) || variable.starts_with("PLUGINRY_TEST_") {
        return None;
    }
    let name = variable.strip_prefix("PLUGINRY_")?;
    Some(name.to_ascii_lowercase().replace("__", "."))
}

/// Writes `value` under the dotted `key`, read as the default at that key is; nothing if there is no such key.
fn set(settings: &mut toml::Table, defaults: &toml::Table, key: &str, value: &str) -> Option<()> {
    match key.split_once('.') {
        Some((table, rest)) => {
            let defaults = defaults.get(table)?.as_table()?;
            let inner = settings.entry(table).or_insert_with(|| toml::Table::new().into());
            set(inner.as_table_mut()?, defaults, rest, value)
        }
        None => {
            let typed = match defaults.get(key)? {
                toml::Value::Integer(_) => value.parse().map(toml::Value::Integer).ok(),
                toml::Value::Boolean(_) => match value {
                    "1" | "true" => Some(true.into()),
                    "0" | "false" => Some(false.into()),
                    _ => None,
                },
                toml::Value::Table(_) => return None,
                // A list is written as in the file: `["a", "b"]`.
                toml::Value::Array(_) => {
                    let document: Option<toml::Table> = toml::from_str(&format!("list = {value}")).ok();
                    document.and_then(|mut document| document.remove("list"))
                }
                _ => None,
            };
            settings.insert(key.to_owned(), typed.unwrap_or_else(|| value.into()));
            Some(())
        }
    }
}

fn without_password(text: &str) -> String {
    match url::Url::parse(text) {
        Ok(mut url) if url.password().is_some() => {
            let hidden = url.set_password(Some("***"));
            if hidden.is_ok() { url.to_string() } else { "***".into() }
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_flag_beats_the_environment_and_the_environment_beats_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("pluginry.toml");
        std::fs::write(&file, "listen = \"a:1\"\nworkers = 3\n[limits]\njson_bytes = 7\n").unwrap();
        let variables = environment(&[
            ("PLUGINRY_LISTEN", "b:2"),
            ("PLUGINRY_LIMITS__PACKAGE_BYTES", "9"),
            ("PATH", "x"),
        ]);
        let flags = BTreeMap::from([("listen".to_owned(), "c:3".to_owned())]);

        let read = Configuration::load(&file, variables, &flags).unwrap();

        assert_eq!((read.listen.as_str(), read.workers), ("c:3", 3));
        assert_eq!((read.limits.package_bytes, read.limits.json_bytes), (9, 7));
    }

    #[test]
    fn a_list_is_written_as_in_the_file() {
        let variables = environment(&[
            ("PLUGINRY_WITNESS__WITNESSES", "[{ url = \"https://w\", vkey = \"w+01+AA\" }]"),
            ("PLUGINRY_WITNESS__QUORUM", "1"),
        ]);
        let flags = BTreeMap::from([("witness.logs".to_owned(), "[\"a+01+AA\", \"b+02+AA\"]".to_owned())]);

        let read = Configuration::load(Path::new("/nonexistent"), variables, &flags).unwrap().witness;

        assert_eq!(read.witnesses, [WitnessAddress { url: "https://w".into(), vkey: "w+01+AA".into() }]);
        assert_eq!((read.logs, read.quorum), (vec!["a+01+AA".to_owned(), "b+02+AA".to_owned()], 1));
    }

    #[test]
    fn unknown_keys_are_refused_wherever_they_stand() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("pluginry.toml");
        std::fs::write(&file, "lisen = \"a:1\"\n").unwrap();
        let nothing = Path::new("/nonexistent/pluginry.toml");

        assert!(Configuration::load(&file, [], &BTreeMap::new()).is_err());
        assert!(
            Configuration::load(nothing, environment(&[("PLUGINRY_LISEN", "x")]), &BTreeMap::new()).is_err()
        );
        assert!(
            Configuration::load(nothing, environment(&[("PLUGINRY_WORKERS", "x")]), &BTreeMap::new())
                .is_err()
        );
    }

    #[test]
    fn a_key_in_the_environment_is_read_and_never_shown() {
        let nothing = Path::new("/nonexistent/pluginry.toml");
        let variables = environment(&[("PLUGINRY_TRUST__LOG_KEY", "pluginry-secret-ed25519:c2VjcmV0")]);

        let read = Configuration::load(nothing, variables, &BTreeMap::new()).unwrap();

        assert_eq!(read.trust.log_key.as_str(), "pluginry-secret-ed25519:c2VjcmV0");
        assert!(!read.to_printable_toml().contains("c2VjcmV0"));
        assert!(!format!("{read:?}").contains("c2VjcmV0"));
    }

    #[test]
    fn the_printed_configuration_reads_back_and_shows_no_password() {
        let configuration = Configuration {
            database_url: "postgres://ada:secret@db/pluginry".into(),
            metrics: MetricsSettings { token: "secret".into() },
            witness: WitnessSettings { key: "secret".to_owned().into(), ..WitnessSettings::default() },
            ..Configuration::default()
        };

        let printed = configuration.to_printable_toml();

        assert!(!printed.contains("secret"), "{printed}");
        assert!(toml::from_str::<Configuration>(&printed).is_ok());
    }
}
