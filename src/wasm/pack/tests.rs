use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::super::testing::{manifest, package, wasm, with_section};
use super::*;

const WIT: &str = "package acme:calc;\nworld plugin { import log: func(line: string); export double: func(n: u32) -> u32; }";

/// A core module as wit-bindgen leaves it: canonical names and the world in a custom section.
fn module_with_wit(export: &str) -> Vec<u8> {
    let wat = format!(
        r#"(module
            (import "$root" "log" (func (param i32 i32)))
            (memory (export "memory") 1)
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 0)
            (func (export "{export}") (param i32) (result i32) local.get 0 i32.const 2 i32.mul))"#
    );
    let mut module = wasm(&wat);
    let mut resolve = Resolve::default();
    let package = resolve.push_str("calc.wit", WIT).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    module
}

fn files() -> PackFiles {
    PackFiles { readme: Some("# Hi".into()), ..PackFiles::default() }
}

/// The top-level custom sections as `name=text`.
fn custom_sections(bytes: &[u8]) -> Vec<String> {
    let kind = package_kind(bytes, u64::MAX).unwrap();
    Sections::new(bytes, kind)
        .map(Result::unwrap)
        .filter_map(|section| {
            let name = section.custom_name?;
            Some(format!("{name}={}", String::from_utf8_lossy(section.data)))
        })
        .collect()
}

#[test]
fn packing_is_deterministic_and_packing_again_changes_nothing() {
    for wat in ["(module (func $f))", "(component (core module $m (func $inner)))"] {
        let once = pack(&wasm(wat), &manifest(), &files()).unwrap();
        let again = pack(&once, &manifest(), &files()).unwrap();

        assert_eq!(once, pack(&wasm(wat), &manifest(), &files()).unwrap());
        assert_eq!(once, again);
    }
}

#[test]
fn packing_again_replaces_the_manifest_and_drops_files_that_are_gone() {
    let first = pack(&wasm("(module)"), &manifest(), &files()).unwrap();
    let mut newer = manifest();
    newer.plugin.version = "1.1.0".parse().unwrap();
    newer.plugin.description = "Another text".into();

    let second = pack(&first, &newer, &PackFiles::default()).unwrap();

    let read = read_package(&second, &PackageLimits::default()).unwrap();
    assert_eq!((read.manifest, read.readme), (newer, None));
    let metadata = custom_sections(&second);
    assert_eq!(metadata.iter().filter(|section| section.starts_with("description=")).count(), 1);
}

#[test]
fn standard_metadata_is_written_where_other_tools_look() {
    let mut manifest = manifest();
    manifest.plugin.authors = vec!["Ada <ada@example.org>".into(), "Bo".into()];
    manifest.plugin.homepage = Some("https://example.org/".into());
    manifest.plugin.repository = Some("https://example.org/git".into());

    let package = pack(&wasm("(module)"), &manifest, &PackFiles::default()).unwrap();

    let sections = custom_sections(&package);
    assert_eq!(
        sections[1..7],
        [
            "authors=Ada <ada@example.org>, Bo",
            "description=A sample",
            "licenses=MIT",
            "source=https://example.org/git",
            "homepage=https://example.org/",
            "version=1.0.0",
        ]
    );
}

#[test]
fn debug_names_survive_under_the_plugins_name() {
    let package = package("(module $old (func $inner))");

    let names = wasmparser::Parser::new(0)
        .parse_all(&package)
        .find_map(|payload| match payload.unwrap() {
            wasmparser::Payload::CustomSection(section) if section.name() == "name" => {
                Some(ModuleNames::from_bytes(section.data(), 0).unwrap().get_name().cloned())
            }
            _ => None,
        })
        .flatten();
    assert_eq!(names.as_deref(), Some("acme:sample"));
    assert!(package.windows(5).any(|window| window == b"inner"));
}

#[test]
fn a_broken_name_section_does_not_stand_in_the_way() {
    let module = with_section(&wasm("(module)"), "name", b"\xff\xff\xff");

    assert!(pack(&module, &manifest(), &PackFiles::default()).is_ok());
}

#[test]
fn what_reading_would_refuse_is_not_packed() {
    let module = wasm("(module)");
    let svg = PackFiles { icon: Some(b"<svg/>".to_vec()), ..PackFiles::default() };
    let mut bad_manifest = manifest();
    bad_manifest.plugin.license = "free".into();
    let code = |result: Result<Vec<u8>, PackError>| result.unwrap_err().code();

    assert_eq!(code(pack(&module, &manifest(), &svg)), "icon-kind");
    assert_eq!(code(pack(&module, &bad_manifest, &files())), "manifest-field-invalid");
    assert_eq!(code(pack(b"PK\x03\x04", &manifest(), &files())), "package-not-wasm");
    assert_eq!(
        code(pack(&[&module, &b"\x7f"[..]].concat(), &manifest(), &files())),
        "package-trailing-bytes"
    );
}

#[test]
fn a_module_that_carries_wit_becomes_a_component() {
    let module = module_with_wit("double");

    let component = componentize(&module).unwrap();

    assert_eq!(module_form(&module).unwrap(), ModuleForm::CoreWithWit);
    assert_eq!(module_form(&component).unwrap(), ModuleForm::Component);
    assert_eq!(component, componentize(&module).unwrap());
    let package = pack(&component, &manifest(), &files()).unwrap();
    let facts = super::super::preflight(&package, &super::super::PreflightLimits::default()).unwrap();
    assert!(facts.modules >= 1 && facts.instances >= 1);
}

#[test]
fn what_cannot_become_a_component_says_why() {
    assert_eq!(module_form(&wasm("(module)")).unwrap(), ModuleForm::PlainCore);
    assert_eq!(componentize(&wasm("(module)")).unwrap_err(), PackError::NoWit);
    assert_eq!(componentize(&wasm("(component)")).unwrap_err(), PackError::AlreadyComponent);

    let error = componentize(&module_with_wit("triple")).unwrap_err();
    assert_eq!(error.code(), "component-not-encodable");
    assert!(error.to_string().contains("double"), "{error}");
}
