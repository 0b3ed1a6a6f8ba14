//! A real registry on a free port, with a database and a directory of its own, and people who publish to it.

use std::sync::Arc;
use std::thread::JoinHandle;

use pluginry::config::Configuration;
use pluginry::domain::{Digest, Manifest, ReleaseId};
use pluginry::http::Application;
use pluginry::registry::{Clock, SolverLoad};
use pluginry::signing::{Envelope, ReleaseStatement, SecretKey, sign_release};
use pluginry::storage::Storage;
use pluginry::wasm::{PackFiles, pack};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use tokio::sync::{oneshot, watch};

use super::database::TestDatabase;

/// A `tracing` filter; with it the servers under test write their log lines to stderr.
const LOG_VARIABLE: &str = "PLUGINRY_TEST_LOG";

/// Of every author.
const PASSWORD: &str = "correct horse battery staple";

/// A running registry. Dropping it stops it gracefully; a panic inside it fails the test.
pub struct TestServer {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    /// For requests by hand.
    pub http: reqwest::Client,
    /// The operator's token.
    pub operator_token: String,
    configuration: Configuration,
    storage: Option<Storage>,
    clock: Arc<Clock>,
    solver_load: watch::Receiver<SolverLoad>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    // Dropped last, in this order.
    database: TestDatabase,
    folder: tempfile::TempDir,
}

impl TestServer {
    /// Starts a registry with generous limits.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Starts a registry after `change` had its way with the configuration.
    pub async fn start_with(change: impl FnOnce(&mut Configuration)) -> Self {
        Self::start_on(None, change).await
    }

    /// The same on an object store of the test's own.
    pub async fn start_on(storage: Option<Storage>, change: impl FnOnce(&mut Configuration)) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let database = TestDatabase::new().await;
        let folder = tempfile::tempdir().unwrap();
        let mut configuration = Configuration {
            listen: "127.0.0.1:0".into(),
            data: folder.path().to_owned(),
            database_url: database.url().to_owned(),
            workers: 2,
            ..Configuration::default()
        };
        configuration.verification.executable = env!("CARGO_BIN_EXE_pluginry").into();
        configuration.rate_limits.address_per_minute = 0;
        configuration.rate_limits.inspect_per_minute = 0;
        configuration.rate_limits.token_per_minute = 0;
        configuration.rate_limits.publish_per_minute = 0;
        configuration.rate_limits.sign_in_per_minute = 0;
        change(&mut configuration);

