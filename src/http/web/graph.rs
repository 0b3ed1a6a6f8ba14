//! What a release needs, as a picture: alone at `…/graph.svg`, and in the page of the release.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};

use super::passport::release_path;
use super::release_head::not_shown;
use crate::domain::{CapabilityName, Refusal as _, ReleaseId, Risk, Timestamp};
use crate::http::api::graph::picture_answer;
use crate::http::caching::{REVALIDATE, is_known};
use crate::http::error::Problem;
use crate::http::extract::ReleasePath;
use crate::http::rate_limit::RateLimits;
use crate::registry::{DrawGraphError, Registry, ReleaseGraph, ResolvePluginsError, ShowError, draw_release};
use crate::resolver::picture::Setting;
use crate::resolver::{Lock, ResolveFailure};

/// How long a page waits for its picture.
const WAIT: Duration = Duration::from_millis(400);
/// How large a picture may be to stand in a page.
const PICTURE_MAX_BYTES: usize = 40 * 1024;
/// The widths of pictures that are made smaller where a page is a little too narrow.
const FITTED: RangeInclusive<u32> = 900..=1_280;
/// How many releases the list of a page holds.
const LISTED_MAX: usize = 60;

/// What the page of a release shows of what it needs.
#[derive(Debug, Clone)]
pub struct GraphPart {
    /// Path of the picture alone.
    pub path: String,
    /// The picture, or why it is not there.
    pub shown: Shown,
}

/// The picture in a page, or what stands in its place.
#[derive(Debug, Clone)]
pub enum Shown {
    /// All that is loaded.
    Graph {
        /// The `<svg>` element; absent: too large for a page.
        svg: Option<String>,
        /// Whether it can be made a little smaller to be seen whole.
        is_fitted: bool,
        /// Whether there is a picture alone.
        is_drawable: bool,
        /// Everything that is loaded, in load order.
        rows: Vec<GraphRow>,
        /// How many releases the list leaves out.
        more: usize,
        /// The highest risk of all.
        risk: Option<Risk>,
        /// All powers together.
        powers: Vec<CapabilityName>,
        /// The size of all packages.
        size_bytes: u64,
    },
    /// There is no way to load it.
    Impossible {
        /// Why, as paragraphs.
        explanation: String,
    },
    /// It was not found out in time.
    Later,
}

/// One release of the list.
#[derive(Debug, Clone)]
pub struct GraphRow {
    /// The release.
    pub release: ReleaseId,
    /// Path of its page.
    pub path: String,
    /// The highest risk of its powers.
    pub risk: Option<Risk>,
    /// Its powers.
    pub powers: Vec<CapabilityName>,
    /// What it needs, in words.
    pub needs: Vec<String>,
}

impl GraphPart {
    /// Whether there is a list beside the picture.
    pub fn has_list(&self) -> bool {
        matches!(self.shown, Shown::Graph { .. })
    }

    /// The part for a release that needs something.
    pub(super) async fn of(registry: &Registry, client: IpAddr, release: &ReleaseId, now: Timestamp) -> Self {
        let drawn =
            tokio::time::timeout(WAIT, draw_release(registry, client, release, Setting::Page, now)).await;
        let shown = match drawn {
            Ok(Ok(graph)) => Shown::of(&graph),
            Ok(Err(DrawGraphError::Resolve(ResolvePluginsError::Failure(failure)))) => Shown::Impossible {
                explanation: match failure.mend() {
                    Some(mend) => format!("{failure}\n{mend}"),
                    None => failure.to_string(),
                },
            },
            Ok(Err(_)) | Err(_) => Shown::Later,
        };
        Self { path: graph_path(release), shown }
    }
}

impl Shown {
    /// Everything a graph shows, in a page.
    pub(super) fn of(graph: &ReleaseGraph) -> Self {
        let lock = &graph.lock;
        let svg = graph.picture.as_ref().ok().map(|picture| &picture.svg);
        Self::Graph {
            svg: svg.filter(|svg| svg.len() <= PICTURE_MAX_BYTES).cloned(),
            is_fitted: graph.picture.as_ref().is_ok_and(|picture| FITTED.contains(&picture.width)),
            is_drawable: graph.picture.is_ok(),
            rows: lock.releases.iter().take(LISTED_MAX).map(GraphRow::new).collect(),
            more: lock.releases.len().saturating_sub(LISTED_MAX),
            risk: lock.releases.iter().filter_map(|release| release.risk).max(),
            powers: powers_of(lock),
            size_bytes: lock.releases.iter().map(|release| release.size_bytes).sum(),
        }
    }
}

impl GraphRow {
    fn new(release: &crate::resolver::LockedRelease) -> Self {
        let needs = release.dependencies.iter().map(|need| match &need.provides {
            None => need.release.to_string(),
            Some(provided) => format!("{} as {provided}", need.release),
        });
        Self {
            path: release_path(&release.id()),
            release: release.id(),
            risk: release.risk,
            powers: release.capabilities.keys().cloned().collect(),
            needs: needs.collect(),
        }
    }
}

/// All powers of a lock, those of the riskiest releases first.
fn powers_of(lock: &Lock) -> Vec<CapabilityName> {
    let mut highest: BTreeMap<&CapabilityName, Option<Risk>> = BTreeMap::new();
    for release in &lock.releases {
        for name in release.capabilities.keys() {
            let risk = highest.entry(name).or_default();
            *risk = (*risk).max(release.risk);
        }
    }
    let mut powers: Vec<_> = highest.into_iter().collect();
    powers.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    powers.into_iter().map(|(name, _)| name.clone()).collect()
}

/// Path of the picture of what a release needs.
fn graph_path(release: &ReleaseId) -> String {
    format!("{}/graph.svg", release_path(release))
}

/// `GET /plugins/{namespace}/{name}/{version}/graph.svg`: for a host without demands, as of now.
pub async fn show_release_graph(
    registry: web::Data<Registry>,
    limits: web::Data<RateLimits>,
    http: HttpRequest,
    ReleasePath(release): ReleasePath,
) -> Result<HttpResponse, Problem> {
    // What is drawn is a function of the index and of this program.
    let tag = format!("\"{}-{}\"", registry.sequence(), env!("CARGO_PKG_VERSION"));
    let etag = (header::ETAG, HeaderValue::from_str(&tag).map_err(Problem::internal)?);
    if is_known(&http, tag.as_bytes()) {
        return Ok(HttpResponse::NotModified().insert_header(REVALIDATE).insert_header(etag).finish());
    }
    let client = limits.address_of(&http);
    let drawn = draw_release(&registry, client, &release, Setting::Site, Timestamp::now()).await;
    let graph = drawn.map_err(|error| match error {
        DrawGraphError::Resolve(ResolvePluginsError::Failure(ResolveFailure::UnknownPlugin {
            plugin,
            nearest,
            ..
        })) => not_shown(ShowError::UnknownPlugin { plugin, nearest }),
        other => Problem::from(other),
    })?;
    let mut answer = picture_answer(&graph.picture.map_err(DrawGraphError::from)?);
    answer.headers_mut().insert(etag.0, etag.1);
    Ok(answer)
}
