//! The cases under `tests/wasm/`: each packed, read back, bounded and, with a profile, inspected.
//!
//! The headers a case may carry are described in `tests/wasm/README.md`.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use pluginry::domain::{Manifest, Refusal};
use pluginry::wasm::{
    Finding, PackFiles, Package, PackageLimits, PreflightLimits, built_in_profile, inspect, pack, preflight,
    read_package,
};

const SMALLEST_MANIFEST: &str = r#"
[plugin]
name = "acme:sample"
version = "1.0.0"
description = "A sample"
license = "MIT"

[host]
profile = "pluginry:reference"
version = "^1.0"
"#;

#[test]
fn every_accept_case_is_accepted_and_every_reject_case_refused_as_expected() {
    let cases: Vec<Case> = ["accept", "reject"]
        .iter()
        .flat_map(|folder| case_files(folder))
        .map(|path| Case::read(&path))
        .collect();

    let wrong: Vec<String> = cases.iter().filter_map(Case::problem).collect();

    assert!(cases.len() > 30, "only {} cases found", cases.len());
    assert!(wrong.is_empty(), "{} of {} cases:\n\n{}", wrong.len(), cases.len(), wrong.join("\n\n"));
}

#[test]
fn a_header_that_is_misspelt_is_noticed() {
    let misspelt = std::panic::catch_unwind(|| Case::parse("x", ";; expects: wasm-invalid\n(module)"));

    assert!(misspelt.is_err());
}

/// One case: its text and what its header asks for.
#[derive(Default)]
struct Case {
    name: String,
    wat: String,
    expect: BTreeSet<String>,
    says: Vec<String>,
    warns: Option<BTreeSet<String>>,
    profile: Option<String>,
    manifest: String,
    memory_mib: Option<u32>,
    is_raw: bool,
    append: Vec<u8>,
    cut: usize,
}

/// What became of a case: refusals and warnings as (code, message).
#[derive(Default)]
struct Outcome {
    refusals: Vec<(String, String)>,
    warnings: Vec<(String, String)>,
}

impl Case {
    fn read(path: &Path) -> Self {
        let name = format!(
            "{}/{}",
            path.parent().unwrap().file_name().unwrap().to_string_lossy(),
            path.file_name().unwrap().to_string_lossy()
        );
        let case = Self::parse(&name, &fs::read_to_string(path).unwrap());
        let is_reject = name.starts_with("reject/");
        assert_eq!(is_reject, !case.expect.is_empty(), "{name}: `expect` belongs to every reject case alone");
        case
    }

    fn parse(name: &str, text: &str) -> Self {
        let mut case = Self { name: name.to_owned(), wat: text.to_owned(), ..Self::default() };
        let mut is_in_manifest = false;
        for line in text.lines().map_while(|line| line.strip_prefix(";;")) {
            if is_in_manifest && line.starts_with("   ") {
                case.manifest += line.trim_start();
                case.manifest.push('\n');
                continue;
            }
            is_in_manifest = false;
            // Prose may hold a colon; a key is one word before it.
            if let Some((key, value)) = line.trim().split_once(':').filter(|(key, _)| !key.contains(' ')) {
                is_in_manifest = key == "manifest" && value.is_empty();
                case.set(key, value.trim());
            }
        }
        case
    }

    fn set(&mut self, key: &str, value: &str) {
        let codes = || value.split(',').map(|code| code.trim().to_owned()).collect();
        match key {
            "expect" => self.expect = codes(),
            "says" => self.says.push(value.to_owned()),
            "warns" => self.warns = Some(codes()),
            "profile" => self.profile = Some(value.to_owned()),
            "manifest" if value.is_empty() => {}
            "manifest" => self.manifest = fs::read_to_string(root().join(value)).unwrap(),
            "memory-mib" => self.memory_mib = Some(value.parse().unwrap()),
            "pack" => self.is_raw = value == "no",
            "bytes" => match value.split_once(' ').unwrap() {
                ("append", digits) => self.append = hex::decode(digits).unwrap(),
                ("cut", count) => self.cut = count.parse().unwrap(),
                other => panic!("{}: unknown damage {other:?}", self.name),
            },
            other => panic!("{}: unknown header `{other}`", self.name),
        }
    }

