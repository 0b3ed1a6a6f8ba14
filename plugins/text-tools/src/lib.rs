//! Small, exact jobs on text as a plugin: `{"operation": "slug", "text": "Héllo, World"}`.
//!
//! Each operation is a pure function in its own module; `plugin.rs` is the door.

pub mod case;
pub mod lines;
mod plugin;
pub mod slug;
pub mod statistics;
