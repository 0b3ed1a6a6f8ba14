//! Dependency graphs of strangers as JSON lines, read one by one so that a graph may be larger than memory is.
//!
//! Shared by the differential tests and `examples/resolve_graph.rs`. Whatever a line holds, nothing panics: what the
//! resolver could not be told is left out and counted.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use pluginry::domain::{
    DependencySpec, Digest, IndexRelease, PluginName, ReleaseId, Requirement, Timestamp, TrustLevel,
    VerificationState, Version,
};
use serde::Deserialize;
use serde_json::Value;

use super::checker::Registry;

/// A dependency graph: packages by name, releases ascending by version.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    pub(crate) packages: Vec<GraphPackage>,
    /// Every requirement on every package, once.
    pub(crate) needs: Vec<Need>,
    pub(crate) left_out: LeftOut,
    /// Needs of packages of which the graph has no release: nothing can meet them.
    pub(crate) outward_edges: usize,
}

#[derive(Debug)]
pub(crate) struct GraphPackage {
    pub(crate) name: PluginName,
    /// None where the package is only needed.
    pub(crate) releases: Vec<GraphRelease>,
}

#[derive(Debug)]
pub(crate) struct GraphRelease {
    pub(crate) version: Version,
    pub(crate) published_at: Timestamp,
    pub(crate) yanked: bool,
    /// Places in [`Graph::needs`], each of another package.
    pub(crate) needs: Box<[u32]>,
}

#[derive(Debug)]
pub(crate) struct Need {
    pub(crate) package: u32,
    pub(crate) requirement: Requirement,
}

/// How much of a graph could not be told to a resolver.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LeftOut {
    pub(crate) unreadable_lines: usize,
    pub(crate) unusable_versions: usize,
    pub(crate) repeated_releases: usize,
    pub(crate) unusable_requirements: usize,
    pub(crate) repeated_needs: usize,
    pub(crate) unusable_times: usize,
}

impl GraphRelease {
    /// Whether a resolve may choose it without having been told to.
    pub(crate) fn is_candidate(&self) -> bool {
        !self.yanked && !self.version.is_pre_release()
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            (self.unreadable_lines, "lines that cannot be read"),
            (self.unusable_versions, "releases whose version is none (build metadata included)"),
            (self.repeated_releases, "releases told again (the first counts)"),
            (self.unusable_requirements, "needs whose requirement is none"),
            (self.repeated_needs, "further needs of one package (the first counts)"),
            (self.unusable_times, "times of publishing that are none"),
        ];
        let mut told = counts.iter().filter(|(count, _)| *count > 0);
        match told.next() {
            None => f.write_str("nothing")?,
            Some((count, what)) => write!(f, "{count} {what}")?,
        }
        told.try_for_each(|(count, what)| write!(f, ", {count} {what}"))
    }
}

#[derive(Deserialize)]
struct GraphLine {
    name: String,
    version: String,
    #[serde(default)]
    deps: Vec<(String, String)>,
    #[serde(default)]
    yanked: bool,
    #[serde(default)]
    published: Option<String>,
}

impl GraphLine {
    /// Reads a line; where only parts are not as they should be, the rest counts.
    fn read(line: &[u8], left_out: &mut LeftOut) -> Option<Self> {
        if let Ok(line) = serde_json::from_slice(line) {
            return Some(line);
        }
        let line: Value = serde_json::from_slice(line).ok()?;
        let text = |key: &str| line.get(key).and_then(Value::as_str).map(str::to_owned);
        let told: &[Value] = line.get("deps").and_then(Value::as_array).map_or(&[], Vec::as_slice);
        let pair = |dep: &Value| Some((dep.get(0)?.as_str()?.to_owned(), dep.get(1)?.as_str()?.to_owned()));
        let deps: Vec<_> = told.iter().filter_map(pair).collect();
        let (name, version) = (text("name")?, text("version")?);
        left_out.unusable_requirements += told.len() - deps.len();
        let yanked =
            line.get("yanked").is_some_and(|yanked| !matches!(yanked, Value::Null | Value::Bool(false)));
        Some(Self { name, version, deps, yanked, published: text("published") })
    }
}

