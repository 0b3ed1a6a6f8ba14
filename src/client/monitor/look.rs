//! What a monitor does with each entry and package, and with what the registry answers now.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;

use super::answers::{self, index_differences};
use super::difference::{Difference, Halt};
use super::log_reader::ReadEntry;
use super::packages::{Looked, PackageBook, about};
use super::source::joined;
use super::{Client, ClientError, Monitor};
use crate::domain::{Digest, HostProfile, IndexRelease, PluginName, Refusal as _, ReleaseId, Timestamp};
use crate::trust::{
    LogEvent, LogStatement, LogSubject, LoggedRelease, TrustDocument, VerdictEntry, read_verdict,
};
use crate::wasm::{built_in_profiles, widening};

/// How many packages are fetched and read at once; each may be as large as the bound on packages.
const PACKAGES_AT_ONCE: usize = 4;
/// How many index files are fetched at once.
const INDEX_FILES_AT_ONCE: usize = 8;
/// How many index files nobody touched are compared again at each look.
const ROTATION: usize = 256;
/// How often an answer that differs is asked for again while the log says new things about it.
const SETTLES: usize = 10;

type Look = BoxFuture<'static, Result<(LoggedRelease, Looked), ClientError>>;

/// The packages on their way.
pub(super) struct PackageLooks {
    client: Client,
    book: Arc<PackageBook>,
    looks: FuturesUnordered<Look>,
}

impl PackageLooks {
    pub(super) fn new(client: &Client, book: &Arc<PackageBook>) -> Self {
        Self { client: client.clone(), book: Arc::clone(book), looks: FuturesUnordered::new() }
    }

    /// Sends for a package.
    fn start(&self, release: LoggedRelease, profile: Option<HostProfile>) {
        let look = Arc::clone(&self.book).look(self.client.clone(), release, profile);
        // A task of its own, so that it goes on while the next entries are read.
        let look = tokio::spawn(look);
        self.looks.push(Box::pin(joined(look)));
    }

    fn is_full(&self) -> bool {
        self.looks.len() >= PACKAGES_AT_ONCE
    }

    /// The next package that was looked at.
    pub(super) async fn next(&mut self) -> Result<Option<(LoggedRelease, Looked)>, ClientError> {
        self.looks.next().await.transpose()
    }
}

impl Monitor {
    /// Takes in the next entry.
    pub(super) async fn take_entry(
        &mut self,
        trust: &TrustDocument,
        entry: ReadEntry,
        looks: &mut PackageLooks,
    ) -> Result<(), Halt> {
        let index = self.edge.size();
        if self.edge.append(&entry.bytes).is_err() {
            return self.findings.stop(Difference::of_entry(
                index,
                "",
                "log-entry-too-large",
                "it is too large",
            ));
        }
        if index.is_multiple_of(u64::from(crate::log::TILE_WIDTH)) {
            self.tail.clear();
        }
        self.tail.push(entry.bytes);
        let statement = match entry.statement {
            Ok(statement) => statement,
            Err(error) => {
                // The places of all later entries count on this one, so it is taken as said nothing.
                self.replay.skip();
                return self.findings.tell(Difference::of_entry(index, "", error.code(), error.to_string()));
            }
        };
        let subject = match &statement.subject {
            LogSubject::Profile { .. } => statement.subject.to_key(),
            _ => format!("{} of {}", statement.kind(), statement.subject.to_key()),
        };
        for rule in self.replay.take(&statement) {
            self.findings.tell(Difference::of_rule(index, &subject, &rule))?;
        }
        self.check_event(trust, index, &subject, &statement, looks).await
    }

