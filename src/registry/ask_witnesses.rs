//! Asking witnesses: every new checkpoint is shown to each, and once enough have cosigned it, to everybody.
//!
//! What a witness answers counts only when its signature does. How a witness decides is in [`super::witness`].

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::StatusCode;
use tokio::time::Instant;
use url::Url;

use super::Registry;
use super::log_tree::SignedHead;
use crate::config::Configuration;
use crate::domain::Refusal;
use crate::log::{AddCheckpoint, NoteVerifier, SignedCheckpoint};
use crate::storage::StorageError;

/// Two rounds lie at least this far apart.
const ROUND_EVERY: Duration = Duration::from_secs(1);
/// When a witness did not cosign, it is asked again after this time.
const RETRY_AFTER: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// Cosignatures are a few lines.
const ANSWER_MAX_BYTES: usize = 64 * 1024;
/// Once to learn the size a witness knows, once with the proof from there, once more if it learned meanwhile.
const ATTEMPTS: usize = 3;
/// The object that holds the newest checkpoint with enough cosignatures.
const WITNESSED: &str = "witnessed-checkpoint";

/// Why the witnesses cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum AskWitnessesError {
    /// The address of a witness.
    #[error("the address of the witness {witness}, {url:?}: {problem}")]
    Address {
        /// The name of the witness.
        witness: String,
        /// Its address.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// No client can be made.
    #[error("no client for the witnesses: {0}")]
    Client(#[from] reqwest::Error),
}

impl Refusal for AskWitnessesError {
    fn code(&self) -> &'static str {
        "witness-address-invalid"
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::Address { .. } => {
                Some("Write the address that /add-checkpoint is appended to, with https://.".into())
            }
            Self::Client(_) => None,
        }
    }
}

/// Why a witness did not cosign.
#[derive(Debug, thiserror::Error)]
enum NotCosigned {
    #[error("it cannot be reached: {0}")]
    Unreachable(#[from] reqwest::Error),
    #[error("it answered {status}: {text}")]
    Refused { status: StatusCode, text: String },
    #[error(
        "it cosigned a tree of {known} entries, and this log has {tree_size}: was the database put back?"
    )]
    Ahead { known: u64, tree_size: u64 },
    #[error("its answer is over {ANSWER_MAX_BYTES} bytes")]
    TooLong,
    #[error("its answer holds no signature of its key")]
    NoSignature,
    #[error("the proof it needs cannot be made: {0}")]
    Proof(#[from] super::ReadLogError),
    #[error("it asked for another proof {ATTEMPTS} times")]
    Undecided,
}

/// A witness and what it is known to have cosigned.
struct Asked {
    add_checkpoint: Url,
    verifier: NoteVerifier,
    /// The size of the tree it cosigned last; a wrong guess costs one request.
    known_size: u64,
}

/// The witnesses of this registry.
pub(super) struct Witnesses {
    http: reqwest::Client,
    asked: Vec<Asked>,
    quorum: usize,
}

impl Witnesses {
    /// The witnesses of the settings; nothing when there are none. `verifiers` are their keys, in the same order.
    pub(super) fn of_configuration(
        configuration: &Configuration,
        verifiers: &[NoteVerifier],
    ) -> Result<Option<Self>, AskWitnessesError> {
        let settings = &configuration.witness;
        if settings.witnesses.is_empty() {
            return Ok(None);
        }
        let asked = settings.witnesses.iter().zip(verifiers).map(|(address, verifier)| {
            let add_checkpoint = add_checkpoint_url(&address.url).map_err(|problem| {
                let (witness, url) = (verifier.name().to_owned(), address.url.clone());
                AskWitnessesError::Address { witness, url, problem }
            })?;
            Ok(Asked { add_checkpoint, verifier: verifier.clone(), known_size: 0 })
        });
        let asked = asked.collect::<Result<_, AskWitnessesError>>()?;
        Ok(Some(Self { http: http_client()?, asked, quorum: settings.quorum.max(1) }))
    }
}

fn add_checkpoint_url(text: &str) -> Result<Url, String> {
    let mut url = Url::parse(text).map_err(|error| error.to_string())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("it does not start with https:// or http://".into());
    }
    match url.path_segments_mut() {
        Ok(mut segments) => drop(segments.pop_if_empty().push("add-checkpoint")),
        Err(()) => return Err("it has no path".into()),
    }
    Ok(url)
}

