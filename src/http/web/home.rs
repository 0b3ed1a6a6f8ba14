//! `/`: search first, what is new, what was verified, how to take part.

use actix_web::{HttpResponse, web};
use askama::Template;

use super::filters;
use super::passport::Entry;
use super::respond;
use crate::domain::{ObjectionKind, Timestamp, VerificationState};
use crate::http::error::Problem;
use crate::registry::{Registry, show_front};

/// How many plugins each list of the front page holds.
const LISTED: i64 = 6;

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

/// `GET /`.
pub async fn show_home(registry: web::Data<Registry>) -> Result<HttpResponse, Problem> {
    let front = show_front(&registry, LISTED).await.map_err(Problem::internal)?;
    respond(&HomePage {
        now: Timestamp::now(),
        plugins: front.plugins,
        releases: front.releases,
        newest: front.newest.into_iter().map(Entry::from).collect(),
        verified: front.verified.into_iter().map(Entry::from).collect(),
    })
}
