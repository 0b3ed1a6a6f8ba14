//! The words of the registry as types: names, versions, digests, manifests, capabilities, profiles.
//!
//! Everything here is pure: text or bytes in, value or refusal out. No file, network, clock or
//! database access belongs here.

pub mod api;
mod capability;
mod core_type;
mod digest;
mod manifest;
mod name;
mod objection;
mod profile;
mod profile_rules;
mod refusal;
mod release;
mod time;
mod trust_level;
mod version;

pub use capability::{Capabilities, CapabilityName, CapabilityRequest, Grants, Risk, Scope};
pub use core_type::{CoreType, CoreTypeError, CoreValue};
pub use digest::{Digest, DigestError, DigestWriter};
pub use manifest::{
    DependencySpec, Expectation, HookSpec, HostSection, LimitsSection, MANIFEST_MAX_BYTES, Manifest,
    ManifestError, PluginSection, VerifyCase,
};
pub use name::{NAME_PART_MAX, NameError, Namespace, PluginName};
pub use objection::{Objection, ObjectionKind, Reason, ReasonError, Withheld};
pub use profile::{
    Abi, CapabilityDefinition, ExtensionPoint, ExtensionPointExport, HostProfile, ImportRule, ProfileError,
    ProfileLimits,
};
pub use refusal::Refusal;
pub use release::{IndexRelease, PublishFacts, VerificationState};
pub use time::Timestamp;
pub use trust_level::TrustLevel;
pub use version::{ReleaseId, ReleaseIdError, Requirement, Version, VersionError};
