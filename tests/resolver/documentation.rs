//! docs/RESOLVER.md and the scenarios belong together: no rule without a scenario, no scenario without a rule.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::case::case_files;

fn page() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/RESOLVER.md")).unwrap()
}

/// The names of the scenarios that a text links to.
fn linked(text: &str) -> BTreeSet<String> {
    let links = text.split("](../tests/resolver/").skip(1);
    links.filter_map(|rest| rest.split_once(".toml)")).map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn every_scenario_is_reached_from_a_rule_and_every_link_leads_to_one() {
    let there: BTreeSet<String> =
        case_files().iter().map(|file| file.file_stem().unwrap().to_string_lossy().into_owned()).collect();

    let linked = linked(&page());

    let dead: Vec<&String> = linked.difference(&there).collect();
    let unreached: Vec<&String> = there.difference(&linked).collect();
    assert!(dead.is_empty(), "links in docs/RESOLVER.md that lead nowhere: {dead:#?}");
    assert!(unreached.is_empty(), "scenarios that docs/RESOLVER.md does not link: {unreached:#?}");
}

#[test]
fn every_rule_names_its_scenarios() {
    let page = page();
    let rules = page.split("\n- ").skip(1).map(|rest| rest.split("\n- ").next().unwrap());

    for rule in rules {
        assert!(!linked(rule).is_empty(), "no scenario proves: {rule}");
    }
}

#[test]
fn every_kind_of_change_and_every_code_in_the_scenarios_is_on_the_page() {
    let page = page();
    for file in case_files() {
        let text = fs::read_to_string(&file).unwrap();

        let kinds = text.split(r#""kind":""#).skip(1).filter_map(|rest| rest.split('"').next());
        let codes = text.split("\ncode = \"").skip(1).filter_map(|rest| rest.split('"').next());

        for word in kinds.chain(codes) {
            assert!(page.contains(&format!("`{word}`")), "docs/RESOLVER.md does not tell of {word}");
        }
    }
}
