//! What must hold inside a host profile. The document's shape is `profile`'s.

use std::collections::BTreeSet;

use super::{Abi, CoreType, ExtensionPoint, HostProfile, ImportRule};

/// The longest a capability's sentence may be, in characters.
const SENTENCE_MAX: usize = 80;
const TEXT_MAX: usize = 500;
const RULES_MAX: usize = 5_000;
const WIT_MAX_BYTES: usize = 256 * 1024;

/// A place in the document and what is wrong there.
type Problem = (String, String);

/// The first thing that is wrong with a profile.
pub(super) fn check(profile: &HostProfile) -> Result<(), Problem> {
    check_sizes(profile)?;
    check_capabilities(profile)?;
    check_imports(profile)?;
    check_extension_points(profile)?;
    check_limits(profile)
}

fn wrong<T>(place: impl Into<String>, problem: impl Into<String>) -> Result<T, Problem> {
    Err((place.into(), problem.into()))
}

fn check_sizes(profile: &HostProfile) -> Result<(), Problem> {
    let parts = [profile.imports.len(), profile.extension_points.len(), profile.capabilities.len()];
    if parts.into_iter().any(|count| count > RULES_MAX) {
        return wrong("the document", format!("a list has more than {RULES_MAX} entries"));
    }
    if profile.description.chars().count() > TEXT_MAX {
        return wrong("description", format!("it is longer than {TEXT_MAX} characters"));
    }
    match &profile.wit {
        Some(_) if profile.abi == Abi::Core => wrong("wit", "a profile for core modules has no WIT"),
        Some(text) if text.len() > WIT_MAX_BYTES => {
            wrong("wit", format!("it is larger than {WIT_MAX_BYTES} bytes"))
        }
        _ => Ok(()),
    }
}

fn check_capabilities(profile: &HostProfile) -> Result<(), Problem> {
    let mut seen = BTreeSet::new();
    for definition in &profile.capabilities {
        let place = format!("capability `{}`", definition.name);
        if !seen.insert(&definition.name) {
            return wrong(place, "it is defined twice");
        }
        if !definition.description.starts_with("Can ") {
            return wrong(place, "its description does not start with \"Can \"");
        }
        let length = definition.description.chars().count();
        if length > SENTENCE_MAX {
            return wrong(
                place,
                format!("its description has {length} characters; at most {SENTENCE_MAX} fit"),
            );
        }
        if definition.description.contains(char::is_control) || definition.description.ends_with('.') {
            return wrong(place, "its description holds a control character or ends with a full stop");
        }
        let mut kinds = BTreeSet::new();
        for kind in &definition.scopes {
            let is_word = !kind.is_empty()
                && kind.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
            if !is_word || kind == "reason" {
                return wrong(place, format!("{kind:?} cannot be a scope kind"));
            }
            if !kinds.insert(kind) {
                return wrong(place, format!("the scope kind `{kind}` stands twice"));
            }
        }
    }
    Ok(())
}

fn check_imports(profile: &HostProfile) -> Result<(), Problem> {
    let mut seen = BTreeSet::new();
    for rule in &profile.imports {
        let place = format!("import `{}`", rule.label());
        if rule.module.is_empty() {
            return wrong(place, "its module is empty");
        }
        if !seen.insert((&rule.module, &rule.name, rule.is_core())) {
            return wrong(place, "it is listed twice");
        }
        if let Some(capability) = &rule.capability
            && profile.capability(capability).is_none()
        {
            return wrong(place, format!("it needs `{capability}`, which no [[capability]] defines"));
        }
        check_import_form(profile, rule, place)?;
    }
    for rule in profile.imports.iter().filter(|rule| !rule.is_core() && rule.name.is_some()) {
        if !seen.contains(&(&rule.module, &None, false)) {
            let place = format!("import `{}`", rule.label());
            return wrong(place, format!("the interface `{}` itself is not listed", rule.module));
        }
    }
    Ok(())
}

fn check_import_form(profile: &HostProfile, rule: &ImportRule, place: String) -> Result<(), Problem> {
    match &rule.ty {
        Some(_) if profile.abi == Abi::Component => wrong(place, "an import of a component has no `type`"),
        Some(_) if rule.version.is_some() => wrong(place, "an import of a core module has no `version`"),
        Some(_) if rule.name.is_none() => wrong(place, "an import of a core module needs a `name`"),
        Some(text) => match text.parse::<CoreType>() {
            Ok(_) => Ok(()),
            Err(error) => wrong(place, error.to_string()),
        },
        None if profile.abi == Abi::Core => wrong(place, "an import of a core module needs a `type`"),
        None if rule.name.is_some() && rule.version.is_some() => {
            wrong(place, "the version belongs to the interface's own rule")
        }
        None if rule.module.contains('@') => {
            wrong(place, "the version does not belong into `module`; put a requirement into `version`")
        }
        None => Ok(()),
    }
}

