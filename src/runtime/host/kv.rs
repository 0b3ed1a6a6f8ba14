//! `pluginry:plugin/kv`: bytes by key, in memory, with a quota.

use std::collections::BTreeMap;

use super::HostState;
use super::bindings::pluginry::plugin::kv::{self, Error};

const KEY_MAX_BYTES: usize = 256;
const VALUE_MAX_BYTES: usize = 1024 * 1024;
/// What an entry costs beside its bytes, so that many empty values are not free.
const ENTRY_BYTES: usize = 64;
const DEFAULT_QUOTA_BYTES: usize = 8 * 1024 * 1024;

/// What one plugin stored: its own namespace, nobody else's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyValueStore {
    entries: BTreeMap<String, Vec<u8>>,
    used_bytes: usize,
    quota_bytes: usize,
}

impl Default for KeyValueStore {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), used_bytes: 0, quota_bytes: DEFAULT_QUOTA_BYTES }
    }
}

impl KeyValueStore {
    /// A store that already holds these entries; over-long ones are left out.
    pub fn with_entries(entries: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let mut store = Self::default();
        for (key, value) in entries {
            let _ = store.set(key, value);
        }
        store
    }

    /// Everything stored, in the order of the keys.
    pub fn entries(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.entries
    }

    fn set(&mut self, key: String, value: Vec<u8>) -> Result<(), Error> {
        check_key(&key)?;
        if value.len() > VALUE_MAX_BYTES {
            let message = format!("the value has {} bytes; {VALUE_MAX_BYTES} are allowed", value.len());
            return Err(Error::ValueTooLarge(message));
        }
        let before = self.entries.get(&key).map_or(0, |old| cost(&key, old));
        let used = self.used_bytes - before + cost(&key, &value);
        if used > self.quota_bytes {
            let message = format!("{used} bytes would be stored; {} are allowed", self.quota_bytes);
            return Err(Error::QuotaExceeded(message));
        }
        self.used_bytes = used;
        self.entries.insert(key, value);
        Ok(())
    }

    fn delete(&mut self, key: &str) -> bool {
        let old = self.entries.remove(key);
        self.used_bytes -= old.as_ref().map_or(0, |value| cost(key, value));
        old.is_some()
    }
}

fn cost(key: &str, value: &[u8]) -> usize {
    key.len() + value.len() + ENTRY_BYTES
}

fn check_key(key: &str) -> Result<(), Error> {
    match key.len() {
        0 => Err(Error::InvalidKey("the key is empty".into())),
        1..=KEY_MAX_BYTES => Ok(()),
        length => Err(Error::InvalidKey(format!("the key has {length} bytes; {KEY_MAX_BYTES} are allowed"))),
    }
}

impl kv::Host for HostState {
    fn get(&mut self, key: String) -> wasmtime::Result<Result<Option<Vec<u8>>, Error>> {
        self.count("kv.get")?;
        Ok(check_key(&key).map(|()| self.services.store.entries.get(&key).cloned()))
    }

    fn set(&mut self, key: String, value: Vec<u8>) -> wasmtime::Result<Result<(), Error>> {
        self.count("kv.set")?;
        Ok(self.services.store.set(key, value))
    }

    fn delete(&mut self, key: String) -> wasmtime::Result<Result<bool, Error>> {
        self.count("kv.delete")?;
        Ok(check_key(&key).map(|()| self.services.store.delete(&key)))
    }

    fn list(&mut self, prefix: String) -> wasmtime::Result<Result<Vec<String>, Error>> {
        self.count("kv.list")?;
        let keys = self.services.store.entries.range(prefix.clone()..).map(|(key, _)| key);
        Ok(Ok(keys.take_while(|key| key.starts_with(&prefix)).cloned().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quota_counts_what_is_there_and_not_what_was() {
        let mut store = KeyValueStore { quota_bytes: 200, ..KeyValueStore::default() };

        store.set("a".into(), vec![0; 100]).unwrap();
        store.set("a".into(), vec![0; 120]).unwrap();
        assert!(matches!(store.set("b".into(), vec![0; 100]), Err(Error::QuotaExceeded(_))));
        assert!(store.delete("a") && !store.delete("a"));
        store.set("b".into(), vec![0; 100]).unwrap();

        assert_eq!(store.entries().len(), 1);
    }

    #[test]
    fn keys_and_values_have_their_bounds() {
        let mut store = KeyValueStore::default();

        assert!(matches!(store.set(String::new(), vec![]), Err(Error::InvalidKey(_))));
        assert!(matches!(store.set("k".repeat(257), vec![]), Err(Error::InvalidKey(_))));
        assert!(matches!(store.set("k".into(), vec![0; VALUE_MAX_BYTES + 1]), Err(Error::ValueTooLarge(_))));
    }
}
