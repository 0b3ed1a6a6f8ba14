//! The client against a registry that answers whatever a test wants, true or evil.

mod evil_answers;
mod evil_history;
mod registry;
mod requests;
mod world;

use registry::{Answer, TestRegistry};
pub(in crate::client) use world::block_on;
use world::{TestPlugin, World};
