//! What stands in the box of a release, and how large that makes it.

use super::escape::shortened;
use super::graph::Graph;
use crate::domain::{Risk, VerificationState};
use crate::resolver::LockedRelease;

/// Width of a character of the name, in tenths of a pixel: every monospace face has 0.6 em or less, DejaVu's 0.602.
const NAME_TENTHS: usize = 79;
/// Width of a character of everything else.
const SMALL_TENTHS: usize = 67;
const NAME_MAX: usize = 30;
const VERSION_MAX: usize = 16;
const POWERS_MAX: usize = 32;
const REQUIREMENT_MAX: usize = 18;
const SENTENCE_MAX: usize = 1_200;
/// What a port for a line takes of a box's height.
pub(super) const PORT: i32 = 18;
/// From a box's border to its text, left and right.
pub(super) const INSET: i32 = 14;

/// One box.
pub(super) struct Face {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) risk: Option<Risk>,
    /// What it may do, in as many names as fit.
    pub(super) powers: String,
    /// What else is to be said, the requirement it was asked for with first.
    pub(super) tags: Vec<Tag>,
    /// Everything, as sentences.
    pub(super) sentence: String,
    pub(super) width: i32,
    pub(super) height: i32,
}

/// A remark in a box.
pub(super) struct Tag {
    pub(super) text: String,
    pub(super) class: &'static str,
    pub(super) width: i32,
}

impl Tag {
    fn new(text: String, class: &'static str) -> Self {
        let width = small_width(&text) + 12;
        Self { text, class, width }
    }
}

/// How wide a text is in the small size.
pub(super) fn small_width(text: &str) -> i32 {
    width_of(text, SMALL_TENTHS)
}

fn width_of(text: &str, tenths: usize) -> i32 {
    i32::try_from(text.chars().count() * tenths / 10 + 1).unwrap_or(i32::MAX)
}

impl Face {
    pub(super) fn of(graph: &Graph<'_>, place: usize) -> Self {
        let node = &graph.nodes[place];
        let release = node.release;
        let name = shortened(&release.name.to_string(), NAME_MAX);
        let version = shortened(&release.version.to_string(), VERSION_MAX);
        let risk = risk_of(release);
        let powers = powers_of(release);
        let tags = tags_of(graph, place);
        let first = width_of(&name, NAME_TENTHS) + 12 + small_width(&version);
        let second = mark_width(risk) + small_width(&powers);
        let third = tags.iter().map(|tag| tag.width + 6).sum::<i32>() - 6;
        let ports = i32::try_from(node.ports).unwrap_or(i32::MAX / PORT / 2);
        let rows = if tags.is_empty() { 50 } else { 72 };
        Self {
            sentence: sentence_of(graph, place),
            width: first.max(second).max(third) + 2 * INSET + 2,
            height: rows.max(ports * PORT + 14),
            name,
            version,
            risk,
            powers,
            tags,
        }
    }
}

/// Width of the mark of a risk with its word; nothing where there is no power.
pub(super) fn mark_width(risk: Option<Risk>) -> i32 {
    18 + risk.map_or(0, |risk| small_width(&risk.to_string()) + 8)
}

/// The risk a release states; powers without one count as the highest, as everywhere in the catalog.
fn risk_of(release: &LockedRelease) -> Option<Risk> {
    release.risk.or_else(|| (!release.capabilities.is_empty()).then_some(Risk::High))
}

fn powers_of(release: &LockedRelease) -> String {
    let names: Vec<&str> = release.capabilities.keys().map(|name| name.as_str()).collect();
    if names.is_empty() {
        return "pure computation".to_owned();
    }
    let mut text = String::new();
    for (shown, name) in names.iter().enumerate() {
        let left = names.len() - shown;
        let remark = if left > 1 { 4 } else { 0 };
        if shown > 0 && text.len() + 2 + name.len() + remark > POWERS_MAX {
            return format!("{text} +{left}");
        }
        if shown > 0 {
            text.push_str(", ");
        }
        text.push_str(&shortened(name, POWERS_MAX));
    }
    text
}

fn tags_of(graph: &Graph<'_>, place: usize) -> Vec<Tag> {
    let node = &graph.nodes[place];
    let mut tags = Vec::new();
    if let Some((name, requirement)) = node.roots.first() {
        let requirement = shortened(&requirement.to_string(), REQUIREMENT_MAX);
        let text = if *name == &node.release.name {
            format!("root {requirement}")
        } else {
            format!("root as {} {requirement}", shortened(&name.to_string(), REQUIREMENT_MAX))
        };
        tags.push(Tag::new(text, "root"));
    }
    match node.release.verification {
        VerificationState::Passed => {}
        VerificationState::Pending => tags.push(Tag::new("not yet verified".into(), "note")),
        VerificationState::Failed => tags.push(Tag::new("failed verification".into(), "warning")),
    }
    if node.release.deprecated.is_some() {
        tags.push(Tag::new("deprecated".into(), "note"));
    }
    tags
}

/// What a screen reader says of a box, and what is shown on hover.
fn sentence_of(graph: &Graph<'_>, place: usize) -> String {
    let node = &graph.nodes[place];
    let release = node.release;
    let mut said = format!("{}, load level {}", release.id(), node.level);
    for (name, requirement) in &node.roots {
        said.push_str(&format!(", asked for as {name} {requirement}"));
    }
    said.push_str(". ");
    if release.capabilities.is_empty() {
        said.push_str("Pure computation. ");
    } else {
        let risk = release.risk.map_or("unstated".to_owned(), |risk| risk.to_string());
        let powers: Vec<String> =
            release.capabilities.iter().map(|(name, request)| power(name.as_str(), request)).collect();
        said.push_str(&format!("Asks for {}; risk {risk}. ", powers.join(", ")));
    }
    match release.verification {
        VerificationState::Passed => {}
        VerificationState::Pending => said.push_str("Not yet verified. "),
        VerificationState::Failed => said.push_str("Failed verification. "),
    }
    if let Some(advice) = &release.deprecated {
        said.push_str(&format!("Deprecated: {}. ", shortened(advice.trim_end_matches('.'), 160)));
    }
    let needs: Vec<String> = graph
        .needs_of(place)
        .iter()
        .map(|need| {
            let id = graph.nodes[need.of].release.id();
            need.provides.map_or_else(|| id.to_string(), |provides| format!("{id} as {provides}"))
        })
        .collect();
    if needs.is_empty() {
        said.push_str("Needs nothing.");
    } else {
        said.push_str(&format!("Needs {}.", needs.join(", ")));
    }
    shortened(&said, SENTENCE_MAX)
}

fn power(name: &str, request: &crate::domain::CapabilityRequest) -> String {
    let mut text = name.to_owned();
    if !request.scope.0.is_empty() {
        text.push_str(&format!(" ({})", shortened(&request.scope.to_string(), 80)));
    }
    if let Some(reason) = &request.reason {
        text.push_str(&format!(" “{}”", shortened(reason, 120)));
    }
    text
}
