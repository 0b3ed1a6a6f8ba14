//! What must be true of a server that came back: everything answered is there, whole and provable, and nothing by half.

use std::collections::BTreeMap;

use pluginry::domain::{Digest, ReleaseId};
use pluginry::log::TreeEdge;
use pluginry::trust::{LogEvent, LogStatement, LogSubject};
use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::Row as _;

use super::client::{Action, Answered, Client, Release, Takedown, ask};
use super::watcher::{Tree, Watcher, fetch_entries};
use super::world::World;

/// A server to look at.
#[derive(Clone, Copy)]
pub struct Audit<'a> {
    /// For requests.
    pub http: &'a reqwest::Client,
    /// Where the server listens.
    pub url: &'a str,
    /// Who remembers the log.
    pub watcher: &'a Watcher,
    /// Whether verdicts come and go between two looks.
    pub verifies: bool,
}

impl Audit<'_> {
    /// After a restart: what was answered since the last look, and what was not answered.
    pub async fn quick(self, clients: &mut [Client]) -> Answered {
        let tree = self.watcher.look(self.http, self.url).await?;
        for client in clients {
            if let Some(Action::Publish(place)) = client.pending {
                self.is_whole_or_absent(&client.releases[place]).await?;
            }
            while let Some(place) = client.unaudited.last().copied() {
                let is_changing = matches!(client.pending,
                    Some(Action::Yank(changing, _) | Action::Deprecate(changing, _)) if changing == place);
                self.is_whole(&client.releases[place], is_changing).await?;
                self.is_logged(&client.releases[place], tree).await?;
                client.download(self.url, place).await?;
                client.unaudited.pop();
            }
        }
        Ok(())
    }

    /// Whether every reader tells of a release, or none does.
    async fn is_whole_or_absent(self, release: &Release) -> Answered {
        let id = &release.packages[0].release;
        let in_index = self.index_line(id).await?.is_some();
        let in_catalog = self.catalog(id).await?.is_some();
        let can_be_resolved = self.resolves(id).await?;
        let shown = [in_index, in_catalog, can_be_resolved];
        assert!(
            shown == [true; 3] || shown == [false; 3],
            "{id} is half visible: index, catalog, resolve {shown:?}"
        );
        assert!(in_index || release.accepted.is_none(), "{id} was answered and is gone");
        Ok(())
    }

    /// Index, catalog and resolve tell of the release as it was answered last.
    async fn is_whole(self, release: &Release, is_changing: bool) -> Answered {
        let id = &release.packages[0].release;
        if release.takedown != Takedown::No {
            return Ok(());
        }
        let line = self.index_line(id).await?.unwrap_or_else(|| panic!("{id} is not in its index file"));
        let shown = self.catalog(id).await?.unwrap_or_else(|| panic!("{id} is not in the catalog"));
        let (mut told, mut shown) = (release.line.clone(), shown["release"].clone());
        if self.verifies {
            // A verdict may fall between two questions.
            for other in [&mut told, &mut shown] {
                other["verification"] = line["verification"].clone();
            }
        }
        if is_changing {
            for changing in ["yanked", "deprecated"] {
                match line.get(changing) {
                    Some(value) => told[changing] = value.clone(),
                    None => drop(told.as_object_mut().unwrap().shift_remove(changing)),
                }
            }
        }
        assert_eq!(line, told, "the index tells {id} otherwise than it was answered");
        assert_eq!(shown, line, "catalog and index tell {id} differently");
        assert_eq!(self.resolves(id).await?, line["yanked"] != true, "{id} resolves though yanked, or not");
        Ok(())
    }

    /// The log holds the publish at its place.
    async fn is_logged(self, release: &Release, tree: Tree) -> Answered {
        let package = &release.packages[release.accepted.expect("it was accepted")];
        assert!(release.sequence <= tree.size, "{} is behind the checkpoint", package.release);
        let entry = self.watcher.prove(self.http, self.url, release.sequence - 1, tree).await?;
        let statement = LogStatement::from_bytes(&entry).unwrap();
        let subject =
            LogSubject::Release { release: package.release.clone(), digest: Digest::of(&package.bytes) };
        assert_eq!(statement.subject, subject);
        assert!(matches!(statement.event, LogEvent::Publish(_)), "{}", statement.kind());
        Ok(())
    }

    async fn index_line(self, id: &ReleaseId) -> Answered<Option<Value>> {
        let address = format!("{}/index/{}.json", self.url, id.plugin.path());
        let (status, bytes) = super::client::ask_bytes(self.http.get(address)).await?;
        if status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let text = String::from_utf8(bytes).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        Ok(lines.into_iter().find(|line| line["version"] == id.version.to_string()))
    }

    async fn catalog(self, id: &ReleaseId) -> Answered<Option<Value>> {
        let address = format!("{}/api/v1/plugins/{}/{}", self.url, id.plugin.path(), id.version);
        let (status, shown) = ask(self.http.get(address)).await?;
        Ok((status != StatusCode::NOT_FOUND).then_some(shown))
    }

    async fn resolves(self, id: &ReleaseId) -> Answered<bool> {
        let body = json!({ "roots": { id.plugin.to_string(): format!("={}", id.version) } });
        let (status, _) = ask(self.http.post(format!("{}/api/v1/resolve", self.url)).json(&body)).await?;
        Ok(status.is_success())
    }

    /// At the end: everything again, and that log, database and answers tell the same story.
    pub async fn full(self, world: &World, clients: &mut [Client]) {
        let tree = self.watcher.look(self.http, self.url).await.unwrap();
        for client in clients.iter() {
            assert!(client.pending.is_none());
            for (place, release) in client.releases.iter().enumerate() {
                self.is_whole(release, false).await.unwrap();
                client.download(self.url, place).await.unwrap();
                let package = &release.packages[release.accepted.expect("it was accepted")];
                let is_there = world.blob_path(Digest::of(&package.bytes)).exists();
                assert_eq!(is_there, release.takedown == Takedown::No, "{} in the store", package.release);
            }
        }
        let entries = fetch_entries(self.http, self.url, tree.size).await.unwrap();
        self.check_roots(&entries);
        check_database(world, &entries).await;
        check_story(&entries, clients);
    }

    /// Every checkpoint that was ever seen is the root of that many entries.
    fn check_roots(self, entries: &[Vec<u8>]) {
        let mut edge = TreeEdge::new();
        let seen = self.watcher.seen();
        for entry in entries {
            edge.append(entry).unwrap();
            if let Some(root) = seen.get(&edge.size()) {
                assert_eq!(*root, edge.root(), "the checkpoint of {} entries is of another log", edge.size());
            }
        }
        assert_eq!(seen.last_key_value().map(|(size, _)| *size), Some(edge.size()));
    }
}

