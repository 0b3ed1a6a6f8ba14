//! What a registry signs, with a payload of the fuzzer and a signature that holds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pluginry::signing::{Envelope, PAYLOAD_TYPE};
use pluginry::trust::{
    RECALLS_PAYLOAD_TYPE, TRUST_PAYLOAD_TYPE, TrustChain, read_recalls, read_standing, read_verdict,
    sign_recalls, sign_standing, sign_verdict,
};
use pluginry_fuzz::{document, key, recalls, seed, standing, verdict};

/// The first byte says what the rest is read as: signatures are what costs time here.
fn seeds() -> [Vec<u8>; 4] {
    let signed = [
        sign_verdict(&verdict(), &key(2)),
        sign_standing(&standing(), &key(2)),
        sign_recalls(&recalls(), &key(2)),
        document().sign(&[&key(2)]),
    ];
    [0, 1, 2, 3].map(|kind: u8| [&[kind], signed[usize::from(kind)].payload()].concat())
}

fuzz_target!(init: seed("signed_statement", seeds()), |bytes: &[u8]| {
    let Some((kind, payload)) = bytes.split_first() else { return };
    let keys = [key(2).public_key()];
    let signed = |payload_type| Envelope::sign(payload_type, payload.to_vec(), &key(2));
    match kind {
        0 => {
            if let Ok(verdict) = read_verdict(&signed(PAYLOAD_TYPE), &keys) {
                assert_eq!(read_verdict(&sign_verdict(&verdict, &key(2)), &keys), Ok(verdict));
            }
        }
        1 => {
            if let Ok(standing) = read_standing(&signed(PAYLOAD_TYPE), &keys) {
                assert_eq!(read_standing(&sign_standing(&standing, &key(2)), &keys), Ok(standing));
            }
        }
        2 => {
            if let Ok(feed) = read_recalls(&signed(RECALLS_PAYLOAD_TYPE), &keys) {
                assert_eq!(read_recalls(&sign_recalls(&feed, &key(2)), &keys), Ok(feed));
            }
        }
        _ => {
            if let Ok(document) = TrustChain(vec![signed(TRUST_PAYLOAD_TYPE)]).verify() {
                let again = TrustChain(vec![document.sign(&[&key(2)])]).verify();
                assert_eq!(again, Ok(document));
            }
        }
    }
});
