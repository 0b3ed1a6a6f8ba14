//! What handlers take out of a request, as domain types, each refusing with a clear answer.

mod body;
mod caller;
mod path;
mod publish_form;
mod query;

pub(super) use body::read_all;
pub use body::{JsonBody, TakesLocks, TextBody};
pub use caller::Authenticated;
pub use path::{NamespacePath, PluginPath, ReleasePath};
pub(super) use path::{part, plugin_of};
pub use publish_form::PublishForm;
pub use query::QueryOf;
