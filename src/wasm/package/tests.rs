use proptest::prelude::*;

use super::super::testing::{manifest, package, wasm, with_section};
use super::super::{PackFiles, pack};
use super::*;

fn read(bytes: &[u8]) -> Result<Package<'_>, PackageError> {
    read_package(bytes, &PackageLimits::default())
}

fn code(bytes: &[u8]) -> &'static str {
    read(bytes).unwrap_err().code()
}

/// A module whose manifest section holds these bytes.
fn with_manifest(data: &[u8]) -> Vec<u8> {
    with_section(&wasm("(module)"), MANIFEST, data)
}

#[test]
fn a_core_module_and_a_component_are_read_with_all_their_files() {
    let files = PackFiles {
        readme: Some("# Sample".into()),
        changelog: Some("first".into()),
        license_text: Some("MIT".into()),
        icon: Some(b"\x89PNG\r\n\x1a\nrest".to_vec()),
    };

    for (wat, kind) in [("(module)", PackageKind::Core), ("(component)", PackageKind::Component)] {
        let bytes = pack(&wasm(wat), &manifest(), &files).unwrap();
        let read = read(&bytes).unwrap();

        assert_eq!((read.kind, &read.manifest), (kind, &manifest()));
        assert_eq!(read.manifest_digest, Digest::of(&manifest().to_canonical_json()));
        assert_eq!((read.readme, read.changelog), (Some("# Sample"), Some("first")));
        assert_eq!((read.license_text, read.icon), (Some("MIT"), files.icon.as_deref()));
        assert_eq!(read.bytes, bytes);
    }
}

#[test]
fn other_files_are_refused_by_their_kind() {
    let samples: &[(&[u8], &str)] = &[
        (b"PK\x03\x04rest", "a ZIP archive"),
        (b"\x1f\x8b\x08rest", "gzip-compressed data"),
        (b"\x7fELF\x02\x01", "an ELF executable or library"),
        (b"(module (func))", "WebAssembly text (.wat), not binary"),
        (b"<!DOCTYPE html><p>404", "an HTML page"),
        (b"\xff\xfe\x00\x01", "a file of an unknown kind"),
    ];

    for (bytes, expected) in samples {
        assert_eq!(read(bytes).unwrap_err(), PackageError::NotWasm { found: expected });
    }
}

#[test]
fn an_empty_file_an_unknown_version_and_a_cut_header_have_their_own_codes() {
    assert_eq!(code(b""), "package-empty");
    assert_eq!(code(b"\0asm\x02\0\0\0"), "wasm-version-unknown");
    assert_eq!(code(b"\0asm\x01"), "package-truncated");
}

#[test]
fn a_file_cut_at_any_byte_is_refused() {
    let bytes = package("(module (func (export \"run\")) (memory 1))");

    for length in 0..bytes.len() {
        assert!(read(&bytes[..length]).is_err(), "accepted at {length} of {}", bytes.len());
    }
    assert_eq!(code(&bytes[..bytes.len() - 1]), "package-truncated");
}

#[test]
fn trailing_bytes_are_refused() {
    for trailing in [&b"PK\x03\x04"[..], b"\0", b"\0\0", b"\x0e\0", b"\xff\xff\xff\xff\xff\xff\xff"] {
        let bytes = [&package("(module)"), trailing].concat();

        assert_eq!(code(&bytes), "package-trailing-bytes", "{trailing:?}");
    }
}

#[test]
fn a_file_over_the_limit_is_refused_before_it_is_read() {
    let limits = PackageLimits { package_bytes: 4, ..PackageLimits::default() };

    let error = read_package(b"PK\x03\x04rest", &limits).unwrap_err();

    assert_eq!(error, PackageError::TooLarge { size_bytes: 8, allowed_bytes: 4 });
}

