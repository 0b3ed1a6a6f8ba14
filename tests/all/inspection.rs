//! Inspection reports as a person reads them, and that no package makes inspection panic.

use std::fs;
use std::path::Path;

use pluginry::domain::{HostProfile, Manifest};
use pluginry::wasm::{
    InspectionReport, PackFiles, PackageLimits, built_in_profile, built_in_profiles, derive_capabilities,
    inspect, pack, read_package,
};
use proptest::prelude::*;

fn manifest(host: &str, rest: &str) -> Manifest {
    Manifest::from_toml(&format!(
        "{rest}\n[plugin]\nname = 'acme:sample'\nversion = '1.0.0'\ndescription = 'A sample'\nlicense = 'MIT'\n\
         [host]\nprofile = '{host}'\nversion = '*'\n"
    ))
    .unwrap()
}

/// Inspects a module in text form whose manifest starts with `rest` (top-level keys and inline tables).
fn inspected(wat: &str, host: &str, rest: &str) -> InspectionReport {
    let module = wat::parse_str(wat).unwrap();
    let bytes = pack(&module, &manifest(host, rest), &PackFiles::default()).unwrap();
    inspect(&read_package(&bytes, &PackageLimits::default()).unwrap(), built_in_profile(host).unwrap())
}

fn case(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wasm").join(file)).unwrap()
}

#[test]
fn a_module_without_imports_is_pure_computation() {
    let report = inspected("(module (func (export \"_start\")))", "wasi:cli", "");

    assert!(report.is_accepted());
    assert_eq!(report.risk(), None);
    insta::assert_snapshot!(report);
}

#[test]
fn a_report_says_powers_first_and_why_each_import_is_allowed() {
    let report = inspected(
        &case("accept/inspect-preview1-declared.wat"),
        "wasi:cli",
        "capabilities.file-read = { paths = ['/data'], reason = 'reads the templates' }\n\
         capabilities.environment = { variables = ['RUST_BACKTRACE'] }\n\
         capabilities.network = {}",
    );

    assert!(report.is_accepted());
    insta::assert_snapshot!(report);
}

#[test]
fn a_refused_report_names_place_and_mend_of_everything_at_once() {
    let report = inspected(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_wrote" (func (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "random_get" (func (param i64)))
            (import "wasi_snapshot_preview1" "path_open" (func (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "sock_send" (func (param i32 i32 i32 i32 i32) (result i32)))
            (import "evil\u{1b}[31m" "\u{202e}gnp.exe" (func)))"#,
        "wasi:cli",
        "capabilities.file-write = { paths = ['/out'] }\nlimits.memory-mib = 300",
    );

    assert!(!report.is_accepted());
    insta::assert_snapshot!(report);
}

#[test]
fn the_report_of_a_component_as_json() {
    let report = inspected(
        &case("accept/inspect-component-tool.wat"),
        "pluginry:reference",
        "capabilities.storage = { reason = 'remembers the last answer' }",
    );

    insta::assert_json_snapshot!(report);
    let read_again: InspectionReport =
        serde_json::from_str(&serde_json::to_string(&report).unwrap()).unwrap();
    assert_eq!(read_again, report);
}

#[test]
fn what_imports_need_is_derived_from_the_bytes_alone() {
    let wasi = built_in_profile("wasi:cli").unwrap();
    let needs = |file: &str, profile: &HostProfile| {
        derive_capabilities(&wat::parse_str(case(file)).unwrap(), profile).map_err(|error| error.to_string())
    };

    let declared = needs("accept/inspect-preview1-declared.wat", wasi).unwrap();
    let nested = needs("accept/inspect-nested-module-imports.wat", wasi).unwrap();
    let unknown = needs("reject/inspect-unknown-import.wat", wasi).unwrap_err();

    let names: Vec<String> = declared.keys().map(ToString::to_string).collect();
    assert_eq!(names, ["environment", "file-read"]);
    assert!(nested.is_empty());
    assert_eq!(
        unknown,
        "the package imports `wasi_snapshot_preview1.fd_wrote`, which wasi:cli@0.2.0 does not offer"
    );
}

/// Import modules and names: some that profiles know, some near them, some that are neither.
fn any_import() -> impl Strategy<Value = (String, String, &'static str)> {
    let module = prop_oneof![
        Just("wasi_snapshot_preview1".to_owned()),
        Just("extism:host/env".to_owned()),
        Just("env".to_owned()),
        "\\PC{0,12}",
    ];
    let name = prop_oneof![Just("path_open".to_owned()), Just("http_request".to_owned()), "\\PC{0,12}"];
    let ty = prop_oneof![
        Just("(func)"),
        Just("(func (param i64 i64) (result i64))"),
        Just("(func (param f32 v128 externref) (result i32 i32))"),
        Just("(memory 1)"),
        Just("(memory i64 1 2)"),
        Just("(global (mut i32))"),
        Just("(table 1 funcref)"),
        Just("(tag)"),
    ];
    (module, name, ty)
}

/// Names and shapes of component imports.
fn any_component_import() -> impl Strategy<Value = (String, &'static str)> {
    let name = prop_oneof![
        Just("pluginry:plugin/kv@1.0.0".to_owned()),
        Just("pluginry:plugin/log".to_owned()),
        "wasi:(http|filesystem)/[a-z]{1,8}(@0\\.2\\.[0-9])?",
        "[a-z]{1,8}",
        Just("url=<https://example.org/x>".to_owned()),
    ];
    let shape = prop_oneof![
        Just("(instance)"),
        Just("(instance (export \"get\" (func (param \"key\" string) (result (list u8)))))"),
        Just("(instance (export \"r\" (type (sub resource))) (export \"n\" (instance)))"),
        Just("(func (param \"x\" (tuple (option u8) (result string))))"),
    ];
    (name, shape)
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("\\{byte:02x}")).collect()
}

