//! Notes over a shelf of keys and values.

use serde_json::{Value, json};

const TITLE_MAX: usize = 200;
const TEXT_MAX: usize = 64 * 1024;
const NOTES_MAX: usize = 1_000;
const PREFIX: &str = "note/";
const COUNTER: &str = "next-id";

/// Where notes are kept.
pub trait Shelf {
    /// The bytes under a key.
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, String>;
    /// Puts bytes under a key.
    fn set(&mut self, key: &str, value: &[u8]) -> Result<(), String>;
    /// Removes a key; true if it was there.
    fn delete(&mut self, key: &str) -> Result<bool, String>;
    /// Keys with a prefix, in order.
    fn list(&self, prefix: &str) -> Result<Vec<String>, String>;
    /// Microseconds since 1970.
    fn now(&self) -> u64;
}

/// Answers one action on the notes of `shelf`.
pub fn answer(shelf: &mut impl Shelf, input: &Value) -> Result<Value, String> {
    match text_field(input, "action")? {
        "add" => add(shelf, input),
        "list" => Ok(json!({ "notes": summaries(shelf, "")? })),
        "find" => Ok(json!({ "notes": summaries(shelf, text_field(input, "text")?)? })),
        "read" => read(shelf, id_field(input)?),
        "change" => change(shelf, input),
        "remove" => {
            let id = id_field(input)?;
            let removed = shelf.delete(&key(id))?;
            if removed { Ok(json!({ "removed": id })) } else { Err(missing(id)) }
        }
        other => Err(format!("there is no action {other:?}; there are add, list, find, read, change, remove")),
    }
}

fn add(shelf: &mut impl Shelf, input: &Value) -> Result<Value, String> {
    let (title, text) = (title(input)?, text(input)?);
    let kept = shelf.list(PREFIX)?.len();
    if kept >= NOTES_MAX {
        return Err(format!("there are {kept} notes already, the most this notebook keeps; remove one first"));
    }
    let id = match shelf.get(COUNTER)? {
        Some(bytes) => String::from_utf8_lossy(&bytes).parse::<u64>().map_err(|_| "the counter is damaged")?,
        None => 1,
    };
    let now = shelf.now();
    let note = json!({ "id": id, "title": title, "text": text, "added": now, "changed": now });
    // The counter first: a number is never given twice, even if the note itself does not fit.
    shelf.set(COUNTER, (id + 1).to_string().as_bytes())?;
    shelf.set(&key(id), note.to_string().as_bytes())?;
    Ok(note)
}

fn read(shelf: &impl Shelf, id: u64) -> Result<Value, String> {
    let bytes = shelf.get(&key(id))?.ok_or_else(|| missing(id))?;
    serde_json::from_slice(&bytes).map_err(|_| format!("note {id} is damaged"))
}

fn change(shelf: &mut impl Shelf, input: &Value) -> Result<Value, String> {
    let id = id_field(input)?;
    let mut note = read(shelf, id)?;
    if !input["title"].is_null() {
        note["title"] = title(input)?.into();
    }
    if !input["text"].is_null() {
        note["text"] = text(input)?.into();
    }
    note["changed"] = shelf.now().into();
    shelf.set(&key(id), note.to_string().as_bytes())?;
    Ok(note)
}

/// Newest first; only those whose title or text holds `wanted`, upper and lower case alike.
fn summaries(shelf: &impl Shelf, wanted: &str) -> Result<Vec<Value>, String> {
    let wanted = wanted.to_lowercase();
    let holds = |field: &Value| field.as_str().is_some_and(|text| text.to_lowercase().contains(&wanted));
    let mut found = Vec::new();
    for key in shelf.list(PREFIX)?.into_iter().rev() {
        let id = key[PREFIX.len()..].parse().map_err(|_| format!("the key {key:?} is damaged"))?;
        let note = read(shelf, id)?;
        if holds(&note["title"]) || holds(&note["text"]) {
            found.push(json!({ "id": id, "title": note["title"], "changed": note["changed"] }));
        }
    }
    Ok(found)
}

/// Padded, so that the order of keys is the order of numbers.
fn key(id: u64) -> String {
    format!("{PREFIX}{id:012}")
}

fn missing(id: u64) -> String {
    format!("there is no note {id}")
}

