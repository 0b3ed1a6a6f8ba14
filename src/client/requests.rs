//! The calls of the API, one method each.

use bytes::Bytes;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::Client;
use super::error::ClientError;
use super::transport::{JSON_MAX_BYTES, Retry, bounded_body};
use crate::domain::api::{
    AccountAnswer, ChangeReleaseRequest, EnrollKeyRequest, EnrolledKey, KeyList, LoginAnswer, LoginRequest,
    MemberRequest, MemberRole, NamespaceAnswer, NewNamespaceRequest, NewTokenAnswer, NewTokenRequest,
    ObjectedReleases, PublishAnswer, ReasonRequest, RegisterRequest, RevokeKeyRequest, SearchAnswer,
    TokenList, TrustRequest,
};
use crate::domain::{HostProfile, IndexRelease, Namespace, PluginName, Reason, ReleaseId, TrustLevel};
use crate::resolver::Lock;
use crate::signing::{Envelope, KeyId, PublicKey};
use crate::trust::{BUNDLE_MAX_BYTES, Bundle, BundleError, LOCK_BUNDLE_MAX_BYTES, LockBundle};

/// Everything a publish sends.
pub struct Publication<'a> {
    /// The release; must agree with the package's manifest.
    pub release: &'a ReleaseId,
    /// The bytes of the package.
    pub package: Bytes,
    /// The author's signed statement about these bytes.
    pub attestation: &'a Envelope,
    /// Whether the author knows that it asks for more than the release before it.
    pub accept_widening: bool,
}

impl Client {
    /// Makes an account.
    pub async fn register(&self, request: &RegisterRequest) -> Result<AccountAnswer, ClientError> {
        self.post(&["accounts"], request).await
    }

    /// Trades name and password for a token.
    pub async fn login(&self, request: &LoginRequest) -> Result<LoginAnswer, ClientError> {
        self.post(&["login"], request).await
    }

    /// Makes a token.
    pub async fn create_token(&self, request: &NewTokenRequest) -> Result<NewTokenAnswer, ClientError> {
        self.post(&["tokens"], request).await
    }

    /// Lists the account's tokens.
    pub async fn list_tokens(&self) -> Result<TokenList, ClientError> {
        self.get(self.api(&["tokens"])).await
    }

    /// Makes a token useless.
    pub async fn delete_token(&self, id: i64) -> Result<(), ClientError> {
        self.delete(&["tokens", &id.to_string()]).await
    }

    /// Makes a namespace that belongs to the account.
    pub async fn create_namespace(&self, name: &Namespace) -> Result<NamespaceAnswer, ClientError> {
        self.post(&["namespaces"], &NewNamespaceRequest { name: name.clone() }).await
    }

    /// Adds a member to a namespace, or changes what a member may do.
    pub async fn put_member(
        &self,
        namespace: &Namespace,
        account: &str,
        role: MemberRole,
    ) -> Result<(), ClientError> {
        let url = self.api(&["namespaces", namespace.as_str(), "members", account]);
        self.done(Retry::Safe, || self.request(Method::PUT, &url).json(&MemberRequest { role })).await
    }

    /// Takes a member out of a namespace.
    pub async fn remove_member(&self, namespace: &Namespace, account: &str) -> Result<(), ClientError> {
        self.delete(&["namespaces", namespace.as_str(), "members", account]).await
    }

    /// Lists a namespace's keys, revoked ones too.
    pub async fn list_keys(&self, namespace: &Namespace) -> Result<KeyList, ClientError> {
        self.get(self.api(&["namespaces", namespace.as_str(), "keys"])).await
    }

    /// Asks that a key signs releases of a namespace; the answer says whether it counts already.
    ///
    /// With an endorsement by a key that counts there, it does.
    pub async fn enroll_key(
        &self,
        namespace: &Namespace,
        key: &PublicKey,
        label: &str,
        endorsement: Option<&Envelope>,
    ) -> Result<EnrolledKey, ClientError> {
        let endorsement =
            endorsement.map(serde_json::to_value).transpose().expect("an envelope holds texts alone");
        let request = EnrollKeyRequest { public_key: key.to_string(), label: label.to_owned(), endorsement };
        self.post(&["namespaces", namespace.as_str(), "keys"], &request).await
    }

    /// Approves a key that somebody asked for in a namespace where no key counts any more.
    pub async fn approve_key(&self, namespace: &Namespace, key: KeyId) -> Result<EnrolledKey, ClientError> {
        let url = self.api(&["namespaces", namespace.as_str(), "keys", &key.to_hex(), "approvals"]);
        self.transport.json(Retry::Safe, || self.request(Method::POST, &url)).await
    }

