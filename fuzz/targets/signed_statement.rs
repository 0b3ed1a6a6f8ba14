//! What a registry signs, with a payload of the fuzzer and a signature that holds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pluginry::signing::{Envelope, PAYLOAD_TYPE};
use pluginry::trust::{
    RECALLS_PAYLOAD_TYPE, TRUST_PAYLOAD_TYPE, TrustChain, read_recalls, read_standing, read_verdict,
    sign_recalls, sign_standing, sign_verdict,
};
use pluginry_fuzz::{document, key, recalls, seed, standing, verdict};

fn seeds() -> [Vec<u8>; 4] {
    [
        sign_verdict(&verdict(), &key(2)),
        sign_standing(&standing(), &key(2)),
        sign_recalls(&recalls(), &key(2)),
        document().sign(&[&key(2)]),
    ]
    .map(|envelope| envelope.payload().to_vec())
}

fuzz_target!(init: seed("signed_statement", seeds()), |payload: &[u8]| {
    let keys = [key(2).public_key()];
    let signed = |kind| Envelope::sign(kind, payload.to_vec(), &key(2));
    let statement = signed(PAYLOAD_TYPE);
    if let Ok(verdict) = read_verdict(&statement, &keys) {
        assert_eq!(read_verdict(&sign_verdict(&verdict, &key(2)), &keys), Ok(verdict));
    }
    if let Ok(standing) = read_standing(&statement, &keys) {
        assert_eq!(read_standing(&sign_standing(&standing, &key(2)), &keys), Ok(standing));
    }
    if let Ok(feed) = read_recalls(&signed(RECALLS_PAYLOAD_TYPE), &keys) {
        assert_eq!(read_recalls(&sign_recalls(&feed, &key(2)), &keys), Ok(feed));
    }
    if let Ok(document) = TrustChain(vec![signed(TRUST_PAYLOAD_TYPE)]).verify() {
        let again = TrustChain(vec![document.sign(&[&key(2)])]).verify();
        assert_eq!(again, Ok(document));
    }
});
