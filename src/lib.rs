//! Pluginry.
