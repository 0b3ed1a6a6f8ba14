//! The house rule: imports point one way, and time, randomness and SQL stay in their rooms.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Rooms that touch nothing outside: every other room may build on them.
const PURE: &[&str] = &["domain", "wasm", "signing", "log", "trust", "resolver"];
/// Rooms that the registry's use cases stand on.
const GROUND: &[&str] = &["runtime", "db", "storage", "config", "telemetry"];

/// For each room under `src/`, the groups of rooms it may import from (beside itself).
const MAY_IMPORT: &[(&str, &[&[&str]])] = &[
    ("domain", &[]),
    ("kill_points", &[]),
    ("wasm", &[&["domain"]]),
    ("signing", &[&["domain"]]),
    ("log", &[&["domain", "signing"]]),
    ("trust", &[&["domain", "wasm", "signing", "log"]]),
    ("resolver", &[&["domain"]]),
    ("runtime", &[&["domain", "wasm", "signing", "resolver"]]),
    ("db", &[&["domain"]]),
    ("storage", &[&["domain", "kill_points"]]),
    ("client", &[PURE]),
    ("registry", &[PURE, GROUND, &["kill_points"]]),
    ("jobs", &[PURE, GROUND, &["kill_points", "registry"]]),
    ("http", &[PURE, GROUND, &["registry", "jobs"]]),
    ("cli", &[PURE, &["runtime", "registry", "jobs", "http", "client", "config", "telemetry"]]),
    ("config", &[&["domain"]]),
    ("telemetry", &[&["domain", "config"]]),
];

#[test]
fn imports_point_one_way() {
    let allowed: BTreeMap<&str, &[&[&str]]> = MAY_IMPORT.iter().copied().collect();

    let mut wrong = Vec::new();
    for file in rust_files(&source_root()) {
        let room = room_of(&file);
        if matches!(room.as_str(), "lib" | "main") {
            continue;
        }
        let Some(may) = allowed.get(room.as_str()) else {
            wrong.push(format!("{}: the room `{room}` is not in MAY_IMPORT", file.display()));
            continue;
        };
        for (number, target) in crate_paths(&fs::read_to_string(&file).unwrap()) {
            if target != room && !may.concat().contains(&target.as_str()) {
                wrong.push(format!("{}:{number}: `{room}` imports from `{target}`", file.display()));
            }
        }
    }

    assert!(wrong.is_empty(), "wrong arrows:\n{}", wrong.join("\n"));
}

#[test]
fn sql_is_written_in_the_database_room_only() {
    let statements = ["SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM "];

    let offenders: Vec<String> = rust_files(&source_root())
        .into_iter()
        .filter(|file| room_of(file) != "db")
        .flat_map(|file| {
            let text = fs::read_to_string(&file).unwrap();
            text.lines()
                .enumerate()
                .filter(|(_, line)| !line.trim_start().starts_with("//"))
                .filter(|(_, line)| statements.iter().any(|sql| line.contains(&format!("\"{sql}"))))
                .map(|(index, line)| format!("{}:{}: {}", file.display(), index + 1, line.trim()))
                .collect::<Vec<_>>()
        })
        .collect();

    assert!(offenders.is_empty(), "SQL outside src/db:\n{}", offenders.join("\n"));
}

#[test]
fn the_scanner_sees_every_way_of_naming_a_room() {
    let text = "use crate::db::releases;\nlet x = crate::http::error::Problem;\nuse crate::{domain::Digest, wasm};\n// crate::cli\n";

    let seen: Vec<String> = crate_paths(text).into_iter().map(|(_, room)| room).collect();

    assert_eq!(seen, ["db", "http", "domain", "wasm"]);
}

fn source_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn rust_files(root: &Path) -> Vec<PathBuf> {
    walkdir::WalkDir::new(root)
        .sort_by_file_name()
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "rs"))
        .map(walkdir::DirEntry::into_path)
        .collect()
}

/// The first folder below `src/`, or the file's stem when it lies in `src/` itself.
fn room_of(file: &Path) -> String {
    let relative = file.strip_prefix(source_root()).unwrap();
    let first = relative.components().next().unwrap().as_os_str();
    Path::new(first).file_stem().unwrap().to_string_lossy().into_owned()
}

/// Every `crate::room` named in code, with its line number.
fn crate_paths(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        for rest in code.split("crate::").skip(1) {
            match rest.strip_prefix('{') {
                Some(group) => found.extend(group_heads(group).map(|room| (index + 1, room))),
                None => found.push((index + 1, identifier(rest))),
            }
        }
    }
    found.retain(|(_, room)| room.starts_with(|c: char| c.is_ascii_lowercase()));
    found
}

/// The first identifier of each item of `a::b, c, d::{e, f}}`, not of what is nested.
fn group_heads(group: &str) -> impl Iterator<Item = String> {
    let mut depth = 0_i32;
    let mut heads = vec![identifier(group)];
    for (position, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => heads.push(identifier(group[position + 1..].trim_start())),
            _ => {}
        }
    }
    heads.into_iter()
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}
