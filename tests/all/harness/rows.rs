//! Releases written straight into the database of a registry that stands still: many, and fast.
//!
//! Rows and log entries are those of a publish, but there is no package and nobody's key is enrolled: enough for what
//! reads the index. Shared with `examples/fill_registry.rs`.

use std::collections::BTreeMap;

use pluginry::db::log::LogEntry;
use pluginry::db::new_release::{self, NewRelease};
use pluginry::db::{Database, accounts, log, namespaces, plugins};
use pluginry::domain::{Digest, HostSection, IndexRelease, Manifest, PluginName, PluginSection, Version};
use pluginry::signing::{ReleaseStatement, SecretKey, sign_release};
use pluginry::trust::{LogEvent, LogStatement, PublishEntry};
use sqlx::AnyConnection;

/// How many log entries one statement inserts.
const ENTRIES_AT_ONCE: usize = 200;

/// Writes releases behind what the log holds; their own sequence numbers do not count. Gives how many.
pub async fn write_releases<'a>(
    database: &Database,
    lines: impl Iterator<Item = (&'a PluginName, &'a IndexRelease)>,
) -> usize {
    let mut transaction = database.write().await.unwrap();
    let operator = accounts::find_by_name(&mut transaction, "operator").await.unwrap().unwrap();
    let mut writer = Writer {
        key: SecretKey::from_seed(&[9; 32]),
        published_by: operator.id,
        last: log::last_sequence(&mut transaction).await.unwrap(),
        namespaces: BTreeMap::new(),
        plugins: BTreeMap::new(),
        entries: Vec::new(),
    };
    let mut count = 0;
    for (plugin, line) in lines {
        writer.write(&mut transaction, plugin, line).await;
        count += 1;
    }
    log::insert_entries(&mut transaction, &writer.entries).await.unwrap();
    for plugin in writer.plugins.values() {
        plugins::refresh_newest(&mut transaction, *plugin).await.unwrap();
    }
    transaction.commit().await.unwrap();
    count
}

struct Writer {
    key: SecretKey,
    published_by: i64,
    last: u64,
    namespaces: BTreeMap<String, i64>,
    plugins: BTreeMap<PluginName, i64>,
    entries: Vec<LogEntry>,
}

impl Writer {
    async fn write(&mut self, connection: &mut AnyConnection, plugin: &PluginName, line: &IndexRelease) {
        let manifest = manifest_of(plugin, line);
        let release = manifest.release_id();
        let digest = Digest::of(release.to_string().as_bytes());
        let manifest_digest = Digest::of(&manifest.to_canonical_json());
        let capabilities = manifest.capabilities.clone();
        let statement = ReleaseStatement { release: release.clone(), digest, manifest_digest, capabilities };
        let attestation = sign_release(&statement, &self.key);
        let public_key = self.key.public_key();
        let profile_version = Version::new(0, 2, 0);

        self.last += 1;
        let event = LogEvent::Publish(PublishEntry {
            at: line.published_at,
            size_bytes: line.size_bytes,
            manifest_digest,
            signer: public_key.id(),
            profile: line.profile.clone(),
            profile_version: profile_version.clone(),
            risk: line.risk,
            widening: false,
            attestation: attestation.clone(),
        });
        let entry = LogStatement::of_release(&release, digest, event);
        self.entries.push(LogEntry {
            sequence: self.last,
            kind: entry.kind().to_owned(),
            subject: entry.subject.to_key(),
            payload: String::from_utf8(entry.to_bytes().unwrap()).unwrap(),
            created_at: line.published_at,
        });
        if self.entries.len() == ENTRIES_AT_ONCE {
            log::insert_entries(connection, &self.entries).await.unwrap();
            self.entries.clear();
        }

        let plugin_id = self.plugin(connection, &manifest, line).await;
        let new = NewRelease {
            manifest,
            manifest_digest,
            digest,
            size_bytes: line.size_bytes,
            kind: "core".into(),
            readme: None,
            profile_version,
            risk: line.risk,
            inspection: "{}".into(),
            attestation: String::from_utf8(attestation.to_json()).unwrap(),
            key_id: public_key.id().to_hex(),
            public_key: *public_key.as_bytes(),
            widening: None,
            published_by: self.published_by,
            published_at: line.published_at,
            capabilities: Vec::new(),
            imports: Vec::new(),
            exports: Vec::new(),
        };
        let release_id = new_release::insert(connection, plugin_id, &new, self.last).await.unwrap();
        new_release::insert_children(connection, release_id, &new).await.unwrap();
    }

    async fn plugin(
        &mut self,
        connection: &mut AnyConnection,
        manifest: &Manifest,
        line: &IndexRelease,
    ) -> i64 {
        let name = &manifest.plugin.name;
        if let Some(known) = self.plugins.get(name) {
            return *known;
        }
        let namespace = name.namespace();
        let namespace_id = match self.namespaces.get(namespace.as_str()) {
            Some(known) => *known,
            None => match namespaces::find(connection, namespace).await.unwrap() {
                Some(known) => known,
                None => namespaces::insert(connection, namespace, line.published_at).await.unwrap(),
            },
        };
        self.namespaces.insert(namespace.to_string(), namespace_id);
        let id = plugins::upsert(connection, namespace_id, manifest, line.published_at).await.unwrap();
        self.plugins.insert(name.clone(), id);
        id
    }
}

fn manifest_of(plugin: &PluginName, line: &IndexRelease) -> Manifest {
    Manifest {
        plugin: PluginSection {
            name: plugin.clone(),
            version: line.version.clone(),
            description: "A plugin that was only written down".into(),
            license: line.license.clone(),
            authors: Vec::new(),
            homepage: None,
            repository: None,
            keywords: Vec::new(),
            categories: Vec::new(),
            singleton: line.singleton,
        },
        host: HostSection {
            profile: line.profile.clone(),
            version: line.profile_version.clone(),
            extension_points: line.extension_points.clone(),
            hooks: Vec::new(),
        },
        capabilities: line.capabilities.clone(),
        limits: Default::default(),
        dependencies: line.dependencies.clone(),
        provides: line.provides.clone(),
        conflicts: line.conflicts.clone(),
        verify: Vec::new(),
    }
}