fn never_panics(bytes: &[u8]) {
    if let Ok(package) = read_package(bytes, &PackageLimits::default()) {
        for profile in built_in_profiles() {
            let report = inspect(&package, profile);
            assert!(report.to_string().lines().all(|line| !line.contains(char::is_control)));
            // What the client derives never needs less than what the registry accepted.
            if report.is_accepted() {
                let needed = derive_capabilities(bytes, profile).unwrap();
                assert!(needed.keys().all(|name| package.manifest.capabilities.contains_key(name)));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn inspection_never_panics_on_modules(imports in prop::collection::vec(any_import(), 0..30), host in 0..6_usize) {
        let lines: String = imports
            .iter()
            .map(|(module, name, ty)| format!("(import \"{}\" \"{}\" {ty})\n", escaped(module), escaped(name)))
            .collect();
        let host = built_in_profiles()[host].name.to_string();
        let module = wat::parse_str(format!("(module {lines} (func (export \"_start\")))")).unwrap();

        let bytes = pack(&module, &manifest(&host, "capabilities.network = {}"), &PackFiles::default());

        if let Ok(bytes) = bytes {
            never_panics(&bytes);
        }
    }

    #[test]
    fn inspection_never_panics_on_components(imports in prop::collection::vec(any_component_import(), 0..6)) {
        let lines: String =
            imports.iter().map(|(name, shape)| format!("(import \"{name}\" {shape})\n")).collect();
        let module = wat::parse_str(format!("(component {lines})")).unwrap();

        let bytes = pack(&module, &manifest("pluginry:reference", "capabilities.storage = {}"), &PackFiles::default());

        if let Ok(bytes) = bytes {
            never_panics(&bytes);
        }
    }

    #[test]
    fn inspection_never_panics_on_damaged_packages(places in prop::collection::vec((0..2_000_usize, any::<u8>()), 1..8)) {
        let module = wat::parse_str(case("accept/inspect-component-tool.wat")).unwrap();
        let manifest = manifest("pluginry:reference", "capabilities.storage = {}");
        let mut bytes = pack(&module, &manifest, &PackFiles::default()).unwrap();

        for (place, byte) in places {
            let place = place % bytes.len();
            bytes[place] = byte;
        }

        never_panics(&bytes);
    }
}
