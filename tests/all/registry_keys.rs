//! The keys of a registry: made at the first start, expected at every later one, replaced so that clients follow.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use pluginry::config::Configuration;
use pluginry::domain::{Refusal as _, Timestamp};
use pluginry::log::{Hash, SignedCheckpoint};
use pluginry::registry::{KeyRole, OpenError, Registry, RegistryKeysError, rotate_key};
use pluginry::signing::SecretKey;
use pluginry::trust::{TrustChain, TrustDocument};
use reqwest::header::{ETAG, IF_NONE_MATCH};

use crate::harness::database::TestDatabase;
use crate::harness::server::TestServer;

/// A registry that is opened without being served.
struct Opened {
    configuration: Configuration,
    _database: TestDatabase,
    _folder: tempfile::TempDir,
}

impl Opened {
    async fn new() -> Self {
        let (database, folder) = (TestDatabase::new().await, tempfile::tempdir().unwrap());
        let configuration = Configuration {
            data: folder.path().to_owned(),
            database_url: database.url().to_owned(),
            ..Configuration::default()
        };
        Self { configuration, _database: database, _folder: folder }
    }

    /// Opens it once and closes it.
    async fn start(&self) -> Result<(), RegistryKeysError> {
        match Registry::open(self.configuration.clone()).await {
            Ok(registry) => {
                registry.close().await;
                Ok(())
            }
            Err(OpenError::Keys(error)) => Err(error),
            Err(error) => panic!("{error}"),
        }
    }

    fn key_file(&self, name: &str) -> PathBuf {
        self.configuration.data.join("keys").join(name)
    }
}

async fn chain_of(server: &TestServer) -> TrustChain {
    TrustChain::from_json(&server.get("/api/v1/trust").await.bytes().await.unwrap()).unwrap()
}

async fn pin(server: &TestServer) -> TrustDocument {
    chain_of(server).await.verify().unwrap()
}

