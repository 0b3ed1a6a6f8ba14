//! Heights: how far down each part stands, so that long lines run straight and boxes stand near what they are joined to.
//!
//! Brandes and Köpf, "Fast and Simple Horizontal Coordinate Assignment" (2001), turned by a quarter: parts of
//! neighbouring columns are aligned into blocks in four ways, each as compact as it can be, and each part gets the mean
//! of its two middle heights. Blocks are made compact over the graph of what stands above what, which has none of the
//! errors of the paper's own last step.

use std::collections::HashSet;

use super::columns::Columns;

const BETWEEN_BOXES: i32 = 18;
const BETWEEN_BOX_AND_LINE: i32 = 14;
const BETWEEN_LINES: i32 = 12;

/// The middle of each part, from the top of the picture, which is at 0.
pub(super) fn heights(columns: &Columns<'_>) -> Vec<i32> {
    if columns.parts.is_empty() {
        return Vec::new();
    }
    let conflicts = conflicts(columns);
    let mut four = Vec::with_capacity(4);
    for from_the_left in [true, false] {
        for from_the_top in [true, false] {
            four.push(one_way(columns, &conflicts, from_the_left, from_the_top));
        }
    }
    line_up(columns, &mut four);
    let mut middles: Vec<i32> = (0..columns.parts.len())
        .map(|part| {
            let mut all = [four[0][part], four[1][part], four[2][part], four[3][part]];
            all.sort_unstable();
            (all[1] + all[2]).div_euclid(2)
        })
        .collect();
    let top = extent(columns, &middles).0;
    middles.iter_mut().for_each(|middle| *middle -= top);
    middles
}

/// Pieces of lines, left part first, that give way to a straight one: those that cross a piece between two bends, and
/// those that only join a trunk that comes from further left.
fn conflicts(columns: &Columns<'_>) -> HashSet<(usize, usize)> {
    let is_bend = |part: usize| columns.parts[part].is_bend;
    let mut conflicts = HashSet::new();
    for pair in columns.columns.windows(2) {
        let spots = spots_of(columns, &pair[0]);
        let (mut lowest, mut scanned) = (0, 0);
        for (spot, part) in pair[1].iter().enumerate() {
            let straight = columns.left_of[*part].iter().find(|left| is_bend(*part) && is_bend(**left));
            if straight.is_none() && spot + 1 < pair[1].len() {
                continue;
            }
            let highest = straight.map_or(usize::MAX, |left| spots[*left]);
            for right in &pair[1][scanned..=spot] {
                for left in &columns.left_of[*right] {
                    let crosses = spots[*left] < lowest || spots[*left] > highest;
                    if crosses && !(is_bend(*left) && is_bend(*right)) {
                        conflicts.insert((*left, *right));
                    }
                }
            }
            (lowest, scanned) = (if highest == usize::MAX { lowest } else { highest }, spot + 1);
        }
        for right in pair[1].iter().filter(|right| is_bend(**right)) {
            let lefts = &columns.left_of[*right];
            if lefts.iter().any(|left| is_bend(*left)) {
                conflicts.extend(lefts.iter().filter(|left| !is_bend(**left)).map(|left| (*left, *right)));
            }
        }
    }
    conflicts
}

/// By part, valid for those of `column` only: how many stand above it.
fn spots_of(columns: &Columns<'_>, column: &[usize]) -> Vec<usize> {
    let mut spots = vec![0; columns.parts.len()];
    column.iter().enumerate().for_each(|(spot, part)| spots[*part] = spot);
    spots
}

/// One of the four ways.
fn one_way(
    columns: &Columns<'_>,
    conflicts: &HashSet<(usize, usize)>,
    from_the_left: bool,
    from_the_top: bool,
) -> Vec<i32> {
    let mut ordered = columns.columns.clone();
    if !from_the_left {
        ordered.reverse();
    }
    if !from_the_top {
        ordered.iter_mut().for_each(|column| column.reverse());
    }
    let blocks = blocks(columns, conflicts, &ordered, from_the_left);
    let middles = compact(columns, &ordered, &blocks);
    if from_the_top { middles } else { middles.into_iter().map(|middle| -middle).collect() }
}