fn id_field(input: &Value) -> Result<u64, String> {
    input["id"].as_u64().ok_or_else(|| "the input needs \"id\", the number of a note".into())
}

fn text_field<'a>(input: &'a Value, name: &str) -> Result<&'a str, String> {
    input[name].as_str().ok_or_else(|| format!("the input needs {name:?}, a text"))
}

fn title(input: &Value) -> Result<&str, String> {
    let title = text_field(input, "title")?.trim();
    match title.chars().count() {
        0 => Err("the title is empty".into()),
        1..=TITLE_MAX => Ok(title),
        length => Err(format!("the title has {length} characters; {TITLE_MAX} are allowed")),
    }
}

fn text(input: &Value) -> Result<&str, String> {
    let text = input["text"].as_str().unwrap_or_default();
    if text.len() > TEXT_MAX {
        return Err(format!("the text has {} bytes; {TEXT_MAX} are allowed", text.len()));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Default)]
    struct Memory(BTreeMap<String, Vec<u8>>, u64);

    impl Shelf for Memory {
        fn get(&self, key: &str) -> Result<Option<Vec<u8>>, String> {
            Ok(self.0.get(key).cloned())
        }
        fn set(&mut self, key: &str, value: &[u8]) -> Result<(), String> {
            self.0.insert(key.into(), value.into());
            Ok(())
        }
        fn delete(&mut self, key: &str) -> Result<bool, String> {
            Ok(self.0.remove(key).is_some())
        }
        fn list(&self, prefix: &str) -> Result<Vec<String>, String> {
            Ok(self.0.keys().filter(|key| key.starts_with(prefix)).cloned().collect())
        }
        fn now(&self) -> u64 {
            self.1
        }
    }

    fn ask(shelf: &mut Memory, input: Value) -> Value {
        answer(shelf, &input).unwrap()
    }

    #[test]
    fn a_note_lives_from_add_to_remove() {
        let mut shelf = Memory::default();
        ask(&mut shelf, json!({ "action": "add", "title": " Milk ", "text": "two bottles" }));
        shelf.1 = 5;
        ask(&mut shelf, json!({ "action": "change", "id": 1, "text": "three bottles" }));

        let note = ask(&mut shelf, json!({ "action": "read", "id": 1 }));
        ask(&mut shelf, json!({ "action": "remove", "id": 1 }));

        assert_eq!(note, json!({ "id": 1, "title": "Milk", "text": "three bottles", "added": 0, "changed": 5 }));
        assert_eq!(ask(&mut shelf, json!({ "action": "list" })), json!({ "notes": [] }));
    }

    #[test]
    fn numbers_are_never_given_twice_and_the_newest_comes_first() {
        let mut shelf = Memory::default();
        for title in ["one", "two"] {
            ask(&mut shelf, json!({ "action": "add", "title": title }));
        }
        ask(&mut shelf, json!({ "action": "remove", "id": 2 }));
        ask(&mut shelf, json!({ "action": "add", "title": "three" }));

        let listed = ask(&mut shelf, json!({ "action": "list" }));

        let ids: Vec<u64> = listed["notes"].as_array().unwrap().iter().map(|n| n["id"].as_u64().unwrap()).collect();
        assert_eq!(ids, [3, 1]);
    }

    #[test]
    fn finding_looks_into_title_and_text() {
        let mut shelf = Memory::default();
        ask(&mut shelf, json!({ "action": "add", "title": "Shopping", "text": "MILK" }));
        ask(&mut shelf, json!({ "action": "add", "title": "Work" }));

        let found = ask(&mut shelf, json!({ "action": "find", "text": "milk" }));

        assert_eq!(found["notes"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn refusals_say_what_is_wrong() {
        let mut shelf = Memory::default();
        let mut refused = |input: Value| answer(&mut shelf, &input).unwrap_err();

        assert_eq!(refused(json!({ "action": "read", "id": 9 })), "there is no note 9");
        assert_eq!(refused(json!({ "action": "add", "title": " " })), "the title is empty");
        assert_eq!(refused(json!({ "action": "remove" })), "the input needs \"id\", the number of a note");
        assert!(refused(json!({ "action": "burn" })).starts_with("there is no action \"burn\""));
    }
}
