//! Graphs made to hurt: what a hostile author could publish, release by release, to make others' resolves dear.
//!
//! Shared by the pure tests, by `tests/all/hostile_graphs.rs` and by `examples/hostile_graphs.rs`.

use std::collections::BTreeMap;

use pluginry::domain::{
    DependencySpec, Digest, IndexRelease, PluginName, Requirement, Timestamp, TrustLevel, VerificationState,
    Version,
};
use pluginry::resolver::ResolveRequest;

/// A universe and a request that is hard to answer in it.
pub(crate) struct HostileGraph {
    /// What is hard about it.
    pub(crate) name: &'static str,
    /// Its releases.
    pub(crate) lines: Vec<(PluginName, IndexRelease)>,
    /// The plugins asked for.
    pub(crate) roots: BTreeMap<PluginName, Requirement>,
}

impl HostileGraph {
    /// Asks for its roots.
    pub(crate) fn request(&self) -> ResolveRequest {
        ResolveRequest { roots: self.roots.clone(), ..ResolveRequest::default() }
    }
}

/// All of them, each at a size at which it hurts.
pub(crate) const HOSTILE_GRAPHS: &[fn() -> HostileGraph] = &[
    || pigeonhole(14),
    || satisfiability(160, 685),
    || wide_versions(10_000),
    || crossed_versions(3_000),
    || fan_out(5_000),
    || chain(10_000, None),
    || chain(10_000, Some("gone")),
    || chain(100_000, None),
    || chain(100_000, Some("gone")),
    || circle(10_000),
    || providers(1_000),
    || conflicting_providers(300),
    || one_long_conflict(1_000),
    || guarded_versions(2_000),
    || ladder(400, 24),
    || ladder(60, 5_000),
];

/// One more pigeon than holes: every way to seat them has to be tried.
pub(crate) fn pigeonhole(holes: usize) -> HostileGraph {
    let mut graph = Maker::new("pigeonhole");
    for hole in 0..holes {
        for pigeon in 0..=holes {
            graph.release(&format!("hole{hole}"), pigeon, &[]);
        }
    }
    for pigeon in 0..=holes {
        for hole in 0..holes {
            graph.release(&format!("pigeon{pigeon}"), hole, &[(format!("hole{hole}"), exactly(pigeon))]);
        }
        graph.root(&format!("pigeon{pigeon}"));
    }
    graph.done("more pigeons than holes")
}

/// Random clauses of three literals, near the number at which they stop to be satisfiable.
pub(crate) fn satisfiability(variables: usize, clauses: usize) -> HostileGraph {
    let mut graph = Maker::new("clauses");
    for variable in 0..variables {
        (0..2).for_each(|value| graph.release(&format!("variable{variable}"), value, &[]));
    }
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for clause in 0..clauses {
        for literal in 0..3 {
            let variable = numbers.below(variables);
            let need = (format!("variable{variable}"), exactly(numbers.below(2)));
            graph.release(&format!("clause{clause}"), literal, &[need]);
        }
        graph.root(&format!("clause{clause}"));
    }
    graph.done("clauses that just cannot hold together")
}

/// Two plugins of very many versions, each of which needs one of the other's that needs another one back.
pub(crate) fn wide_versions(versions: usize) -> HostileGraph {
    let mut graph = Maker::new("wide");
    for version in 0..versions {
        graph.release("left", version, &[("right".into(), exactly(version))]);
        graph.release("right", version, &[("middle".into(), exactly(version))]);
        graph.release("middle", version, &[("left".into(), exactly((version + 1) % versions))]);
    }
    graph.root("left");
    graph.done("ten thousand versions, none of which fits")
}

/// Many plugins of many versions that allow each other all versions but one.
pub(crate) fn crossed_versions(versions: usize) -> HostileGraph {
    let mut graph = Maker::new("crossed");
    for version in 0..versions {
        for plugin in 0..8 {
            let needs = [1, 2, 3].map(|step| {
                let other = (plugin + step) % 8;
                let most = (version + step * 7) % versions;
                (format!("plugin{other}"), format!("<=1.0.{most}"))
            });
            graph.release(&format!("plugin{plugin}"), version, &needs);
        }
    }
    (0..8).for_each(|plugin| graph.root(&format!("plugin{plugin}")));
    graph.done("versions that each want older ones of the others")
}

