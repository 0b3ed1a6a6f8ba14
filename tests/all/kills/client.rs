//! Somebody who publishes to a server that dies: remembers what was answered, asks again for what was not.

use pluginry::domain::Digest;
use pluginry::signing::SecretKey;
use reqwest::multipart::{Form, Part};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::random::Random;
use super::watcher::Watcher;
use super::world::Person;
use crate::harness::server::{ADDER, TestPackage, core_manifest};

/// How many plugins a client has.
const PLUGINS: usize = 4;
/// Another module, for other bytes under the same version.
const OTHER: &str = r#"(module (func (export "add") (param i32 i32) (result i32) local.get 0))"#;

/// What a client believes about a release.
pub struct Release {
    /// The bytes that were sent for it; more than one if they raced.
    pub packages: Vec<TestPackage>,
    /// The one that was accepted, once an answer said so.
    pub accepted: Option<usize>,
    /// Its place in the log, once an answer said so.
    pub sequence: u64,
    /// The line of the index as it was answered last.
    pub line: Value,
    /// Whether its bytes are to be deleted.
    pub takedown: Takedown,
}

/// Whether the bytes of a release are to be deleted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Takedown {
    /// Nobody wants that.
    No,
    /// It was asked for and not answered.
    Asked,
    /// It was answered.
    Done,
}

/// A further key of the namespace.
pub struct FurtherKey {
    key: SecretKey,
    /// Whether its enrolment was answered.
    pub is_enrolled: bool,
    /// Whether its revocation was answered.
    pub is_revoked: bool,
}

/// What a client does next, or did without an answer.
#[derive(Debug, Clone)]
pub enum Action {
    /// Sends every package of the release at once.
    Publish(usize),
    /// Sends the accepted package again.
    Repeat(usize),
    /// Sends other bytes for an accepted release.
    Conflict(usize),
    /// Yanks or takes the yank back.
    Yank(usize, bool),
    /// Advises against it, or not any more.
    Deprecate(usize, Option<String>),
    /// Downloads it.
    Download(usize),
    /// Has its bytes deleted.
    TakeDown(usize),
    /// Enrols a further key.
    Enroll(usize),
    /// Revokes a further key.
    Revoke(usize),
    /// Looks at the checkpoint.
    Look,
}

/// A client.
pub struct Client {
    /// Who it is.
    pub person: Person,
    /// What it published.
    pub releases: Vec<Release>,
    /// Its further keys.
    pub keys: Vec<FurtherKey>,
    /// What was not answered.
    pub pending: Option<Action>,
    /// How often it changes keys rather than anything else.
    pub key_changes_percent: u64,
    /// How often it has a release taken down rather than anything else.
    pub takedowns_percent: u64,
    /// Releases whose answers were not looked after yet.
    pub unaudited: Vec<usize>,
    http: reqwest::Client,
    random: Random,
}

/// The server died before it answered.
#[derive(Debug)]
pub struct Died;

/// What a request came to.
pub type Answered<T = ()> = Result<T, Died>;

