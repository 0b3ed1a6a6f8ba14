//! The graph in Graphviz's language (<https://graphviz.org/doc/info/lang.html>), a statement a line.

use std::fmt::Write as _;

use super::boxes::Face;
use super::escape::dot;
use super::graph::Graph;

/// Every release a node, every need an edge, every load level a rank.
pub(super) fn write(graph: &Graph<'_>) -> String {
    let mut text = String::from(
        "digraph lock {\n  rankdir=LR;\n  node [shape=box, fontname=\"monospace\"];\n  edge [fontname=\"monospace\", fontsize=10];\n",
    );
    for (place, node) in graph.nodes.iter().enumerate() {
        let face = Face::of(graph, place);
        let risk = face.risk.map(|risk| format!("{risk} risk: ")).unwrap_or_default();
        let names: Vec<&str> = node.release.capabilities.keys().map(|name| name.as_str()).collect();
        let powers = if names.is_empty() { "pure computation".to_owned() } else { names.join(", ") };
        let remarks: String = face.tags.iter().map(|tag| format!("\n{}", tag.text)).collect();
        let root = if node.roots.is_empty() { "" } else { ", peripheries=2" };
        let _ = writeln!(
            text,
            "  {} [label={}, tooltip={}{root}];",
            dot(&node.release.id().to_string()),
            dot(&format!("{}\n{risk}{powers}{remarks}", node.release.id())),
            dot(&face.sentence),
        );
    }
    let mut levels = vec![String::new(); graph.levels];
    for node in &graph.nodes {
        let _ = write!(levels[node.level], " {};", dot(&node.release.id().to_string()));
    }
    for level in levels.iter().rev() {
        let _ = writeln!(text, "  {{ rank=same;{level} }}");
    }
    for need in &graph.needs {
        let (by, of) = (graph.nodes[need.by].release.id(), graph.nodes[need.of].release.id());
        let (label, style) = match need.provides {
            None => (need.requirement.to_string(), ""),
            Some(provides) => (format!("as {provides} {}", need.requirement), ", style=dashed"),
        };
        let _ = writeln!(
            text,
            "  {} -> {} [label={}{style}];",
            dot(&by.to_string()),
            dot(&of.to_string()),
            dot(&label)
        );
    }
    text.push_str("}\n");
    text
}
