//! Publishes many releases to a running registry and prints how long it took, beside the floor of the same machine:
//! hashing, validating and syncing the same bytes twice.
//!
//! `publish_load BASE_URL TOKEN FOLDER` is called by `benches/run`; it leaves `index.path` and `blob.path` in FOLDER,
//! the URL paths of an index file and of a 1 MB package for the read benchmarks.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark stops at the first surprise and prints"
)]

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use pluginry::domain::{Digest, Manifest};
use pluginry::signing::{ReleaseStatement, SecretKey, sign_release};
use pluginry::wasm::{PackFiles, pack};
use wasm_encoder::{
    CodeSection, ExportKind, ExportSection, Function, FunctionSection, Module, TypeSection, ValType,
};

struct Prepared {
    plugin: String,
    version: String,
    package: Vec<u8>,
    attestation: Vec<u8>,
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let (base, token, folder) =
        (arguments.next().unwrap(), arguments.next().unwrap(), arguments.next().unwrap());
    let folder = Path::new(&folder);
    let _ = rustls::crypto::ring::default_provider().install_default();
    let registry = Registry { base, token, http: reqwest::Client::new() };
    let key = SecretKey::from_seed(&[7; 32]);
    registry.open_namespace(&key).await;

    println!("| what | clients | p50 ms | p99 ms | per s |");
    println!("|---|---|---|---|---|");
    let megabyte = functions(16_000);
    let kilobytes = functions(36);
    let large: Vec<_> = (0..60).map(|n| prepare(&key, "large", n, &megabyte)).collect();
    let small: Vec<_> =
        (0..3_000).map(|n| prepare(&key, &format!("small-{}", n % 300), n / 300, &kilobytes)).collect();

    print_row(&format!("floor: hash, validate, write + fsync, {}", size(&large)), 1, &floor(&large, folder));
    print_row(&format!("publish, {}", size(&large)), 1, &registry.publish_all(&large, 1).await);
    print_row(
        &format!("floor: hash, validate, write + fsync, {}", size(&small)),
        1,
        &floor(&small[..300], folder),
    );
    print_row(&format!("publish, {}", size(&small)), 1, &registry.publish_all(&small[..300], 1).await);
    print_row(&format!("publish, {}", size(&small)), 4, &registry.publish_all(&small[300..1800], 4).await);
    print_row(&format!("publish, {}", size(&small)), 16, &registry.publish_all(&small[1800..], 16).await);

    std::fs::write(folder.join("index.path"), "/index/bench/small-7.json").unwrap();
    let digest = Digest::of(&large[0].package);
    std::fs::write(folder.join("blob.path"), format!("/blobs/sha256/{}", digest.to_hex())).unwrap();
}

struct Registry {
    base: String,
    token: String,
    http: reqwest::Client,
}

impl Registry {
    async fn open_namespace(&self, key: &SecretKey) {
        let namespaces = format!("{}/api/v1/namespaces", self.base);
        self.post(&namespaces, serde_json::json!({ "name": "bench" })).await;
        let body = serde_json::json!({ "public_key": key.public_key().to_string(), "label": "benchmark" });
        self.post(&format!("{namespaces}/bench/keys"), body).await;
    }

    async fn post(&self, url: &str, body: serde_json::Value) {
        let response = self.http.post(url).bearer_auth(&self.token).json(&body).send().await.unwrap();
        let status = response.status();
        assert!(status.is_success(), "{url}: {status} {}", response.text().await.unwrap());
    }

