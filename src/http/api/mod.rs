//! Handlers of the JSON API, one file per group of endpoints or verb.

pub mod operations;
