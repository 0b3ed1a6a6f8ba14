//! Plain PubGrub over a dependency graph, one version per major: what the resolver is measured against.
//!
//! Shared by the differential tests and `examples/resolve_graph.rs`. It knows nothing of hosts, locks or policies.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::convert::Infallible;
use std::fmt;

use pluginry::domain::{
    DependencySpec, Digest, IndexRelease, PluginName, Requirement, Timestamp, TrustLevel, VerificationState,
    Version,
};
use pubgrub::{Dependencies, DependencyProvider, PackageResolutionStatistics, Ranges};
use serde::Deserialize;

/// A dependency graph: packages by name, releases ascending by version.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    pub(crate) packages: Vec<GraphPackage>,
}

#[derive(Debug)]
pub(crate) struct GraphPackage {
    pub(crate) name: PluginName,
    pub(crate) releases: Vec<GraphRelease>,
}

#[derive(Debug, Clone)]
pub(crate) struct GraphRelease {
    pub(crate) version: Version,
    pub(crate) yanked: bool,
    /// Package numbers and requirements, one each.
    pub(crate) needs: Vec<(usize, Requirement)>,
}

impl GraphRelease {
    pub(crate) fn is_candidate(&self) -> bool {
        !self.yanked && !self.version.is_pre_release()
    }
}

#[derive(Deserialize)]
struct GraphLine {
    name: String,
    version: String,
    deps: Vec<(String, String)>,
    #[serde(default)]
    yanked: bool,
}

impl Graph {
    /// Reads JSON lines. Versions with build metadata are left out; so are edges that leave the graph or cannot be read.
    pub(crate) fn from_json_lines(text: &str) -> Self {
        let lines: Vec<GraphLine> = text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| serde_json::from_str(line).expect("a line of the graph"))
            .collect();
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let mut taken: HashSet<PluginName> = HashSet::new();
        let mut packages: Vec<GraphPackage> = Vec::new();
        for line in &lines {
            numbers.entry(&line.name).or_insert_with(|| {
                packages.push(GraphPackage {
                    name: plugin_name(&line.name, packages.len(), &mut taken),
                    releases: Vec::new(),
                });
                packages.len() - 1
            });
        }
        for line in &lines {
            let Ok(version) = line.version.parse::<Version>() else { continue };
            let mut needs: BTreeMap<usize, Requirement> = BTreeMap::new();
            for (name, requirement) in &line.deps {
                if let (Some(&number), Ok(requirement)) = (numbers.get(name.as_str()), requirement.parse()) {
                    needs.entry(number).or_insert(requirement);
                }
            }
            let release = GraphRelease { version, yanked: line.yanked, needs: needs.into_iter().collect() };
            packages[numbers[line.name.as_str()]].releases.push(release);
        }
        for package in &mut packages {
            package.releases.sort_by(|a, b| a.version.cmp(&b.version));
            package.releases.dedup_by(|a, b| a.version == b.version);
        }
        Self { packages }
    }

    /// The index lines of the whole graph.
    pub(crate) fn index_lines(&self) -> impl Iterator<Item = (&PluginName, IndexRelease)> {
        let profile: PluginName = "crates:host".parse().expect("a name");
        let releases = self
            .packages
            .iter()
            .flat_map(|package| package.releases.iter().map(move |release| (package, release)));
        (1..).zip(releases).map(move |(sequence, (package, release))| {
            (&package.name, self.index_line(sequence, release, &profile))
        })
    }

    fn index_line(&self, sequence: u64, release: &GraphRelease, profile: &PluginName) -> IndexRelease {
        let needs = release.needs.iter().map(|(number, requirement)| {
            let spec = DependencySpec { version: requirement.clone(), optional: false };
            (self.packages[*number].name.clone(), spec)
        });
        IndexRelease {
            version: release.version.clone(),
            digest: Digest::from_bytes([7; 32]),
            size_bytes: 1,
            sequence,
            published_at: Timestamp::from_micros(0),
            profile: profile.clone(),
            profile_version: Requirement::any(),
            extension_points: Vec::new(),
            capabilities: BTreeMap::new(),
            risk: None,
            dependencies: needs.collect(),
            provides: BTreeMap::new(),
            conflicts: BTreeMap::new(),
            license: "MIT".into(),
            singleton: false,
            signer: "k".into(),
            widening: false,
            signer_revoked: false,
            trust: TrustLevel::default(),
            verification: VerificationState::Passed,
            yanked: release.yanked,
            deprecated: None,
            quarantined: None,
            taken_down: None,
            recalled: None,
        }
    }

    /// The newest candidate of each package and four more, evenly spread.
    pub(crate) fn sampled_roots(&self) -> Vec<(usize, usize)> {
        let mut roots = Vec::new();
        for (number, package) in self.packages.iter().enumerate() {
            let candidates: Vec<usize> =
                (0..package.releases.len()).filter(|place| package.releases[*place].is_candidate()).collect();
            let Some(last) = candidates.len().checked_sub(1) else { continue };
            let mut places: Vec<usize> = (0..=4).map(|step| candidates[last - last * step / 5]).collect();
            places.dedup();
            roots.extend(places.into_iter().map(|place| (number, place)));
        }
        roots
    }
}

