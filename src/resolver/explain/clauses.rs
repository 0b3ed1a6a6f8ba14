//! Changes of a request in the words of a person, in the syntax of the command line.

use std::collections::BTreeSet;

use serde_json::Value;

use super::facts::Fact;
use super::lines::{WORDS_CHARACTERS, and, brief, brief_version, capitalised, or};
use super::mends::Changes;
use super::tell::Teller;
use crate::domain::{CapabilityName, PluginName, Requirement, Version};
use crate::resolver::hindrance::Hindrance;
use crate::resolver::index::Release;
use crate::resolver::{Change, Mend, ResolveRequest};

/// Mends that are said in the sentence; all are in the data.
const SAID_MAX: usize = 3;

/// The mends with their words.
pub(super) fn in_words(
    request: &ResolveRequest,
    facts: Option<(&Teller<'_, '_>, &[Fact])>,
    found: Vec<Changes>,
) -> Vec<Mend> {
    let wording = Wording { request, facts };
    let with_words = |changes: Changes| {
        let says = format!("{}.", capitalised(&wording.clause(&changes, None)));
        Mend { says, changes }
    };
    found.into_iter().map(with_words).collect()
}

/// One sentence for all of them: "Grant …, or ask for …, or leave out …"; `None`: there are none.
pub(super) fn sentence(
    request: &ResolveRequest,
    facts: Option<(&Teller<'_, '_>, &[Fact])>,
    mends: &[Mend],
) -> Option<String> {
    let wording = Wording { request, facts };
    let mut left_out: Vec<String> = Vec::new();
    let mut clauses: Vec<String> = Vec::new();
    let mut granted = None;
    for mend in mends {
        match &*mend.changes {
            [Change::LeaveOut { plugin }] => left_out.push(plugin.to_string()),
            changes => {
                clauses.push(wording.clause(changes, granted));
                granted = match changes {
                    [Change::Grant { capability, .. }] => Some(capability),
                    _ => None,
                };
            }
        }
    }
    if !left_out.is_empty() {
        clauses.truncate(SAID_MAX - 1);
        clauses.push(format!("leave out {}", or(&left_out)));
    }
    clauses.truncate(SAID_MAX);
    (!clauses.is_empty()).then(|| format!("{}.", capitalised(&clauses.join(", or "))))
}

/// One sentence of those that the mends say, where there are no facts to tell them apart by.
pub(super) fn joined(mends: &[Mend]) -> Option<String> {
    let others: Vec<String> = mends
        .iter()
        .filter_map(|mend| match &*mend.changes {
            [Change::AskInstead { .. }] => mend.says.strip_prefix("Ask for ")?.strip_suffix(" instead."),
            _ => None,
        })
        .map(str::to_owned)
        .collect();
    if !others.is_empty() {
        return Some(format!("Ask for {} instead.", or(&others)));
    }
    let clauses: Vec<String> = mends
        .iter()
        .take(SAID_MAX)
        .map(|mend| {
            let (first, rest) = mend.says.split_at(mend.says.chars().next().map_or(0, char::len_utf8));
            first.to_lowercase() + rest.trim_end_matches('.')
        })
        .collect();
    (!clauses.is_empty()).then(|| format!("{}.", capitalised(&clauses.join(", or "))))
}

struct Wording<'a> {
    request: &'a ResolveRequest,
    facts: Option<(&'a Teller<'a, 'a>, &'a [Fact])>,
}

