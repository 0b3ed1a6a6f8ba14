//! The index as bytes, to start from: only what was told, nothing that follows from it.
//!
//! Numbers are LEB128, texts are their length and their bytes. Who keeps the bytes checks that they are whole; reading
//! checks all the same that every number leads somewhere, so that no bytes can make an index that panics.

use std::collections::HashMap;
use std::sync::Arc;

use super::bytes::{Reader, Writer};
use super::plugin::Plugin;
use super::release::{Need, Release, Traits};
use super::{Contents, Edge, Index, IndexSnapshot, Matching, Stale, Symbol};
use crate::domain::{
    Digest, Objection, ObjectionKind, PluginName, Requirement, Risk, Timestamp, TrustLevel,
    VerificationState, Version,
};

/// Changes with every change of the layout.
const LAYOUT: u64 = 1;

const RISKS: [Option<Risk>; 4] = [None, Some(Risk::Low), Some(Risk::Medium), Some(Risk::High)];
const VERIFICATIONS: [VerificationState; 3] =
    [VerificationState::Pending, VerificationState::Passed, VerificationState::Failed];
const TRUSTS: [TrustLevel; 3] = [TrustLevel::Marketplace, TrustLevel::Partner, TrustLevel::Internal];
const OBJECTIONS: [Option<ObjectionKind>; 4] =
    [None, Some(ObjectionKind::TakenDown), Some(ObjectionKind::Quarantined), Some(ObjectionKind::Recalled)];

/// The bytes are not those of an index, or of another version of this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are not an index as this program writes it")]
pub struct NotAnIndex;

impl IndexSnapshot {
    /// The index as bytes; the same index gives the same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        Image::default().write(&self.0)
    }
}

impl Index {
    /// The index of which these are the bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotAnIndex> {
        read(&mut Reader::new(bytes)).ok_or(NotAnIndex)
    }
}

fn number_of<T: PartialEq>(all: &[T], one: &T) -> u64 {
    all.iter().position(|known| known == one).expect("every case is listed") as u64
}

/// What is written once and then named by its number.
#[derive(Default)]
struct Image<'a> {
    texts: HashMap<&'a str, u64>,
    text_list: Vec<&'a str>,
    requirements: HashMap<&'a Requirement, u64>,
    requirement_list: Vec<&'a Requirement>,
}

impl<'a> Image<'a> {
    fn write(mut self, contents: &'a Contents) -> Vec<u8> {
        let mut plugins = Writer::default();
        for plugin in contents.plugins() {
            self.write_plugin(plugin, &mut plugins);
        }
        let mut all = Writer::default();
        all.number(LAYOUT);
        all.number(contents.sequence);
        all.number(self.text_list.len() as u64);
        self.text_list.iter().for_each(|text| all.text(text));
        all.number(self.requirement_list.len() as u64);
        self.requirement_list.iter().for_each(|requirement| all.text(&requirement.to_string()));
        all.number(contents.plugins().count() as u64);
        for plugin in contents.plugins() {
            all.text(plugin.name.namespace().as_str());
            all.text(plugin.name.name());
            all.number(plugin.requirements.len() as u64);
        }
        all.bytes(&plugins.into_bytes());
        all.into_bytes()
    }

    fn write_plugin(&mut self, plugin: &'a Plugin, out: &mut Writer) {
        for matching in &plugin.requirements {
            out.number(self.requirement(&matching.requirement));
        }
        let mut traits: HashMap<*const Traits, u64> = HashMap::new();
        let mut needs: HashMap<*const [Need], u64> = HashMap::new();
        out.number(plugin.releases.len() as u64);
        for release in &plugin.releases {
            if is_first(Arc::as_ptr(&release.traits), &mut traits, out) {
                self.write_traits(&release.traits, out);
            }
            if is_first(Arc::as_ptr(&release.dependencies), &mut needs, out) {
                out.number(release.dependencies.len() as u64);
                for need in release.dependencies.iter() {
                    write_edge(need.edge(), out);
                    out.number(u64::from(need.is_optional()));
                }
            }
            self.write_release(release, out);
        }
    }

    fn write_release(&mut self, release: &'a Release, out: &mut Writer) {
        write_version(&release.version, out);
        out.bytes(release.digest.as_bytes());
        out.number(release.size_bytes);
        out.number(release.sequence);
        out.number(release.published_at.as_micros() as u64);
        let kind = release.objection.as_ref().map(|objection| objection.kind);
        out.number(
            u64::from(release.signer_revoked)
                | u64::from(release.yanked) << 1
                | number_of(&VERIFICATIONS, &release.verification) << 2
                | number_of(&TRUSTS, &release.trust) << 4
                | number_of(&OBJECTIONS, &kind) << 6
                | u64::from(release.deprecated.is_some()) << 8,
        );
        if let Some(objection) = &release.objection {
            out.text(&objection.reason);
        }
        if let Some(advice) = &release.deprecated {
            out.number(self.text(advice));
        }
    }

