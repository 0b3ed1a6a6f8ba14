//! Pluginry.
fn main() {}
