//! A contact with a registry: its keys, its log and its recall feed, each checked against what is remembered.

use reqwest::Method;

use super::Client;
use super::contact_refusal::ContactRefusal;
use super::error::ClientError;
use super::memory::{OpenMemory, Remembered};
use super::transport::{Retry, bounded_body};
use crate::domain::Timestamp;
use crate::log::{
    Checkpoint, Hash, ProofError, TILE_WIDTH, TileId, Tiles, prove_consistency, root, tiles_for_consistency,
    tiles_for_root, verify_consistency,
};
use crate::signing::Envelope;
use crate::trust::{RecallFeed, TrustChain, TrustDocument, Witnesses, read_checkpoint, read_recalls};

const TRUST_MAX_BYTES: usize = 32 * 1024 * 1024;
const NOTE_MAX_BYTES: usize = 1024 * 1024;
const RECALLS_MAX_BYTES: usize = 8 * 1024 * 1024;
const TILE_MAX_BYTES: usize = 16 * 1024;

/// A registry as it was found just now, consistent with everything it showed before.
#[derive(Debug, Clone)]
pub struct Contact {
    /// When.
    pub at: Timestamp,
    /// Its keys.
    pub trust: TrustDocument,
    /// Whether its keys were known.
    pub pinning: Pinning,
    /// The head of its log.
    pub checkpoint: Checkpoint,
    /// The signed checkpoint.
    pub note: String,
    /// Its recall feed.
    pub recalls: RecallFeed,
    /// The signed feed.
    pub signed_recalls: Envelope,
}

/// How the keys of a registry stand to what was known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pinning {
    /// Nothing was known: these keys are believed from now on. Where that is remembered.
    FirstUse(String),
    /// As they were.
    Known,
    /// A later version, signed by the pinned one. The version before.
    Moved(u64),
}

/// A chain, its newest document, and how it stands to what was known.
struct Keys {
    chain: TrustChain,
    document: TrustDocument,
    pinning: Pinning,
}

impl Client {
    /// Asks a registry for its keys, its log and its recall feed, and refuses what contradicts the memory.
    ///
    /// What is found is remembered; after a refusal the memory is as it was.
    pub async fn contact(&self, now: Timestamp) -> Result<Contact, ClientError> {
        let mut memory = self.open_memory().await?;
        let keys = self.keys(&memory).await?;
        let note = self.checkpoint_note(&keys.document).await?;
        let checkpoint = self.check_head(&memory, &keys.document, &note, HeadMay::Grow).await?;
        let signed_recalls = self.signed_recalls().await?;
        let recalls = check_recalls(memory.remembered(), &keys.document, &signed_recalls, now)?;

        let pinned_at = memory.remembered().map_or(now, |remembered| remembered.pinned_at);
        let remembered = Remembered {
            checkpoint: Some(note.clone()),
            recalls: Some(signed_recalls.clone()),
            ..Remembered::pin(self.registry().as_str(), keys.chain, pinned_at)
        };
        memory.write(remembered).map_err(ContactRefusal::from)?;
        Ok(Contact {
            at: now,
            trust: keys.document,
            pinning: keys.pinning,
            checkpoint,
            note,
            recalls,
            signed_recalls,
        })
    }

    /// Checks a head that came with an answer against the memory, and remembers it if it is the largest yet.
    ///
    /// A smaller one is let be if it is a part of the log's history: a lock is as old as it is. One that lacks
    /// the cosignatures the trust document asks for is checked, but not remembered: witnesses come later.
    pub async fn observe(&self, trust: &TrustDocument, note: &str) -> Result<Checkpoint, ClientError> {
        let mut memory = self.open_memory().await?;
        let head = self.check_head(&memory, trust, note, HeadMay::BeOlder).await?;
        let Some(remembered) = memory.remembered().cloned() else { return Ok(head) };
        let known = known_head(&remembered, trust)?;
        let is_witnessed = read_checkpoint(note, trust, Witnesses::Required).is_ok();
        if is_witnessed && known.is_none_or(|known| head.tree_size > known.tree_size) {
            let remembered = Remembered { checkpoint: Some(note.to_owned()), ..remembered };
            memory.write(remembered).map_err(ContactRefusal::from)?;
        }
        Ok(head)
    }

    async fn open_memory(&self) -> Result<OpenMemory, ClientError> {
        Ok(self.memory.open(self.registry().as_str()).await.map_err(ContactRefusal::from)?)
    }

