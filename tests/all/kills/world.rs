//! What outlives the servers: the data directory, the database and the people. One is made and copied for each point.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use pluginry::domain::Digest;
use pluginry::log::NoteVerifier;
use pluginry::signing::SecretKey;
use pluginry::trust::TrustChain;
use tempfile::TempDir;

use crate::harness::database::TestDatabase;
use crate::harness::server::TestServer;

/// The namespaces, one a client.
pub const NAMESPACES: [&str; 3] = ["north", "east", "south"];

/// A registry with people and nothing published, to be copied.
pub struct Template {
    server: TestServer,
    people: Vec<Person>,
    log_keys: Vec<NoteVerifier>,
}

/// Somebody with a namespace of their own.
#[derive(Clone)]
pub struct Person {
    /// The namespace.
    pub namespace: &'static str,
    /// A token with every scope.
    pub token: String,
    /// The operator's token.
    pub operator_token: String,
    /// The key that signs.
    pub key: Arc<SecretKey>,
}

/// The data of one registry, whose server comes and goes.
pub struct World {
    folder: TempDir,
    database: TestDatabase,
    /// Who publishes.
    pub people: Vec<Person>,
    /// What signs its log.
    pub log_keys: Vec<NoteVerifier>,
    /// Whether its servers hold verification runs.
    pub verifies: bool,
    /// Whether its servers do at once what is done by the clock.
    pub hurries: bool,
}

impl Template {
    /// Makes the accounts, which takes its time.
    pub async fn make() -> Self {
        let mut server =
            TestServer::start_with(|configuration| configuration.verification.children = 0).await;
        let mut people = Vec::new();
        for namespace in NAMESPACES {
            let author = server.author(namespace).await;
            let (token, key) = (author.token, Arc::new(author.key));
            people.push(Person { namespace, token, operator_token: server.operator_token.clone(), key });
        }
        let chain = server.get("/api/v1/trust").await.bytes().await.unwrap();
        let log_keys = TrustChain::from_json(&chain).unwrap().verify().unwrap().log_verifiers();
        server.stop();
        Self { server, people, log_keys }
    }

    /// A world of its own with these people.
    pub async fn copy(&self) -> World {
        let folder = tempfile::tempdir().unwrap();
        copy_folder(self.server.data(), folder.path());
        World {
            folder,
            database: self.server.database().copy().await,
            people: self.people.clone(),
            log_keys: self.log_keys.clone(),
            verifies: false,
            hurries: false,
        }
    }
}

impl World {
    /// The data directory.
    pub fn data(&self) -> &Path {
        self.folder.path()
    }

    /// The database.
    pub fn database(&self) -> &TestDatabase {
        &self.database
    }

    /// Its address.
    pub fn database_url(&self) -> &str {
        self.database.url()
    }

    /// Where the package with this digest lies.
    pub fn blob_path(&self, digest: Digest) -> PathBuf {
        let hex = digest.to_hex();
        self.data().join("objects/sha256").join(&hex[..2]).join(&hex)
    }

    /// Leaves a package in the store that no release holds and that is old enough to be swept.
    pub fn leave_orphan(&self, bytes: &[u8]) {
        let path = self.blob_path(Digest::of(bytes));
        fs::write(&path, bytes).unwrap();
        let two_days_ago = SystemTime::UNIX_EPOCH + age_of(&path) - Duration::from_secs(2 * 24 * 3_600);
        fs::File::options().write(true).open(&path).unwrap().set_modified(two_days_ago).unwrap();
    }
}

/// When a file was written, since 1970.
fn age_of(path: &Path) -> Duration {
    fs::metadata(path).unwrap().modified().unwrap().duration_since(SystemTime::UNIX_EPOCH).unwrap()
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from).min_depth(1) {
        let entry = entry.unwrap();
        let target = to.join(entry.path().strip_prefix(from).unwrap());
        if entry.file_type().is_dir() {
            fs::create_dir_all(target).unwrap();
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
