//! A host profile made ready for look-ups, and the judgement on one import.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::PackageKind;
use super::printable::{printable, printable_message};
use super::surface::{Import, Shape};
use super::wit_text::WitContract;
use crate::domain::{Abi, CapabilityName, CoreType, HostProfile, ImportRule, ProfileError};

/// Whether a profile can be inspected against: its WIT can be read, and has every interface of its own
/// packages that rules and extension points name. To be asked before a profile is registered.
pub fn check_profile(profile: &HostProfile) -> Result<(), ProfileError> {
    let wrong = |place: String, problem: String| ProfileError::Invalid { place, problem };
    let contract =
        Contract::new(profile).map_err(|problem| wrong("wit".into(), printable_message(&problem)))?;
    let rules = profile.imports.iter().filter(|rule| !rule.is_core());
    let imports = rules.map(|rule| ("import", &rule.module, rule.name.as_ref()));
    let exports = profile.extension_points.iter().flat_map(|point| &point.exports);
    let exports = exports.filter(|export| !export.is_core()).map(|export| ("export", &export.name, None));
    let packages: BTreeSet<&str> =
        contract.wit.interfaces.keys().map(|name| interface_parts(name).0).collect();
    for (kind, name, function) in imports.chain(exports) {
        if !is_interface(name) || !packages.contains(interface_parts(name).0) {
            continue;
        }
        let place = format!("{kind} `{name}`");
        let Some(interface) = contract.wit.interfaces.get(name) else {
            return Err(wrong(place, "the WIT has no such interface".into()));
        };
        if let Some(function) = function.filter(|function| !interface.functions.contains_key(*function)) {
            return Err(wrong(place, format!("the interface has no function `{function}` in the WIT")));
        }
    }
    Ok(())
}

/// A profile's rules by what they are for.
pub(super) struct Contract<'p> {
    pub(super) profile: &'p HostProfile,
    core: HashMap<(&'p str, &'p str), CoreRule<'p>>,
    interfaces: HashMap<&'p str, InterfaceRule<'p>>,
    pub(super) wit: WitContract,
}

struct CoreRule<'p> {
    ty: String,
    capability: Option<&'p CapabilityName>,
}

#[derive(Default)]
struct InterfaceRule<'p> {
    /// The rule of the interface itself; the profile's own checks see to it that there is one.
    rule: Option<&'p ImportRule>,
    /// Functions with a capability of their own.
    functions: HashMap<&'p str, &'p ImportRule>,
}

/// What a profile says about one import.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// It offers it; needs these capabilities, none: always allowed.
    Offered { needs: Vec<CapabilityName> },
    /// It offers it with another type or version.
    Different { expected: String, found: String },
    /// It does not offer it.
    Unknown,
}

impl<'p> Contract<'p> {
    /// Sorts the rules and reads the WIT, which is the one thing that can be wrong with a valid profile.
    pub(super) fn new(profile: &'p HostProfile) -> Result<Self, String> {
        let wit = match &profile.wit {
            Some(text) => WitContract::read(text)?,
            None => WitContract::default(),
        };
        let mut core = HashMap::new();
        let mut interfaces: HashMap<&str, InterfaceRule<'_>> = HashMap::new();
        for rule in &profile.imports {
            match (&rule.ty, &rule.name) {
                (Some(ty), Some(name)) => {
                    // One spelling: the profile's text may have other blanks than ours.
                    let ty = ty.parse::<CoreType>().map_or_else(|_| ty.clone(), |ty| ty.to_string());
                    let rule_for = CoreRule { ty, capability: rule.capability.as_ref() };
                    core.insert((rule.module.as_str(), name.as_str()), rule_for);
                }
                (None, Some(name)) => {
                    interfaces.entry(&rule.module).or_default().functions.insert(name, rule);
                }
                (_, None) => interfaces.entry(&rule.module).or_default().rule = Some(rule),
            }
        }
        Ok(Self { profile, core, interfaces, wit })
    }

    /// Whether the host loads packages of this kind.
    pub(super) fn loads(&self, kind: PackageKind) -> bool {
        matches!(
            (self.profile.abi, kind),
            (Abi::Both, _) | (Abi::Core, PackageKind::Core) | (Abi::Component, PackageKind::Component)
        )
    }

    /// Whether and under which capabilities the profile offers an import.
    pub(super) fn judge(&self, import: &Import) -> Judgement {
        match (&import.shape, &import.name) {
            (Shape::Core(found), Some(name)) => match self.core.get(&(import.module.as_str(), name.as_str()))
            {
                None => Judgement::Unknown,
                Some(rule) if rule.ty != *found => {
                    Judgement::Different { expected: rule.ty.clone(), found: printable_message(found) }
                }
                Some(rule) => Judgement::Offered { needs: rule.capability.cloned().into_iter().collect() },
            },
            (Shape::Interface(functions), _) if is_interface(&import.module) => {
                self.judge_interface(import, functions)
            }
            (Shape::Function(found), _) if !is_interface(&import.module) => {
                self.judge_world_function(import, found)
            }
            _ => Judgement::Unknown,
        }
    }

