//! What a witness is asked, up to its decision.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pluginry::log::{AddCheckpoint, WitnessedTree};
use pluginry_fuzz::{checkpoint, log_entries, log_verifier, seed, tree};

fn seeds() -> Vec<String> {
    let entries = log_entries();
    let (edge, tiles) = tree(entries.iter().map(Vec::as_slice));
    let checkpoint = checkpoint(edge.size(), edge.root());
    [0, 5, edge.size()]
        .map(|old_size| {
            let proof = pluginry::log::prove_consistency(old_size, edge.size(), &tiles).expect("all tiles");
            AddCheckpoint { old_size, proof, checkpoint: checkpoint.clone() }.to_string()
        })
        .to_vec()
}

fuzz_target!(init: seed("add_checkpoint", seeds()), |text: &str| {
    let Ok(request) = AddCheckpoint::parse(text) else { return };
    assert_eq!(request.to_string(), text);
    let Ok(next) = request.verify_log(&[log_verifier()]) else { return };
    let entries = log_entries();
    let (known, _) = tree(entries[..5].iter().map(Vec::as_slice));
    for known in [WitnessedTree::empty(), WitnessedTree { tree_size: 5, root: known.root() }] {
        if request.check_growth(&next.checkpoint, known).is_ok() {
            assert_eq!(request.old_size, known.tree_size);
        }
    }
});
