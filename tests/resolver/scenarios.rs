//! Resolver cases as data: `tests/resolver/*.toml` hold a small universe, a request and what must come of it.
//!
//! The file's name is the sentence the case proves. `UPDATE_CASES=1` writes what comes out today behind
//! `[expect]`: read it before you commit it.

use std::fmt::Write as _;
use std::fs;

use pluginry::domain::Refusal;
use pluginry::resolver::{LetGo, Lock, ResolveFailure};
use serde::{Deserialize, Serialize};

use super::case::{Case, case_files};

/// What came of a case: a lock's lines, or a refusal.
#[derive(Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Outcome {
    /// `level name@version`, in load order.
    lock: Vec<String>,
    /// The host, where the request left its version open.
    host: String,
    held_back: Vec<String>,
    let_go: Vec<String>,
    grants: Vec<String>,
    code: String,
    text: String,
    mend: String,
    /// Each mend's changes as JSON; every one of them was made and ended in a lock.
    mends: Vec<String>,
}

#[test]
fn every_case_ends_as_it_says() {
    let files = case_files();
    let update = std::env::var_os("UPDATE_CASES").is_some();

    let mut wrong = String::new();
    for file in &files {
        let case = Case::read(file);
        let outcome = run(&case);
        let expected: Outcome = case.expect.clone().try_into().unwrap();
        if outcome == expected {
            continue;
        }
        if update {
            let text = fs::read_to_string(file).unwrap();
            let head = text.split("\n[expect]").next().unwrap().trim_end();
            fs::write(file, format!("{head}\n\n[expect]\n{}", written(&outcome))).unwrap();
        } else {
            let name = file.file_stem().unwrap().to_string_lossy().replace('_', " ");
            let (expected, got) = (written(&expected), written(&outcome));
            writeln!(wrong, "--- {name}\nexpected:\n{expected}\ngot:\n{got}").unwrap();
        }
    }

    assert!(files.len() >= 100, "only {} cases", files.len());
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn no_explanation_speaks_of_the_solver() {
    for file in case_files() {
        let expected: Outcome = Case::read(&file).expect.try_into().unwrap();

        let text = format!("{} {}", expected.text, expected.mend).to_lowercase();

        for jargon in
            ["proxy", "incompatib", "constraint", "guard", "choice", "solver", "term", "symbol", "ordinal"]
        {
            assert!(!text.contains(jargon), "{}: says {jargon:?}: {text}", file.display());
        }
        assert!(expected.text.lines().count() < 12, "{}: too long", file.display());
    }
}

#[test]
fn every_case_ends_the_same_with_releases_applied_in_another_order() {
    for file in case_files() {
        let case = Case::read(&file);

        let (forwards, backwards) = (case.answer(false), case.answer(true));

        assert_eq!(as_bytes(&forwards), as_bytes(&backwards), "{}", file.display());
    }
}

#[test]
fn every_mend_of_every_case_ends_in_a_lock() {
    for file in case_files() {
        let case = Case::read(&file);
        let index = case.index(false);
        let Err(failure) = case.answer(false) else { continue };

        for mend in failure.mends() {
            let request = mend.apply(&case.resolve_request());
            let now = mend.not_before().unwrap_or(super::case::NOW);

            let answer = case.resolve(&index, &request, now);

            assert!(answer.is_ok(), "{}: {}: {answer:?}", file.display(), mend.says);
        }
    }
}

fn as_bytes(answer: &Result<Lock, ResolveFailure>) -> String {
    match answer {
        Ok(lock) => serde_json::to_string(lock).unwrap(),
        Err(failure) => format!("{failure}\n{:?}\n{:?}", failure.mend(), failure.derivation()),
    }
}

fn run(case: &Case) -> Outcome {
    match case.answer(false) {
        Ok(lock) => Outcome {
            lock: lock
                .releases
                .iter()
                .map(|release| format!("{} {}", release.load_level, release.id()))
                .collect(),
            host: case
                .resolve_request()
                .host
                .filter(|host| host.version.is_none())
                .and(lock.host.as_ref())
                .map(|host| format!("{}@{}", host.profile, host.version))
                .unwrap_or_default(),
            held_back: lock
                .held_back
                .iter()
                .map(|held| format!("{} {}, not {}: {}", held.name, held.chosen, held.newest, held.reason))
                .collect(),
            let_go: lock.let_go.iter().map(let_go).collect(),
            grants: lock
                .capabilities
                .iter()
                .map(|(name, scope)| format!("{name} {scope}").trim_end().to_owned())
                .collect(),
            ..Outcome::default()
        },
        Err(failure) => Outcome {
            code: failure.code().into(),
            text: failure.to_string(),
            mend: failure.mend().unwrap_or_default(),
            mends: failure.mends().iter().map(|mend| serde_json::to_string(&mend.changes).unwrap()).collect(),
            ..Outcome::default()
        },
    }
}

fn let_go(let_go: &LetGo) -> String {
    let now = let_go.chosen.as_ref().map_or("gone".to_owned(), |chosen| format!("now {chosen}"));
    format!("{} {}, {now}: {}", let_go.name, let_go.version, let_go.reason)
}

fn written(outcome: &Outcome) -> String {
    let mut text = String::new();
    for (key, lines) in [
        ("lock", &outcome.lock),
        ("held-back", &outcome.held_back),
        ("let-go", &outcome.let_go),
        ("grants", &outcome.grants),
    ] {
        if !lines.is_empty() {
            let lines: String = lines.iter().map(|line| format!("    {line:?},\n")).collect();
            writeln!(text, "{key} = [\n{lines}]").unwrap();
        }
    }
    if !outcome.host.is_empty() {
        writeln!(text, "host = {:?}", outcome.host).unwrap();
    }
    if !outcome.code.is_empty() {
        writeln!(text, "code = {:?}", outcome.code).unwrap();
        writeln!(text, "text = '''\n{}'''", outcome.text).unwrap();
        writeln!(text, "mend = '''\n{}'''", outcome.mend).unwrap();
        if !outcome.mends.is_empty() {
            let lines: String = outcome.mends.iter().map(|mend| format!("    '{mend}',\n")).collect();
            writeln!(text, "mends = [\n{lines}]").unwrap();
        }
    }
    text
}