/// Takes a graph's releases in, one by one.
#[derive(Default)]
pub(crate) struct GraphBuilder {
    graph: Graph,
    numbers: HashMap<Box<str>, u32>,
    taken: HashSet<PluginName>,
    /// By package: the place of each requirement; `None`: it is none.
    places: Vec<HashMap<Box<str>, Option<u32>>>,
}

impl GraphBuilder {
    /// Takes in a release; needs are packages and requirements.
    pub(crate) fn add<'a>(
        &mut self,
        name: &str,
        version: &str,
        needs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> &mut GraphRelease {
        let version = version.parse().expect("a version");
        let needs = self.needs(needs);
        let release = GraphRelease { version, published_at: Timestamp::from_micros(0), yanked: false, needs };
        self.push(name, release)
    }

    /// The graph of everything taken in.
    pub(crate) fn finish(self) -> Graph {
        let mut graph = self.graph;
        for package in &mut graph.packages {
            let told = package.releases.len();
            package.releases.sort_by(|a, b| a.version.cmp(&b.version));
            package.releases.dedup_by(|a, b| a.version == b.version);
            package.releases.shrink_to_fit();
            graph.left_out.repeated_releases += told - package.releases.len();
        }
        let leads_out =
            |need: &&u32| graph.packages[graph.needs[**need as usize].package as usize].releases.is_empty();
        graph.outward_edges = graph
            .packages
            .iter()
            .flat_map(|package| &package.releases)
            .map(|release| release.needs.iter().filter(leads_out).count())
            .sum();
        graph
    }

    fn take(&mut self, line: &GraphLine) {
        let Ok(version) = line.version.parse::<Version>() else {
            self.graph.left_out.unusable_versions += 1;
            return;
        };
        let published_at = match line.published.as_deref().map(read_time) {
            Some(None) => {
                self.graph.left_out.unusable_times += 1;
                Timestamp::from_micros(0)
            }
            Some(Some(time)) => time,
            None => Timestamp::from_micros(0),
        };
        let needs = self.needs(line.deps.iter().map(|(name, requirement)| (&**name, &**requirement)));
        self.push(&line.name, GraphRelease { version, published_at, yanked: line.yanked, needs });
    }

    fn push(&mut self, name: &str, release: GraphRelease) -> &mut GraphRelease {
        let number = self.number(name) as usize;
        let releases = &mut self.graph.packages[number].releases;
        releases.push(release);
        releases.last_mut().expect("just pushed")
    }

    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.graph.packages.len();
        let plugin = plugin_name(name, number, &self.taken);
        self.taken.insert(plugin.clone());
        self.graph.packages.push(GraphPackage { name: plugin, releases: Vec::new() });
        self.places.push(HashMap::new());
        let number = u32::try_from(number).expect("fewer than 2^32 packages");
        self.numbers.insert(name.into(), number);
        number
    }

    fn needs<'a>(&mut self, told: impl IntoIterator<Item = (&'a str, &'a str)>) -> Box<[u32]> {
        let mut needs: Vec<u32> = Vec::new();
        for (name, text) in told {
            let package = self.number(name);
            let known = self.places[package as usize].get(text).copied();
            let place = known.unwrap_or_else(|| {
                let place = text.parse().ok().map(|requirement| {
                    self.graph.needs.push(Need { package, requirement });
                    u32::try_from(self.graph.needs.len() - 1).expect("fewer than 2^32 requirements")
                });
                self.places[package as usize].insert(text.into(), place);
                place
            });
            match place {
                None => self.graph.left_out.unusable_requirements += 1,
                Some(_) if needs.iter().any(|need| self.graph.needs[*need as usize].package == package) => {
                    self.graph.left_out.repeated_needs += 1;
                }
                Some(place) => needs.push(place),
            }
        }
        needs.into()
    }
}

fn read_time(text: &str) -> Option<Timestamp> {
    serde_json::from_value(Value::String(text.to_owned())).ok()
}