    fn judge_interface(&self, import: &Import, functions: &BTreeMap<String, String>) -> Judgement {
        let Some(rule) = self.interfaces.get(import.module.as_str()) else {
            return Judgement::Unknown;
        };
        let Some(base) = rule.rule else {
            return Judgement::Unknown;
        };
        if let Some(requirement) = &base.version
            && !import.version.as_ref().is_some_and(|version| requirement.matches(version))
        {
            let found = import.version.as_ref().map_or("no version".to_owned(), |v| format!("version {v}"));
            return Judgement::Different { expected: format!("version {requirement}"), found };
        }
        if let Some(interface) = self.wit.interfaces.get(&import.module)
            && let Some((expected, found)) = first_difference(&interface.functions, functions)
        {
            return Judgement::Different { expected, found };
        }
        let mut needs: Vec<CapabilityName> = functions
            .keys()
            .map(|name| rule.functions.get(name.as_str()).unwrap_or(&base))
            // An interface imported for its types alone needs what the interface needs.
            .chain(functions.is_empty().then_some(&base))
            .filter_map(|rule| rule.capability.clone())
            .collect();
        needs.sort();
        needs.dedup();
        Judgement::Offered { needs }
    }

    fn judge_world_function(&self, import: &Import, found: &str) -> Judgement {
        let Some(base) = self.interfaces.get(import.module.as_str()).and_then(|rule| rule.rule) else {
            return Judgement::Unknown;
        };
        match self.wit.world_imports.get(&import.module) {
            Some(expected) if expected != found => {
                Judgement::Different { expected: expected.clone(), found: printable_message(found) }
            }
            _ => Judgement::Offered { needs: base.capability.clone().into_iter().collect() },
        }
    }

    /// The nearest import the profile offers to packages of the same kind.
    pub(super) fn nearest(&self, import: &Import) -> Option<String> {
        let is_core = matches!(import.shape, Shape::Core(_));
        let wanted = match &import.name {
            Some(name) => (import.module.as_str(), name.as_str()),
            None => interface_parts(&import.module),
        };
        let candidates = self.profile.imports.iter().filter_map(|rule| match &rule.name {
            Some(name) if is_core && rule.is_core() => {
                Some(((rule.module.as_str(), name.as_str()), rule.label()))
            }
            None if !is_core => Some((interface_parts(&rule.module), rule.label())),
            _ => None,
        });
        nearest_of(wanted, candidates)
    }
}

/// Whether a name is an interface's, not one of the world's own.
pub(super) fn is_interface(name: &str) -> bool {
    name.contains('/')
}

/// `wasi:http/types` as package and interface.
fn interface_parts(interface: &str) -> (&str, &str) {
    interface.rsplit_once('/').unwrap_or(("", interface))
}

/// The import in one word, as a person may read it.
pub(super) fn label(import: &Import) -> String {
    let module = printable(&import.module);
    match (&import.name, &import.version) {
        (Some(name), _) => format!("{module}.{}", printable(name)),
        (None, Some(version)) => format!("{module}@{version}"),
        (None, None) => module,
    }
}

/// The first function whose type the contract does not have so: what it has and what was found.
pub(super) fn first_difference(
    contract: &BTreeMap<String, String>,
    found: &BTreeMap<String, String>,
) -> Option<(String, String)> {
    found.iter().find_map(|(name, ty)| match contract.get(name) {
        Some(expected) if expected == ty => None,
        Some(expected) => Some((format!("{name}: {expected}"), printable_message(&format!("{name}: {ty}")))),
        None => {
            let nearest =
                nearest_of(("", name), contract.keys().map(|known| (("", known.as_str()), known.clone())));
            let hint = nearest.map_or(String::new(), |nearest| format!(" (nearest: {nearest})"));
            Some((
                format!("no function {}{hint}", printable(name)),
                printable_message(&format!("{name}: {ty}")),
            ))
        }
    })
}

/// The candidate whose name is most like the wanted one, and among those the one with the likest module.
pub(super) fn nearest_of<'a>(
    (module, name): (&str, &str),
    candidates: impl Iterator<Item = ((&'a str, &'a str), String)>,
) -> Option<String> {
    const LIKE_ENOUGH: f64 = 0.6;
    // Names out of untrusted bytes may be long, and comparing takes the product of the lengths.
    if module.len() + name.len() > 300 {
        return None;
    }
    let mut best: Option<(f64, String)> = None;
    for ((candidate_module, candidate_name), label) in candidates {
        let by_name = strsim::normalized_damerau_levenshtein(name, candidate_name);
        let likeness = by_name + 0.1 * strsim::normalized_damerau_levenshtein(module, candidate_module);
        if by_name >= LIKE_ENOUGH && best.as_ref().is_none_or(|(known, _)| likeness > *known) {
            best = Some((likeness, label));
        }
    }
    best.map(|(_, label)| label)
}

#[cfg(test)]
mod tests;