    /// The registry's keys, if they follow from the pinned ones and from those the host was given.
    async fn keys(&self, memory: &OpenMemory) -> Result<Keys, ClientError> {
        let url = self.transport.url(&["api", "v1", "trust"]);
        let json = self.get_bytes(url, TRUST_MAX_BYTES).await?;
        let chain = TrustChain::from_json(&json).map_err(ContactRefusal::from)?;
        let follow = |pinned: TrustDocument| {
            chain.follow(&pinned).map_err(|error| self.trust_refusal(error, &pinned, &chain))
        };
        if let Some(given) = self.pin.as_deref() {
            follow(given.verify().map_err(ContactRefusal::from)?)?;
        }
        let Some(remembered) = memory.remembered() else {
            let document = chain.verify().map_err(ContactRefusal::from)?;
            let pinning = match self.pin {
                Some(_) => Pinning::Known,
                None => Pinning::FirstUse(memory.place()),
            };
            return Ok(Keys { chain, document, pinning });
        };
        let pinned = remembered.document().map_err(ContactRefusal::from)?;
        let before = pinned.version;
        let document = follow(pinned)?;
        let pinning = if document.version == before { Pinning::Known } else { Pinning::Moved(before) };
        Ok(Keys { chain, document, pinning })
    }

    fn trust_refusal(
        &self,
        error: crate::trust::TrustChainError,
        pinned: &TrustDocument,
        chain: &TrustChain,
    ) -> ContactRefusal {
        use crate::domain::Refusal as _;
        if !matches!(error.code(), "trust-changed" | "trust-rolled-back") {
            return error.into();
        }
        let mut keys = format!("pinned: {}", keys_in_words(pinned));
        if let Ok(shown) = chain.verify() {
            keys.push_str(&format!("\nshown now: {}", keys_in_words(&shown)));
        }
        ContactRefusal::TrustChanged { error, keys, registry: self.registry().to_string() }
    }

    /// The newest checkpoint; where witnesses are asked for, the newest they cosigned.
    async fn checkpoint_note(&self, trust: &TrustDocument) -> Result<String, ClientError> {
        let name = if trust.witness_quorum > 0 { "witnessed-checkpoint" } else { "checkpoint" };
        let url = self.transport.url(&["log", name]);
        let bytes = self.get_bytes(url.clone(), NOTE_MAX_BYTES).await?;
        String::from_utf8(bytes).map_err(|_| ClientError::UnexpectedAnswer {
            url: url.to_string(),
            status: 200,
            problem: "its checkpoint is not UTF-8 text".into(),
        })
    }

    async fn signed_recalls(&self) -> Result<Envelope, ClientError> {
        let url = self.transport.url(&["api", "v1", "recalls"]);
        let json = self.get_bytes(url.clone(), RECALLS_MAX_BYTES).await?;
        serde_json::from_slice(&json).map_err(|error| ClientError::UnexpectedAnswer {
            url: url.to_string(),
            status: 200,
            problem: format!("its recall feed cannot be read: {error}"),
        })
    }

    /// A head signed by the log that continues what is remembered, proved by the log's own tiles.
    async fn check_head(
        &self,
        memory: &OpenMemory,
        trust: &TrustDocument,
        note: &str,
        may: HeadMay,
    ) -> Result<Checkpoint, ClientError> {
        let witnesses = if may == HeadMay::Grow { Witnesses::Required } else { Witnesses::NotNeeded };
        let (seen, _evidence) = read_checkpoint(note, trust, witnesses).map_err(ContactRefusal::from)?;
        let known = match memory.remembered() {
            Some(remembered) => known_head(remembered, trust)?,
            None => None,
        };
        let Some(known) = known else { return Ok(seen) };
        if seen.tree_size < known.tree_size && may == HeadMay::Grow {
            let seen = Box::new(seen);
            return Err(ContactRefusal::LogRolledBack { remembered: known.tree_size, seen }.into());
        }
        self.check_one_history(&known, &seen).await?;
        Ok(seen)
    }

    /// Refuses two heads that do not belong to one history.
    async fn check_one_history(&self, known: &Checkpoint, seen: &Checkpoint) -> Result<(), ClientError> {
        let (old, new) = if seen.tree_size < known.tree_size { (seen, known) } else { (known, seen) };
        let forked = || ContactRefusal::LogForked {
            known: Box::new(known.clone()),
            seen: Box::new(seen.clone()),
            registry: self.registry().to_string(),
        };
        if old.origin != new.origin || old.tree_size == new.tree_size && old.root != new.root {
            return Err(forked().into());
        }
        let mut tiles = Tiles::default();
        self.take_tiles(&tiles_for_consistency(old.tree_size, new.tree_size), &mut tiles).await?;
        let Err(error) = proves(old.root, old, new, &tiles) else { return Ok(()) };
        // Either the tiles lie, or they belong to the newer head and the older one is of another history.
        let in_new = |tile: &TileId| TileId::in_tree(tile.level(), tile.index(), new.tree_size);
        let below_old: Vec<TileId> = tiles_for_root(old.tree_size).iter().filter_map(in_new).collect();
        self.take_tiles(&below_old, &mut tiles).await?;
        match root(old.tree_size, &tiles).and_then(|root| proves(root, old, new, &tiles)) {
            Ok(()) => Err(forked().into()),
            Err(_) => Err(ContactRefusal::TilesDamaged { problem: error.to_string() }.into()),
        }
    }