impl Graph {
    /// Reads JSON lines, gzipped or not.
    pub(crate) fn read(file: impl Read) -> io::Result<Self> {
        let mut file = BufReader::new(file);
        if file.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
            Self::read_lines(BufReader::with_capacity(1 << 16, flate2::bufread::MultiGzDecoder::new(file)))
        } else {
            Self::read_lines(file)
        }
    }

    fn read_lines(mut lines: impl BufRead) -> io::Result<Self> {
        let mut builder = GraphBuilder::default();
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line)? > 0 {
            if !line.trim_ascii().is_empty() {
                match GraphLine::read(&line, &mut builder.graph.left_out) {
                    Some(line) => builder.take(&line),
                    None => builder.graph.left_out.unreadable_lines += 1,
                }
            }
            line.clear();
        }
        Ok(builder.finish())
    }

    /// The index lines of the whole graph, package by package.
    pub(crate) fn index_lines(&self) -> impl Iterator<Item = (&PluginName, IndexRelease)> {
        let releases = self
            .packages
            .iter()
            .flat_map(|package| package.releases.iter().map(move |release| (package, release)));
        (1..)
            .zip(releases)
            .map(|(sequence, (package, release))| (&package.name, self.index_line(sequence, release)))
    }

    /// The index line of a release.
    pub(crate) fn index_line(&self, sequence: u64, release: &GraphRelease) -> IndexRelease {
        let needs = release.needs.iter().map(|need| {
            let Need { package, requirement } = &self.needs[*need as usize];
            let spec = DependencySpec { version: requirement.clone(), optional: false };
            (self.packages[*package as usize].name.clone(), spec)
        });
        IndexRelease {
            version: release.version.clone(),
            digest: Digest::from_bytes([7; 32]),
            size_bytes: 1,
            sequence,
            published_at: release.published_at,
            profile: PluginName::new("crates", "host").expect("a name"),
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

    /// The newest candidate of each package and four more, evenly spread: package and release.
    pub(crate) fn sampled_roots(&self) -> Vec<(u32, u32)> {
        let mut roots = Vec::new();
        for (number, package) in (0..).zip(&self.packages) {
            let releases = (0_u32..).zip(&package.releases);
            let candidates: Vec<u32> =
                releases.filter(|(_, release)| release.is_candidate()).map(|(place, _)| place).collect();
            let Some(last) = candidates.len().checked_sub(1) else { continue };
            let mut places: Vec<u32> = (0..=4).map(|step| candidates[last - last * step / 4]).collect();
            places.dedup();
            roots.extend(places.into_iter().map(|place| (number, place)));
        }
        roots
    }
}

/// A graph's index lines, built when the checker asks for them.
pub(crate) struct GraphLines<'a> {
    graph: &'a Graph,
    numbers: HashMap<&'a PluginName, usize>,
    built: RefCell<HashMap<ReleaseId, Rc<IndexRelease>>>,
}

/// Index lines kept before all are forgotten: a graph's may be more than memory holds.
const BUILT_MAX: usize = 20_000;

impl<'a> GraphLines<'a> {
    pub(crate) fn new(graph: &'a Graph) -> Self {
        let numbers = (0..).zip(&graph.packages).map(|(number, package)| (&package.name, number)).collect();
        Self { graph, numbers, built: RefCell::default() }
    }
}

impl Registry for GraphLines<'_> {
    fn line(&self, id: &ReleaseId) -> Option<Rc<IndexRelease>> {
        if let Some(built) = self.built.borrow().get(id) {
            return Some(Rc::clone(built));
        }
        let releases = &self.graph.packages[*self.numbers.get(&id.plugin)?].releases;
        let place = releases.binary_search_by(|release| release.version.cmp(&id.version)).ok()?;
        let line = Rc::new(self.graph.index_line(1, &releases[place]));
        let mut built = self.built.borrow_mut();
        if built.len() >= BUILT_MAX {
            built.clear();
        }
        built.insert(id.clone(), Rc::clone(&line));
        Some(line)
    }

    fn is_singleton(&self, _: &PluginName, _: u64) -> bool {
        false
    }
}

/// A package's name as a plugin's: its words in lower case, or a number where that is taken or none.
fn plugin_name(name: &str, number: usize, taken: &HashSet<PluginName>) -> PluginName {
    let lower = name.to_lowercase();
    let words: Vec<&str> =
        lower.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let kebab = PluginName::new("crates", &words.join("-")).ok();
    let numbered =
        (0..).filter_map(|more| PluginName::new("crates", &format!("renamed-{number}-{more}")).ok());
    kebab
        .into_iter()
        .chain(numbered)
        .find(|name| !taken.contains(name))
        .expect("there are more numbers than names")
}
