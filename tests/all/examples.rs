//! The example plugins as committed: they pass their own cases and get nothing they were not granted.

use std::path::Path;
use std::process::{Command, Output};

use pluginry::domain::Manifest;
use pluginry::runtime::{VerificationOutcome, VerificationRequest, verify_in_child};
use pluginry::wasm::{PackFiles, built_in_profile, inspect, pack, read_package};

const EXAMPLES: [&str; 3] = ["calculator", "notes", "text-tools"];

fn packed(name: &str) -> (tempfile::NamedTempFile, Manifest) {
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("plugins");
    let manifest = std::fs::read_to_string(plugins.join(name).join("plugin.toml")).expect("a manifest");
    let manifest = Manifest::from_toml(&manifest).expect("a valid manifest");
    let component = std::fs::read(plugins.join("built").join(format!("{name}.wasm"))).expect("a built file");
    let package = pack(&component, &manifest, &PackFiles::default()).expect("it packs");
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), package).expect("a written file");
    (file, manifest)
}

fn run(package: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pluginry"));
    command.arg("run").arg(package).args(["--call", "tool"]).args(arguments).output().expect("it starts")
}

#[tokio::test]
async fn every_example_is_accepted_and_passes_its_own_cases_the_same_twice() {
    for name in EXAMPLES {
        let (file, manifest) = packed(name);
        let profile = built_in_profile("pluginry:reference").unwrap();
        let request = VerificationRequest::new(&manifest, profile);

        let bytes = std::fs::read(file.path()).unwrap();
        let inspection = inspect(&read_package(&bytes, &Default::default()).unwrap(), profile);
        let executable = Path::new(env!("CARGO_BIN_EXE_pluginry"));
        let report = verify_in_child(executable, file.path(), &request).await.unwrap();

        assert!(inspection.is_accepted() && inspection.warnings.is_empty(), "{inspection}");
        assert_eq!(report.outcome, VerificationOutcome::Passed, "{name}");
        assert!(report.deterministic && report.cases.len() >= 4, "{name}");
    }
}

#[test]
fn a_missing_grant_is_explained_and_the_plugin_does_not_run() {
    let (file, _manifest) = packed("notes");

    let output = run(file.path(), &["--input", r#"{"action":"list"}"#]);

    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    assert!(
        said.contains("needs the capability `storage`") && said.contains("add --grant storage"),
        "{said}"
    );
}

#[test]
fn what_a_plugin_stores_outlives_the_call_in_the_file_given_for_it() {
    let (file, _manifest) = packed("notes");
    let folder = tempfile::tempdir().unwrap();
    let storage = folder.path().join("notes.json");
    let run = |input: &str| {
        let storage = storage.to_str().unwrap();
        run(file.path(), &["--grant", "storage", "--storage", storage, "--input", input])
    };

    let added = run(r#"{"action":"add","title":"Milk"}"#);
    let found = run(r#"{"action":"find","text":"mil"}"#);

    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let found: serde_json::Value = serde_json::from_slice(&found.stdout).unwrap();
    assert_eq!(found["notes"][0]["title"], "Milk");
}