    fn write_traits(&mut self, traits: &'a Traits, out: &mut Writer) {
        write_edge(traits.profile, out);
        out.number(traits.extension_points.len() as u64);
        traits.extension_points.iter().for_each(|point| out.number(self.text(point)));
        if traits.capabilities.is_empty() {
            out.text("");
        } else {
            out.text(&serde_json::to_string(&traits.capabilities).expect("capabilities are plain data"));
        }
        out.number(number_of(&RISKS, &traits.risk));
        out.number(self.text(&traits.license));
        out.number(self.text(&traits.signer));
        out.number(u64::from(traits.singleton));
        out.number(traits.conflicts.len() as u64);
        traits.conflicts.iter().for_each(|edge| write_edge(*edge, out));
        out.number(traits.provides.len() as u64);
        for (name, version) in &traits.provides {
            out.number(u64::from(*name));
            write_version(version, out);
        }
    }

    fn text(&mut self, text: &'a str) -> u64 {
        let next = self.text_list.len() as u64;
        *self.texts.entry(text).or_insert_with(|| {
            self.text_list.push(text);
            next
        })
    }

    fn requirement(&mut self, requirement: &'a Requirement) -> u64 {
        let next = self.requirement_list.len() as u64;
        *self.requirements.entry(requirement).or_insert_with(|| {
            self.requirement_list.push(requirement);
            next
        })
    }
}

/// Writes the number of something shared; whether it comes for the first time and must follow.
fn is_first<T: ?Sized>(shared: *const T, known: &mut HashMap<*const T, u64>, out: &mut Writer) -> bool {
    let next = known.len() as u64;
    let number = *known.entry(shared).or_insert(next);
    out.number(number);
    number == next
}

fn write_edge(edge: Edge, out: &mut Writer) {
    out.number(u64::from(edge.plugin));
    out.number(u64::from(edge.requirement));
}

fn write_version(version: &Version, out: &mut Writer) {
    let version = version.as_semver();
    out.number(version.major);
    out.number(version.minor);
    out.number(version.patch);
    out.text(&version.pre);
}

/// What the numbers of an image lead to.
struct Tables {
    texts: Vec<Arc<str>>,
    requirements: Vec<(Requirement, u32)>,
    /// By symbol: how many requirements there are on it.
    requirement_counts: Vec<u64>,
}

fn read(bytes: &mut Reader<'_>) -> Option<Index> {
    if bytes.number()? != LAYOUT {
        return None;
    }
    let mut index = Index { sequence: bytes.number()?, ..Index::default() };
    let mut tables = Tables { texts: Vec::new(), requirements: Vec::new(), requirement_counts: Vec::new() };
    for _ in 0..bytes.number()? {
        tables.texts.push(index.texts.shared(bytes.text()?));
    }
    for _ in 0..bytes.number()? {
        tables.requirements.push(index.requirement(&bytes.text()?.parse().ok()?));
    }
    for symbol in 0..bytes.number()? {
        let name = PluginName::new(bytes.text()?, bytes.text()?).ok()?;
        if u64::from(index.intern(&name)) != symbol {
            return None;
        }
        tables.requirement_counts.push(bytes.number()?);
    }
    for symbol in 0..Symbol::try_from(tables.requirement_counts.len()).ok()? {
        tables.read_plugin(symbol, &mut index, bytes)?;
    }
    bytes.is_at_end().then_some(index)
}

impl Tables {
    fn read_plugin(&self, symbol: Symbol, index: &mut Index, bytes: &mut Reader<'_>) -> Option<()> {
        for place in 0..u32::try_from(*self.requirement_counts.get(symbol as usize)?).ok()? {
            let (requirement, number) = self.requirements.get(usize::try_from(bytes.number()?).ok()?)?;
            index.requirement_places.insert((symbol, *number), place);
            let matching = Matching::unmatched(requirement.clone());
            index.plugins.change(symbol as usize).requirements.push(matching);
        }
        let (mut traits, mut needs) = (Vec::new(), Vec::new());
        for _ in 0..bytes.number()? {
            let traits = shared(&mut traits, bytes, |bytes| self.read_traits(bytes).map(Arc::new))?;
            let needs = shared(&mut needs, bytes, |bytes| self.read_needs(bytes))?;
            let release = self.read_release(traits, needs, bytes)?;
            index.note_virtual_names(symbol, &release);
            let releases = &mut index.plugins.change(symbol as usize).releases;
            if releases.last().is_some_and(|last| last.version >= release.version) {
                return None;
            }
            releases.push(release);
        }
        index.stale.insert(symbol, Stale::Versions);
        Some(())
    }

