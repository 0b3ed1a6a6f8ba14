//! The chain of trust documents, as a client walks it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pluginry::trust::{DatedKey, TrustChain};
use pluginry_fuzz::{document, key, seed};

fn seeds() -> [Vec<u8>; 2] {
    let (first, mut second) = (document(), document());
    second.version = 2;
    second.registry_keys[0].retired_at = Some(40);
    second.registry_keys.push(DatedKey::new(key(5).public_key()));
    let signed = [first.sign(&[&key(2)]), second.sign(&[&key(2), &key(5)])];
    [TrustChain(signed[..1].to_vec()).to_json(), TrustChain(signed.to_vec()).to_json()]
}

fuzz_target!(init: seed("trust_chain", seeds()), |bytes: &[u8]| {
    let Ok(chain) = TrustChain::from_json(bytes) else { return };
    assert_eq!(TrustChain::from_json(&chain.to_json()).as_ref(), Ok(&chain));
    let _ = chain.verify();
    if let Ok(followed) = chain.follow(&document()) {
        assert_eq!(followed.origin, document().origin);
        assert!(followed.version <= 2, "nobody signed this version");
    }
});
