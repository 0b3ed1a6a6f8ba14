//! Smaller registries cut out of a graph, so that what there is can still be resolved.

use std::collections::{HashMap, HashSet};

use pluginry::domain::{IndexRelease, PluginName};

/// Releases of a plugin in a registry that is cut down.
const RELEASES_EACH: usize = 10;

/// The first so many releases: dependencies before what needs them, the newest releases of each plugin; everything when
/// there are no more than that.
pub(crate) fn first_releases(
    lines: Vec<(PluginName, IndexRelease)>,
    count: usize,
) -> Vec<(PluginName, IndexRelease)> {
    if lines.len() <= count {
        return lines;
    }
    let mut plugins: HashMap<PluginName, Vec<IndexRelease>> = HashMap::new();
    let mut names = Vec::new();
    for (name, line) in lines {
        if !plugins.contains_key(&name) {
            names.push(name.clone());
        }
        plugins.entry(name).or_default().push(line);
    }
    let mut taken = Vec::new();
    for name in dependencies_first(&names, &plugins) {
        let mut releases = plugins.remove(&name).unwrap_or_default();
        releases.sort_by(|a, b| b.version.cmp(&a.version));
        let few =
            releases.into_iter().filter(|release| !release.version.is_pre_release()).take(RELEASES_EACH);
        taken.extend(few.map(|release| (name.clone(), release)));
        if taken.len() >= count {
            break;
        }
    }
    taken.truncate(count);
    for (sequence, (_, line)) in (1..).zip(&mut taken) {
        line.sequence = sequence;
    }
    taken
}

fn dependencies_first(
    names: &[PluginName],
    plugins: &HashMap<PluginName, Vec<IndexRelease>>,
) -> Vec<PluginName> {
    let needs = |name: &PluginName| -> Vec<PluginName> {
        let newest = plugins.get(name).into_iter().flatten().max_by(|a, b| a.version.cmp(&b.version));
        newest.into_iter().flat_map(|release| release.dependencies.keys().cloned()).collect()
    };
    let (mut seen, mut ordered) = (HashSet::new(), Vec::new());
    let mut stack: Vec<(PluginName, bool)> = names.iter().rev().map(|name| (name.clone(), false)).collect();
    while let Some((name, are_needs_done)) = stack.pop() {
        if are_needs_done {
            ordered.push(name);
        } else if seen.insert(name.clone()) {
            let needs = needs(&name);
            stack.push((name, true));
            stack.extend(needs.into_iter().map(|need| (need, false)));
        }
    }
    ordered
}
