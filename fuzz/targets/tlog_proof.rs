//! Proofs to carry away.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pluginry::log::TlogProof;
use pluginry_fuzz::{checkpoint, log_entries, seed, tree};

fn seeds() -> Vec<String> {
    let entries = log_entries();
    let (edge, tiles) = tree(entries.iter().map(Vec::as_slice));
    let hashes = pluginry::log::prove_inclusion(1, edge.size(), &tiles).expect("all tiles");
    let checkpoint = checkpoint(edge.size(), edge.root());
    let with = |extra| {
        TlogProof { extra, index: 1, hashes: hashes.clone(), checkpoint: checkpoint.clone() }.to_string()
    };
    vec![with(None), with(Some(b"extra".to_vec()))]
}

fuzz_target!(init: seed("tlog_proof", seeds()), |text: &str| {
    if let Ok(proof) = TlogProof::parse(text) {
        assert_eq!(proof.to_string(), text);
    }
});