/// A plugin that needs very many others, by way of trees of 64.
pub(crate) fn fan_out(leaves: usize) -> HostileGraph {
    let mut graph = Maker::new("fan");
    (0..leaves).for_each(|leaf| graph.release(&format!("leaf{leaf}"), 0, &[]));
    let branches = leaves.div_ceil(64);
    for branch in 0..branches {
        let needs: Vec<_> = (branch * 64..((branch + 1) * 64).min(leaves))
            .map(|leaf| (format!("leaf{leaf}"), "^1".to_owned()))
            .collect();
        graph.release(&format!("branch{branch}"), 0, &needs);
    }
    let boughs = branches.div_ceil(64);
    for bough in 0..boughs {
        let needs: Vec<_> = (bough * 64..((bough + 1) * 64).min(branches))
            .map(|branch| (format!("branch{branch}"), "^1".to_owned()))
            .collect();
        graph.release(&format!("bough{bough}"), 0, &needs);
        graph.root(&format!("bough{bough}"));
    }
    graph.done("thousands of plugins below one")
}

/// Each needs the next; the last needs `end`, which is not there.
pub(crate) fn chain(links: usize, end: Option<&str>) -> HostileGraph {
    let mut graph = Maker::new("chain");
    for link in 0..links {
        let next = match end {
            _ if link + 1 < links => Some((format!("link{}", link + 1), "^1".to_owned())),
            Some(end) => Some((end.to_owned(), "^1".to_owned())),
            None => None,
        };
        graph.release(&format!("link{link}"), 0, next.as_slice());
    }
    graph.root("link0");
    graph.done(if end.is_some() { "a long chain that ends nowhere" } else { "a long chain" })
}

/// What anybody may ask for: three plugins, each needing the next.
pub(crate) fn harmless() -> HostileGraph {
    let mut graph = Maker::new("harmless");
    graph.release("last", 0, &[]);
    graph.release("second", 0, &[("last".into(), "^1".into())]);
    graph.release("first", 0, &[("second".into(), "^1".into())]);
    graph.root("first");
    graph.done("nothing hard")
}

/// Each needs the next, the last the first.
pub(crate) fn circle(links: usize) -> HostileGraph {
    let mut graph = Maker::new("circle");
    for link in 0..links {
        graph.release(&format!("link{link}"), 0, &[(format!("link{}", (link + 1) % links), "^1".into())]);
    }
    graph.root("link0");
    graph.done("a long circle")
}

/// Very many plugins that provide one virtual package, none of which can be had.
pub(crate) fn providers(count: usize) -> HostileGraph {
    let mut graph = Maker::new("providers");
    for provider in 0..count {
        graph.release(&format!("provider{provider}"), 0, &[("gone".into(), "^1".into())]);
        graph.provides("interface");
    }
    (0..64).for_each(|user| {
        graph.release(&format!("user{user}"), 0, &[("interface".into(), format!(">=0.{user}"))]);
        graph.root(&format!("user{user}"));
    });
    graph.done("a thousand providers, none of which can be had")
}

/// Providers of several virtual packages that exclude each other.
pub(crate) fn conflicting_providers(count: usize) -> HostileGraph {
    let mut graph = Maker::new("rivals");
    for interface in 0..12 {
        for provider in 0..count {
            let seat = (provider * 7 + interface) % 11;
            let name = format!("provider{interface}x{provider}");
            graph.release(
                &name,
                0,
                &[("seats".into(), "*".into()), (format!("seat{seat}"), exactly(interface))],
            );
            graph.provides(&format!("interface{interface}"));
        }
        graph.release(&format!("user{interface}"), 0, &[(format!("interface{interface}"), "*".into())]);
        graph.root(&format!("user{interface}"));
    }
    graph.release("seats", 0, &[]);
    (0..11).for_each(|seat| (0..12).for_each(|holder| graph.release(&format!("seat{seat}"), holder, &[])));
    graph.done("providers that sit on each other's seats")
}

/// A conflict of which every one of very many plugins is a part.
pub(crate) fn one_long_conflict(plugins: usize) -> HostileGraph {
    let mut graph = Maker::new("long");
    for plugin in 0..plugins {
        let next = format!("plugin{}", plugin + 1);
        // Both versions lead on, so that neither can be left out of the proof.
        for version in 0..2 {
            graph.release(&format!("plugin{plugin}"), version, &[(next.clone(), exactly(version))]);
        }
    }
    for version in 0..2 {
        graph.release(&format!("plugin{plugins}"), version, &[("end".into(), exactly(version))]);
    }
    graph.release("end", 2, &[]);
    graph.root("plugin0");
    graph.done("a conflict that thousands take part in")
}

