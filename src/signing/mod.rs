//! Signatures on releases: Ed25519 keys, DSSE envelopes, and in-toto statements.
//!
//! Everything here is pure: bytes in, value or refusal out. Randomness, key files and the network
//! belong to the caller.

#[cfg(test)]
mod canonical_json;
mod endorsement;
mod envelope;
mod error;
mod keys;
mod statement;
#[cfg(test)]
mod tests;

pub use endorsement::{
    ENDORSEMENT_PREDICATE_TYPE, EndorsementError, KeyEndorsement, read_endorsement, sign_endorsement,
    verify_endorsement,
};
pub use envelope::{
    ENVELOPE_MAX_BYTES, Envelope, PAYLOAD_TYPE, SIGNATURES_MAX, Signature, pre_authentication_encoding,
};
pub use error::SigningError;
pub use keys::{KeyError, KeyId, PublicKey, SecretKey};
pub use statement::{RELEASE_PREDICATE_TYPE, ReleaseStatement, STATEMENT_TYPE, sign_release, verify_release};
