//! Bundles of entries, as a mirror or a client fetches them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pluginry::log::{cut_entry_bundle, read_entry_bundle, write_entry_bundle};
use pluginry_fuzz::{log_entries, seed};

fn seeds() -> Vec<Vec<u8>> {
    let entries = log_entries();
    let bundle = write_entry_bundle(entries.iter().map(Vec::as_slice)).expect("small entries");
    vec![[&[entries.len() as u8, 0], bundle.as_slice()].concat(), vec![2, 0, 0, 1, 7, 0, 0]]
}

fuzz_target!(init: seed("entry_bundle", seeds()), |bytes: &[u8]| {
    let Some((width, bundle)) = bytes.split_first_chunk() else { return };
    let width = u16::from_le_bytes(*width);
    if let Ok(entries) = read_entry_bundle(bundle, width) {
        assert_eq!(entries.len(), usize::from(width));
        let narrower = cut_entry_bundle(bundle, width / 2).expect("a narrower one");
        assert_eq!(read_entry_bundle(narrower, width / 2), Ok(entries[..usize::from(width / 2)].to_vec()));
        assert_eq!(write_entry_bundle(entries).as_deref(), Some(bundle));
    }
});
