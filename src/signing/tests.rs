//! The cases of `tests/signing/*.json`, written by an independent implementation.

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::domain::{Digest, Refusal as _, ReleaseId};

#[derive(Deserialize)]
struct Case {
    name: String,
    release: String,
    digest: Digest,
    candidates: Vec<PublicKey>,
    envelope: String,
    expect: Expected,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Expected {
    Signer(KeyId),
    Code(String),
}

fn release(text: &str) -> ReleaseId {
    let (plugin, version) = text.split_once('@').unwrap();
    ReleaseId::new(plugin.parse().unwrap(), version.parse().unwrap())
}

fn outcome(case: &Case) -> Result<(ReleaseStatement, KeyId), SigningError> {
    let envelope = Envelope::from_json(case.envelope.as_bytes())?;
    verify_release(&envelope, &case.candidates, &release(&case.release), case.digest)
}

fn check(json: &str) {
    let cases: Vec<Case> = serde_json::from_str(json).unwrap();

    for case in cases {
        let found = match outcome(&case) {
            Ok((_, signer)) => Expected::Signer(signer),
            Err(error) => Expected::Code(error.code().to_owned()),
        };
        assert_eq!(found, case.expect, "{}", case.name);
    }
}

#[test]
fn envelopes_of_an_independent_implementation_are_accepted() {
    check(include_str!("../../tests/signing/accepted.json"));
}

#[test]
fn every_refusal_has_its_code() {
    check(include_str!("../../tests/signing/refused.json"));
}

#[test]
fn our_envelope_is_the_one_an_independent_implementation_makes() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../../tests/signing/accepted.json")).unwrap();
    let theirs = Envelope::from_json(cases[0].envelope.as_bytes()).unwrap();
    let statement = outcome(&cases[0]).unwrap().0;

    let ours = sign_release(&statement, &SecretKey::from_seed(&[1; 32]));

    assert_eq!(ours, theirs);
}

#[test]
fn every_refusal_reads_well() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../../tests/signing/refused.json")).unwrap();

    let mut told = String::new();
    for case in &cases {
        let error = outcome(case).unwrap_err();
        told += &format!("{}\n  {error}\n  {}\n", case.name, error.mend().unwrap());
    }

    insta::assert_snapshot!(told);
}

proptest! {
    #[test]
    fn reading_an_envelope_never_panics(text in r#"[\{\}\[\]",:a-zA-Z0-9+/= ]{0,400}"#) {
        let _ = Envelope::from_json(text.as_bytes());
    }

    #[test]
    fn a_damaged_envelope_is_never_accepted_as_another(position in 0_usize..1000, byte in any::<u8>()) {
        let cases: Vec<Case> = serde_json::from_str(include_str!("../../tests/signing/accepted.json")).unwrap();
        let mut json = cases[0].envelope.clone().into_bytes();
        let whole = outcome(&cases[0]).unwrap();
        let position = position % json.len();
        json[position] = byte;

        if let Ok(envelope) = Envelope::from_json(&json)
            && let Ok(found) = verify_release(&envelope, &cases[0].candidates, &release(&cases[0].release), cases[0].digest)
        {
            prop_assert_eq!(found, whole);
        }
    }

    #[test]
    fn reading_a_key_never_panics(text in ".{0,100}") {
        let _ = text.parse::<PublicKey>();
        let _ = text.parse::<SecretKey>();
        let _ = text.parse::<KeyId>();
    }
}
