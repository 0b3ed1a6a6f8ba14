//! What handlers take out of a request, as domain types, each refusing with a clear answer.

mod path;

pub use path::{PluginPath, ReleasePath};