    /// Takes a key's right to sign for a namespace: from now on, or from an earlier index of the log.
    pub async fn revoke_key(
        &self,
        namespace: &Namespace,
        key: KeyId,
        revocation: &RevokeKeyRequest,
    ) -> Result<EnrolledKey, ClientError> {
        let url = self.api(&["namespaces", namespace.as_str(), "keys", &key.to_hex()]);
        self.transport.json(Retry::Safe, || self.request(Method::DELETE, &url).query(revocation)).await
    }

    /// Inspects a package without publishing it; the report as JSON.
    pub async fn inspect(&self, package: Bytes, profile: Option<&str>) -> Result<Value, ClientError> {
        let mut url = self.api(&["inspect"]);
        if let Some(profile) = profile {
            url.query_pairs_mut().append_pair("profile", profile);
        }
        let make =
            || self.request(Method::POST, &url).multipart(Form::new().part("package", wasm_part(&package)));
        self.transport.json(Retry::Safe, make).await
    }

    /// Publishes a release. Sending the same bytes again answers the same, so passing trouble is retried.
    pub async fn publish(&self, publication: &Publication<'_>) -> Result<PublishAnswer, ClientError> {
        let mut url = self.release_url(publication.release, None);
        if publication.accept_widening {
            url.query_pairs_mut().append_pair("accept_widening", "true");
        }
        let make = || {
            let attestation = Part::bytes(publication.attestation.to_json())
                .mime_str("application/json")
                .expect("a constant media type");
            let form =
                Form::new().part("attestation", attestation).part("package", wasm_part(&publication.package));
            self.request(Method::PUT, &url).multipart(form)
        };
        self.transport.json(Retry::Safe, make).await
    }

    /// Yanks, deprecates, or takes either back.
    pub async fn change_release(
        &self,
        release: &ReleaseId,
        change: &ChangeReleaseRequest,
    ) -> Result<(), ClientError> {
        let url = self.release_url(release, None);
        self.done(Retry::Safe, || self.request(Method::PATCH, &url).json(change)).await
    }

    /// Finds plugins; give back `next_cursor` for the next page.
    pub async fn search(&self, query: &str, cursor: Option<&str>) -> Result<SearchAnswer, ClientError> {
        let mut url = self.api(&["plugins"]);
        url.query_pairs_mut().append_pair("q", query);
        if let Some(cursor) = cursor {
            url.query_pairs_mut().append_pair("cursor", cursor);
        }
        self.get(url).await
    }

    /// Registers a host profile from its TOML document; the account must be an operator.
    pub async fn register_profile(&self, document: &str) -> Result<HostProfile, ClientError> {
        let url = self.api(&["profiles"]);
        let make = || {
            let request = self.request(Method::POST, &url);
            request.header("content-type", "application/toml").body(document.to_owned())
        };
        self.transport.json(Retry::Unsent, make).await
    }

    /// Hides a release and withholds its package while it is looked at; operators only.
    pub async fn quarantine(&self, release: &ReleaseId, reason: &Reason) -> Result<(), ClientError> {
        self.object(Method::PUT, release, "quarantine", Some(reason)).await
    }

    /// Shows a release and hands it out again; operators only.
    pub async fn lift_quarantine(&self, release: &ReleaseId) -> Result<(), ClientError> {
        self.object(Method::DELETE, release, "quarantine", None).await
    }

    /// Deletes the package of a release for good; operators only.
    pub async fn take_down(&self, release: &ReleaseId, reason: &Reason) -> Result<(), ClientError> {
        self.object(Method::POST, release, "takedown", Some(reason)).await
    }

    /// Tells hosts to stop running a release; operators only.
    pub async fn recall(&self, release: &ReleaseId, reason: &Reason) -> Result<(), ClientError> {
        self.object(Method::PUT, release, "recall", Some(reason)).await
    }

    /// Tells hosts that they may run a release again; operators only.
    pub async fn lift_recall(&self, release: &ReleaseId) -> Result<(), ClientError> {
        self.object(Method::DELETE, release, "recall", None).await
    }

