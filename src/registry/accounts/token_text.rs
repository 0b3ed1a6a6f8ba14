//! The text form of a token: `plg_`, 32 random bytes, and a checksum that catches typing errors.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::Digest;

const PREFIX: &str = "plg_";
const RANDOM_BYTES: usize = 32;
const CHECKSUM_BYTES: usize = 4;

/// The text of a token made from these random bytes.
pub(super) fn token_text(random: &[u8; RANDOM_BYTES]) -> String {
    let mut bytes = [0; RANDOM_BYTES + CHECKSUM_BYTES];
    bytes[..RANDOM_BYTES].copy_from_slice(random);
    bytes[RANDOM_BYTES..].copy_from_slice(&checksum(random));
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// What is stored and looked up instead of the text; `None` when the text cannot be a token.
pub(super) fn token_hash(text: &str) -> Option<Digest> {
    let mut bytes = [0; RANDOM_BYTES + CHECKSUM_BYTES];
    let length = URL_SAFE_NO_PAD.decode_slice(text.strip_prefix(PREFIX)?, &mut bytes).ok()?;
    let (random, sum) = bytes.split_at(RANDOM_BYTES);
    (length == bytes.len() && sum == checksum(random)).then(|| Digest::of(text.as_bytes()))
}

fn checksum(random: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let digest = Digest::of(random);
    let mut sum = [0; CHECKSUM_BYTES];
    sum.copy_from_slice(&digest.as_bytes()[..CHECKSUM_BYTES]);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_recognised_by_its_form_and_a_mistyped_one_is_not() {
        let text = token_text(&[7; 32]);

        assert_eq!(token_hash(&text), Some(Digest::of(text.as_bytes())));
        assert_eq!(text.len(), 52);
        for (index, _) in text.char_indices() {
            let mut mistyped = text.clone();
            mistyped.replace_range(index..=index, if &text[index..=index] == "A" { "B" } else { "A" });
            assert_eq!(token_hash(&mistyped), None, "{mistyped}");
        }
        assert_eq!(token_hash("plg_"), None);
        assert_eq!(token_hash(&format!("{text}A")), None);
        assert_eq!(token_hash(""), None);
    }
}
