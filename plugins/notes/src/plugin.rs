//! The `tool` and `lifecycle` exports over the host's `kv` and `clock`.

use serde_json::json;

use crate::notebook::{self, Shelf};

wit_bindgen::generate!({ path: "../wit", world: "pluginry:plugin/plugin-tool-lifecycle" });

use exports::pluginry::plugin::{lifecycle, tool};
use pluginry::plugin::log::{self, Level};
use pluginry::plugin::{clock, kv};

struct Notes;

struct HostShelf;

impl Shelf for HostShelf {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, String> {
        kv::get(key).map_err(explain)
    }

    fn set(&mut self, key: &str, value: &[u8]) -> Result<(), String> {
        kv::set(key, value).map_err(explain)
    }

    fn delete(&mut self, key: &str) -> Result<bool, String> {
        kv::delete(key).map_err(explain)
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, String> {
        kv::list(prefix).map_err(explain)
    }

    fn now(&self) -> u64 {
        clock::now()
    }
}

fn explain(error: kv::Error) -> String {
    let (kv::Error::InvalidKey(reason)
    | kv::Error::ValueTooLarge(reason)
    | kv::Error::QuotaExceeded(reason)
    | kv::Error::Unavailable(reason)) = error;
    format!("the host's store refused: {reason}")
}

impl tool::Guest for Notes {
    fn describe() -> String {
        json!({
            "name": "notes",
            "description": "A notebook: add, list, find, read, change and remove notes.",
            "input": {
                "type": "object",
                "required": ["action"],
                "additionalProperties": false,
                "properties": {
                    "action": { "enum": ["add", "list", "find", "read", "change", "remove"] },
                    "id": { "type": "integer", "description": "for read, change and remove" },
                    "title": { "type": "string", "maxLength": 200, "description": "for add and change" },
                    "text": { "type": "string", "description": "for add and change; for find: what to look for" }
                }
            }
        })
        .to_string()
    }

    fn execute(input: String) -> Result<String, String> {
        let input = serde_json::from_str(&input).map_err(|error| format!("the input is not JSON: {error}"))?;
        notebook::answer(&mut HostShelf, &input).map(|answer| answer.to_string())
    }
}

impl lifecycle::Guest for Notes {
    fn activate() -> Result<(), String> {
        let kept = HostShelf.list("note/")?.len();
        log::write(Level::Debug, &format!("{kept} notes are kept"));
        Ok(())
    }

    fn deactivate() {}

    /// Everything is in the host's store already.
    fn save_state() -> Vec<u8> {
        Vec::new()
    }

    fn restore_state(_version: String, _state: Vec<u8>) -> Result<(), String> {
        Ok(())
    }
}

export!(Notes);
