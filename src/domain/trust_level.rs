//! Trust levels: how near a namespace stands to those who run the host.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How far the releases of a namespace are trusted, the least first.
///
/// The operator of a registry says it of a namespace; a host may say otherwise for itself, in its policy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrustLevel {
    /// Anybody may have published it: what every namespace starts as.
    #[default]
    Marketplace,
    /// Known to the operator by name.
    Partner,
    /// The operator's own.
    Internal,
}

impl TrustLevel {
    /// Whether it is what every namespace starts as.
    pub fn is_marketplace(&self) -> bool {
        *self == Self::Marketplace
    }
}

impl fmt::Display for TrustLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Marketplace => "marketplace",
            Self::Partner => "partner",
            Self::Internal => "internal",
        })
    }
}
