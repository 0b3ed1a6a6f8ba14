//! Paths of tiles, as they come in URLs.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pluginry::log::{NoteVerifier, TilePath};
use pluginry_fuzz::{log_verifier, seed, witness_verifier};

fn seeds() -> Vec<String> {
    let paths = ["tile/0/x001/x234/067", "tile/7/000.p/1", "tile/entries/x001/067.p/255"];
    let keys = [log_verifier(), witness_verifier()].map(|key| key.to_string());
    paths.map(str::to_owned).into_iter().chain(keys).collect()
}

fuzz_target!(init: seed("tile_path", seeds()), |text: &str| {
    if let Ok(path) = TilePath::parse(text) {
        assert_eq!(path.path(), text);
        assert!((1..=256).contains(&path.width()));
    }
    if let Ok(verifier) = text.parse::<NoteVerifier>() {
        assert_eq!(verifier.to_string(), text);
    }
});
