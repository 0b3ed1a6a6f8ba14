//! What the registry says now, against what the log makes of it: index files and the recall feed.

use serde_json::{Map, Value};

use super::difference::Difference;
use crate::client::{Client, ClientError};
use crate::domain::{Digest, IndexRelease, Manifest, PluginName, Timestamp, Version};
use crate::signing::{Envelope, PublicKey};
use crate::trust::{LoggedRelease, RecallFeed, RecallItem, RecallKind, Replay, RevokedKey, read_recalls};

/// The manifest of a release whose package is not handed out any more; the log has its digest.
pub(super) async fn manifest_of(
    client: &Client,
    release: &LoggedRelease,
) -> Result<Option<Manifest>, ClientError> {
    let id = &release.release;
    let path = format!("api/v1/plugins/{}/{}/manifest", id.plugin.path(), id.version);
    let Some(bytes) = client.served(&path).await? else { return Ok(None) };
    let manifest = (Digest::of(&bytes) == release.manifest_digest)
        .then(|| Manifest::from_canonical_json(&bytes).ok())
        .flatten();
    Ok(manifest)
}

/// What an index file says about a version; nothing also when it cannot be read.
pub(super) fn served_line(file: Option<&[u8]>, version: &Version) -> Option<IndexRelease> {
    let lines = file?.split(|byte| *byte == b'\n');
    let read = lines.filter_map(|line| serde_json::from_slice::<IndexRelease>(line).ok());
    read.into_iter().find(|line| line.version == *version)
}

/// The place of a plugin's index file.
pub(super) fn index_place(plugin: &PluginName) -> String {
    format!("index/{}.json", plugin.path())
}

/// Where the index file of a plugin is not the one that its releases make.
pub(super) fn index_differences(
    plugin: &PluginName,
    expected: &[(&LoggedRelease, IndexRelease)],
    found: Option<&[u8]>,
) -> Vec<Difference> {
    let place = index_place(plugin);
    let Some(found) = found else {
        let count = expected.len();
        let problem = format!("there is no index file, though {count} releases were published");
        return vec![Difference::at(place, "index-file-missing", problem)];
    };
    let mut whole = Vec::new();
    for (_, line) in expected {
        serde_json::to_writer(&mut whole, line).expect("a release is plain data");
        whole.push(b'\n');
    }
    if whole == found {
        return Vec::new();
    }
    let lines: Vec<&[u8]> = found.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let mut differences = line_differences(&place, expected, &lines);
    if differences.is_empty() {
        let digests = (Digest::of(&whole), Digest::of(found));
        let difference = Difference::at(place, "index-file-differs", "the same lines are written otherwise");
        differences.push(difference.with(digests.0, digests.1));
    }
    differences
}

fn line_differences(
    place: &str,
    expected: &[(&LoggedRelease, IndexRelease)],
    lines: &[&[u8]],
) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut unread: Vec<Map<String, Value>> = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        match serde_json::from_slice(line) {
            Ok(line) => unread.push(line),
            Err(error) => {
                let problem = format!("line {} cannot be read: {error}", number + 1);
                differences.push(Difference::at(place, "index-line-unreadable", problem));
            }
        }
    }
    for (release, line) in expected {
        let version = Value::from(line.version.to_string());
        let at = unread.iter().position(|found| found.get("version") == Some(&version));
        let Some(at) = at else {
            let problem = format!("{} is not there, though it was published", line.version);
            differences.push(Difference::at(place, "index-line-missing", problem).about(release.index));
            continue;
        };
        let found = unread.remove(at);
        differences.extend(field_difference(place, release, line, &found));
    }
    for line in unread {
        let version = line.get("version").map(ToString::to_string).unwrap_or_default();
        let problem = format!("it tells of {version}, which the log does not hold");
        differences.push(Difference::at(place, "index-line-unknown", problem));
    }
    differences
}

/// The first field that differs: one is enough to show the lie.
fn field_difference(
    place: &str,
    release: &LoggedRelease,
    expected: &IndexRelease,
    found: &Map<String, Value>,
) -> Option<Difference> {
    let expected = serde_json::to_value(expected).expect("a release is plain data");
    let expected = expected.as_object().expect("a release is an object");
    let names = expected.keys().chain(found.keys());
    let name = names.into_iter().find(|name| expected.get(*name) != found.get(*name))?;
    let text = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), ToString::to_string);
    let problem = format!("the line of {} has another `{name}` than the log", release.release.version);
    let difference = Difference::at(place, "index-line-differs", problem).about(release.index);
    Some(difference.with(text(expected.get(name)), text(found.get(name))))
}

