//! Drawing: the graph of a lock that is handed in, or of a release with everything it needs. Work for the solver's turns.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::{Registry, ResolvePluginsError, SolveError, resolve_plugins};
use crate::domain::{Refusal, ReleaseId, Requirement, Timestamp};
use crate::resolver::picture::{Picture, PictureError, Setting, draw, graphviz};
use crate::resolver::{Lock, ResolveRequest};

/// Why there is no graph.
#[derive(Debug, thiserror::Error)]
pub enum DrawGraphError {
    /// The lock cannot be shown.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// There is no lock to show.
    #[error(transparent)]
    Resolve(#[from] ResolvePluginsError),
    /// Nobody could draw it.
    #[error(transparent)]
    Solve(#[from] SolveError),
}

impl Refusal for DrawGraphError {
    fn code(&self) -> &'static str {
        match self {
            Self::Picture(error) => error.code(),
            Self::Resolve(error) => error.code(),
            Self::Solve(error) => error.code(),
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::Picture(error) => error.mend(),
            Self::Resolve(error) => error.mend(),
            Self::Solve(error) => error.mend(),
        }
    }
}

/// A release with everything it needs.
#[derive(Debug)]
pub struct ReleaseGraph {
    /// What a host without demands would load.
    pub lock: Lock,
    /// How it looks, if it can be drawn.
    pub picture: Result<Picture, PictureError>,
}

/// Draws a lock for an answer of its own.
pub async fn draw_lock(registry: &Registry, client: IpAddr, lock: Lock) -> Result<Picture, DrawGraphError> {
    Ok(registry.solve(client, move |should_stop| draw(&lock, Setting::Site, should_stop)).await??)
}

/// Writes the graph of a lock in Graphviz's language.
pub async fn write_graphviz(
    registry: &Registry,
    client: IpAddr,
    lock: Lock,
) -> Result<String, DrawGraphError> {
    Ok(registry.solve(client, move |_| graphviz(&lock)).await??)
}

/// Finds what a release needs, for a host without demands, and draws it.
pub async fn draw_release(
    registry: &Registry,
    client: IpAddr,
    release: &ReleaseId,
    setting: Setting,
    now: Timestamp,
) -> Result<ReleaseGraph, DrawGraphError> {
    let plugin = release.plugin.clone();
    let request = ResolveRequest {
        roots: BTreeMap::from([(plugin.clone(), Requirement::exactly(&release.version))]),
        pre_releases_of: BTreeSet::from([plugin]),
        ..ResolveRequest::default()
    };
    let lock = resolve_plugins(registry, client, request, now).await?;
    let drawn = registry.solve(client, move |should_stop| {
        let picture = draw(&lock, setting, should_stop);
        ReleaseGraph { lock, picture }
    });
    Ok(drawn.await?)
}
