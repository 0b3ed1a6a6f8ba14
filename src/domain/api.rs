//! The JSON of the HTTP API that server and client share: requests and answers, no behaviour.
//!
//! Answers that hold a type of a later room (an inspection report, a lock) are generic over it, so that
//! the server fills in its own type and a client that only prints may read plain JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Capabilities, Digest, IndexRelease, Namespace, PluginName, ReleaseId, Risk, Timestamp, TrustLevel,
    VerificationState, Version,
};

/// `POST /api/v1/accounts`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterRequest {
    /// Account name, written like a namespace.
    pub name: String,
    /// Address for notices.
    pub email: String,
    /// At least 10 characters.
    pub password: String,
}

/// The answer to a registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountAnswer {
    /// The account's name.
    pub account: String,
}

/// `POST /api/v1/login`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoginRequest {
    /// Account name.
    pub name: String,
    /// Its password.
    pub password: String,
}

/// A token's text, shown this one time.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginAnswer {
    /// `plg_…`, sent as `Authorization: Bearer`.
    pub token: String,
    /// When it stops working; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// What a token may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenScope {
    /// Publish releases.
    Publish,
    /// Yank and deprecate releases.
    Yank,
    /// Enrol, approve and revoke author keys.
    Keys,
    /// Everything the account may do.
    Admin,
}

/// `POST /api/v1/tokens`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewTokenRequest {
    /// A name for people.
    pub label: String,
    /// What it may be used for.
    pub scopes: Vec<TokenScope>,
    /// The namespaces it works in; absent: all of the account's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<Vec<Namespace>>,
    /// Days until it stops working; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_days: Option<u32>,
}

/// The answer to a new token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewTokenAnswer {
    /// `plg_…`, shown this one time.
    pub token: String,
    /// What it is.
    #[serde(flatten)]
    pub description: TokenDescription,
}

/// A token as lists show it: everything but its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenDescription {
    /// Its id, for `DELETE /api/v1/tokens/{id}`.
    pub id: i64,
    /// A name for people.
    pub label: String,
    /// What it may be used for.
    pub scopes: Vec<TokenScope>,
    /// The namespaces it works in; absent: all of the account's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<Vec<Namespace>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it was last used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
}

/// `GET /api/v1/tokens`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenList {
    /// The account's tokens.
    pub tokens: Vec<TokenDescription>,
}

/// `POST /api/v1/namespaces`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewNamespaceRequest {
    /// The namespace.
    pub name: Namespace,
}

/// The answer to a new namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespaceAnswer {
    /// The namespace.
    pub namespace: Namespace,
}

/// What an account may do in a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MemberRole {
    /// Also changes members.
    Owner,
    /// Publishes, yanks, enrols keys.
    Member,
}

/// `PUT /api/v1/namespaces/{namespace}/members/{account}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberRequest {
    /// What the account may do.
    pub role: MemberRole,
}

/// `POST /api/v1/namespaces/{namespace}/keys`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrollKeyRequest {
    /// `ed25519:<base64>`.
    pub public_key: String,
    /// A name for people.
    #[serde(default)]
    pub label: String,
    /// A DSSE envelope in which a key that counts signs this one in; with it the key counts at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endorsement: Option<Value>,
}

/// The query of `DELETE /api/v1/namespaces/{namespace}/keys/{key_id}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RevokeKeyRequest {
    /// The log index from which on the key counts for nothing; absent: the index of the revocation itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_index: Option<u64>,
    /// Why, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Whether a key's signature counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyState {
    /// It does.
    #[default]
    Counts,
    /// It will from `counts_from` on.
    Waiting,
    /// It does not until another owner or an operator approves it.
    NeedsApproval,
    /// It does not any more.
    Revoked,
}

/// A key of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolledKey {
    /// SHA-256 of the public key, 64 hexadecimal digits.
    pub key_id: String,
    /// `ed25519:<base64>`.
    pub public_key: String,
    /// A name for people.
    #[serde(default)]
    pub label: String,
    /// Whether its signature counts.
    #[serde(default)]
    pub state: KeyState,
    /// The account that asked for it.
    #[serde(default)]
    pub enrolled_by: String,
    /// When it was asked for.
    pub enrolled_at: Timestamp,
    /// From when on it counts; absent: that waits for an approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts_from: Option<Timestamp>,
    /// The log index of its enrolment; absent: not in the log yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrolled_index: Option<u64>,
    /// The id of the key that signed it in, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endorsed_by: Option<String>,
    /// The accounts that approved it, where no key of the namespace counted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approved_by: Vec<String>,
    /// When it was revoked, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// The log index from which on it counts for nothing; absent: not revoked, or not in the log yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_from_index: Option<u64>,
}

