//! The rules every manifest field is held to, beyond its type. Each problem names the field's path.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use super::super::name::kebab_problem;
use super::super::{CapabilityRequest, Scope};
use super::text::{clean, exact_numbers, one_line, scope_value, web_address};
use super::{Expectation, HostSection, LimitsSection, Manifest, ManifestError, PluginSection, VerifyCase};

const DESCRIPTION_CHARS: usize = 200;
const LICENSE_CHARS: usize = 200;
const AUTHORS: usize = 16;
const AUTHOR_CHARS: usize = 200;
const KEYWORDS: usize = 10;
const KEYWORD_CHARS: usize = 32;
const CATEGORIES: usize = 5;
const EXTENSION_POINTS: usize = 32;
const POINT_CHARS: usize = 64;
const HOOKS: usize = 32;
const HOOK_PRIORITY: i32 = 1_000_000;
const CAPABILITIES: usize = 32;
const REASON_CHARS: usize = 200;
const SCOPE_KINDS: usize = 8;
const SCOPE_VALUES: usize = 64;
const MEMORY_MIB: u32 = 4_096;
const CALL_MS: u32 = 600_000;
const DEPENDENCIES: usize = 64;
const PROVIDES: usize = 16;
const CONFLICTS: usize = 64;
const VERIFY_CASES: usize = 32;
const CASE_NAME_CHARS: usize = 120;
const CASE_CALL_CHARS: usize = 128;
const EXPECTED_TEXT_CHARS: usize = 4_096;

type Checked = Result<(), ManifestError>;

pub(super) fn problem(field: impl Display, problem: impl Into<String>) -> ManifestError {
    ManifestError::InvalidField { field: field.to_string(), problem: problem.into() }
}

pub(super) fn check(manifest: &Manifest) -> Checked {
    check_plugin(&manifest.plugin)?;
    check_host(&manifest.host)?;
    at_most("capabilities", manifest.capabilities.len(), CAPABILITIES)?;
    for (name, request) in &manifest.capabilities {
        check_capability(&format!("capabilities.{name}"), request)?;
    }
    check_limits(&manifest.limits)?;
    check_relations(manifest)?;
    check_cases(&manifest.verify)
}

fn check_plugin(plugin: &PluginSection) -> Checked {
    one_line("plugin.description", &plugin.description, DESCRIPTION_CHARS)?;
    check_license(&plugin.license)?;
    at_most("plugin.authors", plugin.authors.len(), AUTHORS)?;
    for (index, author) in plugin.authors.iter().enumerate() {
        one_line(&format!("plugin.authors[{index}]"), author, AUTHOR_CHARS)?;
    }
    for (field, address) in [("plugin.homepage", &plugin.homepage), ("plugin.repository", &plugin.repository)]
    {
        if let Some(address) = address {
            web_address(field, address)?;
        }
    }
    words("plugin.keywords", &plugin.keywords, KEYWORDS, KEYWORD_CHARS)?;
    words("plugin.categories", &plugin.categories, CATEGORIES, KEYWORD_CHARS)
}

fn check_license(license: &str) -> Checked {
    let field = "plugin.license";
    one_line(field, license, LICENSE_CHARS)?;
    match spdx::Expression::parse(license) {
        Ok(_) => Ok(()),
        Err(error) => {
            let part = license.get(error.span.clone()).filter(|part| !part.is_empty());
            let place = part.map_or_else(|| "the end".to_owned(), |part| format!("{part:?}"));
            Err(problem(
                field,
                format!(
                    "{license:?} is not an SPDX expression: {} at {place} (examples: MIT OR Apache-2.0; GPL-3.0-only; LicenseRef-Proprietary)",
                    error.reason
                ),
            ))
        }
    }
}

fn check_host(host: &HostSection) -> Checked {
    words("host.extension-points", &host.extension_points, EXTENSION_POINTS, POINT_CHARS)?;
    at_most("host.hooks", host.hooks.len(), HOOKS)?;
    let mut seen = BTreeSet::new();
    for (index, hook) in host.hooks.iter().enumerate() {
        let field = format!("host.hooks[{index}]");
        // Hook points are written as in `post_chunk`; otherwise the kebab rules hold.
        let kebab = hook.point.replace('_', "-");
        word(&format!("{field}.point"), &kebab, POINT_CHARS)?;
        if !seen.insert(&hook.point) {
            return Err(problem(format!("{field}.point"), format!("{:?} is listed twice", hook.point)));
        }
        if !(-HOOK_PRIORITY..=HOOK_PRIORITY).contains(&hook.priority) {
            return Err(problem(
                format!("{field}.priority"),
                format!("{} is not between -{HOOK_PRIORITY} and {HOOK_PRIORITY}", hook.priority),
            ));
        }
    }
    Ok(())
}

