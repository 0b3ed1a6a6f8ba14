//! The client against a registry that answers whatever a test wants, true or evil.

mod evil_answers;
mod registry;
mod requests;
mod world;

use registry::{Answer, TestRegistry};
use world::{TestPlugin, World};
