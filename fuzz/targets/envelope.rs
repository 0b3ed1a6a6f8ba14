//! DSSE envelopes: read, written back, never believed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pluginry::signing::Envelope;
use pluginry_fuzz::{key, seed, signed_recalls};

fuzz_target!(
    init: seed("envelope", [signed_recalls().and_sign(&key(1)).to_json()]),
    |bytes: &[u8]| {
        if let Ok(envelope) = Envelope::from_json(bytes) {
            assert_eq!(Envelope::from_json(&envelope.to_json()).as_ref(), Ok(&envelope));
            let known = [key(2).public_key(), key(3).public_key()];
            if envelope.verify(&known).is_ok() {
                assert_eq!(envelope.payload(), signed_recalls().payload(), "nobody signed this payload");
            }
        }
    }
);
