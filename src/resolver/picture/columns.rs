//! Boxes in columns by load level, and the lines between them cut into pieces that reach from one column to the next.
//!
//! All lines to one release (by its own name, or as provider of one thing) join into a trunk, which bends once in each
//! column that it passes. Bends take room in their column, so no line runs through a box.

use std::collections::BTreeMap;

use super::PARTS_MAX;
use super::boxes::Face;
use super::graph::Graph;
use crate::domain::PluginName;

/// The parts of a picture: boxes have the places of their releases, bends come after.
pub(super) struct Columns<'a> {
    pub(super) parts: Vec<Part>,
    /// Leftmost first, each from top to bottom.
    pub(super) columns: Vec<Vec<usize>>,
    /// By part: the parts in the column to the left that lead here.
    pub(super) left_of: Vec<Vec<usize>>,
    /// By part: the parts in the column to the right that this leads to.
    pub(super) right_of: Vec<Vec<usize>>,
    pub(super) trunks: Vec<Trunk<'a>>,
}

/// A box, or a bend of a line.
pub(super) struct Part {
    pub(super) column: usize,
    pub(super) is_bend: bool,
    pub(super) height: i32,
}

/// All lines that end at one place.
pub(super) struct Trunk<'a> {
    /// The release they lead to.
    pub(super) target: usize,
    /// What it stands in for to those who need it.
    pub(super) provides: Option<&'a PluginName>,
    /// Who needs it.
    pub(super) sources: Vec<usize>,
    /// Its bends, leftmost first, column by column up to the one before its target's.
    pub(super) bends: Vec<usize>,
}

impl Trunk<'_> {
    /// The part that a source in `column` leads to.
    pub(super) fn joint(&self, column: usize, target_column: usize) -> usize {
        let from_the_end = target_column - column - 1;
        if from_the_end == 0 { self.target } else { self.bends[self.bends.len() - from_the_end] }
    }
}

impl<'a> Columns<'a> {
    /// Nothing if there would be too many parts.
    pub(super) fn of(graph: &Graph<'a>, faces: &[Face]) -> Option<Self> {
        let column_of = |place: usize| graph.levels - 1 - graph.nodes[place].level;
        let parts = (0..graph.nodes.len()).map(|place| Part {
            column: column_of(place),
            is_bend: false,
            height: faces[place].height,
        });
        let mut all = Self {
            parts: parts.collect(),
            columns: vec![Vec::new(); graph.levels],
            left_of: Vec::new(),
            right_of: Vec::new(),
            trunks: trunks(graph),
        };
        for trunk in &mut all.trunks {
            let first = trunk.sources.iter().map(|source| column_of(*source)).min().unwrap_or(0);
            for column in first + 1..column_of(trunk.target) {
                trunk.bends.push(all.parts.len());
                all.parts.push(Part { column, is_bend: true, height: 2 });
            }
            if all.parts.len() > PARTS_MAX {
                return None;
            }
        }
        all.join();
        all.columns_by_depth();
        Some(all)
    }

    fn join(&mut self) {
        self.left_of = vec![Vec::new(); self.parts.len()];
        self.right_of = vec![Vec::new(); self.parts.len()];
        for trunk in &self.trunks {
            let target_column = self.parts[trunk.target].column;
            let from_sources = trunk
                .sources
                .iter()
                .map(|source| (*source, trunk.joint(self.parts[*source].column, target_column)));
            let along = trunk.bends.iter().zip(trunk.bends.iter().skip(1).chain([&trunk.target]));
            for (left, right) in from_sources.chain(along.map(|(left, right)| (*left, *right))) {
                self.left_of[right].push(left);
                self.right_of[left].push(right);
            }
        }
    }

    /// A first order: each part under what was reached before it, walking from the leftmost boxes.
    fn columns_by_depth(&mut self) {
        let mut boxes: Vec<usize> = (0..self.parts.len()).filter(|part| !self.parts[*part].is_bend).collect();
        boxes.sort_by_key(|part| self.parts[*part].column);
        let mut is_seen = vec![false; self.parts.len()];
        for start in boxes {
            let mut waiting = vec![start];
            while let Some(part) = waiting.pop() {
                if std::mem::replace(&mut is_seen[part], true) {
                    continue;
                }
                self.columns[self.parts[part].column].push(part);
                waiting.extend(self.right_of[part].iter().rev());
            }
        }
    }
}

fn trunks<'a>(graph: &Graph<'a>) -> Vec<Trunk<'a>> {
    let mut trunks: BTreeMap<(usize, Option<&PluginName>), Vec<usize>> = BTreeMap::new();
    for need in &graph.needs {
        trunks.entry((need.of, need.provides)).or_default().push(need.by);
    }
    trunks
        .into_iter()
        .map(|((target, provides), sources)| Trunk { target, provides, sources, bends: Vec::new() })
        .collect()
}
