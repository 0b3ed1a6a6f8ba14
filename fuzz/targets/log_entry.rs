//! Entries of the log: one statement has one text. A replay takes them in any order.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pluginry::trust::{LogStatement, Replay};
use pluginry_fuzz::{log_entries, log_statements, seed};

fuzz_target!(init: seed("log_entry", log_entries()), |bytes: &[u8]| {
    let Ok(statement) = LogStatement::from_bytes(bytes) else { return };
    assert_eq!(statement.to_bytes().as_deref(), Ok(bytes));
    let _ = (statement.kind(), statement.at(), statement.subject.to_key());

    let mut replay = Replay::default();
    replay.take(&statement);
    for known in log_statements() {
        replay.take(&known);
    }
    replay.take(&statement);
});
