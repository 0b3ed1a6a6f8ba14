use proptest::prelude::*;

use super::*;

const SMALLEST: &str = r#"
[plugin]
name = "acme:markdown"
version = "1.2.0"
description = "Renders CommonMark to HTML"
license = "MIT"

[host]
profile = "pluginry:reference"
version = "^1.0"
"#;

const LARGEST: &str = r##"
[plugin]
name = "acme:markdown"
version = "1.2.0"
description = "Renders CommonMark to HTML"
license = "MIT OR Apache-2.0 WITH LLVM-exception"
authors = ["Ada <ada@example.org>"]
homepage = "https://example.org/markdown"
repository = "https://example.org/markdown.git"
keywords = ["markdown"]
categories = ["text"]
singleton = true

[host]
profile = "pluginry:reference"
version = "^1.0"
extension-points = ["tool", "http-endpoint"]
hooks = [{ point = "post_chunk", priority = 50 }]

[capabilities]
network = { hosts = ["api.example.com:443"], reason = "fetches feeds" }
file-read = { paths = ["/workspace"] }
kv = {}

[limits]
memory-mib = 16
call-ms = 100

[dependencies]
"acme:tokenizer" = "^1.0"
"acme:themes" = { version = "^2", optional = true }

[provides]
"text:renderer" = "1.0.0"
[conflicts]
"old:markdown" = "*"

[[verify]]
name = "renders a heading"
call = "tool"
input = { text = "# Hi", scale = 1.50, whole = 2.0, list = [] }
expect = { json = { html = "<h1>Hi</h1>\n" } }

[[verify]]
name = "refuses nothing"
call = "tool"
expect = { error = "empty" }
"##;

/// The smallest manifest with one more line in a section.
fn with(section: &str, line: &str) -> Result<Manifest, ManifestError> {
    let header = format!("[{section}]\n");
    let text = match SMALLEST.contains(&header) {
        true => {
            let key = line.split(" =").next().unwrap();
            let kept: Vec<&str> = SMALLEST
                .lines()
                .filter(|kept| !(kept.starts_with(&format!("{key} =")) && section_of(kept) == section))
                .collect();
            kept.join("\n").replace(&header, &format!("{header}{line}\n"))
        }
        false => format!("{SMALLEST}\n{header}{line}\n"),
    };
    Manifest::from_toml(&text)
}

/// `version` stands in both sections of the smallest manifest; they differ in how it is written.
fn section_of(line: &str) -> &'static str {
    if line.contains('^') || line.starts_with("profile") { "host" } else { "plugin" }
}

fn refusal(section: &str, line: &str) -> String {
    with(section, line).unwrap_err().to_string()
}

#[test]
fn every_field_is_read_and_comes_back_the_same() {
    for text in [SMALLEST, LARGEST] {
        let manifest = Manifest::from_toml(text).unwrap();

        let json = manifest.to_canonical_json();

        assert_eq!(Manifest::from_canonical_json(&json).unwrap(), manifest);
        assert!(!json.contains(&b'\n'));
    }
}

#[test]
fn toml_mistakes_are_told_by_line_and_column() {
    let cases = [
        ("[plugin]\nname = \"acme:x\"\nversion = 1\n", "line 3, column 11:"),
        ("[plugin]\nnaem = \"acme:x\"\n", "line 2, column 1: unknown field `naem`"),
        ("[plugin\n", "line 1, column 8:"),
        ("é = \"\0\"", "line 1"),
        ("[plugin]\nname = \"Acme:x\"\n", "line 2, column 8: namespace \"Acme\""),
    ];

    for (text, expected) in cases {
        let error = Manifest::from_toml(text).unwrap_err();

        assert_eq!(error.code(), "manifest-invalid");
        assert!(error.to_string().contains(expected), "{expected} in {error}");
    }
}