        let Running { url, operator_token, clock, solver_load, stop, thread } =
            run(configuration.clone(), storage.clone());
        let operator_token = operator_token.expect("the first start makes the operator");
        let http = reqwest::Client::new();
        Self {
            url,
            http,
            operator_token,
            configuration,
            storage,
            clock,
            solver_load,
            stop: Some(stop),
            thread: Some(thread),
            database,
            folder,
        }
    }

    /// Another process over the same database, object store and keys; nothing on SQLite, which has only one.
    pub fn replica(&self) -> Option<Self> {
        let database = self.database.shared()?;
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("keys")).unwrap();
        for key in std::fs::read_dir(self.data().join("keys")).unwrap() {
            let key = key.unwrap();
            std::fs::copy(key.path(), folder.path().join("keys").join(key.file_name())).unwrap();
        }
        let configuration = Configuration {
            data: folder.path().to_owned(),
            storage_url: self.data().join("objects").display().to_string(),
            ..self.configuration.clone()
        };
        let Running { url, clock, solver_load, stop, thread, .. } = run(configuration.clone(), None);
        Some(Self {
            url,
            http: reqwest::Client::new(),
            operator_token: self.operator_token.clone(),
            clock,
            solver_load,
            configuration,
            storage: None,
            stop: Some(stop),
            thread: Some(thread),
            database,
            folder,
        })
    }

    /// Stops the registry and starts it again on the same data, at a new address.
    pub fn restart(&mut self) {
        self.stop();
        let Running { url, clock, solver_load, stop, thread, .. } =
            run(self.configuration.clone(), self.storage.clone());
        clock.put_forward(self.clock.seconds_ahead());
        self.url = url;
        self.clock = clock;
        self.solver_load = solver_load;
        self.stop = Some(stop);
        self.thread = Some(thread);
    }

    /// Its settings, for the next start.
    pub fn configuration(&mut self) -> &mut Configuration {
        &mut self.configuration
    }

    /// Waits until the solver has exactly this to do.
    pub async fn solver_has(&self, load: SolverLoad) {
        self.solver_load.clone().wait_for(|now| *now == load).await.unwrap();
    }

    /// Lets hours go by for the registry.
    pub fn put_clock_forward(&self, hours: i64) {
        self.clock.put_forward(hours * 3_600);
    }

    /// Tells the registry to stop and does not wait; [`Self::restart`] or dropping does.
    pub fn begin_stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }

    /// Its database, for looking past the registry.
    pub fn database(&self) -> &TestDatabase {
        &self.database
    }

    /// Stops it gracefully and waits; [`Self::restart`] starts it again.
    pub fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take()
            && let Err(panic) = thread.join()
            && !std::thread::panicking()
        {
            std::panic::resume_unwind(panic);
        }
    }

    /// Why it does not start on what is there; it must not.
    pub async fn refuse_to_start(&self) -> String {
        let started = Application::build_on(self.configuration.clone(), self.storage.clone()).await;
        match started {
            Ok(_) => panic!("it started"),
            Err(error) => error.to_string(),
        }
    }

    /// The data directory.
    pub fn data(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// `GET path` without a token.
    pub async fn get(&self, path: &str) -> reqwest::Response {
        self.http.get(format!("{}{path}", self.url)).send().await.unwrap()
    }

    /// `GET path` as JSON; the answer must be good.
    pub async fn get_json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        let status = response.status();
        let text = response.text().await.unwrap();
        assert!(status.is_success(), "GET {path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("GET {path}: {error}: {text}"))
    }

    /// `POST path` with a JSON body and a token.
    pub async fn post(&self, path: &str, token: &str, body: Value) -> reqwest::Response {
        self.http.post(format!("{}{path}", self.url)).bearer_auth(token).json(&body).send().await.unwrap()
    }

    /// Makes an account and signs it in; gives its token.
    pub async fn account(&self, name: &str) -> String {
        let body = json!({ "name": name, "email": format!("{name}@example.org"), "password": PASSWORD });
        accept(self.post("/api/v1/accounts", "", body).await).await;
        let body = json!({ "name": name, "password": PASSWORD });
        let answer = accept(self.post("/api/v1/login", "", body).await).await;
        answer["token"].as_str().unwrap().to_owned()
    }

    /// Has the operator say how far the releases of a namespace are trusted.
    pub async fn set_trust(&self, namespace: &str, level: &str) {
        let url = format!("{}/api/v1/operator/namespaces/{namespace}/trust", self.url);
        let request = self.http.put(url).bearer_auth(&self.operator_token).json(&json!({ "trust": level }));
        accept(request.send().await.unwrap()).await;
    }

    /// An account that owns `namespace` and has enrolled a key.
    pub async fn author(&self, namespace: &str) -> Author<'_> {
        let name = format!("{namespace}-author");
        let body = json!({ "name": name, "email": format!("{name}@example.org"), "password": PASSWORD });
        accept(self.post("/api/v1/accounts", "", body).await).await;
        let author = Author::signed_in(self, namespace).await;
        let namespace = json!({ "name": namespace });
        accept(self.post("/api/v1/namespaces", &author.token, namespace).await).await;
        author.enroll(&author.key).await;
        author
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Running {
    url: String,
    operator_token: Option<String>,
    clock: Arc<Clock>,
    solver_load: watch::Receiver<SolverLoad>,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

/// Runs the program on a thread of its own; returns once it listens.
fn run(configuration: Configuration, storage: Option<Storage>) -> Running {
    if let Some(filter) = super::variable(LOG_VARIABLE) {
        pluginry::telemetry::start_logs(configuration.log_format, &filter);
    }
    let (started_sender, started) = std::sync::mpsc::channel();
    let (stop, stopped) = oneshot::channel();
    let thread = std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let application = Application::build_on(configuration, storage).await.unwrap();
            let url = format!("http://{}", application.address());
            let token = application.registry().take_first_operator_token();
            let registry = application.registry();
            started_sender.send((url, token, registry.clock(), registry.solver_load())).unwrap();
            let shutdown = async move {
                let _ = stopped.await;
            };
            application.run_until(shutdown).await.unwrap();
        });
    });
    match started.recv() {
        Ok((url, operator_token, clock, solver_load)) => {
            Running { url, operator_token, clock, solver_load, stop, thread }
        }
        Err(_) => std::panic::resume_unwind(thread.join().expect_err("it ended before it listened")),
    }
}