/// Where the recall feed is.
pub(super) const RECALLS: &str = "api/v1/recalls";

/// What the recall feed must say.
fn expected_feed(replay: &Replay) -> (Vec<RecallItem>, Vec<RevokedKey>) {
    let mut recalls = Vec::new();
    for release in replay.warned() {
        let of_kind = [
            (RecallKind::Recall, &release.recalled),
            (RecallKind::Quarantine, &release.quarantined),
            (RecallKind::Takedown, &release.taken_down),
        ];
        recalls.extend(of_kind.into_iter().filter_map(|(kind, warned)| {
            warned.as_ref().map(|warned| RecallItem {
                release: release.release.clone(),
                digest: release.digest,
                kind,
                reason: warned.reason.clone(),
                index: warned.index,
            })
        }));
    }
    let revoked = replay.revocations().into_iter().map(|revocation| RevokedKey {
        namespace: revocation.namespace,
        key_id: revocation.key_id,
        from_index: revocation.from_index,
        index: revocation.index,
    });
    (recalls, revoked.collect())
}

/// Where the recall feed does not say what the log says, in any order.
pub(super) fn feed_differences(
    replay: &Replay,
    keys: &[PublicKey],
    now: Timestamp,
    found: Option<&[u8]>,
) -> Vec<Difference> {
    let Some(found) = found else {
        return vec![Difference::at(RECALLS, "recalls-missing", "there is no recall feed")];
    };
    let feed = match Envelope::from_json(found).map_err(|error| error.to_string()) {
        Ok(envelope) => match read_recalls(&envelope, keys) {
            Ok(feed) => feed,
            Err(error) => return vec![Difference::refused(RECALLS, &error)],
        },
        Err(problem) => return vec![Difference::at(RECALLS, "recalls-unreadable", problem)],
    };
    let mut differences = Vec::new();
    if feed.is_expired(now) {
        let problem = format!("the recall feed expired at {}", feed.expires_at);
        differences.push(Difference::at(RECALLS, "recalls-expired", problem));
    }
    if feed.tree_size > replay.size() {
        let problem = "the recall feed speaks of a larger tree than the checkpoint";
        let difference = Difference::at(RECALLS, "recalls-ahead", problem);
        differences.push(difference.with(format!("at most {}", replay.size()), feed.tree_size));
    }
    differences.extend(item_differences(replay, &feed));
    differences
}

fn item_differences(replay: &Replay, feed: &RecallFeed) -> Vec<Difference> {
    let (recalls, revoked) = expected_feed(replay);
    let mut differences = Vec::new();
    for item in recalls.iter().filter(|item| !feed.recalls.contains(item)) {
        let problem = format!("it does not tell of the {} ({:?})", recall_text(item), item.reason);
        differences.push(Difference::at(RECALLS, "recall-missing", problem).about(item.index));
    }
    for item in feed.recalls.iter().filter(|item| !recalls.contains(item)) {
        let problem =
            format!("it tells of the {} ({:?}), which the log does not hold", recall_text(item), item.reason);
        differences.push(Difference::at(RECALLS, "recall-unknown", problem).about(item.index));
    }
    for key in revoked.iter().filter(|key| !feed.revoked_keys.contains(key)) {
        let problem = format!("it does not tell of the revocation of {} of {}", key.key_id, key.namespace);
        differences.push(Difference::at(RECALLS, "recall-missing", problem).about(key.index));
    }
    for key in feed.revoked_keys.iter().filter(|key| !revoked.contains(key)) {
        let problem = format!(
            "it tells of the revocation of {} of {}, which the log does not hold",
            key.key_id, key.namespace
        );
        differences.push(Difference::at(RECALLS, "recall-unknown", problem).about(key.index));
    }
    differences
}

fn recall_text(item: &RecallItem) -> String {
    let kind = match item.kind {
        RecallKind::Recall => "recall",
        RecallKind::Quarantine => "quarantine",
        RecallKind::Takedown => "takedown",
    };
    format!("{kind} of {}", item.release)
}
