//! `/`: search first, what is new, what was verified, how to take part.

use askama::Template;

use super::filters;
use super::passport::Entry;
use crate::domain::{Timestamp, VerificationState};

/// The home page.
#[derive(Template)]
#[template(path = "home.html")]
pub struct HomePage {
    /// The moment relative times count from.
    pub now: Timestamp,
    /// How many plugins there are.
    pub plugins: u64,
    /// How many releases.
    pub releases: u64,
    /// The newest plugins.
    pub newest: Vec<Entry>,
    /// The newest plugins that passed their verification run.
    pub verified: Vec<Entry>,
}