    /// Lists what operators hold against releases; give back `next_cursor` for the next page. Operators only.
    pub async fn list_objections(
        &self,
        state: Option<&str>,
        cursor: Option<&str>,
    ) -> Result<ObjectedReleases, ClientError> {
        let mut url = self.api(&["operator", "releases"]);
        let given = [("state", state), ("cursor", cursor)];
        for (name, value) in given.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            url.query_pairs_mut().append_pair(name, value);
        }
        self.get(url).await
    }

    /// The same again changes nothing, so passing trouble is retried.
    async fn object(
        &self,
        method: Method,
        release: &ReleaseId,
        page: &str,
        reason: Option<&Reason>,
    ) -> Result<(), ClientError> {
        let (plugin, version) = (&release.plugin, release.version.to_string());
        let url =
            self.api(&["operator", "releases", plugin.namespace().as_str(), plugin.name(), &version, page]);
        let body = reason.map(|reason| ReasonRequest { reason: reason.as_str().to_owned() });
        let make = || {
            let request = self.request(method.clone(), &url);
            match &body {
                Some(body) => request.json(body),
                None => request,
            }
        };
        self.done(Retry::Safe, make).await
    }

    /// Says how far the releases of a namespace are trusted; operators only.
    pub async fn set_trust(&self, namespace: &Namespace, trust: TrustLevel) -> Result<(), ClientError> {
        let url = self.api(&["operator", "namespaces", namespace.as_str(), "trust"]);
        let body = TrustRequest { trust };
        self.done(Retry::Safe, || self.request(Method::PUT, &url).json(&body)).await
    }

    /// Every release of a plugin, as its index file tells them; none if there is no such plugin.
    pub async fn releases(&self, plugin: &PluginName) -> Result<Vec<IndexRelease>, ClientError> {
        let file = format!("{}.json", plugin.name());
        let url = self.transport.url(&["index", plugin.namespace().as_str(), &file]);
        let response = match self.transport.send(Retry::Safe, || self.request(Method::GET, &url)).await {
            Err(error) if error.status() == Some(404) => return Ok(Vec::new()),
            response => response?,
        };
        let status = response.status().as_u16();
        let body = bounded_body(response, JSON_MAX_BYTES).await?;
        let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(serde_json::from_slice).collect::<Result<_, _>>().map_err(|error| {
            let problem = format!("its index file cannot be read: {error}");
            ClientError::UnexpectedAnswer { url: url.to_string(), status, problem }
        })
    }

    /// All that is needed to check a release without the network.
    pub async fn bundle(&self, release: &ReleaseId) -> Result<Bundle, ClientError> {
        let url = self.release_url(release, Some("bundle"));
        let response = self.transport.send(Retry::Safe, || self.request(Method::GET, &url)).await?;
        let body = bounded_body(response, BUNDLE_MAX_BYTES).await?;
        Bundle::from_json(&body).map_err(|error| unreadable(&url, &error))
    }

    /// All that is needed to check the releases of a lock without the network.
    pub async fn lock_bundle(&self, lock: &Lock) -> Result<LockBundle, ClientError> {
        let url = self.api(&["bundles"]);
        let request = serde_json::json!({ "lock": lock });
        let make = || self.request(Method::POST, &url).json(&request);
        let response = self.transport.send(Retry::Safe, make).await?;
        let body = bounded_body(response, LOCK_BUNDLE_MAX_BYTES).await?;
        LockBundle::from_json(&body).map_err(|error| unreadable(&url, &error))
    }

    pub(super) fn api(&self, parts: &[&str]) -> Url {
        self.transport.url(&[&["api", "v1"], parts].concat())
    }

    fn release_url(&self, release: &ReleaseId, page: Option<&str>) -> Url {
        let (plugin, version) = (&release.plugin, release.version.to_string());
        let mut parts = vec!["plugins", plugin.namespace().as_str(), plugin.name(), &version];
        parts.extend(page);
        self.api(&parts)
    }

    pub(super) fn request(&self, method: Method, url: &Url) -> RequestBuilder {
        self.transport.request(method, url.clone())
    }

    async fn get<Answer: DeserializeOwned>(&self, url: Url) -> Result<Answer, ClientError> {
        self.transport.json(Retry::Safe, || self.request(Method::GET, &url)).await
    }

    async fn post<Answer: DeserializeOwned>(
        &self,
        parts: &[&str],
        body: &impl Serialize,
    ) -> Result<Answer, ClientError> {
        let url = self.api(parts);
        self.transport.json(Retry::Unsent, || self.request(Method::POST, &url).json(body)).await
    }

    async fn delete(&self, parts: &[&str]) -> Result<(), ClientError> {
        let url = self.api(parts);
        self.done(Retry::Safe, || self.request(Method::DELETE, &url)).await
    }

    async fn done(&self, retry: Retry, make: impl Fn() -> RequestBuilder) -> Result<(), ClientError> {
        self.transport.send(retry, make).await.map(|_answer| ())
    }
}

fn unreadable(url: &Url, error: &BundleError) -> ClientError {
    ClientError::UnexpectedAnswer { url: url.to_string(), status: 200, problem: error.to_string() }
}

/// The bytes are shared, not copied: a retry costs nothing.
fn wasm_part(package: &Bytes) -> Part {
    Part::stream_with_length(package.clone(), package.len() as u64)
        .file_name("package.wasm")
        .mime_str("application/wasm")
        .expect("a constant media type")
}