/// A crate's name as a plugin name.
fn plugin_name(name: &str, number: usize, taken: &mut HashSet<PluginName>) -> PluginName {
    let words: Vec<String> =
        name.to_lowercase().split(['_', '-']).filter(|word| !word.is_empty()).map(str::to_owned).collect();
    let kebab = PluginName::new("crates", &words.join("-")).ok().filter(|name| !taken.contains(name));
    let chosen = kebab
        .unwrap_or_else(|| PluginName::new("crates", &format!("crate-{number}-renamed")).expect("a name"));
    taken.insert(chosen.clone());
    chosen
}

/// A package of plain PubGrub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum PlainPackage {
    Root,
    /// A package's versions of one compatibility, by their first ordinal.
    Line(u32, u32),
    /// A requirement that spans lines.
    Wide(u32, u32),
}

impl fmt::Display for PlainPackage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

type Edge = (PlainPackage, Ranges<u32>);

/// A graph with its ranges computed.
pub(crate) struct Plain {
    candidates: Vec<Vec<bool>>,
    edges: Vec<Vec<Vec<Edge>>>,
    wide: HashMap<(u32, u32), Vec<Edge>>,
    root: Option<(u32, u32)>,
    line_starts: Vec<Vec<u32>>,
}

impl Plain {
    pub(crate) fn new(graph: &Graph) -> Self {
        let line_starts: Vec<Vec<u32>> = graph.packages.iter().map(line_starts).collect();
        let mut wide = HashMap::new();
        let mut known: HashMap<(usize, Requirement), Edge> = HashMap::new();
        let mut edges = Vec::new();
        for package in &graph.packages {
            let mut of_package = Vec::new();
            for release in &package.releases {
                let of_release = release.needs.iter().map(|(number, requirement)| {
                    let key = (*number, requirement.clone());
                    if let Some(edge) = known.get(&key) {
                        return edge.clone();
                    }
                    let lines =
                        matched_lines(&graph.packages[*number], &line_starts[*number], *number, requirement);
                    let edge = match &*lines {
                        [] => (PlainPackage::Line(*number as u32, u32::MAX), Ranges::empty()),
                        [one] => one.clone(),
                        _ => {
                            let name = (*number as u32, wide.len() as u32);
                            wide.insert(name, lines);
                            (PlainPackage::Wide(name.0, name.1), Ranges::full())
                        }
                    };
                    known.insert(key, edge.clone());
                    edge
                });
                of_package.push(of_release.collect::<Vec<_>>());
            }
            edges.push(of_package);
        }
        let candidates = graph
            .packages
            .iter()
            .map(|package| package.releases.iter().map(GraphRelease::is_candidate).collect())
            .collect();
        Self { candidates, edges, wide, root: None, line_starts }
    }

    /// Whether there is a solution with this release as the only root.
    pub(crate) fn is_solvable(&mut self, package: usize, release: usize) -> bool {
        self.root = Some((package as u32, release as u32));
        pubgrub::resolve(&*self, PlainPackage::Root, 0_u32).is_ok()
    }
}