/// The database holds the same entries, and nothing waits for its place.
async fn check_database(world: &World, entries: &[Vec<u8>]) {
    let mut connection = world.database().raw_connection().await;
    let rows = sqlx::query("SELECT payload FROM log_entries ORDER BY sequence")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let payloads: Vec<Vec<u8>> =
        rows.iter().map(|row| row.get::<String, _>("payload").into_bytes()).collect();
    assert!(payloads == entries, "{} rows, {} entries in the log", payloads.len(), entries.len());
    for (table, sql) in [
        ("outbox", "SELECT COUNT(*) AS rows FROM outbox"),
        ("releases without a place", "SELECT COUNT(*) AS rows FROM releases WHERE sequence IS NULL"),
        (
            "pending releases without a job, or jobs of verified ones",
            "SELECT COUNT(*) AS rows FROM releases WHERE verification = 'pending' AND NOT EXISTS (SELECT 1 FROM jobs)",
        ),
    ] {
        let row = sqlx::query(sqlx::AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await.unwrap();
        assert_eq!(row.get::<i64, _>("rows"), 0, "{table}");
    }
}

/// The log tells each release once, with the bytes that were accepted, and its last word on everything is what was
/// answered last.
fn check_story(entries: &[Vec<u8>], clients: &[Client]) {
    let mut published: BTreeMap<String, (u64, Digest)> = BTreeMap::new();
    let (mut yanked, mut verdicts) = (BTreeMap::new(), BTreeMap::new());
    let (mut enrolled, mut revoked) = (BTreeMap::new(), BTreeMap::new());
    for (index, entry) in entries.iter().enumerate() {
        let statement = LogStatement::from_bytes(entry).unwrap();
        match (&statement.subject, &statement.event) {
            (LogSubject::Release { release, digest }, LogEvent::Publish(_)) => {
                let before = published.insert(release.to_string(), (index as u64 + 1, *digest));
                assert!(before.is_none(), "{release} was published twice");
            }
            (LogSubject::Release { release, .. }, LogEvent::Yank(_)) => {
                yanked.insert(release.to_string(), true);
            }
            (LogSubject::Release { release, .. }, LogEvent::Unyank(_)) => {
                yanked.insert(release.to_string(), false);
            }
            (LogSubject::Release { release, .. }, LogEvent::Verdict(_)) => {
                *verdicts.entry(release.to_string()).or_insert(0) += 1;
            }
            (LogSubject::Key { key_id, .. }, LogEvent::KeyEnroll(_)) => {
                *enrolled.entry(key_id.to_hex()).or_insert(0) += 1;
            }
            (LogSubject::Key { key_id, .. }, LogEvent::KeyRevoke(_)) => {
                *revoked.entry(key_id.to_hex()).or_insert(0) += 1;
            }
            _ => {}
        }
    }
    assert!(verdicts.values().all(|count| *count == 1), "a release has two verdicts: {verdicts:?}");
    for client in clients {
        for release in &client.releases {
            let package = &release.packages[release.accepted.expect("it was accepted")];
            let told = published.remove(&package.release.to_string());
            assert_eq!(told, Some((release.sequence, Digest::of(&package.bytes))), "{}", package.release);
            let is_yanked = yanked.get(&package.release.to_string()).copied().unwrap_or(false);
            assert_eq!(release.line["yanked"] == true, is_yanked, "{}", package.release);
        }
        for key in &client.keys {
            assert_eq!(enrolled.get(&key.id()).copied(), key.is_enrolled.then_some(1), "{}", key.id());
            assert_eq!(revoked.get(&key.id()).copied(), key.is_revoked.then_some(1), "{}", key.id());
        }
    }
    assert!(published.is_empty(), "nobody published {published:?}");
}