impl Wording<'_> {
    /// All changes of one mend; `granted`: what the clause before grants.
    fn clause(&self, changes: &[Change], granted: Option<&CapabilityName>) -> String {
        let mut clauses: Vec<String> = Vec::new();
        let mut grantees: Vec<(&PluginName, Vec<String>)> = Vec::new();
        for change in changes {
            if let Change::Grant { plugin, capability, scope } = change {
                let scope = brief(&scope.to_string(), WORDS_CHARACTERS);
                let power = if scope.is_empty() {
                    format!("`{capability}`")
                } else {
                    format!("`{capability}` ({scope})")
                };
                match grantees.iter_mut().find(|(known, _)| *known == plugin) {
                    Some((_, powers)) => powers.push(power),
                    None => grantees.push((plugin, vec![power])),
                }
            }
        }
        for (plugin, powers) in grantees {
            clauses.push(format!("grant {} to {plugin}", and(&powers)));
        }
        clauses.extend(changes.iter().filter_map(|change| self.change(change, granted)));
        if clauses.len() > 1 && clauses.iter().any(|clause| clause.contains(", ")) {
            return clauses.join(", and ");
        }
        and(&clauses)
    }

    fn change(&self, change: &Change, granted: Option<&CapabilityName>) -> Option<String> {
        Some(match change {
            Change::Grant { .. } => return None,
            Change::AskFor { plugin, requirement } => {
                let release = self.release_of(plugin, requirement);
                let claim = release.and_then(|release| self.claim(plugin, release, granted));
                let before = self.request.roots.get(plugin).filter(|before| **before != Requirement::any());
                let is_early = version_named(requirement).is_some_and(|version| version.is_pre_release());
                let early = if is_early { ", if a pre-release will do" } else { "" };
                let behind = match (claim, before) {
                    (Some(claim), _) => format!(", {claim}"),
                    (None, Some(before)) => format!(" instead of {}", brief_version(before)),
                    (None, None) if self.request.roots.contains_key(plugin) => String::new(),
                    (None, None) => " as well".into(),
                };
                format!("ask for {}{behind}{early}", argument(plugin, requirement))
            }
            Change::AskInstead { plugin, other } => {
                let requirement = self.request.roots.get(plugin).cloned().unwrap_or(Requirement::any());
                format!("ask for {} instead", argument(other, &requirement))
            }
            Change::LeaveOut { plugin } => format!("leave out {plugin}"),
            Change::LeaveOutOptional { plugin } => format!("do without the optional {plugin}"),
            Change::PreReleasesOf { plugin } => {
                format!("let pre-releases of {plugin} count (`pre_releases_of`)")
            }
            Change::HostVersion { profile, version } => {
                format!("use a host with {profile} {}", brief_version(version))
            }
            Change::ExtensionPoint { name } => {
                format!("use a host that offers the extension point `{}`", brief(name, WORDS_CHARACTERS))
            }
            Change::Policy { field, value } => self.policy(field, value),
            Change::KeepLocked { plugin } => format!("do not upgrade {plugin}, so that the lock may keep it"),
            Change::AsOf { tree_size } => format!("ask as of entry {tree_size} of the log (`as_of`)"),
            Change::Wait { until } => {
                let moment = until.to_string().replace('T', " ").replace(":00Z", " UTC");
                format!("wait until {moment}, when it is old enough")
            }
        })
    }

    fn policy(&self, field: &str, value: &Value) -> String {
        let texts = |value: &Value| -> BTreeSet<String> {
            let items = value.as_array().into_iter().flatten();
            items.filter_map(|item| item.as_str()).map(str::to_owned).collect()
        };
        let before = serde_json::to_value(&self.request.policy).unwrap_or_default();
        let added = |value: &Value| -> String {
            let before = texts(&before[field]);
            let new: Vec<String> = texts(value).difference(&before).map(|text| quoted(text)).collect();
            and(&new)
        };
        match (field, value) {
            ("licenses" | "allowed_namespaces", value) => {
                format!("add {} to `{field}` in the policy", added(value))
            }
            ("denied_namespaces", value) => {
                let left = texts(value);
                let gone: Vec<String> =
                    texts(&before[field]).difference(&left).map(|text| quoted(text)).collect();
                format!("take {} out of `{field}` in the policy", and(&gone))
            }
            ("trust", Value::Object(entries)) => {
                let new =
                    entries.iter().filter(|(key, value)| before[field].get(key.as_str()) != Some(value));
                let new: Vec<(String, String)> =
                    new.map(|(key, value)| (key.clone(), quoted(&format!("{key} = {value}")))).collect();
                let (names, entries): (Vec<String>, Vec<String>) = new.into_iter().unzip();
                format!("if you know who {} is, set {} in `trust` of the policy", and(&names), and(&entries))
            }
            ("max_risk_by_trust", Value::Object(entries)) => {
                let new =
                    entries.iter().filter(|(key, value)| before[field].get(key.as_str()) != Some(value));
                let new: Vec<String> =
                    new.map(|(key, value)| format!("{key} = {value}")).map(|entry| quoted(&entry)).collect();
                format!("set {} in `{field}` of the policy", and(&new))
            }
            ("allow_widening", _) => {
                "look at what it asks for and set `allow_widening` in the policy".to_owned()
            }
            (_, Value::Bool(false) | Value::Null) => format!("drop `{field}` from the policy"),
            (_, Value::Bool(true)) => format!("set `{field}` in the policy"),
            (_, Value::String(text)) => format!("set `{field}` in the policy to {text}"),
            (_, value) => format!("set `{field}` in the policy to {value}"),
        }
    }

    fn release_of(&self, plugin: &PluginName, requirement: &Requirement) -> Option<&Release> {
        let (teller, _) = self.facts?;
        let symbol = teller.provider.index.symbol(plugin)?;
        let named = version_named(requirement)?;
        let releases = &teller.plugin(symbol).releases;
        releases.iter().find(|release| release.version == named)
    }

    /// What sets a release apart from the newer ones that do not do: "the last release without it".
    fn claim(
        &self,
        plugin: &PluginName,
        release: &Release,
        granted: Option<&CapabilityName>,
    ) -> Option<String> {
        let (teller, facts) = self.facts?;
        let symbol = teller.provider.index.symbol(plugin)?;
        let newer: Vec<&Release> = teller
            .plugin(symbol)
            .releases
            .iter()
            .filter(|other| other.version > release.version && other.is_on_offer())
            .filter(|other| release.version.is_pre_release() || !other.version.is_pre_release())
            .collect();
        let hindrances: Vec<Hindrance> =
            newer.iter().filter_map(|other| teller.provider.filters.hindrance(symbol, other)).collect();
        if !newer.is_empty()
            && hindrances.len() == newer.len()
            && let Some(quality) = quality(release, &hindrances, granted)
        {
            return Some(format!("the last release {quality}"));
        }
        facts.iter().find_map(|fact| match fact {
            Fact::Needs { plugin, dependency, requirement, .. } if *plugin == symbol => {
                let mut edges = teller.provider.dependencies_of(release);
                match edges.find(|edge| edge.plugin == *dependency) {
                    None => Some(format!("which does without {}", teller.name(*dependency))),
                    Some(edge) => {
                        let needed = teller.provider.index.requirement(edge).to_string();
                        (needed != *requirement).then(|| {
                            format!("which needs {} {}", teller.name(*dependency), brief_version(&needed))
                        })
                    }
                }
            }
            Fact::NeedsHost { plugin, requirement, .. } if *plugin == symbol => {
                let profile = &teller.provider.host().request.profile;
                let needed = teller.provider.index.requirement(release.profile).to_string();
                (needed != *requirement).then(|| format!("which needs {profile} {}", brief_version(&needed)))
            }
            Fact::Conflicts { plugin, other, .. } if *plugin == symbol => {
                let refuses = release.conflicts.iter().any(|edge| edge.plugin == *other);
                (!refuses).then(|| format!("which gets along with {}", teller.name(*other)))
            }
            _ => None,
        })
    }
}

