//! Texts that are no lock, or not any more: edited, merged, or made to hurt.

use proptest::prelude::*;

use super::{Lock, lock, release, sample};
use crate::domain::Refusal;

/// Code, words and mend.
fn refusal(text: &str) -> String {
    let error = Lock::from_toml(text).unwrap_err();
    format!("{}: {error}\n  mend: {}", error.code(), error.mend().unwrap())
}

/// The sample's text after an edit that must change something.
fn edited(from: &str, to: &str) -> String {
    let text = sample().to_toml();
    let edited = text.replacen(from, to, 1);
    assert_ne!(text, edited, "{from:?} is not in it");
    edited
}

#[test]
fn what_an_edit_or_a_merge_breaks_is_refused_with_place_and_mend() {
    let twice = {
        let text = sample().to_toml();
        let block = text.find("[[release]]").unwrap();
        format!("{text}\n{}", &text[block..])
    };
    let cases = [
        ("a merge that was not finished", edited("[[release]]", "<<<<<<< HEAD\n[[release]]")),
        ("not TOML", edited("sequence = 42", "sequence = = 42")),
        ("an unknown key", edited("sequence = 42", "sequence = 42\nsurprise = true")),
        ("a bad digest", edited("digest = \"sha256:", "digest = \"md5:")),
        ("a later format", edited("format = 2", "format = 3\nsurprise = true")),
        ("an earlier format", "format = 1\nsequence = 1\n[[release]]\ndependencies = [\"a:b@1.0.0\"]".into()),
        ("no format", edited("format = 2\n", "")),
        ("a release twice", twice),
        ("a need that is not there", edited("\"acme:tokenizer\" = ", "\"acme:lexer\" = ")),
        ("a need of two versions", edited("{ requirement = \"^1\", by = \"acme:fonts@1.9.0\" }", "\"^1\"")),
        (
            "a need met by another version",
            edited("\"acme:tokenizer\" = \"^1.0\"", "\"acme:tokenizer\" = \"^2.0\""),
        ),
        (
            "a need met by a release of nowhere",
            edited("by = \"acme:fonts@1.9.0\"", "by = \"acme:fonts@1.8.0\""),
        ),
        ("a wrong load level", edited("load_level = 2", "load_level = 1")),
        ("a root without a release", edited("\"acme:app\" = \"^1.2\"", "\"acme:app\" = \"^1.3\"")),
        ("a stand-in of nowhere", edited("= \"acme:markdown\"", "= \"acme:unknown\"")),
        (
            "a stand-in for no root",
            edited("\"text:renderer\" = \"acme:markdown\"", "\"text:other\" = \"acme:markdown\""),
        ),
    ];

    let told: Vec<String> = cases.iter().map(|(what, text)| format!("{what}\n  {}", refusal(text))).collect();

    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn every_marker_of_an_unfinished_merge_is_seen() {
    for marker in ["<<<<<<< HEAD", "||||||| base", "=======", ">>>>>>> theirs"] {
        assert!(refusal(&format!("format = 2\n{marker}\n")).contains("line 2 is a conflict marker"));
    }
}

#[test]
fn a_circle_is_refused_though_the_load_levels_hide_it() {
    let circle = lock(
        &[("a:a", "^1")],
        vec![
            release("a:a@1.0.0", 0, &["a:b ^1 -> a:b@1.0.0"], "{}"),
            release("a:b@1.0.0", 1, &["a:a ^1 -> a:a@1.0.0"], "{}"),
        ],
    );

    insta::assert_snapshot!(refusal(&circle.to_toml()));
}

#[test]
fn too_much_is_refused_before_it_is_looked_at() {
    insta::assert_snapshot!(refusal(&"#".repeat((16 << 20) + 1)));
}

#[test]
fn deep_nesting_is_refused_and_not_a_crash() {
    let deep = format!("format = 2\nsequence = 1\npolicy = {}1{}", "[".repeat(100_000), "]".repeat(100_000));

    assert!(Lock::from_toml(&deep).is_err());
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC*") {
        let _ = Lock::from_toml(&text);
    }

    #[test]
    fn no_cut_makes_the_reader_panic(from in 0_usize..3000, length in 0_usize..200, with in "[\\[\\]{}\"=\n a-z0-9]{0,4}") {
        let text = sample().to_toml();
        let (from, to) = (from.min(text.len()), (from + length).min(text.len()));
        if text.is_char_boundary(from) && text.is_char_boundary(to) {
            let _ = Lock::from_toml(&format!("{}{with}{}", &text[..from], &text[to..]));
        }
    }
}
