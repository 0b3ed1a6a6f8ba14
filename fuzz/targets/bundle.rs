//! Offline bundles of a release and of a lock; and whatever a bundle says, the seven steps come to one result or none.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pluginry::trust::{BUNDLE_FORMAT, Bundle, LockBundle};
use pluginry_fuzz::{checked_by, honest_bundle, seed, signed_recalls};

fn seeds() -> [Vec<u8>; 3] {
    let honest = honest_bundle();
    assert!(checked_by(honest).is_some(), "the honest release must pass");
    let full = Bundle { key_revocation: Some(honest.key_enrollment.clone()), ..honest.clone() };
    let part = Bundle { checkpoint: String::new(), ..honest.clone() };
    let lock = LockBundle {
        format: BUNDLE_FORMAT,
        checkpoint: honest.checkpoint.clone(),
        recalls: signed_recalls(),
        bundles: vec![part],
    };
    [honest.to_json(), full.to_json(), lock.to_json()]
}

fuzz_target!(init: seed("bundle", seeds()), |bytes: &[u8]| {
    if let Ok(bundle) = Bundle::from_json(bytes) {
        assert_eq!(Bundle::from_json(&bundle.to_json()).as_ref(), Ok(&bundle));
        if let Some(checked) = checked_by(&bundle) {
            let honest = checked_by(honest_bundle()).expect("the honest release passes");
            assert_eq!((checked.digest, checked.log_index), (honest.digest, honest.log_index));
            assert_eq!((checked.signer, checked.steps.len()), (honest.signer, honest.steps.len()));
        }
    }
    if let Ok(lock) = LockBundle::from_json(bytes) {
        assert_eq!(LockBundle::from_json(&lock.to_json()).as_ref(), Ok(&lock));
        for part in &lock.bundles {
            assert!(lock.bundle(&part.release_id()).is_some());
        }
    }
});
