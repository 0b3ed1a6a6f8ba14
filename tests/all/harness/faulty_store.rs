//! An object store that fails as stores do: torn, lost, stale, slow, and by chance.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt as _, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tokio::sync::Notify;

/// What goes wrong.
#[derive(Debug, Clone)]
pub enum Fault {
    /// A put fails, and nothing is stored.
    FailedPut,
    /// A put stores half of the bytes and fails.
    TornPut,
    /// A put stores half of the bytes and says that all went well.
    TornPutToldAsGood,
    /// A put stores nothing and says that all went well.
    LostPut,
    /// A get fails.
    FailedGet,
    /// A get answers with the version before the last put, or with nothing if there was none.
    StaleGet,
    /// A put waits until somebody opens the gate.
    SlowPut(Arc<Notify>),
}

/// When it goes wrong.
struct Rule {
    prefix: String,
    fault: Fault,
    /// How often yet; absent: always.
    left: Option<u32>,
    /// How often of a hundred times.
    percent: u64,
}

/// A store in memory that goes wrong where it is told to.
#[derive(Default)]
pub struct FaultyStore {
    objects: InMemory,
    before: Mutex<HashMap<Path, Bytes>>,
    rules: Mutex<Vec<Rule>>,
    chance: Mutex<u64>,
    puts: Mutex<Vec<String>>,
}

impl FaultyStore {
    /// From now on this goes wrong for every key with the prefix.
    pub fn always(&self, prefix: &str, fault: Fault) {
        self.add(prefix, fault, None, 100);
    }

    /// The next `times` this goes wrong for a key with the prefix.
    pub fn next(&self, times: u32, prefix: &str, fault: Fault) {
        self.add(prefix, fault, Some(times), 100);
    }

    /// So many times of a hundred this goes wrong.
    pub fn sometimes(&self, percent: u64, prefix: &str, fault: Fault) {
        self.add(prefix, fault, None, percent);
    }

    fn add(&self, prefix: &str, fault: Fault, left: Option<u32>, percent: u64) {
        self.rules.lock().unwrap().push(Rule { prefix: prefix.into(), fault, left, percent });
    }

    /// Nothing goes wrong any more.
    pub fn heal(&self) {
        self.rules.lock().unwrap().clear();
    }

    /// What really lies under the key.
    pub async fn object(&self, key: &str) -> Option<Bytes> {
        self.objects.get(&Path::from(key)).await.ok()?.bytes().await.ok()
    }

    /// Puts other bytes there, past all rules.
    pub async fn replace(&self, key: &str, bytes: impl Into<Bytes>) {
        self.objects.put(&Path::from(key), bytes.into().into()).await.unwrap();
    }

    /// Removes an object, past all rules.
    pub async fn remove(&self, key: &str) {
        self.objects.delete(&Path::from(key)).await.unwrap();
    }

    /// How many puts there were for keys with the prefix.
    pub fn puts(&self, prefix: &str) -> usize {
        self.puts.lock().unwrap().iter().filter(|key| key.starts_with(prefix)).count()
    }

    /// The fault that a request meets, if it meets one.
    fn meets(&self, key: &Path, is_put: bool) -> Option<Fault> {
        let mut rules = self.rules.lock().unwrap();
        for rule in rules.iter_mut() {
            let is_of_gets = matches!(rule.fault, Fault::FailedGet | Fault::StaleGet);
            if is_of_gets == is_put || !key.as_ref().starts_with(&rule.prefix) || rule.left == Some(0) {
                continue;
            }
            if self.chance() >= rule.percent {
                continue;
            }
            rule.left = rule.left.map(|left| left - 1);
            return Some(rule.fault.clone());
        }
        None
    }

    /// A number below a hundred: the same numbers in every run.
    fn chance(&self) -> u64 {
        let mut state = self.chance.lock().unwrap();
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*state >> 33) % 100
    }

    async fn remember(&self, key: &Path) {
        if let Ok(result) = self.objects.get(key).await
            && let Ok(bytes) = result.bytes().await
        {
            self.before.lock().unwrap().insert(key.clone(), bytes);
        }
    }
}

fn failure(what: &str) -> Error {
    Error::Generic { store: "faulty", source: what.into() }
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("faulty")
    }
}

impl fmt::Debug for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultyStore")
    }
}

#[async_trait]
impl ObjectStore for FaultyStore {
    async fn put_opts(&self, key: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.puts.lock().unwrap().push(key.to_string());
        let fault = self.meets(key, true);
        if let Some(Fault::SlowPut(gate)) = &fault {
            gate.notified().await;
        }
        let told = PutResult { e_tag: None, version: None, extensions: Default::default() };
        match fault {
            Some(Fault::FailedPut) => return Err(failure("the put failed")),
            Some(Fault::LostPut) => return Ok(told),
            _ => self.remember(key).await,
        }
        let bytes = Bytes::from(payload.clone());
        let half = PutPayload::from(bytes.slice(..bytes.len() / 2));
        match fault {
            Some(Fault::TornPut) => {
                self.objects.put_opts(key, half, options).await?;
                Err(failure("the connection was lost"))
            }
            Some(Fault::TornPutToldAsGood) => self.objects.put_opts(key, half, options).await,
            _ => self.objects.put_opts(key, payload, options).await,
        }
    }

    async fn put_multipart_opts(
        &self,
        key: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.objects.put_multipart_opts(key, options).await
    }

    async fn get_opts(&self, key: &Path, options: GetOptions) -> Result<GetResult> {
        match self.meets(key, false) {
            Some(Fault::FailedGet) => Err(failure("the get failed")),
            Some(Fault::StaleGet) => {
                let stale = InMemory::new();
                let before = self.before.lock().unwrap().get(key).cloned();
                if let Some(before) = before {
                    stale.put(key, before.into()).await?;
                }
                stale.get_opts(key, options).await
            }
            _ => self.objects.get_opts(key, options).await,
        }
    }

    fn delete_stream(&self, keys: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.objects.delete_stream(keys)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.objects.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.objects.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.objects.copy_opts(from, to, options).await
    }
}