    fn read_release(
        &self,
        traits: Arc<Traits>,
        dependencies: Arc<[Need]>,
        bytes: &mut Reader<'_>,
    ) -> Option<Release> {
        let version = read_version(bytes)?;
        let digest = Digest::from_bytes(bytes.take(32)?.try_into().ok()?);
        let (size_bytes, sequence) = (bytes.number()?, bytes.number()?);
        let published_at = Timestamp::from_micros(bytes.number()? as i64);
        let flags = bytes.number()?;
        let bits = |from: u32, mask: u64| (flags >> from & mask) as usize;
        let objection = match OBJECTIONS[bits(6, 3)] {
            None => None,
            Some(kind) => Some(Box::new(Objection { kind, reason: bytes.text()?.to_owned() })),
        };
        Some(Release {
            version,
            digest,
            size_bytes,
            sequence,
            published_at,
            traits,
            dependencies,
            objection,
            verification: *VERIFICATIONS.get(bits(2, 3))?,
            signer_revoked: bits(0, 1) == 1,
            yanked: bits(1, 1) == 1,
            trust: *TRUSTS.get(bits(4, 3))?,
            deprecated: if bits(8, 1) == 1 { Some(self.read_text(bytes)?) } else { None },
        })
    }

    fn read_traits(&self, bytes: &mut Reader<'_>) -> Option<Traits> {
        Some(Traits {
            profile: self.read_edge(bytes)?,
            extension_points: (0..bytes.number()?).map(|_| self.read_text(bytes)).collect::<Option<_>>()?,
            capabilities: match bytes.text()? {
                "" => Default::default(),
                text => serde_json::from_str(text).ok()?,
            },
            risk: *RISKS.get(usize::try_from(bytes.number()?).ok()?)?,
            license: self.read_text(bytes)?,
            signer: self.read_text(bytes)?,
            singleton: bytes.number()? == 1,
            conflicts: (0..bytes.number()?).map(|_| self.read_edge(bytes)).collect::<Option<_>>()?,
            provides: (0..bytes.number()?)
                .map(|_| Some((self.read_symbol(bytes)?, read_version(bytes)?)))
                .collect::<Option<_>>()?,
        })
    }

    fn read_needs(&self, bytes: &mut Reader<'_>) -> Option<Arc<[Need]>> {
        let needs: Option<Vec<Need>> = (0..bytes.number()?)
            .map(|_| Some(Need::new(self.read_edge(bytes)?, bytes.number()? == 1)))
            .collect();
        needs.map(Into::into)
    }

    fn read_edge(&self, bytes: &mut Reader<'_>) -> Option<Edge> {
        let plugin = self.read_symbol(bytes)?;
        let requirement = bytes.number()?;
        let is_there = requirement < self.requirement_counts[plugin as usize];
        is_there.then_some(Edge { plugin, requirement: u32::try_from(requirement).ok()? })
    }

    fn read_symbol(&self, bytes: &mut Reader<'_>) -> Option<Symbol> {
        let symbol = bytes.number()?;
        (symbol < self.requirement_counts.len() as u64).then(|| u32::try_from(symbol).ok())?
    }

    fn read_text(&self, bytes: &mut Reader<'_>) -> Option<Arc<str>> {
        self.texts.get(usize::try_from(bytes.number()?).ok()?).map(Arc::clone)
    }
}

/// What is at the place that comes next: among `known`, or else new, and read with `read`.
fn shared<T: Clone>(
    known: &mut Vec<T>,
    bytes: &mut Reader<'_>,
    read: impl FnOnce(&mut Reader<'_>) -> Option<T>,
) -> Option<T> {
    let place = usize::try_from(bytes.number()?).ok()?;
    if place == known.len() {
        known.push(read(bytes)?);
    }
    known.get(place).cloned()
}

fn read_version(bytes: &mut Reader<'_>) -> Option<Version> {
    let (major, minor, patch) = (bytes.number()?, bytes.number()?, bytes.number()?);
    match bytes.text()? {
        "" => Some(Version::new(major, minor, patch)),
        pre => format!("{major}.{minor}.{patch}-{pre}").parse().ok(),
    }
}