/// The JSON of an answer that must be good.
pub async fn accept(response: reqwest::Response) -> Value {
    let (url, status) = (response.url().clone(), response.status());
    let text = response.text().await.unwrap();
    assert!(status.is_success(), "{url}: {status} {text}");
    if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
}

/// The status and problem of an answer that must be a refusal, with what differs from run to run taken out.
pub async fn refusal(response: reqwest::Response) -> Value {
    let status = response.status();
    let content_type = response.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
    let has_request_id = response.headers().contains_key("x-request-id");
    let text = response.text().await.unwrap();
    assert!(status.is_client_error(), "expected a refusal, got {status} {text}");
    assert_eq!(content_type.as_deref(), Some("application/problem+json"), "{text}");
    assert!(has_request_id, "no x-request-id: {text}");
    let mut problem: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(problem["status"], status.as_u16(), "{text}");
    problem.as_object_mut().unwrap().remove("request_id");
    problem
}

/// Somebody who publishes.
pub struct Author<'a> {
    server: &'a TestServer,
    /// The namespace the author owns.
    pub namespace: String,
    /// A token with every scope.
    pub token: String,
    /// The enrolled key.
    pub key: SecretKey,
}

impl<'a> Author<'a> {
    /// The author of `namespace`, who has an account already.
    pub async fn signed_in(server: &'a TestServer, namespace: &str) -> Self {
        let body = json!({ "name": format!("{namespace}-author"), "password": PASSWORD });
        let answer = accept(server.post("/api/v1/login", "", body).await).await;
        let token = answer["token"].as_str().unwrap().to_owned();
        let key = SecretKey::from_seed(Digest::of(namespace.as_bytes()).as_bytes());
        Self { server, namespace: namespace.to_owned(), token, key }
    }

    /// Enrols `key` in the author's namespace.
    pub async fn enroll(&self, key: &SecretKey) {
        let path = format!("/api/v1/namespaces/{}/keys", self.namespace);
        let body = json!({ "public_key": key.public_key().to_string(), "label": "test" });
        accept(self.server.post(&path, &self.token, body).await).await;
    }

    /// Revokes the author's key.
    pub async fn revoke(&self, key: &SecretKey) {
        let path = format!("/api/v1/namespaces/{}/keys/{}", self.namespace, key.public_key().id().to_hex());
        let request = self.server.http.delete(format!("{}{path}", self.server.url)).bearer_auth(&self.token);
        accept(request.send().await.unwrap()).await;
    }

    /// Publishes a packed package signed with the author's key; the answer must be good.
    pub async fn publish(&self, package: &TestPackage) -> Value {
        accept(self.try_publish(package).await).await
    }

    /// Publishes a packed package signed with the author's key.
    pub async fn try_publish(&self, package: &TestPackage) -> reqwest::Response {
        self.send(&package.address(), package.bytes.clone(), package.sign(&self.key).to_json()).await
    }

