//! A notebook as a plugin: add, list, read, find, change and remove notes, kept in the host's store.
//!
//! [`notebook`] holds the rules over any [`notebook::Shelf`]; `plugin.rs` puts it on `kv` and `clock`.

pub mod notebook;
mod plugin;