/// What a release has over all that have these hindrances, if they are of one kind.
fn quality(release: &Release, hindrances: &[Hindrance], granted: Option<&CapabilityName>) -> Option<String> {
    let all = |is_alike: fn(&Hindrance) -> bool| hindrances.iter().all(is_alike);
    Some(match hindrances.first()? {
        Hindrance::Ungranted { capability, .. } => {
            let is_same = |hindrance: &Hindrance| matches!(hindrance, Hindrance::Ungranted { capability: other, .. } if other == capability);
            if !all(|hindrance| matches!(hindrance, Hindrance::Ungranted { .. })) {
                return None;
            } else if release.capabilities.contains_key(capability) || !hindrances.iter().all(is_same) {
                "that asks for no more than is granted".into()
            } else if granted == Some(capability) {
                "without it".into()
            } else {
                format!("without `{capability}`")
            }
        }
        Hindrance::ProfileVersion { profile, offered, .. }
            if all(|hindrance| matches!(hindrance, Hindrance::ProfileVersion { .. })) =>
        {
            match &**offered {
                [one] => format!("that runs on {profile} {}", brief_version(one)),
                _ => format!("that runs on a registered {profile}"),
            }
        }
        Hindrance::OtherProfile { host, .. }
            if all(|hindrance| matches!(hindrance, Hindrance::OtherProfile { .. })) =>
        {
            format!("made for {host}")
        }
        Hindrance::License { .. } if all(|hindrance| matches!(hindrance, Hindrance::License { .. })) => {
            format!("under {}", brief(&release.license, 60))
        }
        Hindrance::TooYoung { hours } if all(|hindrance| matches!(hindrance, Hindrance::TooYoung { .. })) => {
            format!("that is {hours} hours old")
        }
        Hindrance::Unverified { .. }
            if all(|hindrance| matches!(hindrance, Hindrance::Unverified { .. })) =>
        {
            "that passed the verification run".into()
        }
        Hindrance::TooRisky { most, .. } | Hindrance::TooRiskyForTrust { most, .. }
            if all(|hindrance| {
                matches!(hindrance, Hindrance::TooRisky { .. } | Hindrance::TooRiskyForTrust { .. })
            }) =>
        {
            format!("of {most} risk at most")
        }
        Hindrance::ExtensionPoints { offered, .. }
            if all(|hindrance| matches!(hindrance, Hindrance::ExtensionPoints { .. })) =>
        {
            match &**offered {
                [] => "that is a library".into(),
                _ => "that plugs in where the host offers it".into(),
            }
        }
        Hindrance::Widening { .. } if all(|hindrance| matches!(hindrance, Hindrance::Widening { .. })) => {
            "that asks for no more than the locked one".into()
        }
        _ => return None,
    })
}

/// "acme:scraper@1.9.0": as the command line takes it.
fn argument(plugin: &PluginName, requirement: &Requirement) -> String {
    let text = requirement.to_string();
    if text == "*" {
        return plugin.to_string();
    }
    // A bare version means the caret.
    let text = text.strip_prefix('^').filter(|rest| !rest.contains(',')).unwrap_or(&text);
    format!("{plugin}@{}", text.replace(", ", ","))
}

/// The version that "^1.9.0" or "=1.9.0" names in full.
fn version_named(requirement: &Requirement) -> Option<Version> {
    requirement.to_string().trim_start_matches(['^', '=']).parse().ok()
}

fn quoted(text: &str) -> String {
    format!("`{}`", brief(text, WORDS_CHARACTERS))
}