#[test]
fn every_refusal_names_its_field() {
    let many = |count: usize| (0..count).map(|n| format!("\"k{n}\"")).collect::<Vec<_>>().join(", ");
    let lines = [
        ("plugin", "description = \"\"".to_owned()),
        ("plugin", format!("description = \"{}\"", "x".repeat(201))),
        ("plugin", "description = \"two\\nlines\"".into()),
        ("plugin", "description = \" padded\"".into()),
        ("plugin", "description = \"safe\\u202Etxt.exe\"".into()),
        ("plugin", "description = \"bell\\u0007\"".into()),
        ("plugin", "license = \"GPL\"".into()),
        ("plugin", "license = \"GPL-3.0\"".into()),
        ("plugin", "license = \"MIT OR\"".into()),
        ("plugin", format!("license = \"{}MIT{}\"", "(".repeat(150), ")".repeat(150))),
        ("plugin", "authors = [\"Ada\", \"\"]".into()),
        ("plugin", format!("authors = [{}]", many(17))),
        ("plugin", "homepage = \"javascript:alert(1)\"".into()),
        ("plugin", "homepage = \"https://user:secret@example.org\"".into()),
        ("plugin", "repository = \"git@example.org:x\"".into()),
        ("plugin", "repository = \"https://exa mple.org\"".into()),
        ("plugin", format!("keywords = [{}]", many(11))),
        ("plugin", "keywords = [\"Markdown\"]".into()),
        ("plugin", "keywords = [\"a\", \"a\"]".into()),
        ("plugin", "categories = [\"text processing\"]".into()),
        ("host", "extension-points = [\"Tool\"]".into()),
        ("host", "hooks = [{ point = \"post-chunk!\" }]".into()),
        ("host", "hooks = [{ point = \"a\" }, { point = \"a\" }]".into()),
        ("host", "hooks = [{ point = \"a\", priority = 1000001 }]".into()),
        ("capabilities", format!("network = {{ reason = \"{}\" }}", "x".repeat(201))),
        ("capabilities", "network = { hosts = [] }".into()),
        ("capabilities", "network = { hosts = [\"ex\u{430}mple.org\"] }".into()),
        ("capabilities", "network = { hosts = [\"a\", \"a\"] }".into()),
        ("capabilities", format!("network = {{ hosts = [{}] }}", many(65))),
        ("capabilities", "network = { Hosts = [\"a\"] }".into()),
        ("capabilities", "file-read = { paths = [\"/a/../etc\"] }".into()),
        ("limits", "memory-mib = 0".into()),
        ("limits", "call-ms = 600001".into()),
        ("dependencies", "\"acme:markdown\" = \"*\"".into()),
        ("provides", "\"acme:markdown\" = \"1.0.0\"".into()),
        ("conflicts", "\"acme:markdown\" = \"*\"".into()),
        ("[verify]", "name = \"\"\ncall = \"tool\"\nexpect = { contains = \"x\" }".into()),
        ("[verify]", "name = \"a\"\ncall = \"tool\"\nexpect = { contains = \"\" }".into()),
        ("[verify]", "name = \"a\"\ncall = \"tool\"\ninput = { n = [9007199254740993] }\nexpect = { contains = \"x\" }".into()),
        ("[verify]", "name = \"a\"\ncall = \"tool\"\ninput = { at = 2026-01-01 }\nexpect = { contains = \"x\" }".into()),
        ("[verify]", "name = \"a\"\ncall = \"t\"\nexpect = { contains = \"x\" }\n[[verify]]\nname = \"a\"\ncall = \"t\"\nexpect = { contains = \"x\" }".into()),
    ];

    let words: Vec<String> = lines.iter().map(|(section, line)| refusal(section, line)).collect();

    insta::assert_snapshot!(words.join("\n"));
}

#[test]
fn lists_are_bounded() {
    let table = |header: &str, count: usize, line: &dyn Fn(usize) -> String| {
        let lines: Vec<String> = (0..count).map(line).collect();
        Manifest::from_toml(&format!("{SMALLEST}\n{header}\n{}\n", lines.join("\n")))
    };
    let dependency = |n: usize| format!("\"acme:d{n}\" = \"*\"");
    let version = |n: usize| format!("\"acme:d{n}\" = \"1.0.0\"");
    let capability = |n: usize| format!("c{n} = {{}}");
    let case = |n: usize| {
        format!("[[verify]]\nname = \"case {n}\"\ncall = \"tool\"\nexpect = {{ contains = \"x\" }}")
    };

    for (header, most, line) in [
        ("[dependencies]", 64, &dependency as &dyn Fn(usize) -> String),
        ("[conflicts]", 64, &dependency),
        ("[provides]", 16, &version),
        ("[capabilities]", 32, &capability),
        ("", 32, &case),
    ] {
        assert!(table(header, most, line).is_ok(), "{header} {most}");
        assert_eq!(table(header, most + 1, line).unwrap_err().code(), "manifest-field-invalid", "{header}");
    }
}

#[test]
fn ordinary_texts_of_every_script_are_accepted() {
    for description in ["Überträgt Märkte", "마크다운", "عربي بسيط", "naïve 👩‍💻 emoji", "{\\\"a\\\": \\\\ /}"]
    {
        assert!(with("plugin", &format!("description = \"{description}\"")).is_ok(), "{description}");
    }
}

