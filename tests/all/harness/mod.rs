//! What the tests share: fresh databases, running servers, hostile modules. Assertions and cases do not belong here.

#[cfg(all(feature = "runtime", feature = "client"))]
pub mod command;
pub mod database;
pub mod evil_log;
#[cfg(all(feature = "runtime", feature = "client"))]
pub mod evil_proxy;
#[cfg(all(feature = "runtime", feature = "client"))]
pub mod faulty_store;
#[cfg(all(feature = "runtime", feature = "client"))]
pub mod generated;
#[cfg(all(feature = "runtime", feature = "client"))]
pub mod process;
#[cfg(all(feature = "runtime", feature = "client"))]
pub mod proxy;
#[cfg(all(feature = "runtime", feature = "client"))]
pub mod rows;
#[cfg(all(feature = "runtime", feature = "client"))]
pub mod server;

use std::io::Write as _;
use std::sync::Once;

/// Says once, past the capture of test output, which part of the suite is left out.
pub fn say_once(said: &'static Once, line: &str) {
    said.call_once(|| {
        writeln!(std::io::stderr(), "\nleft out: {line}").expect("stderr takes a line");
    });
}

/// A variable that `tests/run` sets.
#[expect(clippy::disallowed_methods, reason = "the harness is the edge of the tests")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
