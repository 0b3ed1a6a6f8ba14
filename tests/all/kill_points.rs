//! Kill points stand where their list says, once each, and nowhere in what is shipped.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use pluginry::kill_points::ALL;

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// How often each point is passed in the source, by name.
fn placed() -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for entry in walkdir::WalkDir::new(source()) {
        let entry = entry.unwrap();
        if entry.path().extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let text = std::fs::read_to_string(entry.path()).unwrap();
        for rest in text.split("kill_points::pass(").skip(1) {
            let name = rest.strip_prefix('"').and_then(|rest| rest.split_once('"'));
            let (name, _) =
                name.unwrap_or_else(|| panic!("{}: a point without a literal name", entry.path().display()));
            *found.entry(name.to_owned()).or_default() += 1;
        }
    }
    found
}

#[test]
fn every_point_is_listed_and_stands_exactly_once() {
    let listed: BTreeMap<String, usize> = ALL.iter().map(|(name, _)| ((*name).to_owned(), 1)).collect();

    assert_eq!(placed(), listed);
}

#[test]
fn what_is_shipped_knows_no_point() {
    let folder = tempfile::tempdir().unwrap();
    let walk: String = ALL.iter().map(|(name, _)| format!("    kill_points::pass({name:?});\n")).collect();
    let path = source().join("kill_points.rs");
    let program = format!("#[path = {path:?}]\npub mod kill_points;\npub fn walk() {{\n{walk}}}\n");
    std::fs::write(folder.path().join("walk.rs"), program).unwrap();

    let compiled = Command::new(env!("CARGO").replace("cargo", "rustc"))
        .args([
            "--edition=2024",
            "--crate-type=rlib",
            "-Copt-level=3",
            "--emit=obj",
            "-o",
            "walk.o",
            "walk.rs",
        ])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let object = std::fs::read(folder.path().join("walk.o")).unwrap();

    let text = String::from_utf8_lossy(&object);
    assert!(text.contains("walk"), "the object names its function");
    let known: Vec<&str> = ALL
        .iter()
        .map(|(name, _)| *name)
        .chain(["PLUGINRY_TEST"])
        .filter(|name| text.contains(name))
        .collect();
    assert_eq!(known, [] as [&str; 0]);
}
