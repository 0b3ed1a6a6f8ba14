//! A calculator as a plugin: `{"expression": "2 * (3 + 4)"}` gives `{"value": 14, "text": "14"}`.
//!
//! The arithmetic lives in [`expression`] and knows nothing of plugins; this file is the door.

pub mod expression;
mod functions;
mod plugin;