    /// Publishes everything with `clients` at a time; the times of each publish and of the whole.
    async fn publish_all(&self, releases: &[Prepared], clients: usize) -> Times {
        let next = std::sync::atomic::AtomicUsize::new(0);
        let start = Instant::now();
        let workers = (0..clients).map(|_| async {
            let mut each = Vec::new();
            while let Some(release) = releases.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                let start = Instant::now();
                self.publish(release).await;
                each.push(start.elapsed());
            }
            each
        });
        let each = futures::future::join_all(workers).await.concat();
        Times { each, total: start.elapsed() }
    }

    async fn publish(&self, release: &Prepared) {
        let url = format!("{}/api/v1/plugins/{}/{}", self.base, release.plugin, release.version);
        let form = reqwest::multipart::Form::new()
            .part("attestation", reqwest::multipart::Part::bytes(release.attestation.clone()))
            .part("package", reqwest::multipart::Part::bytes(release.package.clone()));
        let response = self.http.put(url).bearer_auth(&self.token).multipart(form).send().await.unwrap();
        let status = response.status();
        assert!(status == 201, "{status} {}", response.text().await.unwrap());
    }
}

struct Times {
    each: Vec<Duration>,
    total: Duration,
}

fn print_row(what: &str, clients: usize, times: &Times) {
    let mut each = times.each.clone();
    each.sort();
    let at = |share: f64| each[((each.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    let rate = each.len() as f64 / times.total.as_secs_f64();
    println!("| {what} | {clients} | {:.2} | {:.2} | {rate:.0} |", at(0.5), at(0.99));
}

fn size(releases: &[Prepared]) -> String {
    format!("{:.1} KB", releases[0].package.len() as f64 / 1e3)
}

/// What no registry can avoid: SHA-256, validation, and the bytes and a record of them on disk.
fn floor(releases: &[Prepared], folder: &Path) -> Times {
    let path = folder.join("floor");
    let mut record = std::fs::File::create(folder.join("floor-record")).unwrap();
    let start = Instant::now();
    let each = releases
        .iter()
        .map(|release| {
            let start = Instant::now();
            let digest = Digest::of(&release.package);
            wasmparser::Validator::new().validate_all(&release.package).unwrap();
            let mut file = std::fs::File::create(&path).unwrap();
            file.write_all(&release.package).unwrap();
            file.sync_all().unwrap();
            record.write_all(digest.as_bytes()).unwrap();
            record.sync_all().unwrap();
            start.elapsed()
        })
        .collect();
    Times { each, total: start.elapsed() }
}

fn prepare(key: &SecretKey, name: &str, patch: usize, module: &[u8]) -> Prepared {
    let version = format!("0.1.{patch}");
    let manifest = Manifest::from_toml(&format!(
        "[plugin]\nname = \"bench:{name}\"\nversion = \"{version}\"\ndescription = \"Benchmark plugin {name}\"\nlicense = \"MIT\"\n\
         [host]\nprofile = \"wasi:cli\"\nversion = \"*\"\n"
    ))
    .unwrap();
    let package = pack(module, &manifest, &PackFiles::default()).unwrap();
    let statement = ReleaseStatement {
        release: manifest.release_id(),
        digest: Digest::of(&package),
        manifest_digest: Digest::of(&manifest.to_canonical_json()),
        capabilities: manifest.capabilities.clone(),
    };
    let attestation = sign_release(&statement, key).to_json();
    Prepared { plugin: format!("bench/{name}"), version, package, attestation }
}

/// A module of `count` small functions: about 60 bytes each.
fn functions(count: u32) -> Vec<u8> {
    let (mut types, mut functions, mut exports, mut code) =
        (TypeSection::new(), FunctionSection::new(), ExportSection::new(), CodeSection::new());
    types.ty().function([ValType::I32, ValType::I32], [ValType::I32]);
    for index in 0..count {
        functions.function(0);
        let mut body = Function::new([]);
        let mut instructions = body.instructions();
        instructions.local_get(0);
        for step in 0..8 {
            instructions.local_get(1).i32_const((index * 31 + step) as i32).i32_mul().i32_add();
        }
        instructions.end();
        code.function(&body);
    }
    exports.export("first", ExportKind::Func, 0);
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&exports).section(&code);
    module.finish()
}