#[test]
fn the_manifest_must_be_there_once_valid_canonical_and_small() {
    let json = manifest().to_canonical_json();
    let spaced = [b" ", &json[..]].concat();

    assert_eq!(code(&wasm("(module)")), "manifest-missing");
    assert_eq!(code(&with_section(&package("(module)"), MANIFEST, &json)), "manifest-duplicate");
    assert_eq!(code(&with_manifest(b"{")), "manifest-invalid");
    assert_eq!(code(&with_manifest(b"\xff")), "manifest-invalid");
    assert_eq!(code(&with_manifest(&spaced)), "manifest-not-canonical");
    assert_eq!(code(&with_manifest(&vec![b' '; 65 * 1024])), "manifest-too-large");
}

#[test]
fn a_manifest_inside_a_nested_module_does_not_count() {
    let wat = r#"(component (core module (@custom "pluginry:manifest" "{}")))"#;

    assert_eq!(code(&wasm(wat)), "manifest-missing");
    assert!(read(&package(wat)).is_ok());
}

#[test]
fn a_text_twice_too_long_or_not_text_is_refused() {
    let with_readme = with_section(&package("(module)"), README, b"one");

    assert_eq!(code(&with_section(&with_readme, README, b"two")), "section-duplicate");
    for section in [README, CHANGELOG, LICENSE] {
        let with = |data: &[u8]| with_section(&package("(module)"), section, data);
        assert_eq!(code(&with(&vec![b'x'; (512 << 10) + 1])), "text-too-large");
        assert_eq!(code(&with(b"caf\xe9")), "text-not-utf8");
        assert_eq!(code(&with(b"a\0b")), "text-not-utf8");
        assert!(read(&with(&vec![b'x'; 512 << 10])).is_ok());
    }
}

#[test]
fn an_icon_must_be_a_small_png_or_webp() {
    let with = |data: &[u8]| with_section(&package("(module)"), ICON, data);
    let large = [b"\x89PNG\r\n\x1a\n", &vec![0; 256 << 10][..]].concat();

    assert!(read(&with(b"RIFF\x04\0\0\0WEBPVP8 ")).is_ok());
    assert_eq!(code(&with(&large)), "icon-too-large");
    for (data, found) in [
        (&b"<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\"/>"[..], "an SVG image"),
        (b"\xff\xd8\xff\xe0", "a JPEG image"),
        (b"GIF89a", "a GIF image"),
        (b"", "a file of an unknown kind"),
    ] {
        assert_eq!(read(&with(data)).unwrap_err(), PackageError::IconKind { found });
    }
}

#[test]
fn a_section_name_of_ours_that_means_nothing_is_refused() {
    let bytes = with_section(&package("(module)"), "pluginry:readmee", b"x");

    assert_eq!(code(&bytes), "section-unknown");
}

#[test]
fn every_refusal_reads_well() {
    let with = |name: &str, data: &[u8]| with_section(&package("(module)"), name, data);
    let cases: Vec<Vec<u8>> = vec![
        vec![],
        b"PK\x03\x04rest".to_vec(),
        b"\0asm\x02\0\0\0".to_vec(),
        package("(module)")[..40].to_vec(),
        [&package("(module)"), &b"PK\x03\x04"[..]].concat(),
        wasm("(module)"),
        with(MANIFEST, b"{}"),
        with(README, b"caf\xe9"),
        with("pluginry:signature", b""),
        with(ICON, b"<svg/>"),
        with_manifest(b"{\"plugin\":{\"name\":\"acme\"}}"),
    ];

    let mut words = String::new();
    for bytes in cases {
        let error = read(&bytes).unwrap_err();
        words += &format!("{}: {error}\n    {}\n", error.code(), error.mend().unwrap());
    }

    insta::assert_snapshot!(words);
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let _ = read(&bytes);
        let _ = read(&[b"\0asm\x01\0\0\0", &bytes[..]].concat());
        let _ = read(&[b"\0asm\x0d\0\x01\0", &bytes[..]].concat());
    }

    #[test]
    fn mutated_packages_never_panic(at in any::<proptest::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = package("(module (func (export \"run\")) (memory 1) (data (i32.const 0) \"x\"))");
        let index = at.index(bytes.len());
        bytes[index] = byte;

        let _ = read(&bytes);
    }
}
