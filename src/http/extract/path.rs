//! Names, versions and digests in the URL.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use crate::domain::{Namespace, PluginName, ReleaseId, Version};
use crate::http::error::Problem;

/// `{namespace}/{name}` of the URL.
pub struct PluginPath(pub PluginName);

/// `{namespace}/{name}/{version}` of the URL.
pub struct ReleasePath(pub ReleaseId);

/// `{namespace}` of the URL.
pub struct NamespacePath(pub Namespace);

/// Reads one part of the URL as text.
pub(in crate::http) fn part<'a>(request: &'a HttpRequest, name: &str) -> &'a str {
    request.match_info().get(name).unwrap_or_default()
}

/// The plugin named in the URL.
pub(in crate::http) fn plugin_of(request: &HttpRequest) -> Result<PluginName, Problem> {
    Ok(PluginName::new(part(request, "namespace"), part(request, "name"))?)
}

impl FromRequest for PluginPath {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(plugin_of(request).map(Self))
    }
}

impl FromRequest for ReleasePath {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let release = || {
            let plugin = plugin_of(request)?;
            let version: Version = part(request, "version").parse()?;
            Ok(Self(ReleaseId::new(plugin, version)))
        };
        ready(release())
    }
}

impl FromRequest for NamespacePath {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(part(request, "namespace").parse().map(Self).map_err(Problem::from))
    }
}
