//! The example plugins, published through the real path.

use super::Failure;

/// Publishes the example plugins that the registry at `url` does not have.
pub(super) async fn publish_examples(_url: &str, _token: Option<&str>) -> Result<(), Failure> {
    Err(Failure::new("no-examples", "this build carries no example plugins"))
}