fn check_capability(field: &str, request: &CapabilityRequest) -> Checked {
    if let Some(reason) = &request.reason {
        one_line(&format!("{field}.reason"), reason, REASON_CHARS)?;
    }
    let Scope(kinds) = &request.scope;
    at_most(field, kinds.len(), SCOPE_KINDS)?;
    for (kind, values) in kinds {
        let field = format!("{field}.{kind}");
        word(&field, kind, POINT_CHARS)?;
        if values.is_empty() {
            return Err(problem(
                field,
                "the list is empty; list at least one value, or leave it out for no limit",
            ));
        }
        at_most(&field, values.len(), SCOPE_VALUES)?;
        let mut seen = BTreeSet::new();
        for (index, value) in values.iter().enumerate() {
            scope_value(&format!("{field}[{index}]"), kind, value)?;
            if !seen.insert(value) {
                return Err(problem(format!("{field}[{index}]"), format!("{value:?} is listed twice")));
            }
        }
    }
    Ok(())
}

fn check_limits(limits: &LimitsSection) -> Checked {
    let given =
        [("limits.memory-mib", limits.memory_mib, MEMORY_MIB), ("limits.call-ms", limits.call_ms, CALL_MS)];
    for (field, value, most) in given {
        if value.is_some_and(|value| value == 0 || value > most) {
            let value = value.unwrap_or_default();
            return Err(problem(field, format!("{value} is not between 1 and {most}")));
        }
    }
    Ok(())
}

fn check_relations(manifest: &Manifest) -> Checked {
    let this = &manifest.plugin.name;
    if manifest.dependencies.contains_key(this) {
        return Err(ManifestError::SelfDependency { plugin: this.clone() });
    }
    at_most("dependencies", manifest.dependencies.len(), DEPENDENCIES)?;
    at_most("provides", manifest.provides.len(), PROVIDES)?;
    at_most("conflicts", manifest.conflicts.len(), CONFLICTS)?;
    if manifest.provides.contains_key(this) {
        return Err(problem(format!("provides.{this}"), "a plugin provides its own name anyway"));
    }
    if manifest.conflicts.contains_key(this) {
        return Err(problem(
            format!("conflicts.{this}"),
            "a plugin cannot conflict with itself; say `singleton = true` in [plugin] for one version at a time",
        ));
    }
    Ok(())
}

fn check_cases(cases: &[VerifyCase]) -> Checked {
    at_most("verify", cases.len(), VERIFY_CASES)?;
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, case) in cases.iter().enumerate() {
        let field = format!("verify[{index}]");
        one_line(&format!("{field}.name"), &case.name, CASE_NAME_CHARS)?;
        if let Some(earlier) = names.insert(&case.name, index) {
            return Err(problem(format!("{field}.name"), format!("verify[{earlier}] has the same name")));
        }
        one_line(&format!("{field}.call"), &case.call, CASE_CALL_CHARS)?;
        exact_numbers(&format!("{field}.input"), &case.input)?;
        check_expectation(&format!("{field}.expect"), &case.expect)?;
    }
    Ok(())
}

fn check_expectation(field: &str, expectation: &Expectation) -> Checked {
    let (key, text) = match expectation {
        Expectation::Json(value) => return exact_numbers(&format!("{field}.json"), value),
        Expectation::Contains(text) => ("contains", text),
        Expectation::Error(text) => ("error", text),
    };
    let field = format!("{field}.{key}");
    if text.is_empty() {
        return Err(problem(field, "the text is empty, so it would match anything"));
    }
    clean(&field, text, EXPECTED_TEXT_CHARS, true)
}

fn at_most(field: &str, count: usize, most: usize) -> Checked {
    if count > most {
        return Err(problem(field, format!("{count} entries; at most {most} are allowed")));
    }
    Ok(())
}

/// A bounded list of different kebab-case words.
fn words(field: &str, list: &[String], most: usize, most_chars: usize) -> Checked {
    at_most(field, list.len(), most)?;
    let mut seen = BTreeSet::new();
    for (index, text) in list.iter().enumerate() {
        let field = format!("{field}[{index}]");
        word(&field, text, most_chars)?;
        if !seen.insert(text) {
            return Err(problem(field, format!("{text:?} is listed twice")));
        }
    }
    Ok(())
}

fn word(field: &str, text: &str, most_chars: usize) -> Checked {
    one_line(field, text, most_chars)?;
    match kebab_problem(text) {
        Some(what) => Err(problem(field, format!("{text:?} is not lower kebab-case: {what}"))),
        None => Ok(()),
    }
}