    async fn check_event(
        &mut self,
        trust: &TrustDocument,
        index: u64,
        subject: &str,
        statement: &LogStatement,
        looks: &mut PackageLooks,
    ) -> Result<(), Halt> {
        match (&statement.subject, &statement.event) {
            (LogSubject::Release { release, .. }, LogEvent::Publish(_)) => {
                self.touched.insert(release.plugin.clone());
                self.send_for_package(index, release, looks).await
            }
            (LogSubject::Release { release, digest }, LogEvent::Verdict(verdict)) => {
                self.touched.insert(release.plugin.clone());
                if let Err(problem) = self.check_verdict(trust, index, release, *digest, verdict) {
                    self.findings.tell(Difference::of_entry(index, subject, "verdict-wrong", problem))?;
                }
                Ok(())
            }
            (LogSubject::Release { release, .. }, _) => {
                self.touched.insert(release.plugin.clone());
                Ok(())
            }
            (LogSubject::Profile { profile, digest }, _) => {
                let served = self.profile_document(profile).await?;
                let found = served.as_deref().map(Digest::of);
                if found != Some(*digest) {
                    let problem = "the registry serves another document of this host profile";
                    let difference = Difference::of_entry(index, subject, "profile-differs", problem);
                    let found = found.map_or_else(|| "none".to_owned(), |found| found.to_string());
                    self.findings.tell(difference.with(digest, found))?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The summary must be signed by the registry, about this release, these bytes and this author statement.
    fn check_verdict(
        &self,
        trust: &TrustDocument,
        index: u64,
        release: &ReleaseId,
        digest: Digest,
        entry: &VerdictEntry,
    ) -> Result<(), String> {
        let verdict = read_verdict(&entry.summary, &trust.registry_keys_at(index + 1))
            .map_err(|error| error.to_string())?;
        verdict.check_subject(release, digest).map_err(|error| error.to_string())?;
        if verdict.state != entry.state {
            return Err("the signed summary and the entry disagree about how the run ended".into());
        }
        match self.replay.release(release) {
            Some(logged) if logged.attestation_digest != verdict.attestation_digest => {
                Err("the signed summary is about another statement of the author".into())
            }
            _ => Ok(()),
        }
    }

    async fn profile_document(&self, profile: &ReleaseId) -> Result<Option<bytes::Bytes>, ClientError> {
        let path = format!("api/v1/profiles/{}/{}", profile.plugin.path(), profile.version);
        self.client.served(&path).await
    }

    /// The contract a package was inspected against: built in, or registered and as the log has it.
    async fn profile(&self, profile: &ReleaseId) -> Result<Option<HostProfile>, ClientError> {
        let is_it = |known: &&HostProfile| known.name == profile.plugin && known.version == profile.version;
        if let Some(built_in) = built_in_profiles().iter().find(is_it) {
            return Ok(Some(built_in.clone()));
        }
        let Some(digest) = self.replay.profile(profile) else { return Ok(None) };
        let document = self.profile_document(profile).await?;
        let document = document.filter(|document| Digest::of(document) == digest);
        Ok(document.and_then(|document| serde_json::from_slice(&document).ok()))
    }

    async fn send_for_package(
        &mut self,
        index: u64,
        release: &ReleaseId,
        looks: &mut PackageLooks,
    ) -> Result<(), Halt> {
        // A version published twice was told; the package of the first stands.
        let logged = self.replay.release(release).filter(|logged| logged.index == index).cloned();
        let Some(logged) = logged else { return Ok(()) };
        self.look_at(logged, looks).await
    }

    /// Sends for a package; takes in others while too many are on their way.
    async fn look_at(&mut self, release: LoggedRelease, looks: &mut PackageLooks) -> Result<(), Halt> {
        while looks.is_full() {
            if let Some((release, looked)) = looks.next().await? {
                self.take_package(release, looked)?;
            }
        }
        let profile = match self.book.known(&release) {
            Some(_) => None,
            None => self.profile(&release.profile).await?,
        };
        looks.start(release, profile);
        Ok(())
    }

    /// Takes in what a package holds.
    pub(super) fn take_package(&mut self, release: LoggedRelease, looked: Looked) -> Result<(), Halt> {
        self.withheld.remove(&release.release);
        match looked {
            Looked::Wrong(difference) => self.findings.tell(difference)?,
            Looked::Facts(facts) => {
                self.packages += 1;
                for difference in facts.differences(&release) {
                    self.findings.tell(difference)?;
                }
            }
            Looked::Missing => drop(self.withheld.insert(release.release)),
        }
        Ok(())
    }

    /// Whether each release that is new asks for more than the one before it, as its entry says or not.
    pub(super) fn check_widening(&mut self) -> Result<(), Halt> {
        let mut differences = Vec::new();
        for plugin in &self.touched {
            for release in self.replay.releases_of(plugin) {
                differences.extend(self.widening_difference(release));
            }
        }
        differences.into_iter().try_for_each(|difference| self.findings.tell(difference))
    }

    fn widening_difference(&self, release: &LoggedRelease) -> Option<Difference> {
        let manifest = self.book.known(release)?.manifest;
        let before = match self.replay.release_before(release) {
            None => None,
            Some(before) => Some(self.book.known(before)?.manifest),
        };
        let widens =
            before.is_some_and(|before| !widening(&before.capabilities, &manifest.capabilities).is_empty());
        if widens == release.widening {
            return None;
        }
        let problem = match widens {
            true => "it asks for more than the release before it, and the entry does not say so",
            false => "the entry says that it asks for more than the release before it, which it does not",
        };
        Some(about(release, "widening-differs", problem).with(widens, release.widening))
    }

    /// Compares index files, recall feed and what is withheld. What differs gets time to catch up with the log, and
    /// again as long as the log says new things about it, a bounded number of times.
    pub(super) async fn compare_answers(&mut self, now: &impl Fn() -> Timestamp) -> Result<(), Halt> {
        let mut plugins = std::mem::take(&mut self.touched);
        plugins.extend(self.rotation());
        let mut with_feed = true;
        for settles in 0.. {
            let suspects = self.compare_index_files(&plugins).await?;
            let feed = if with_feed { self.compare_feed(now()).await? } else { Vec::new() };
            let withheld = self.look_at_withheld().await?;
            if suspects.is_empty() && feed.is_empty() && withheld.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(self.options.settle).await;
            let said_more = self.catch_up().await? && settles < SETTLES;
            let touched = std::mem::take(&mut self.touched);
            let may_follow = |plugin: &PluginName| settles < SETTLES && touched.contains(plugin);
            let stale = suspects.into_iter().map(|(plugin, _)| plugin).filter(|plugin| !may_follow(plugin));
            let confirmed = self.compare_index_files(&stale.collect()).await?;
            let mut lies: Vec<_> = confirmed.into_iter().map(|(_, differences)| differences).collect();
            plugins = touched;
            with_feed = said_more && !feed.is_empty();
            if !said_more && !feed.is_empty() {
                lies.push(self.compare_feed(now()).await?);
            }
            if !said_more {
                lies.push(self.look_at_withheld().await?);
            }
            lies.into_iter().flatten().try_for_each(|difference| self.findings.tell(difference))?;
            if plugins.is_empty() && !with_feed && !said_more {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Asks again for packages that were not handed out. Those that nobody withholds are differences.
    async fn look_at_withheld(&mut self) -> Result<Vec<Difference>, Halt> {
        let mut looks = PackageLooks::new(&self.client, &self.book);
        for release in self.withheld_without_reason() {
            self.look_at(release, &mut looks).await?;
        }
        while let Some((release, looked)) = looks.next().await? {
            self.take_package(release, looked)?;
        }
        let missing = self.withheld_without_reason().into_iter();
        Ok(missing
            .map(|release| about(&release, "package-missing", "the registry does not hand it out"))
            .collect())
    }

    fn withheld_without_reason(&self) -> Vec<LoggedRelease> {
        let releases = self.withheld.iter().filter_map(|id| self.replay.release(id));
        releases.filter(|release| !release.is_withheld()).cloned().collect()
    }

    /// The next plugins in turn: an index file can be changed without an entry.
    fn rotation(&mut self) -> Vec<PluginName> {
        let names: Vec<&PluginName> = self.replay.plugins().collect();
        let after = |name: &&&PluginName| self.rotated_to.as_ref().is_none_or(|last| **name > last);
        let mut next: Vec<PluginName> =
            names.iter().filter(after).take(ROTATION).map(|n| (*n).clone()).collect();
        if next.len() < ROTATION {
            let missing = ROTATION - next.len();
            next.extend(names.into_iter().take(missing).cloned());
        }
        self.rotated_to = next.last().cloned();
        next
    }

    async fn compare_index_files(
        &mut self,
        plugins: &BTreeSet<PluginName>,
    ) -> Result<Vec<(PluginName, Vec<Difference>)>, Halt> {
        let client = &self.client;
        let mut found = futures::stream::iter(plugins.iter().cloned())
            .map(|plugin| async move {
                let file = client.served(&answers::index_place(&plugin)).await;
                file.map(|file| (plugin, file))
            })
            .buffered(INDEX_FILES_AT_ONCE);
        let mut suspects = Vec::new();
        let mut compared = 0;
        while let Some(answer) = found.next().await {
            let (plugin, file) = answer?;
            compared += 1;
            let mut differences = Vec::new();
            let mut lines: Vec<(&LoggedRelease, IndexRelease)> = Vec::new();
            for release in self.replay.releases_of(&plugin) {
                let manifest = match self.book.known(release) {
                    Some(facts) => Some(facts.manifest),
                    None => answers::manifest_of(client, release).await?,
                };
                let served = || answers::served_line(file.as_deref(), &release.release.version);
                match manifest.map(|manifest| release.index_line(&manifest)) {
                    Some(line) => lines.push((release, line)),
                    None if release.is_withheld() => {
                        lines.extend(served().map(|served| (release, release.index_line_like(&served))));
                    }
                    None => differences.push(about(
                        release,
                        "manifest-missing",
                        "neither its package nor the manifest it names can be had",
                    )),
                }
            }
            if differences.is_empty() && !(lines.is_empty() && file.is_none()) {
                differences = index_differences(&plugin, &lines, file.as_deref());
            }
            if !differences.is_empty() {
                suspects.push((plugin, differences));
            }
        }
        drop(found);
        self.index_files += compared;
        Ok(suspects)
    }

    async fn compare_feed(&self, now: Timestamp) -> Result<Vec<Difference>, Halt> {
        let found = self.client.served(answers::RECALLS).await?;
        let keys = self.trust.as_ref().map(TrustDocument::registry_keys).unwrap_or_default();
        Ok(answers::feed_differences(&self.replay, &keys, now, found.as_deref()))
    }
}
