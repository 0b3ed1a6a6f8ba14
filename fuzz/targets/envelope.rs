//! DSSE envelopes: read, written back, never believed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pluginry::signing::{Envelope, PAYLOAD_TYPE};
use pluginry_fuzz::{key, seed};

/// The only payload these keys ever sign, so that whatever else verifies is a forgery.
const SIGNED: &[u8] = b"{\"_type\": \"https://in-toto.io/Statement/v1\"}";

fuzz_target!(
    init: seed("envelope", [Envelope::sign(PAYLOAD_TYPE, SIGNED.to_vec(), &key(6)).and_sign(&key(7)).to_json()]),
    |bytes: &[u8]| {
        if let Ok(envelope) = Envelope::from_json(bytes) {
            assert_eq!(Envelope::from_json(&envelope.to_json()).as_ref(), Ok(&envelope));
            let known = [key(6).public_key(), key(7).public_key()];
            if envelope.verify(&known).is_ok() {
                assert_eq!((envelope.payload(), envelope.payload_type()), (SIGNED, PAYLOAD_TYPE), "nobody signed this");
            }
        }
    }
);
