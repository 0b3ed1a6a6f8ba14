use super::answers::index_differences;
use crate::trust::Replay;

#[test]
fn an_index_file_of_a_plugin_nobody_published_is_told() {
    let plugin = "acme:ghost".parse().unwrap();
    let replay = Replay::default();
    assert!(replay.releases_of(&plugin).is_empty());

    let lines = b"{\"version\":\"1.0.0\"}\nnonsense\n";
    let differences = index_differences(&plugin, &[], Some(lines));

    let told: Vec<String> = differences.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(told.join("\n"));
}