fn compatibility(version: &Version) -> (u64, u64, u64) {
    let version = version.as_semver();
    match (version.major, version.minor) {
        (0, 0) => (0, 0, version.patch + 1),
        (0, minor) => (0, minor, 0),
        (major, _) => (major, 0, 0),
    }
}

fn line_starts(package: &GraphPackage) -> Vec<u32> {
    let keys: Vec<_> = package.releases.iter().map(|release| compatibility(&release.version)).collect();
    (0..keys.len())
        .filter(|place| *place == 0 || keys[place - 1] != keys[*place])
        .map(|place| place as u32)
        .collect()
}

fn matched_lines(
    package: &GraphPackage,
    starts: &[u32],
    number: usize,
    requirement: &Requirement,
) -> Vec<Edge> {
    let mut lines: BTreeMap<u32, Ranges<u32>> = BTreeMap::new();
    for (place, release) in (0_u32..).zip(&package.releases) {
        if requirement.as_semver().matches(release.version.as_semver()) {
            let start = starts[starts.partition_point(|start| *start <= place) - 1];
            let range = lines.entry(start).or_insert_with(Ranges::empty);
            *range = range.union(&Ranges::between(place, place + 1));
        }
    }
    lines.into_iter().map(|(start, range)| (PlainPackage::Line(number as u32, start), range)).collect()
}

impl DependencyProvider for Plain {
    type P = PlainPackage;
    type V = u32;
    type VS = Ranges<u32>;
    type M = String;
    type Err = Infallible;
    type Priority = (u32, Reverse<usize>);

    fn prioritize(
        &self,
        package: &PlainPackage,
        range: &Ranges<u32>,
        statistics: &PackageResolutionStatistics,
    ) -> Self::Priority {
        let count = match package {
            PlainPackage::Root => 1,
            PlainPackage::Line(number, start) => self.usable(*number, *start, range).count(),
            PlainPackage::Wide(number, requirement) => self.wide[&(*number, *requirement)].len(),
        };
        if count == 0 { (u32::MAX, Reverse(0)) } else { (statistics.conflict_count(), Reverse(count)) }
    }

    fn choose_version(&self, package: &PlainPackage, range: &Ranges<u32>) -> Result<Option<u32>, Infallible> {
        Ok(match package {
            PlainPackage::Root => Some(0),
            PlainPackage::Line(number, start) => self.usable(*number, *start, range).next(),
            PlainPackage::Wide(number, requirement) => {
                let options = self.wide[&(*number, *requirement)].len() as u32;
                (0..options).rev().find(|option| range.contains(option))
            }
        })
    }

    fn get_dependencies(
        &self,
        package: &PlainPackage,
        version: &u32,
    ) -> Result<Dependencies<PlainPackage, Ranges<u32>, String>, Infallible> {
        let edges = match package {
            PlainPackage::Root => {
                let (number, place) = self.root.expect("a root is set");
                let starts = &self.line_starts[number as usize];
                let start = starts[starts.partition_point(|start| *start <= place) - 1];
                vec![(PlainPackage::Line(number, start), Ranges::between(place, place + 1))]
            }
            PlainPackage::Line(number, _) => self.edges[*number as usize][*version as usize].clone(),
            PlainPackage::Wide(number, requirement) => {
                vec![self.wide[&(*number, *requirement)][*version as usize].clone()]
            }
        };
        Ok(Dependencies::Available(edges.into_iter().collect()))
    }
}

impl Plain {
    /// The candidates of a line within a range, newest first.
    fn usable<'a>(
        &'a self,
        number: u32,
        start: u32,
        range: &'a Ranges<u32>,
    ) -> impl Iterator<Item = u32> + 'a {
        let starts = &self.line_starts[number as usize];
        let candidates = &self.candidates[number as usize];
        let end = starts.iter().find(|next| **next > start).copied().unwrap_or(candidates.len() as u32);
        (start.min(end)..end).rev().filter(|place| candidates[*place as usize] && range.contains(place))
    }
}