/// Sends a request; status and JSON of the whole answer.
pub async fn ask(request: RequestBuilder) -> Answered<(StatusCode, Value)> {
    let (status, bytes) = ask_bytes(request).await?;
    Ok((status, serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
}

/// Sends a request; status and bytes of the whole answer.
pub async fn ask_bytes(request: RequestBuilder) -> Answered<(StatusCode, Vec<u8>)> {
    let response = request.send().await.map_err(|_| Died)?;
    let status = response.status();
    let bytes = response.bytes().await.map_err(|_| Died)?.to_vec();
    let is_failure = status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE;
    assert!(!is_failure, "{status} {}", String::from_utf8_lossy(&bytes));
    Ok((status, bytes))
}

impl Client {
    /// A client that acts by chance.
    pub fn new(person: Person, http: reqwest::Client, random: Random) -> Self {
        let (releases, keys, unaudited) = (Vec::new(), Vec::new(), Vec::new());
        Self {
            person,
            releases,
            keys,
            pending: None,
            key_changes_percent: 10,
            takedowns_percent: 2,
            unaudited,
            http,
            random,
        }
    }

    /// Finishes what was not answered, then acts until the server dies or it acted often enough.
    pub async fn act(&mut self, url: &str, watcher: &Watcher, actions: usize) -> Answered {
        self.finish(url, watcher).await?;
        for _ in 0..actions {
            self.pending = Some(self.choose());
            self.finish(url, watcher).await?;
        }
        Ok(())
    }

    /// Asks again for what was not answered.
    pub async fn finish(&mut self, url: &str, watcher: &Watcher) -> Answered {
        if let Some(action) = self.pending.clone() {
            self.perform(url, watcher, &action).await?;
            self.pending = None;
        }
        Ok(())
    }

    /// The bytes that the next new release will have.
    pub fn next_package(&self) -> TestPackage {
        self.package(self.releases.len(), ADDER)
    }

    fn package(&self, number: usize, module: &str) -> TestPackage {
        let (plugin, version) = (number % PLUGINS, number / PLUGINS);
        let release = format!("{}:plugin-{plugin}@1.{version}.0", self.person.namespace);
        TestPackage::pack(&core_manifest(&release, ""), module)
    }

    fn choose(&mut self) -> Action {
        let accepted = self.releases.len() as u64;
        let some = if accepted == 0 { 0 } else { self.random.below(accepted) as usize };
        let is_gone = self.releases.get(some).is_some_and(|release| release.takedown != Takedown::No);
        let choice = match accepted {
            0 => 0,
            _ if is_gone => self.random.below(45),
            _ if self.random.percent(self.takedowns_percent) => return Action::TakeDown(some),
            _ if self.random.percent(self.key_changes_percent) => return self.choose_key(),
            _ => self.random.below(100),
        };
        match choice {
            0..45 => {
                let mut packages = vec![self.next_package()];
                if self.random.percent(20) {
                    packages.push(self.package(self.releases.len(), OTHER));
                }
                let release = Release {
                    packages,
                    accepted: None,
                    sequence: 0,
                    line: Value::Null,
                    takedown: Takedown::No,
                };
                self.releases.push(release);
                Action::Publish(self.releases.len() - 1)
            }
            45..52 => Action::Repeat(some),
            52..57 => Action::Conflict(some),
            57..70 => Action::Yank(some, self.random.percent(50)),
            70..78 => {
                let advice = self.random.percent(70).then(|| format!("use {}", self.random.below(1_000)));
                Action::Deprecate(some, advice)
            }
            78..94 => Action::Download(some),
            _ => Action::Look,
        }
    }

    fn choose_key(&mut self) -> Action {
        if self.random.percent(40)
            && let Some(place) = self.keys.iter().position(|key| key.is_enrolled && !key.is_revoked)
        {
            return Action::Revoke(place);
        }
        let seed = Digest::of(format!("{} {}", self.person.namespace, self.keys.len()).as_bytes());
        let key = SecretKey::from_seed(seed.as_bytes());
        self.keys.push(FurtherKey { key, is_enrolled: false, is_revoked: false });
        Action::Enroll(self.keys.len() - 1)
    }

    async fn perform(&mut self, url: &str, watcher: &Watcher, action: &Action) -> Answered {
        match action {
            Action::Publish(place) => self.publish(url, watcher, *place).await,
            Action::Repeat(place) => {
                let accepted = self.releases[*place].accepted.expect("it was accepted");
                let package = self.releases[*place].packages[accepted].clone();
                let answer = self.send(url, &package).await?;
                assert_eq!(answer.0, StatusCode::OK, "a repeated publish: {}", answer.1);
                self.accept(watcher, *place, accepted, &answer.1);
                Ok(())
            }
            Action::Conflict(place) => {
                let accepted = self.releases[*place].accepted.expect("it was accepted");
                let taken = self.releases[*place].packages[accepted].clone();
                let mut other = self.package(*place, OTHER);
                if other.bytes == taken.bytes {
                    other = self.package(*place, ADDER);
                }
                let (status, answer) = self.send(url, &other).await?;
                assert_eq!(status, StatusCode::CONFLICT, "other bytes for {}: {answer}", taken.release);
                Ok(())
            }
            Action::Yank(place, yanked) => self.change(url, *place, json!({ "yanked": yanked })).await,
            Action::Deprecate(place, advice) => {
                self.change(url, *place, json!({ "deprecated": advice })).await
            }
            Action::Download(place) => self.download(url, *place).await,
            Action::TakeDown(place) => self.take_down(url, *place).await,
            Action::Enroll(place) => self.enroll(url, *place).await,
            Action::Revoke(place) => self.revoke(url, *place).await,
            Action::Look => watcher.look(&self.http, url).await.map(drop),
        }
    }

    async fn publish(&mut self, url: &str, watcher: &Watcher, place: usize) -> Answered {
        let packages = self.releases[place].packages.clone();
        let answers = futures::future::join_all(packages.iter().map(|package| self.send(url, package))).await;
        let mut was_unanswered = false;
        for (number, answer) in answers.into_iter().enumerate() {
            match answer {
                Ok((StatusCode::OK | StatusCode::CREATED, answer)) => {
                    self.accept(watcher, place, number, &answer);
                }
                Ok((StatusCode::CONFLICT, _)) if packages.len() > 1 => {}
                Ok((status, answer)) => panic!("{}: {status} {answer}", packages[number].release),
                Err(Died) => was_unanswered = true,
            }
        }
        if was_unanswered {
            return Err(Died);
        }
        assert!(self.releases[place].accepted.is_some(), "nobody won {}", packages[0].release);
        Ok(())
    }

    async fn send(&self, url: &str, package: &TestPackage) -> Answered<(StatusCode, Value)> {
        let form = Form::new()
            .part("attestation", Part::bytes(package.sign(&self.person.key).to_json()))
            .part("package", Part::bytes(package.bytes.clone()));
        let address = format!("{url}/api/v1/plugins/{}", package.address());
        let request = self.http.put(address).bearer_auth(&self.person.token).multipart(form);
        match ask(request).await? {
            // An orphan with the same bytes was swept at that moment: it was refused, not half done.
            (StatusCode::SERVICE_UNAVAILABLE, answer) if answer["code"] == "storage-unavailable" => {
                Box::pin(self.send(url, package)).await
            }
            answer => Ok(answer),
        }
    }

    /// Takes in the answer to a publish; it must not contradict an earlier one.
    fn accept(&mut self, watcher: &Watcher, place: usize, number: usize, answer: &Value) {
        let release = &mut self.releases[place];
        let name = &release.packages[number].release;
        let digest = Digest::of(&release.packages[number].bytes).to_string();
        assert_eq!(answer["release"]["digest"], digest, "{name} was answered with another digest");
        let sequence = answer["sequence"].as_u64().unwrap();
        assert!(sequence > 0, "{name} was answered without a place");
        if let Some(before) = release.accepted {
            assert_eq!((before, release.sequence), (number, sequence), "{name} was answered in two ways");
        }
        (release.accepted, release.sequence) = (Some(number), sequence);
        release.line = answer["release"].clone();
        watcher.expect_size(sequence);
        self.unaudited.push(place);
    }

    async fn change(&mut self, url: &str, place: usize, body: Value) -> Answered {
        let address = self.releases[place].packages[0].address();
        let request = self.http.patch(format!("{url}/api/v1/plugins/{address}"));
        let (status, line) = ask(request.bearer_auth(&self.person.token).json(&body)).await?;
        assert_eq!(status, StatusCode::OK, "{address} {body}: {line}");
        if let Some(yanked) = body.get("yanked") {
            assert_eq!(line["yanked"] == true, *yanked == true, "{address}: {line}");
        }
        self.releases[place].line = line;
        self.unaudited.push(place);
        Ok(())
    }

    async fn take_down(&mut self, url: &str, place: usize) -> Answered {
        self.releases[place].takedown = Takedown::Asked;
        let address = self.releases[place].packages[0].address();
        let request = self.http.post(format!("{url}/api/v1/operator/releases/{address}/takedown"));
        let request = request.bearer_auth(&self.person.operator_token).json(&json!({ "reason": "a test" }));
        let (status, answer) = ask(request).await?;
        assert!(status.is_success(), "{address} was not taken down: {status} {answer}");
        self.releases[place].takedown = Takedown::Done;
        self.unaudited.push(place);
        Ok(())
    }

    /// Downloads an accepted release; the bytes must be the ones that were sent, or gone if they were taken down.
    pub async fn download(&self, url: &str, place: usize) -> Answered {
        let release = &self.releases[place];
        if release.takedown == Takedown::Asked {
            return Ok(());
        }
        let package = &release.packages[release.accepted.expect("it was accepted")];
        let address = format!("{url}/api/v1/plugins/{}/download", package.address());
        let (status, bytes) = ask_bytes(self.http.get(address)).await?;
        if release.takedown == Takedown::Done {
            assert_eq!(status, StatusCode::GONE, "{} was taken down and is there", package.release);
            return Ok(());
        }
        assert!(status.is_success() && bytes == package.bytes, "{} is not whole: {status}", package.release);
        Ok(())
    }

    async fn enroll(&mut self, url: &str, place: usize) -> Answered {
        let key = &mut self.keys[place];
        let address = format!("{url}/api/v1/namespaces/{}/keys", self.person.namespace);
        let body = json!({ "public_key": key.key.public_key().to_string(), "label": "further" });
        let request = self.http.post(address).bearer_auth(&self.person.token).json(&body);
        let (status, answer) = ask(request).await?;
        assert!(status.is_success(), "a key was not enrolled: {status} {answer}");
        assert_eq!(answer["key_id"], key.key.public_key().id().to_hex());
        key.is_enrolled = true;
        Ok(())
    }

    /// A revocation that was made before and not answered finds no key that counts.
    async fn revoke(&mut self, url: &str, place: usize) -> Answered {
        let key = &mut self.keys[place];
        let id = key.key.public_key().id().to_hex();
        let address = format!("{url}/api/v1/namespaces/{}/keys/{id}", self.person.namespace);
        let (status, answer) = ask(self.http.delete(address).bearer_auth(&self.person.token)).await?;
        let was_made = status == StatusCode::NOT_FOUND && answer["code"] == "key-not-found";
        assert!(status.is_success() || was_made, "a key was not revoked: {status} {answer}");
        key.is_revoked = true;
        Ok(())
    }
}

impl FurtherKey {
    /// Its id, 64 hexadecimal digits.
    pub fn id(&self) -> String {
        self.key.public_key().id().to_hex()
    }
}