/// `GET /api/v1/namespaces/{namespace}/keys`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyList {
    /// The namespace's keys, revoked ones too.
    pub keys: Vec<EnrolledKey>,
}

/// The answer to `PUT /api/v1/plugins/{namespace}/{name}/{version}`: 201 when new, 200 on a retry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PublishAnswer<Inspection = Value> {
    /// The plugin.
    pub plugin: PluginName,
    /// The release as the index tells it.
    pub release: IndexRelease,
    /// What inspection found.
    pub inspection: Inspection,
    /// Advice that did not stop the publish.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// Its place in the log.
    pub sequence: u64,
    /// Where the package is downloaded.
    pub download_url: String,
}

/// `PATCH /api/v1/plugins/{namespace}/{name}/{version}`. An absent field stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeReleaseRequest {
    /// Whether it is withdrawn from new resolves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yanked: Option<bool>,
    /// Advice against it; `null` takes the advice back.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<Option<String>>,
}

/// Tells `null` (present, no advice) from an absent field.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(deserializer).map(Some)
}

/// The body of an operator's `PUT …/quarantine`, `PUT …/recall` and `POST …/takedown`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReasonRequest {
    /// Why, in a sentence for everybody.
    pub reason: String,
}

/// How far the operator trusts a namespace: the body of `PUT …/operator/namespaces/{namespace}/trust`, and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustRequest {
    /// The level.
    pub trust: TrustLevel,
}

/// A release that an operator objects to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectedRelease {
    /// The release.
    pub release: ReleaseId,
    /// SHA-256 of its package.
    pub digest: Digest,
    /// Why it is hidden and withheld.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantined: Option<String>,
    /// Why its package was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_down: Option<String>,
    /// Why hosts are told to stop running it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recalled: Option<String>,
}

/// `GET /api/v1/operator/releases?state=&cursor=`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectedReleases {
    /// One page of them.
    pub releases: Vec<ObjectedRelease>,
    /// Ask again with it for the next page; absent: this is the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// One plugin of a search answer: its newest release that is neither yanked nor a pre-release, if it has one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginSummary {
    /// The plugin.
    pub name: PluginName,
    /// Version of that release.
    pub version: Version,
    /// What it says about itself.
    pub description: String,
    /// The highest risk among its capabilities; absent: pure computation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<Risk>,
    /// What it asks for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub capabilities: Capabilities,
    /// The host profile it is made for.
    pub profile: PluginName,
    /// Where its verification run stands.
    pub verification: VerificationState,
    /// SPDX expression.
    pub license: String,
    /// Key id of the author key that signed it.
    pub signer: String,
    /// Size of the package in bytes.
    pub size_bytes: u64,
    /// When it was published.
    pub published_at: Timestamp,
    /// The author's advice against it, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<String>,
    /// Why the operator tells hosts to stop running it; only where the plugin has no release without such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recalled: Option<String>,
}

/// `GET /api/v1/plugins?q=&cursor=`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchAnswer {
    /// One page of plugins.
    pub plugins: Vec<PluginSummary>,
    /// Ask again with it for the next page; absent: this is the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// The body of every refusal, `application/problem+json` (RFC 9457).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProblemBody {
    /// `/problems/<code>`.
    #[serde(rename = "type")]
    pub problem_type: String,
    /// What kind of refusal it is.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The stable kebab-case code.
    pub code: String,
    /// What happened, to what, where.
    pub detail: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
    /// Names the request in the server's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Further facts, such as the inspection report of a refused package.
    #[serde(flatten)]
    pub extras: serde_json::Map<String, Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_advice_differs_from_a_withdrawn_one() {
        let absent: ChangeReleaseRequest = serde_json::from_str(r#"{"yanked":true}"#).unwrap();
        let withdrawn: ChangeReleaseRequest = serde_json::from_str(r#"{"deprecated":null}"#).unwrap();

        assert_eq!((absent.yanked, absent.deprecated.clone()), (Some(true), None));
        assert_eq!(withdrawn.deprecated, Some(None));
        assert_eq!(serde_json::to_string(&withdrawn).unwrap(), r#"{"deprecated":null}"#);
        assert_eq!(serde_json::to_string(&absent).unwrap(), r#"{"yanked":true}"#);
    }
}
