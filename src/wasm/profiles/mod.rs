//! The host profiles every registry knows from the start, each a TOML file beside this one.
//!
//! Profiles that operators and namespace owners register live in the database, not here.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::domain::{HostProfile, ImportRule, ProfileError};

const DOCUMENTS: [&str; 6] = [
    include_str!("pluginry-reference.toml"),
    include_str!("wasi-cli.toml"),
    include_str!("extism-pdk.toml"),
    include_str!("proxy-wasm-abi.toml"),
    include_str!("dprint-plugin.toml"),
    include_str!("swc-transform.toml"),
];
const PREVIEW1: &str = include_str!("wasi-preview1.toml");
const PLUGIN_WIT: &str = include_str!("../../../plugins/wit/plugin.wit");
const WORLDS_WIT: &str = include_str!("../../../plugins/wit/worlds.wit");

/// The profiles that come with the program: the reference host, WASI, and hosts found in the wild.
pub fn built_in_profiles() -> &'static [HostProfile] {
    static PROFILES: LazyLock<Vec<HostProfile>> =
        LazyLock::new(|| load().expect("the built-in profiles are read in a test"));
    &PROFILES
}

/// The latest built-in profile of this name.
pub fn built_in_profile(name: &str) -> Option<&'static HostProfile> {
    built_in_profiles()
        .iter()
        .filter(|profile| profile.name.to_string() == name)
        .max_by(|a, b| a.version.cmp(&b.version))
}

#[derive(Deserialize)]
struct ImportList {
    import: Vec<ImportRule>,
}

fn load() -> Result<Vec<HostProfile>, ProfileError> {
    DOCUMENTS.iter().map(|document| complete(HostProfile::from_toml(document)?)).collect()
}

/// Adds what several profiles share or what lies elsewhere in the repository.
fn complete(mut profile: HostProfile) -> Result<HostProfile, ProfileError> {
    match profile.name.to_string().as_str() {
        "pluginry:reference" => profile.wit = Some(reference_wit()),
        "wasi:cli" => {
            let rules = preview1()?;
            profile.imports.extend(
                rules.iter().filter(|rule| rule.name.as_deref() != Some("sock_accept")).map(
                    // The older snapshot has the same functions with the same core types, except this one.
                    |rule| ImportRule { module: "wasi_unstable".into(), ..rule.clone() },
                ),
            );
            profile.imports.extend(rules);
        }
        "extism:pdk" | "swc:transform" => profile.imports.extend(preview1()?),
        _ => {}
    }
    profile.validate()
}

fn preview1() -> Result<Vec<ImportRule>, ProfileError> {
    let list: ImportList =
        toml::from_str(PREVIEW1).map_err(|error| ProfileError::Unreadable { problem: error.to_string() })?;
    Ok(list.import)
}

/// Both files of the contract as one document: a package is named once.
fn reference_wit() -> String {
    let worlds: Vec<&str> = WORLDS_WIT.lines().filter(|line| !line.starts_with("package ")).collect();
    format!("{PLUGIN_WIT}\n{}\n", worlds.join("\n"))
}

#[cfg(test)]
mod tests;
