//! What handlers take out of a request, as domain types, each refusing with a clear answer.

mod body;
mod path;
mod publish_form;

pub use body::JsonBody;
pub use path::{PluginPath, ReleasePath};
pub(super) use path::{part, plugin_of};
pub use publish_form::PublishForm;