fn http_client() -> Result<reqwest::Client, reqwest::Error> {
    let _already_chosen_by_the_process = rustls::crypto::ring::default_provider().install_default();
    let builder = || {
        reqwest::Client::builder()
            .user_agent(concat!("pluginry/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
    };
    builder().build().or_else(|_| {
        // A machine without certificates can still talk to a witness beside it.
        let tls = rustls::ClientConfig::builder()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        builder().tls_backend_preconfigured(tls).build()
    })
}

impl Registry {
    /// The newest checkpoint that enough witnesses cosigned.
    pub async fn witnessed_checkpoint(&self) -> Result<Option<Bytes>, StorageError> {
        self.storage().get_log_object(WITNESSED).await
    }

    /// Shows every new checkpoint to the witnesses until the registry stops.
    pub(super) async fn keep_asking_witnesses(self, mut witnesses: Witnesses) {
        let stop = self.stopping();
        let mut heads = self.watch_heads();
        loop {
            let head = Arc::clone(&heads.borrow_and_update());
            let started = Instant::now();
            let is_done = match head.tree_size {
                0 => Some(true),
                _ => stop.run_until_cancelled(self.show_to_witnesses(&mut witnesses, &head)).await,
            };
            let Some(is_done) = is_done else { return };
            let next = async {
                tokio::time::sleep_until(started + ROUND_EVERY).await;
                match is_done {
                    true => heads.changed().await.is_ok(),
                    false => {
                        let retry = tokio::time::timeout(RETRY_AFTER, heads.changed()).await;
                        retry.is_err() || retry.is_ok_and(|changed| changed.is_ok())
                    }
                }
            };
            if stop.run_until_cancelled(next).await != Some(true) {
                return;
            }
        }
    }

    /// Whether every witness cosigned this head.
    async fn show_to_witnesses(&self, witnesses: &mut Witnesses, head: &SignedHead) -> bool {
        let Ok(mut witnessed) = SignedCheckpoint::parse(&head.note) else { return true };
        let (http, quorum) = (&witnesses.http, witnesses.quorum);
        let answers = witnesses.asked.iter_mut().map(|witness| async move {
            let answer = self.ask(http, witness, head).await;
            (&witness.verifier, answer)
        });
        let mut cosigned = 0;
        let mut all = true;
        for (verifier, answer) in futures::future::join_all(answers).await {
            let outcome = if answer.is_ok() { "cosigned" } else { "refused" };
            metrics::counter!("witness_requests_total", "outcome" => outcome).increment(1);
            match answer.map(|line| witnessed.with_cosignature(&line)) {
                Ok(Ok(with_it)) => {
                    witnessed = with_it;
                    cosigned += 1;
                }
                Ok(Err(error)) => {
                    all = false;
                    tracing::warn!(witness = verifier.name(), %error, "a witness did not cosign");
                }
                Err(error) => {
                    all = false;
                    tracing::warn!(witness = verifier.name(), %error, "a witness did not cosign");
                }
            }
        }
        if cosigned >= quorum
            && let Err(error) = self.keep_witnessed(&witnessed).await
        {
            tracing::warn!(%error, "the witnessed checkpoint could not be stored");
            return false;
        }
        all
    }

    /// Stores it, unless another replica stored a newer one.
    async fn keep_witnessed(&self, witnessed: &SignedCheckpoint) -> Result<(), StorageError> {
        let stored = self.witnessed_checkpoint().await?;
        let stored = stored.and_then(|note| SignedCheckpoint::parse(std::str::from_utf8(&note).ok()?).ok());
        let newest = witnessed.unverified().tree_size;
        if stored.is_some_and(|stored| stored.unverified().tree_size > newest) {
            return Ok(());
        }
        let note = Bytes::from(witnessed.to_string());
        self.storage().put_log_objects(vec![(WITNESSED.to_owned(), note)]).await
    }

    /// The line by which a witness cosigned the head.
    async fn ask(
        &self,
        http: &reqwest::Client,
        witness: &mut Asked,
        head: &SignedHead,
    ) -> Result<String, NotCosigned> {
        for _ in 0..ATTEMPTS {
            let proof = match witness.known_size {
                0 => Vec::new(),
                known if known > head.tree_size => {
                    return Err(NotCosigned::Ahead { known, tree_size: head.tree_size });
                }
                known => self.prove_consistency(known, head).await?,
            };
            let body = AddCheckpoint { old_size: witness.known_size, proof, checkpoint: head.note.clone() };
            let request = http.post(witness.add_checkpoint.clone()).body(body.to_string());
            let response = request.send().await?;
            let status = response.status();
            let text = short_text(response).await?;
            match status {
                StatusCode::OK => {
                    let line = cosignature(head, &witness.verifier, &text).ok_or(NotCosigned::NoSignature)?;
                    witness.known_size = head.tree_size;
                    return Ok(line);
                }
                StatusCode::CONFLICT if text.trim_end().parse::<u64>().is_ok() => {
                    witness.known_size = text.trim_end().parse().unwrap_or_default();
                }
                _ => {
                    let text = text.chars().filter(|c| !c.is_control()).take(300).collect();
                    return Err(NotCosigned::Refused { status, text });
                }
            }
        }
        Err(NotCosigned::Undecided)
    }
}

async fn short_text(mut response: reqwest::Response) -> Result<String, NotCosigned> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await? {
        if body.len() + piece.len() > ANSWER_MAX_BYTES {
            return Err(NotCosigned::TooLong);
        }
        body.extend_from_slice(&piece);
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// The line of the answer that is a cosignature by this witness; others are passed over.
fn cosignature(head: &SignedHead, verifier: &NoteVerifier, answer: &str) -> Option<String> {
    let checkpoint = SignedCheckpoint::parse(&head.note).ok()?.without_cosignatures();
    let is_by_witness = |line: &&str| {
        let with_it = checkpoint.with_cosignature(line);
        with_it.is_ok_and(|with_it| !with_it.cosignatures(std::slice::from_ref(verifier)).is_empty())
    };
    answer.lines().find(is_by_witness).map(|line| format!("{line}\n"))
}