fn check_extension_points(profile: &HostProfile) -> Result<(), Problem> {
    let mut seen = BTreeSet::new();
    for point in &profile.extension_points {
        let place = format!("extension point `{}`", point.name);
        if point.name.is_empty() || !seen.insert(&point.name) {
            return wrong(place, "its name is empty or stands twice");
        }
        if point.exports.is_empty() {
            return wrong(place, "it calls no export");
        }
        check_exports(profile, point, &place)?;
    }
    Ok(())
}

fn check_exports(profile: &HostProfile, point: &ExtensionPoint, place: &str) -> Result<(), Problem> {
    for export in &point.exports {
        let place = format!("{place}, export `{}`", export.name);
        match &export.ty {
            Some(_) if profile.abi == Abi::Component => {
                return wrong(place, "an export of a component has no `type`");
            }
            None if profile.abi == Abi::Core => {
                return wrong(place, "an export of a core module needs a `type`");
            }
            Some(_) if export.version.is_some() => {
                return wrong(place, "an export of a core module has no `version`");
            }
            Some(text) => {
                if let Err(error) = text.parse::<CoreType>() {
                    return wrong(place, error.to_string());
                }
            }
            None if export.name == "*" || export.name.contains('@') => {
                return wrong(place, "a component's export is named by interface, without version");
            }
            None => {}
        }
    }
    Ok(())
}

fn check_limits(profile: &HostProfile) -> Result<(), Problem> {
    let limits = &profile.limits;
    let named = [
        ("memory-mib", limits.memory_mib, 4096),
        ("call-ms", limits.call_ms, 3_600_000),
        ("stack-kib", limits.stack_kib, 65_536),
        ("plugins", limits.plugins, 1_000_000),
    ];
    for (name, value, most) in named {
        if value == 0 || value > most {
            return wrong(format!("limits.{name}"), format!("{value} is not between 1 and {most}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::domain::{HostProfile, Refusal};

    fn refusal(changed: &str) -> String {
        let document = format!("name = 'acme:host'\nversion = '1.0.0'\n{changed}");
        let error = HostProfile::from_toml(&document).unwrap_err();
        assert_eq!(error.code(), "profile-invalid");
        error.to_string()
    }

    #[test]
    fn contradictions_are_named_with_their_place() {
        let undefined = refusal(
            "abi = 'core'\nimport = [{ module = 'env', name = 'get', type = '()', capability = 'network' }]",
        );
        let untyped = refusal("abi = 'core'\nimport = [{ module = 'env', name = 'get' }]");
        let badly_typed = refusal("abi = 'core'\nimport = [{ module = 'env', name = 'get', type = '(i7)' }]");
        let twice = refusal(
            "abi = 'component'\nimport = [{ module = 'a:b/c' }, { module = 'a:b/c', version = '^1' }]",
        );
        let pointless = refusal("abi = 'core'\nextension-point = [{ name = 'tool', exports = [] }]");

        assert!(undefined.contains("import `env.get`: it needs `network`"), "{undefined}");
        assert!(untyped.contains("needs a `type`"), "{untyped}");
        assert!(badly_typed.contains("\"i7\" is not a value type"), "{badly_typed}");
        assert!(twice.contains("listed twice"), "{twice}");
        assert!(pointless.contains("extension point `tool`: it calls no export"), "{pointless}");
    }

    #[test]
    fn the_sentence_of_a_capability_starts_with_can_and_is_short() {
        let sentence = |text: &str| {
            refusal(&format!(
                "abi = 'core'\ncapability = [{{ name = 'x', risk = 'low', description = '{text}' }}]"
            ))
        };

        assert!(sentence("Reads files").contains("does not start with"));
        assert!(sentence(&format!("Can {}", "very ".repeat(20))).contains("at most 80"));
    }

    #[test]
    fn limits_of_nothing_or_of_too_much_are_refused() {
        assert!(refusal("abi = 'core'\nlimits = { memory-mib = 0 }").contains("limits.memory-mib"));
        assert!(refusal("abi = 'core'\nlimits = { stack-kib = 99999999 }").contains("limits.stack-kib"));
    }
}