    async fn take_tiles(&self, wanted: &[TileId], tiles: &mut Tiles) -> Result<(), ClientError> {
        for tile in tiles.missing(wanted) {
            let bytes = self.tile(tile).await?;
            tiles
                .insert(tile, bytes)
                .map_err(|error| ContactRefusal::TilesDamaged { problem: error.to_string() })?;
        }
        Ok(())
    }

    /// A tile. One that grew full meanwhile may be gone as a partial one, and begins with the same bytes.
    async fn tile(&self, tile: TileId) -> Result<Vec<u8>, ClientError> {
        let url = |tile: TileId| {
            let path = format!("log/{}", tile.path());
            self.transport.url(&path.split('/').collect::<Vec<_>>())
        };
        match self.get_bytes(url(tile), TILE_MAX_BYTES).await {
            Err(error) if error.status() == Some(404) && tile.width() < TILE_WIDTH => {
                let full = TileId::new(tile.level(), tile.index(), TILE_WIDTH);
                let Some(full) = full else { return Err(error) };
                let mut bytes = self.get_bytes(url(full), TILE_MAX_BYTES).await?;
                bytes.truncate(tile.size_bytes());
                Ok(bytes)
            }
            answer => answer,
        }
    }

    async fn get_bytes(&self, url: url::Url, max_bytes: usize) -> Result<Vec<u8>, ClientError> {
        let response =
            self.transport.send(Retry::Safe, || self.transport.request(Method::GET, url.clone())).await?;
        Ok(bounded_body(response, max_bytes).await?.into())
    }
}

/// Whether the tiles prove that the newer tree begins with the older one, if that has this root.
fn proves(old_root: Hash, old: &Checkpoint, new: &Checkpoint, tiles: &Tiles) -> Result<(), ProofError> {
    let proof = prove_consistency(old.tree_size, new.tree_size, tiles)?;
    verify_consistency(old.tree_size, old_root, new.tree_size, new.root, &proof)
}

/// Whether a head may be smaller than the remembered one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum HeadMay {
    /// It is what the registry says is its newest.
    Grow,
    /// It came with an answer that may be older.
    BeOlder,
}

/// The largest head remembered. Its cosignatures were counted when it was new.
fn known_head(remembered: &Remembered, trust: &TrustDocument) -> Result<Option<Checkpoint>, ClientError> {
    let read = |note: &String| read_checkpoint(note, trust, Witnesses::NotNeeded).map(|(head, _)| head);
    Ok(remembered.checkpoint.as_ref().map(read).transpose().map_err(ContactRefusal::from)?)
}

/// A feed that is signed, good now, and no older than the remembered one.
fn check_recalls(
    remembered: Option<&Remembered>,
    trust: &TrustDocument,
    signed: &Envelope,
    now: Timestamp,
) -> Result<RecallFeed, ContactRefusal> {
    let feed = read_recalls(signed, &trust.registry_keys()).map_err(ContactRefusal::Recalls)?;
    if feed.is_expired(now) {
        return Err(ContactRefusal::RecallsExpired { expired_at: feed.expires_at, now });
    }
    // The remembered feed was signed by a key that may be retired since.
    let known = remembered.and_then(|remembered| remembered.recalls.as_ref());
    let known = known.and_then(|known| read_recalls(known, &trust.registry_keys_at(0)).ok());
    let Some(known) = known else { return Ok(feed) };
    if feed.issued_at < known.issued_at || feed.tree_size < known.tree_size {
        let problem = format!(
            "remembered is the one of {} (log of {} entries), shown is the one of {} (log of {} entries)",
            known.issued_at, known.tree_size, feed.issued_at, feed.tree_size
        );
        return Err(ContactRefusal::RecallsRolledBack { problem });
    }
    let still_revoked = |old: &&crate::trust::RevokedKey| {
        feed.revoked_keys.iter().any(|new| {
            (&new.namespace, new.key_id) == (&old.namespace, old.key_id) && new.from_index <= old.from_index
        })
    };
    if let Some(lost) = known.revoked_keys.iter().find(|old| !still_revoked(old)) {
        let (key, namespace) = (lost.key_id.short(), &lost.namespace);
        let problem = format!(
            "the feed of {} revokes key {key} of {namespace}, the one of {} no longer does; a revocation is never taken back",
            known.issued_at, feed.issued_at
        );
        return Err(ContactRefusal::RecallsRolledBack { problem });
    }
    Ok(feed)
}

/// The keys of a document, short, for a person to compare.
fn keys_in_words(document: &TrustDocument) -> String {
    let short = |keys: &[crate::trust::DatedKey]| {
        let current = keys.iter().filter(|key| key.retired_at.is_none());
        current.map(|key| key.public_key.id().short()).collect::<Vec<_>>().join(", ")
    };
    format!(
        "version {} with log key {} and registry key {}",
        document.version,
        short(&document.log_keys),
        short(&document.registry_keys)
    )
}
