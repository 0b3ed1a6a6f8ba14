//! Handlers of the JSON API, one file per group of endpoints or verb.

pub mod blobs;
pub mod index;
pub mod operations;