/// Plugins of many versions that each refuse others' by name.
pub(crate) fn guarded_versions(versions: usize) -> HostileGraph {
    let mut graph = Maker::new("guarded");
    for version in 0..versions {
        for plugin in 0..6 {
            graph.release(&format!("plugin{plugin}"), version, &[]);
            for other in (0..6).filter(|other| *other != plugin) {
                let parity = if (version + plugin) % 2 == 0 { ">=" } else { "<" };
                graph.conflicts(&format!("plugin{other}"), &format!("{parity}1.0.{}", version / 2));
            }
        }
    }
    (0..6).for_each(|plugin| graph.root(&format!("plugin{plugin}")));
    graph.done("versions that refuse each other")
}

/// Rungs of many versions, each of which fits several of the next, and none of which reaches the top.
pub(crate) fn ladder(rungs: usize, versions: usize) -> HostileGraph {
    let mut graph = Maker::new("ladder");
    let mut numbers = Numbers(7);
    for rung in 0..rungs {
        for version in 0..versions {
            let needs: Vec<_> = [1, 5, 17]
                .into_iter()
                .filter(|step| rung + step < rungs)
                .map(|step| {
                    let low = numbers.below(versions);
                    (format!("rung{}", rung + step), format!(">=1.0.{low}, <=1.0.{}", low + versions / 3))
                })
                .collect();
            graph.release(&format!("rung{rung}"), version, &needs);
        }
    }
    for version in 0..versions {
        graph.release("lower", version, &[(format!("rung{}", rungs - 1), exactly(version))]);
        graph.release("upper", version, &[(format!("rung{}", rungs - 1), exactly((version + 1) % versions))]);
    }
    ["rung0", "lower", "upper"].iter().for_each(|root| graph.root(root));
    graph.done("a ladder that leads nowhere")
}

fn exactly(patch: usize) -> String {
    format!("=1.0.{patch}")
}

/// Numbers that are the same on every machine.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % most as u64) as usize
    }
}

struct Maker {
    namespace: &'static str,
    lines: Vec<(PluginName, IndexRelease)>,
    roots: BTreeMap<PluginName, Requirement>,
}

impl Maker {
    fn new(namespace: &'static str) -> Self {
        Self { namespace, lines: Vec::new(), roots: BTreeMap::new() }
    }

    fn name(&self, name: &str) -> PluginName {
        PluginName::new(self.namespace, name).expect("a name")
    }

    /// Release `1.0.patch` of a plugin.
    fn release(&mut self, name: &str, patch: usize, needs: &[(String, String)]) {
        let needs = needs.iter().map(|(name, requirement)| {
            let version = requirement.parse().expect("a requirement");
            (self.name(name), DependencySpec { version, optional: false })
        });
        let dependencies = needs.collect();
        let sequence = self.lines.len() as u64 + 1;
        let release = IndexRelease {
            version: Version::new(1, 0, patch as u64),
            digest: Digest::from_bytes([7; 32]),
            size_bytes: 1,
            sequence,
            published_at: Timestamp::from_micros(0),
            profile: "hostile:host".parse().expect("a name"),
            profile_version: Requirement::any(),
            extension_points: Vec::new(),
            capabilities: BTreeMap::new(),
            risk: None,
            dependencies,
            provides: BTreeMap::new(),
            conflicts: BTreeMap::new(),
            license: "MIT".into(),
            singleton: false,
            signer: "k".into(),
            widening: false,
            signer_revoked: false,
            trust: TrustLevel::default(),
            verification: VerificationState::Passed,
            yanked: false,
            deprecated: None,
            quarantined: None,
            taken_down: None,
            recalled: None,
        };
        self.lines.push((self.name(name), release));
    }

    /// The last release provides a virtual package.
    fn provides(&mut self, name: &str) {
        let name = self.name(name);
        let (_, release) = self.lines.last_mut().expect("a release");
        release.provides.insert(name, Version::new(1, 0, 0));
    }

    /// The last release refuses others.
    fn conflicts(&mut self, name: &str, requirement: &str) {
        let name = self.name(name);
        let (_, release) = self.lines.last_mut().expect("a release");
        release.conflicts.insert(name, requirement.parse().expect("a requirement"));
    }

    fn root(&mut self, name: &str) {
        self.roots.insert(self.name(name), Requirement::any());
    }

    fn done(self, name: &'static str) -> HostileGraph {
        HostileGraph { name, lines: self.lines, roots: self.roots }
    }
}
