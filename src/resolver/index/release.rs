//! A release as the solver needs it. What releases of a plugin have in common is stored once.

use std::ops::Deref;
use std::sync::Arc;

use super::{Edge, Symbol};
use crate::domain::{
    Capabilities, Digest, Objection, Risk, Timestamp, TrustLevel, VerificationState, Version,
};

/// What the solver needs to know of a release. What [`Traits`] holds reads as if it stood here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::resolver) struct Release {
    pub(in crate::resolver) version: Version,
    pub(in crate::resolver) digest: Digest,
    pub(in crate::resolver) size_bytes: u64,
    pub(in crate::resolver) sequence: u64,
    pub(in crate::resolver) published_at: Timestamp,
    pub(super) traits: Arc<Traits>,
    /// In the order of names.
    pub(in crate::resolver) dependencies: Arc<[Need]>,
    /// Boxed: hardly any release has one.
    pub(in crate::resolver) objection: Option<Box<Objection>>,
    pub(in crate::resolver) verification: VerificationState,
    pub(in crate::resolver) signer_revoked: bool,
    pub(in crate::resolver) yanked: bool,
    /// How far the operator trusts its namespace.
    pub(in crate::resolver) trust: TrustLevel,
    /// The author's advice against it.
    pub(in crate::resolver) deprecated: Option<Arc<str>>,
}

/// What releases of a plugin mostly have in common.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::resolver) struct Traits {
    pub(in crate::resolver) profile: Edge,
    /// Where it plugs in; empty: a library.
    pub(in crate::resolver) extension_points: Box<[Arc<str>]>,
    pub(in crate::resolver) capabilities: Capabilities,
    pub(in crate::resolver) risk: Option<Risk>,
    pub(in crate::resolver) license: Arc<str>,
    pub(in crate::resolver) signer: Arc<str>,
    pub(in crate::resolver) singleton: bool,
    pub(in crate::resolver) conflicts: Box<[Edge]>,
    pub(in crate::resolver) provides: Box<[(Symbol, Version)]>,
}

/// A dependency in eight bytes: the highest bit of the requirement's number says that it is optional.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::resolver) struct Need {
    plugin: Symbol,
    requirement: u32,
}

const OPTIONAL: u32 = 1 << 31;

impl Need {
    pub(super) fn new(edge: Edge, is_optional: bool) -> Self {
        let Edge { plugin, requirement } = edge;
        debug_assert!(requirement < OPTIONAL, "fewer than 2^31 requirements on a plugin");
        Self { plugin, requirement: if is_optional { requirement | OPTIONAL } else { requirement } }
    }

    /// What is needed.
    pub(in crate::resolver) fn edge(self) -> Edge {
        Edge { plugin: self.plugin, requirement: self.requirement & !OPTIONAL }
    }

    /// Whether the release does without it unless it is asked for.
    pub(in crate::resolver) fn is_optional(self) -> bool {
        self.requirement & OPTIONAL != 0
    }
}

impl Deref for Release {
    type Target = Traits;

    fn deref(&self) -> &Traits {
        &self.traits
    }
}

impl Release {
    /// Whether neither its author nor the operator has withdrawn it, and its signer counts where it stands.
    pub(in crate::resolver) fn is_on_offer(&self) -> bool {
        !self.yanked && !self.signer_revoked && self.objection.is_none()
    }
}