#[test]
fn other_json_forms_of_the_same_manifest_are_not_canonical() {
    let json = String::from_utf8(Manifest::from_toml(LARGEST).unwrap().to_canonical_json()).unwrap();

    for other in [
        format!("{json}\n"),
        json.replacen("\"^1.0\"", "{\"version\":\"^1.0\"}", 1),
        json.replacen("\"version\":\"^1.0\"", "\"version\":\"1.0\"", 1),
        json.replacen("1.5", "1.50", 1),
        json.replacen("\"kv\":{}", "\"kv\":{},\"kv\":{}", 1),
    ] {
        assert_ne!(other, json);
        assert_eq!(Manifest::from_canonical_json(other.as_bytes()).unwrap_err(), ManifestError::NotCanonical);
    }
}

#[test]
fn an_oversized_manifest_is_refused_before_it_is_parsed() {
    let long = "#".repeat(MANIFEST_MAX_BYTES + 1);

    assert_eq!(Manifest::from_toml(&long).unwrap_err().code(), "manifest-too-large");
    assert_eq!(Manifest::from_canonical_json(long.as_bytes()).unwrap_err().code(), "manifest-too-large");
}

#[test]
fn deeply_nested_input_is_refused_without_a_panic() {
    let toml = format!("{SMALLEST}\n[[verify]]\ninput = {}", "[".repeat(30_000));
    let json = format!("{{\"verify\":{}", "[".repeat(30_000));

    assert_eq!(Manifest::from_toml(&toml).unwrap_err().code(), "manifest-invalid");
    assert_eq!(Manifest::from_canonical_json(json.as_bytes()).unwrap_err().code(), "manifest-invalid");
}

#[test]
fn a_whole_float_that_canonical_json_would_write_as_a_huge_integer_is_refused() {
    let manifest = |number: &str| {
        format!(
            "{SMALLEST}\n[[verify]]\nname = \"n\"\ncall = \"tool\"\ninput = {number}\nexpect = {{ json = 1 }}\n"
        )
    };

    assert_eq!(Manifest::from_toml(&manifest("1.0e18")).unwrap_err().code(), "manifest-field-invalid");
    assert!(Manifest::from_toml(&manifest("1.0e22")).is_ok());
    assert!(Manifest::from_toml(&manifest("1.5")).is_ok());
}

fn any_manifest() -> impl Strategy<Value = Manifest> {
    let word = "[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,4})?";
    let line = "[!-~à-ÿ가-힣](.{0,60}[!-~])?";
    let value = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i32>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        ".{0,20}".prop_map(Into::into),
    ]
    .prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            proptest::collection::vec((".{0,8}", inner), 0..4)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    });
    (
        (word, word, 0..9_u64, line, proptest::collection::btree_set(word, 0..4)),
        (proptest::option::of(1..64_u32), any::<bool>(), proptest::collection::vec(value, 0..3)),
    )
        .prop_map(|((namespace, name, major, description, words), (memory, singleton, inputs))| {
            let mut manifest = Manifest::from_toml(LARGEST).unwrap();
            manifest.plugin.name = PluginName::new(&namespace, &name).unwrap();
            manifest.plugin.version = Version::new(major, 0, 1);
            manifest.plugin.description = description;
            manifest.plugin.keywords = words.into_iter().collect();
            manifest.plugin.singleton = singleton;
            manifest.limits.memory_mib = memory;
            manifest.verify = inputs
                .into_iter()
                .enumerate()
                .map(|(index, input)| VerifyCase {
                    name: format!("case {index}"),
                    call: "tool".into(),
                    expect: Expectation::Json(input.clone()),
                    input,
                })
                .collect();
            manifest
        })
}

proptest! {
    #[test]
    fn canonical_json_reads_back_to_itself(manifest in any_manifest()) {
        prop_assume!(manifest.check().is_ok());
        let json = manifest.to_canonical_json();

        let read = Manifest::from_canonical_json(&json).unwrap();

        prop_assert_eq!(read.to_canonical_json(), json);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256), text in ".{0,256}") {
        let _ = Manifest::from_canonical_json(&bytes);
        let _ = Manifest::from_toml(&text);
        let _ = Manifest::from_toml(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn mutated_manifests_never_panic(at in any::<proptest::sample::Index>(), to in any::<char>()) {
        let mut characters: Vec<char> = LARGEST.chars().collect();
        let index = at.index(characters.len());
        characters[index] = to;
        let text: String = characters.into_iter().collect();

        if let Ok(manifest) = Manifest::from_toml(&text) {
            let json = manifest.to_canonical_json();
            prop_assert_eq!(Manifest::from_canonical_json(&json).unwrap(), manifest);
        }
    }
}
