//! The picture in words and in lines.

use super::*;

/// Writes a picture of each lock in the directory `PLUGINRY_LOCKS` for people to look at.
#[test]
#[expect(clippy::disallowed_methods, reason = "a switch of this test, not configuration of the program")]
fn pictures_can_be_written_out_to_be_looked_at() {
    let Ok(directory) = std::env::var("PLUGINRY_LOCKS") else { return };
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let lock = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            std::fs::write(path.with_extension("svg"), draw(&lock, Setting::File).unwrap().svg).unwrap();
            std::fs::write(path.with_extension("dot"), graphviz(&lock).unwrap()).unwrap();
        }
    }
}