#[tokio::test]
async fn the_first_start_makes_both_keys_for_the_owner_alone_and_names_them() {
    let server = TestServer::start().await;

    let pinned = pin(&server).await;

    for (name, expected) in [("log", pinned.log_keys[0]), ("registry", pinned.registry_keys[0])] {
        let path = server.data().join(format!("keys/{name}.key"));
        let key: SecretKey = fs::read_to_string(&path).unwrap().parse().unwrap();
        assert_eq!(key.public_key(), expected.public_key);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(pinned.origin, format!("pluginry-{}", pinned.log_keys[0].public_key.id().short()));
}

#[tokio::test]
async fn a_trust_document_known_already_is_not_sent_again() {
    let server = TestServer::start().await;
    let first = server.get("/.well-known/pluginry/trust.json").await;
    let tag = first.headers()[ETAG].clone();

    let again = server.http.get(format!("{}/api/v1/trust", server.url)).header(IF_NONE_MATCH, tag);
    let again = again.send().await.unwrap();

    assert_eq!(again.status(), 304);
    assert_eq!(again.bytes().await.unwrap().len(), 0);
}

#[tokio::test]
async fn the_keys_and_the_origin_stay_the_same_over_a_restart() {
    let mut server = TestServer::start().await;
    let pinned = pin(&server).await;

    server.stop();
    server.configuration().public_url = "https://plugins.example.org".into();
    server.restart();

    assert_eq!(chain_of(&server).await.follow(&pinned), Ok(pinned));
}

#[tokio::test]
async fn the_origin_is_the_host_that_people_reach_the_registry_at() {
    let server = TestServer::start_with(|configuration| {
        configuration.public_url = "https://plugins.example.org/registry".into();
    })
    .await;

    assert_eq!(pin(&server).await.origin, "plugins.example.org");
}

#[tokio::test]
async fn keys_may_come_from_the_settings() {
    let key = SecretKey::from_seed(&[7; 32]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mounted.key");
    fs::write(&file, SecretKey::from_seed(&[8; 32]).to_text().as_bytes()).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).unwrap();

    let server = TestServer::start_with(|configuration| {
        configuration.trust.log_key = key.to_text().to_string().into();
        configuration.trust.registry_key_file = file;
        configuration.trust.origin = "example.org/log".into();
    })
    .await;

    let pinned = pin(&server).await;
    assert_eq!(pinned.origin, "example.org/log");
    assert_eq!(pinned.log_keys[0].public_key, key.public_key());
    assert_eq!(pinned.registry_keys[0].public_key, SecretKey::from_seed(&[8; 32]).public_key());
    assert!(!server.data().join("keys").exists());
}

#[tokio::test]
async fn clients_that_pinned_the_first_version_follow_every_rotation() {
    let mut server = TestServer::start().await;
    let pinned = pin(&server).await;
    server.author("acme").await;

    let mut rotated = Vec::new();
    for role in [KeyRole::Registry, KeyRole::Log, KeyRole::Registry] {
        server.stop();
        rotated.push(rotate_key(server.configuration(), role, Timestamp::now()).await.unwrap());
        server.restart();
    }

    let followed = chain_of(&server).await.follow(&pinned).unwrap();
    assert_eq!(followed.version, 4);
    assert_eq!(followed.registry_keys.len(), 3);
    assert_eq!(followed.log_keys[0].retired_at, Some(rotated[1].retired_at));
    assert!(rotated[1].retired_at > 0, "the log had entries");
    assert_eq!(followed.registry_keys()[0].id(), rotated[2].new);
    for one in rotated {
        let kept: SecretKey = fs::read_to_string(&one.kept_at).unwrap().parse().unwrap();
        assert_eq!(kept.public_key().id(), one.old);
        assert_eq!(fs::metadata(&one.kept_at).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn a_registry_with_the_same_name_and_other_keys_is_not_followed() {
    let set_origin = |configuration: &mut Configuration| configuration.trust.origin = "example.org".into();
    let (first, second) =
        (TestServer::start_with(set_origin).await, TestServer::start_with(set_origin).await);
    let pinned = pin(&first).await;

    let refused = chain_of(&second).await.follow(&pinned).unwrap_err();

    assert_eq!(refused.code(), "trust-changed");
}

#[tokio::test]
async fn both_log_keys_sign_during_the_overlap_and_the_new_one_alone_after_it() {
    let mut opened = Opened::new().await;
    let first = Registry::open(opened.configuration.clone()).await.unwrap();
    let old = first.keys().document().log_verifiers();
    first.close().await;
    drop(first);
    rotate_key(&opened.configuration, KeyRole::Log, Timestamp::now()).await.unwrap();

    let during = Registry::open(opened.configuration.clone()).await.unwrap();
    let new = during.keys().document().log_verifiers();
    let now = Timestamp::now();
    let in_overlap = during.keys().sign_checkpoint(9, Hash([1; 32]), now);
    let later = during.keys().sign_checkpoint(9, Hash([1; 32]), now.plus_seconds(91 * 24 * 60 * 60));
    during.close().await;
    drop(during);
    opened.configuration.trust.overlap_days = 0;
    let after = Registry::open(opened.configuration.clone()).await.unwrap();
    let restarted = after.keys().sign_checkpoint(9, Hash([1; 32]), now);
    after.close().await;

    let signed = |note: &str, keys: &[_]| SignedCheckpoint::parse(note).unwrap().verify(keys).is_ok();
    assert!(signed(&in_overlap, &old) && signed(&in_overlap, &new));
    assert!(!signed(&later, &old) && signed(&later, &new));
    assert!(!signed(&restarted, &old) && signed(&restarted, &new));
}

#[tokio::test]
async fn a_rotation_that_was_killed_before_the_files_were_renamed_is_finished_at_the_next_start() {
    let opened = Opened::new().await;
    opened.start().await.unwrap();
    let before = fs::read_to_string(opened.key_file("registry.key")).unwrap();
    let rotated = rotate_key(&opened.configuration, KeyRole::Registry, Timestamp::now()).await.unwrap();
    fs::rename(opened.key_file("registry.key"), opened.key_file("registry.next.key")).unwrap();
    fs::rename(&rotated.kept_at, opened.key_file("registry.key")).unwrap();

    opened.start().await.unwrap();

    let key: SecretKey = fs::read_to_string(opened.key_file("registry.key")).unwrap().parse().unwrap();
    assert_eq!(key.public_key().id(), rotated.new);
    assert_eq!(fs::read_to_string(&rotated.kept_at).unwrap(), before);
    assert!(!opened.key_file("registry.next.key").exists());
}

#[tokio::test]
async fn a_rotation_waits_for_the_server_to_stop() {
    let mut server = TestServer::start().await;

    let refused = rotate_key(server.configuration(), KeyRole::Log, Timestamp::now()).await.unwrap_err();

    assert_eq!(refused.code(), "data-directory-in-use");
}

#[tokio::test]
async fn every_reason_not_to_start_is_told_in_words() {
    let mut opened = Opened::new().await;
    let set = |opened: &mut Opened, change: &dyn Fn(&mut Configuration)| change(&mut opened.configuration);
    let mut told = String::new();

    set(&mut opened, &|it| it.trust.origin = "two words".into());
    tell(&opened, &mut told, "a name no log can have").await;
    set(&mut opened, &|it| it.trust.origin = "example.org".into());
    set(&mut opened, &|it| it.trust.log_key = "pluginry-secret-ed25519:no".to_owned().into());
    tell(&opened, &mut told, "a setting that is no key").await;
    set(&mut opened, &|it| it.trust.log_key_file = "/nonexistent/log.key".into());
    tell(&opened, &mut told, "a key set twice").await;
    set(&mut opened, &|it| it.trust.log_key = String::new().into());
    tell(&opened, &mut told, "a key file that is not there").await;
    set(&mut opened, &|it| it.trust.log_key_file = PathBuf::new());
    set(&mut opened, &|it| it.witness.quorum = 2);
    tell(&opened, &mut told, "a quorum of nobody").await;
    set(&mut opened, &|it| it.witness.quorum = 0);
    opened.start().await.unwrap();

    set(&mut opened, &|it| it.trust.origin = "example.com".into());
    tell(&opened, &mut told, "another origin than before").await;
    set(&mut opened, &|it| it.trust.origin = String::new());
    fs::set_permissions(opened.key_file("log.key"), fs::Permissions::from_mode(0o644)).unwrap();
    tell(&opened, &mut told, "a key file that others may read").await;
    fs::rename(opened.key_file("log.key"), opened.key_file("log.old")).unwrap();
    tell(&opened, &mut told, "a key that is gone").await;
    fs::copy(opened.key_file("registry.key"), opened.key_file("log.key")).unwrap();
    tell(&opened, &mut told, "another key than before").await;

    insta::with_settings!({ filters => vec![(r"\b[0-9a-f]{12}\b", "KEY_ID")] }, {
        insta::assert_snapshot!(told);
    });
}

async fn tell(opened: &Opened, told: &mut String, case: &str) {
    let error = opened.start().await.unwrap_err();
    let mend = error.mend().unwrap();
    let text = format!("{case}\n  {}\n  {error}\n  {mend}\n", error.code());
    *told += &text.replace(&opened.configuration.data.display().to_string(), "DATA");
}