    /// What differs from the header, if anything.
    fn problem(&self) -> Option<String> {
        let outcome = self.run();
        let codes: BTreeSet<String> = outcome.refusals.iter().map(|(code, _)| code.clone()).collect();
        if codes != self.expect {
            return Some(format!(
                "{}: expected {:?}, refused: {:#?}",
                self.name, self.expect, outcome.refusals
            ));
        }
        let message = outcome.refusals.first().map_or("", |(_, message)| message.as_str());
        if let Some(missing) = self.says.iter().find(|words| !message.contains(*words)) {
            return Some(format!("{}: {missing:?} is not in {message:?}", self.name));
        }
        let warned: BTreeSet<String> = outcome.warnings.iter().map(|(code, _)| code.clone()).collect();
        if self.warns.as_ref().is_some_and(|expected| *expected != warned) {
            return Some(format!(
                "{}: expected warnings {:?}, got {:#?}",
                self.name, self.warns, outcome.warnings
            ));
        }
        None
    }

    fn run(&self) -> Outcome {
        match self.run_until_refused() {
            Ok(outcome) => outcome,
            Err(refusal) => Outcome {
                refusals: vec![(refusal.code().to_owned(), refusal.to_string())],
                warnings: Vec::new(),
            },
        }
    }

    fn run_until_refused(&self) -> Result<Outcome, Box<dyn Refusal>> {
        let bytes = self.package_bytes()?;
        let package = read_package(&bytes, &PackageLimits::default()).map_err(boxed)?;
        preflight(&bytes, &PreflightLimits::with_memory_mib(self.memory_mib.unwrap_or(16))).map_err(boxed)?;
        match &self.profile {
            None => Ok(Outcome::default()),
            Some(profile) => Ok(inspected(&package, profile)),
        }
    }

    fn package_bytes(&self) -> Result<Vec<u8>, Box<dyn Refusal>> {
        let module = wat::parse_str(&self.wat).unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let mut bytes = if self.is_raw {
            module
        } else {
            let manifest = Manifest::from_toml(&self.manifest_toml()).map_err(boxed)?;
            pack(&module, &manifest, &PackFiles::default()).map_err(boxed)?
        };
        bytes.truncate(bytes.len() - self.cut);
        bytes.extend_from_slice(&self.append);
        Ok(bytes)
    }

    /// The smallest manifest with the case's own lines laid over it, table by table.
    fn manifest_toml(&self) -> String {
        let mut manifest: toml::Table = SMALLEST_MANIFEST.parse().unwrap();
        let own: toml::Table = self.manifest.parse().unwrap_or_else(|error| panic!("{}: {error}", self.name));
        for (key, value) in own {
            match (manifest.get_mut(&key).and_then(toml::Value::as_table_mut), value) {
                (Some(below), toml::Value::Table(above)) => below.extend(above),
                (_, value) => drop(manifest.insert(key, value)),
            }
        }
        toml::to_string(&manifest).unwrap()
    }
}

fn boxed<R: Refusal + 'static>(refusal: R) -> Box<dyn Refusal> {
    Box::new(refusal)
}

/// The findings of an inspection against a built-in profile.
fn inspected(package: &Package<'_>, profile: &str) -> Outcome {
    let profile = built_in_profile(profile).unwrap_or_else(|| panic!("no built-in profile {profile}"));
    let report = inspect(package, profile);
    let pairs = |findings: Vec<Finding>| findings.into_iter().map(|f| (f.code, f.message)).collect();
    Outcome { refusals: pairs(report.refusals), warnings: pairs(report.warnings) }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wasm")
}

fn case_files(folder: &str) -> Vec<PathBuf> {
    walkdir::WalkDir::new(root().join(folder))
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "wat"))
        .collect()
}
