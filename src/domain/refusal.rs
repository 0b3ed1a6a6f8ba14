//! What every "no" of the registry can say about itself.

/// A refusal a person can act on: `Display` says what happened and where.
pub trait Refusal: std::error::Error {
    /// The stable kebab-case code, unchanged across releases.
    fn code(&self) -> &'static str;

    /// What to do about it, as one sentence.
    fn mend(&self) -> Option<String> {
        None
    }
}
