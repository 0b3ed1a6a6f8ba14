//! Kill points: named steps at which a test makes the server end as `kill -9` ends it.
//!
//! With the feature `kill-points`, `PLUGINRY_TEST_KILL_AT=name:count` makes the process kill itself when it passes
//! the point `name` for the `count`-th time, and `PLUGINRY_TEST_PERIOD_MS` shortens what is done by the clock.
//! Without the feature nothing of it is compiled, not even the names. `tests/all/kills/` walks [`ALL`].

/// Every point: its name, and what was done and what not when it is passed.
#[cfg(feature = "kill-points")]
pub const ALL: &[(&str, &str)] = &[
    ("start-before-commit", "a start gave the outbox its places; they are not committed"),
    ("start-after-commit", "a start committed the places; projections and index files are not made"),
    ("start-before-checkpoint", "a start brought the tree up to the database; its checkpoint is not stored"),
    ("start-after-index-file", "a start wrote one owed index file, not the next, and no mark"),
    ("upload-written", "a package lies in its temporary file; nobody looked at it"),
    ("publish-inspected", "a package is inspected and its author known; it is in no store"),
    ("blob-before-sync", "a package is about to enter a directory store; it has no name there"),
    ("blob-linked", "a package has its name in the directory store; the folder is not synced"),
    ("blob-stored", "a package is durable in the store; no row speaks of it"),
    ("publish-before-commit", "a publish is about to wait for the committer"),
    ("commit-before-sequencing", "the rows of a batch are written, their entries have no places"),
    ("commit-between-entries", "entries have their places, not every release is shown"),
    ("commit-before-commit", "a batch is written and sequenced, the transaction is open"),
    ("commit-after-commit", "a batch is committed; log files, index files and projections are old"),
    ("log-before-tiles", "entries are in the tree in memory; their tiles are not stored"),
    ("log-before-checkpoint", "tiles are durable, the checkpoint is signed and nowhere"),
    ("log-after-checkpoint", "the checkpoint is stored; nothing is shown, nobody was told"),
    ("settle-after-partials", "old partial tiles are removed, the head is not in the database"),
    ("index-before-write", "an index file is worked out and not written"),
    ("index-after-write", "an index file is written and not in memory"),
    ("show-before-projections", "all index files of a batch are written, the projections are old"),
    ("answer-before", "a batch is durable and visible, nobody was told"),
    ("answer-after", "a batch is durable and visible, everybody was told"),
    ("job-taken", "a verification job is held, its run has not begun"),
    ("verdict-run-held", "a verification run ended, its verdict is nowhere"),
    ("verdict-committed", "a verdict is committed and shown, its job is not finished"),
    ("enroll-before-commit", "a key and its outbox entry are written, not committed"),
    ("enroll-after-commit", "a key is committed, its entry waits in the outbox"),
    ("revoke-before-commit", "a revocation and its outbox entry are written, not committed"),
    ("revoke-after-commit", "a revocation is committed, its entry waits in the outbox"),
    ("mark-before-sync", "the index files are about to be made durable"),
    ("mark-before-rename", "the index files are durable, the old mark holds"),
    ("mark-after-rename", "the index files are durable and marked"),
    ("downloads-before-commit", "download counts are written, not committed"),
    ("downloads-after-commit", "download counts are committed"),
    ("takedown-before-delete", "a takedown is in the log, its package is still in the store"),
    ("takedown-after-delete", "a package that was taken down is deleted, nobody was told"),
    ("sweep-listed", "the sweep knows which packages are old, none is removed"),
    ("sweep-before-delete", "the sweep knows that no release holds a package, which is still there"),
    ("sweep-after-delete", "the sweep removed one package, not the next"),
];

/// Passes the point `name`.
#[cfg(not(feature = "kill-points"))]
#[inline(always)]
pub const fn pass(_name: &'static str) {}

/// How often something is done by the clock: as `usual`, unless a test is in a hurry.
#[cfg(not(feature = "kill-points"))]
#[inline(always)]
pub const fn period(usual: std::time::Duration) -> std::time::Duration {
    usual
}

#[cfg(feature = "kill-points")]
pub use armed::{pass, period};

#[cfg(feature = "kill-points")]
mod armed {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use super::ALL;

    static AIM: LazyLock<Option<(String, u64)>> = LazyLock::new(|| {
        let text = variable("PLUGINRY_TEST_KILL_AT")?;
        let (name, count) = text.split_once(':').expect("PLUGINRY_TEST_KILL_AT is name:count");
        assert!(ALL.iter().any(|(known, _)| *known == name), "there is no kill point {name:?}");
        Some((name.to_owned(), count.parse().expect("the count of PLUGINRY_TEST_KILL_AT is a number")))
    });
    static PERIOD: LazyLock<Option<Duration>> = LazyLock::new(|| {
        let text = variable("PLUGINRY_TEST_PERIOD_MS")?;
        Some(Duration::from_millis(text.parse().expect("PLUGINRY_TEST_PERIOD_MS is a number")))
    });
    static PASSED: AtomicU64 = AtomicU64::new(0);

    #[expect(clippy::disallowed_methods, reason = "a test steers the process from outside")]
    fn variable(name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    /// Passes the point `name`: ends the process without a word if this is the pass it was told to die at.
    pub fn pass(name: &'static str) {
        let Some((aim, count)) = &*AIM else { return };
        if aim == name && PASSED.fetch_add(1, Ordering::Relaxed) + 1 == *count {
            let process = rustix::process::getpid();
            rustix::process::kill_process(process, rustix::process::Signal::KILL)
                .expect("a process may kill itself");
        }
    }

    /// How often something is done by the clock: as `usual`, unless a test is in a hurry.
    pub fn period(usual: Duration) -> Duration {
        PERIOD.unwrap_or(usual)
    }
}
