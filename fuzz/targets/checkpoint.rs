//! Signed notes and checkpoints: written back byte for byte, and believed only as they were signed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pluginry::log::{SignedCheckpoint, SignedNote, empty_root};
use pluginry_fuzz::{checkpoint, log_verifier, seed, witness_verifier};

fuzz_target!(init: seed("checkpoint", [checkpoint(9, empty_root())]), |bytes: &[u8]| {
    let Ok(note) = SignedNote::parse(bytes) else { return };
    assert_eq!(note.to_string().as_bytes(), bytes);
    let text = std::str::from_utf8(bytes).expect("a note is UTF-8");
    let Ok(read) = SignedCheckpoint::parse(text) else { return };
    if let Ok(believed) = read.verify(&[log_verifier()]) {
        assert_eq!((believed.tree_size, believed.root), (9, empty_root()), "the log never signed this");
    }
    for cosignature in read.cosignatures(&[witness_verifier()]) {
        assert_eq!(cosignature.timestamp, 1_700_000_000, "the witness never signed this");
    }
    if let Ok(more) = read.with_cosignature(text.lines().last().unwrap_or_default()) {
        assert!(SignedCheckpoint::parse(&more.to_string()).is_ok());
    }
    let _ = read.without_cosignatures().to_string();
});
