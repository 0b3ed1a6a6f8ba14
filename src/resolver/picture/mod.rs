//! The picture of a lock's graph: which release needs which, as SVG and as Graphviz text.
//!
//! Everything is a function of the lock alone: the same lock gives the same bytes. Dependants stand left of what they
//! need, a column for each load level, the releases loaded first at the right. Layers, crossings and coordinates follow
//! Sugiyama's method in its usual steps: [`columns`] sends long lines through bends, [`order`] makes few crossings,
//! [`place`] sets heights. Reading files or answering HTTP does not belong here.
//!
//! The lines to one release join into one: that leaves far fewer of them, and each still leads from a release to
//! exactly what it needs.

mod boxes;
mod columns;
mod dot;
mod escape;
mod graph;
mod order;
mod place;
mod style;
mod svg;
#[cfg(test)]
mod tests;

use graph::Graph;
#[cfg(test)]
pub(crate) use style::COLOURS;

use super::Lock;
use crate::domain::{Refusal, ReleaseId};

/// How many releases a picture can hold and still be read.
pub const RELEASES_MAX: usize = 400;
/// How many needs a graph may have; Graphviz text has no other bound.
const NEEDS_MAX: usize = 50_000;
/// How many boxes and bends of lines a picture may have.
const PARTS_MAX: usize = 12_000;
/// How many needs a picture may show.
const LINES_MAX: usize = 6_000;

/// Where the picture will be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// A file of its own: brings its style sheet, links nowhere.
    File,
    /// An answer of the registry: brings its style sheet, each box leads to the release's page.
    Site,
    /// Inside a page of the registry, whose style sheet holds `rules.css`; each box leads to the release's page.
    Page,
}

/// A drawn picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// The `<svg>` element.
    pub svg: String,
    /// How wide it is, in CSS pixels.
    pub width: u32,
    /// How high it is, in CSS pixels.
    pub height: u32,
}

/// Draws the graph of a lock, or says why it cannot be drawn.
///
/// `should_stop` is asked now and then; `true` ends the work with [`PictureError::Deadline`].
pub fn draw(lock: &Lock, setting: Setting, should_stop: &dyn Fn() -> bool) -> Result<Picture, PictureError> {
    let releases = lock.releases.len();
    if releases > RELEASES_MAX {
        return Err(PictureError::TooMany { releases });
    }
    let graph = Graph::of(lock)?;
    if graph.needs.len() > LINES_MAX {
        return Err(PictureError::TooTangled);
    }
    let boxes: Vec<_> =
        graph.nodes.iter().enumerate().map(|(place, _)| boxes::Face::of(&graph, place)).collect();
    let mut columns = columns::Columns::of(&graph, &boxes).ok_or(PictureError::TooTangled)?;
    order::make_few_crossings(&mut columns, should_stop)?;
    let heights = place::heights(&columns);
    Ok(svg::write(&graph, &boxes, &columns, &heights, setting))
}

/// The graph of a lock in Graphviz's language, for `dot` and everything else that reads it.
pub fn graphviz(lock: &Lock) -> Result<String, PictureError> {
    Ok(dot::write(&Graph::of(lock)?))
}

/// The style sheet inside a picture of its own, as a Content-Security-Policy source: `'sha256-…'`.
pub fn style_source() -> String {
    style::source()
}

/// Why a lock's graph cannot be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// Too many boxes.
    #[error("a picture of {releases} releases could not be read; at most {RELEASES_MAX} are drawn")]
    TooMany {
        /// How many there are.
        releases: usize,
    },
    /// Too many lines.
    #[error(
        "so many releases need each other, over so many load levels, that a picture of it could not be read"
    )]
    TooTangled,
    /// It was told to stop.
    #[error("drawing it took longer than allowed")]
    Deadline,
    /// Too many lines for any form.
    #[error("the lock states {needs} dependencies; at most {NEEDS_MAX} are shown")]
    TooManyNeeds {
        /// How many there are.
        needs: usize,
    },
    /// A dependency on what the lock does not hold.
    #[error("the lock says that {needed_by} needs {release}, which it does not hold")]
    Missing {
        /// What is needed.
        release: ReleaseId,
        /// By whom.
        needed_by: ReleaseId,
    },
    /// One release twice.
    #[error("the lock holds {release} twice")]
    Repeated {
        /// The release.
        release: ReleaseId,
    },
    /// Releases that need each other.
    #[error("the lock says that {} need each other in a circle", .releases.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    Circle {
        /// Each needs the next, the last needs the first.
        releases: Vec<ReleaseId>,
    },
}

impl Refusal for PictureError {
    fn code(&self) -> &'static str {
        match self {
            Self::TooMany { .. } | Self::TooTangled => "picture-too-large",
            Self::Deadline => "picture-deadline",
            Self::TooManyNeeds { .. } => "graph-too-large",
            Self::Missing { .. } | Self::Repeated { .. } | Self::Circle { .. } => "lock-inconsistent",
        }
    }

    fn mend(&self) -> Option<String> {
        Some(match self {
            Self::TooMany { .. } | Self::TooTangled | Self::Deadline => {
                "Ask for Graphviz text instead (`--format dot`, or `?format=dot`) and look at a part of it."
                    .into()
            }
            Self::TooManyNeeds { .. } => "Resolve fewer plugins at once.".into(),
            Self::Missing { .. } | Self::Repeated { .. } | Self::Circle { .. } => {
                "Take the lock back from version control, or write it anew with `pluginry resolve`.".into()
            }
        })
    }
}