/// Aligns each part with the middle one of those it is joined to in the column before; by part, the first of its block.
fn blocks(
    columns: &Columns<'_>,
    conflicts: &HashSet<(usize, usize)>,
    ordered: &[Vec<usize>],
    from_the_left: bool,
) -> Vec<usize> {
    let count = columns.parts.len();
    let mut spots = vec![0; count];
    for column in ordered {
        column.iter().enumerate().for_each(|(spot, part)| spots[*part] = spot);
    }
    let mut first_of: Vec<usize> = (0..count).collect();
    let mut is_followed = vec![false; count];
    for column in ordered {
        let mut free_from = 0;
        for part in column {
            let mut joined =
                if from_the_left { columns.left_of[*part].clone() } else { columns.right_of[*part].clone() };
            joined.sort_unstable_by_key(|other| spots[*other]);
            let is_free = |other: usize| {
                let piece = if from_the_left { (other, *part) } else { (*part, other) };
                !conflicts.contains(&piece)
            };
            joined.retain(|other| is_free(*other));
            if joined.is_empty() {
                continue;
            }
            for middle in [(joined.len() - 1) / 2, joined.len() / 2] {
                let other = joined[middle];
                if first_of[*part] == *part && spots[other] >= free_from && !is_followed[other] {
                    is_followed[other] = true;
                    first_of[*part] = first_of[other];
                    free_from = spots[other] + 1;
                }
            }
        }
    }
    first_of
}

/// Sets each block as high as those above it let it stand, then as low as those below it do.
fn compact(columns: &Columns<'_>, ordered: &[Vec<usize>], first_of: &[usize]) -> Vec<i32> {
    let count = columns.parts.len();
    let mut below: Vec<Vec<(usize, i32)>> = vec![Vec::new(); count];
    let mut above_count = vec![0_usize; count];
    for pair in ordered.iter().flat_map(|column| column.windows(2)) {
        let (upper, lower) = (first_of[pair[0]], first_of[pair[1]]);
        below[upper].push((lower, distance(columns, pair[0], pair[1])));
        above_count[lower] += 1;
    }
    let mut sorted: Vec<usize> =
        (0..count).filter(|part| first_of[*part] == *part && above_count[*part] == 0).collect();
    let mut middles = vec![0; count];
    let mut next = 0;
    while next < sorted.len() {
        let upper = sorted[next];
        next += 1;
        for (lower, distance) in &below[upper] {
            middles[*lower] = middles[*lower].max(middles[upper] + distance);
            above_count[*lower] -= 1;
            if above_count[*lower] == 0 {
                sorted.push(*lower);
            }
        }
    }
    for upper in sorted.iter().rev() {
        let room = below[*upper].iter().map(|(lower, distance)| middles[*lower] - distance).min();
        middles[*upper] = middles[*upper].max(room.unwrap_or(middles[*upper]));
    }
    (0..count).map(|part| middles[first_of[part]]).collect()
}

/// The least distance between the middles of two parts of a column, one right above the other.
fn distance(columns: &Columns<'_>, upper: usize, lower: usize) -> i32 {
    let (upper, lower) = (&columns.parts[upper], &columns.parts[lower]);
    let between = match (upper.is_bend, lower.is_bend) {
        (false, false) => BETWEEN_BOXES,
        (true, true) => BETWEEN_LINES,
        _ => BETWEEN_BOX_AND_LINE,
    };
    (upper.height + lower.height + 1) / 2 + between
}

/// Moves all four to the least high of them: those from the top to its top, those from the bottom to its bottom.
fn line_up(columns: &Columns<'_>, four: &mut [Vec<i32>]) {
    let extents: Vec<(i32, i32)> = four.iter().map(|middles| extent(columns, middles)).collect();
    let (top, bottom) =
        extents.iter().copied().min_by_key(|(top, bottom)| bottom - top).expect("there are four ways");
    for (way, (own_top, own_bottom)) in extents.into_iter().enumerate() {
        let shift = if way % 2 == 0 { top - own_top } else { bottom - own_bottom };
        four[way].iter_mut().for_each(|middle| *middle += shift);
    }
}

/// Top of the highest and bottom of the lowest part.
pub(super) fn extent(columns: &Columns<'_>, middles: &[i32]) -> (i32, i32) {
    let edges = columns.parts.iter().zip(middles).map(|(part, middle)| {
        let half = (part.height + 1) / 2;
        (middle - half, middle + half)
    });
    edges.fold((i32::MAX, i32::MIN), |(top, bottom), (upper, lower)| (top.min(upper), bottom.max(lower)))
}
