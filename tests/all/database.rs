//! The queue and the log under concurrent workers, on whichever database this run is for.

use std::collections::BTreeSet;

use pluginry::db::{Database, jobs, log};
use pluginry::domain::Timestamp;

use crate::harness::database::TestDatabase;

const NOW: Timestamp = Timestamp::from_micros(1_750_000_000_000_000);

async fn take_until_empty(database: Database) -> Vec<String> {
    let mut taken = Vec::new();
    loop {
        let mut transaction = database.write().await.expect("a transaction");
        let job = jobs::take(&mut transaction, database.dialect(), NOW, NOW.plus_seconds(60)).await;
        let job = job.expect("the queue answers");
        transaction.commit().await.expect("the take commits");
        let Some(job) = job else { return taken };
        taken.push(job.payload);
    }
}

async fn append_and_sequence(database: Database, worker: i64) {
    for number in 0..10 {
        let mut transaction = database.write().await.expect("a transaction");
        let subject = format!("{worker}/{number}");
        log::append_to_outbox(&mut transaction, "test", &subject, "{}", NOW).await.expect("it is appended");
        transaction.commit().await.expect("the event commits");

        let mut transaction = database.write().await.expect("a transaction");
        log::lock_sequencer(&mut transaction, database.dialect()).await.expect("the lock is free in time");
        let last = log::last_sequence(&mut transaction).await.expect("the log answers");
        let entries = log::oldest_in_outbox(&mut transaction, 3).await.expect("the outbox answers");
        log::append_to_log(&mut transaction, last + 1, &entries).await.expect("the entries move");
        transaction.commit().await.expect("the places commit");
    }
}

#[tokio::test]
async fn every_job_is_taken_by_one_worker() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mut transaction = database.write().await.unwrap();
    for number in 0..40 {
        jobs::enqueue(&mut transaction, "test", &number.to_string(), NOW).await.unwrap();
    }
    transaction.commit().await.unwrap();

    let workers = (0..4).map(|_| tokio::spawn(take_until_empty(database.clone())));
    let taken = futures::future::join_all(workers).await;

    let taken: Vec<String> = taken.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(taken.len(), 40);
    assert_eq!(taken.iter().collect::<BTreeSet<_>>().len(), 40);
}

#[tokio::test]
async fn a_job_whose_worker_died_is_taken_again() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mut transaction = database.write().await.unwrap();
    jobs::enqueue(&mut transaction, "test", "{}", NOW).await.unwrap();
    let until = NOW.plus_seconds(60);

    let first = jobs::take(&mut transaction, database.dialect(), NOW, until).await.unwrap();
    let early = jobs::take(&mut transaction, database.dialect(), NOW.plus_seconds(59), until).await.unwrap();
    let late = jobs::take(&mut transaction, database.dialect(), NOW.plus_seconds(61), until).await.unwrap();

    assert_eq!((first.unwrap().attempts, early, late.unwrap().attempts), (1, None, 2));
}

#[tokio::test]
async fn places_in_the_log_have_no_gaps_however_many_write() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;

    let workers = (0..4).map(|worker| tokio::spawn(append_and_sequence(database.clone(), worker)));
    for done in futures::future::join_all(workers).await {
        done.unwrap();
    }

    let entries = log::entries_after(&mut database.read().await.unwrap(), 0, 1_000).await.unwrap();
    let places: Vec<u64> = entries.iter().map(|entry| entry.sequence).collect();
    assert_eq!(places, (1..=40).collect::<Vec<u64>>());
    assert_eq!(entries.iter().map(|entry| &entry.subject).collect::<BTreeSet<_>>().len(), 40);
}

#[tokio::test]
async fn a_transaction_that_is_dropped_leaves_nothing() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;

    let mut transaction = database.write().await.unwrap();
    log::append_to_outbox(&mut transaction, "test", "gone", "{}", NOW).await.unwrap();
    drop(transaction);

    // The next writer has to wait for the rollback, not for a restart.
    drop(database.write().await.unwrap());
    assert!(log::oldest_in_outbox(&mut database.read().await.unwrap(), 10).await.unwrap().is_empty());
}
