//! What two locks were asked: the parts of the two questions that differ, as texts for people.

use std::collections::BTreeMap;

use super::AskedChange;
use crate::resolver::Lock;

/// The parts that differ, in the order of a lock's header.
pub(super) fn differences(before: &Lock, after: &Lock) -> Vec<AskedChange> {
    let (before, mut after) = (parts(before), parts(after));
    let mut differing: Vec<((u8, String), AskedChange)> = Vec::new();
    for (part, was) in before {
        let now = after.remove(&part);
        if now.as_ref() != Some(&was) {
            differing.push((part.clone(), AskedChange { what: part.1, before: Some(was), after: now }));
        }
    }
    let new = after.into_iter();
    differing.extend(
        new.map(|(part, now)| (part.clone(), AskedChange { what: part.1, before: None, after: Some(now) })),
    );
    differing.sort_by(|a, b| a.0.cmp(&b.0));
    differing.into_iter().map(|(_, change)| change).collect()
}

/// The question of a lock in parts, each with its place in the order and its name.
fn parts(lock: &Lock) -> BTreeMap<(u8, String), String> {
    let mut parts = BTreeMap::new();
    for (root, requirement) in &lock.roots {
        parts.insert((0, format!("root {root}")), requirement.to_string());
    }
    for name in &lock.with_optional {
        parts.insert((1, format!("optional {name}")), "taken along".into());
    }
    for name in &lock.pre_releases_of {
        parts.insert((2, format!("pre-releases of {name}")), "count".into());
    }
    if let Some(host) = &lock.host {
        parts.insert((3, "host".into()), format!("{} {}", host.profile, host.version));
        if let Some(points) = &host.extension_points {
            let points: Vec<&str> = points.iter().map(String::as_str).collect();
            parts.insert((4, "extension points".into()), points.join(", "));
        }
        match &host.grants {
            None => {
                parts.insert((5, "grants".into()), "not checked".into());
            }
            Some(grants) => {
                for (capability, scope) in grants {
                    let scope = if scope.0.is_empty() { "without limits".into() } else { scope.to_string() };
                    parts.insert((5, format!("grant {capability}")), scope);
                }
            }
        }
    }
    if let Ok(serde_json::Value::Object(policy)) = serde_json::to_value(&lock.policy) {
        for (rule, value) in policy {
            let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
            parts.insert((6, format!("policy {rule}")), text);
        }
    }
    if let Some(as_of) = lock.as_of {
        parts.insert((7, "as of".into()), format!("log size {}", as_of.tree_size));
    }
    parts
}