    /// `PUT` of these bytes at `namespace/name/version` (as it stands in the URL).
    pub async fn send(&self, address: &str, package: Vec<u8>, attestation: Vec<u8>) -> reqwest::Response {
        self.send_with(address, "", package, attestation).await
    }

    /// The same with a query, such as `?accept_widening=true`.
    pub async fn send_with(
        &self,
        address: &str,
        query: &str,
        package: Vec<u8>,
        attestation: Vec<u8>,
    ) -> reqwest::Response {
        let form =
            Form::new().part("attestation", Part::bytes(attestation)).part("package", Part::bytes(package));
        let url = format!("{}/api/v1/plugins/{address}{query}", self.server.url);
        self.server.http.put(url).bearer_auth(&self.token).multipart(form).send().await.unwrap()
    }
}

/// A package on its way to the registry.
#[derive(Clone)]
pub struct TestPackage {
    /// What it says it is.
    pub release: ReleaseId,
    /// What it says about itself.
    pub manifest: Value,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl TestPackage {
    /// Packs a module written as text under a manifest written as TOML.
    pub fn pack(manifest: &str, wat: &str) -> Self {
        Self::pack_module(manifest, &wat::parse_str(wat).unwrap())
    }

    /// Packs a module under a manifest written as TOML.
    pub fn pack_module(manifest: &str, module: &[u8]) -> Self {
        let manifest = Manifest::from_toml(manifest).unwrap_or_else(|error| panic!("{error}"));
        let bytes = pack(module, &manifest, &PackFiles::default()).unwrap();
        let json = serde_json::from_slice(&manifest.to_canonical_json()).unwrap();
        Self { release: manifest.release_id(), manifest: json, bytes }
    }

    /// Puts `manifest` into `module` as it is, right or wrong.
    pub fn forge(release: &str, module: &[u8], manifest: &[u8]) -> Self {
        let (plugin, version) = release.split_once('@').unwrap();
        let release = ReleaseId::new(plugin.parse().unwrap(), version.parse().unwrap());
        let mut bytes = module.to_vec();
        append_section(&mut bytes, "pluginry:manifest", manifest);
        let json = serde_json::from_slice(manifest).unwrap_or(Value::Null);
        Self { release, manifest: json, bytes }
    }

    /// `namespace/name/version`.
    pub fn address(&self) -> String {
        format!("{}/{}", self.release.plugin.path(), self.release.version)
    }

    /// What an author signs about it.
    pub fn statement(&self) -> ReleaseStatement {
        let manifest = serde_json_canonicalizer::to_vec(&self.manifest).unwrap();
        ReleaseStatement {
            release: self.release.clone(),
            digest: Digest::of(&self.bytes),
            manifest_digest: Digest::of(&manifest),
            capabilities: serde_json::from_value(self.manifest["capabilities"].clone()).unwrap_or_default(),
        }
    }

    /// Signs it.
    pub fn sign(&self, key: &SecretKey) -> Envelope {
        sign_release(&self.statement(), key)
    }
}

/// Appends a custom section to a module or component.
pub fn append_section(bytes: &mut Vec<u8>, name: &str, data: &[u8]) {
    use wasm_encoder::{CustomSection, Encode as _};
    let section = CustomSection { name: name.into(), data: data.into() };
    bytes.push(0);
    section.encode(bytes);
}

/// A manifest for a core module under `wasi:cli`, with more lines behind.
pub fn core_manifest(release: &str, more: &str) -> String {
    let (name, version) = release.split_once('@').unwrap();
    format!(
        "[plugin]\nname = \"{name}\"\nversion = \"{version}\"\ndescription = \"A plugin for tests\"\nlicense = \"MIT\"\n\n\
         [host]\nprofile = \"wasi:cli\"\nversion = \"*\"\n\n{more}"
    )
}

/// A small module that adds two numbers.
pub const ADDER: &str = r#"(module
    (func (export "add") (param i32 i32) (result i32)
        local.get 0 local.get 1 i32.add))"#;
