//! The picture as an SVG document: no script, nothing from elsewhere, every text escaped.

use std::fmt::Write as _;

use super::boxes::{Face, INSET, PORT, Tag, mark_width, small_width};
use super::columns::{Columns, Trunk};
use super::escape::{shortened, xml};
use super::graph::Graph;
use super::style::SHEET;
use super::{Picture, Setting};
use crate::domain::Risk;

const MARGIN: i32 = 12;
/// Room for the words above the columns, where there are several.
const HEADING: i32 = 24;
/// The least and the most room for lines between two columns.
const ROOM: (i32, i32) = (52, 112);
/// From the end of a line's name to the box it leads to.
const HEAD: i32 = 10;
const PROVIDED_MAX: usize = 26;

/// Draws everything: lines first, boxes over them.
pub(super) fn write(
    graph: &Graph<'_>,
    faces: &[Face],
    columns: &Columns<'_>,
    middles: &[i32],
    setting: Setting,
) -> Picture {
    let grid = Grid::of(faces, columns, middles);
    let mut svg = String::with_capacity(1_200 * (faces.len() + 1));
    open(&mut svg, graph, &grid, setting);
    headings(&mut svg, &grid);
    svg.push_str("<g aria-hidden=\"true\">\n");
    for (place, trunk) in columns.trunks.iter().enumerate() {
        line(&mut svg, columns, &grid, trunk, grid.ports[place]);
    }
    svg.push_str("</g>\n");
    for column in &columns.columns {
        for part in column.iter().filter(|part| **part < faces.len()) {
            release(&mut svg, graph, &faces[*part], &grid.frame(columns, *part), *part, setting);
        }
    }
    svg.push_str("</svg>\n");
    Picture { svg, width: grid.width.unsigned_abs(), height: grid.height.unsigned_abs() }
}

/// Where everything is, in whole pixels.
struct Grid {
    /// Left and right border of each column.
    columns: Vec<(i32, i32)>,
    /// The middle of each part.
    middles: Vec<i32>,
    /// By trunk: how far down it ends.
    ports: Vec<i32>,
    /// By column: the room for the names of lines that end there.
    named: Vec<i32>,
    width: i32,
    height: i32,
}

/// The place of a box.
struct Frame {
    left: i32,
    top: i32,
    width: i32,
    height: i32,
}

impl Grid {
    fn of(faces: &[Face], columns: &Columns<'_>, middles: &[i32]) -> Self {
        let heading = if columns.columns.len() > 1 { HEADING } else { 0 };
        let middles: Vec<i32> = middles.iter().map(|middle| middle + MARGIN + heading).collect();
        let mut named = vec![0; columns.columns.len()];
        for trunk in &columns.trunks {
            let room = &mut named[columns.parts[trunk.target].column];
            *room = (*room).max(name_of(trunk).map_or(0, |name| small_width(&name) + 2 * HEAD));
        }
        let mut left = MARGIN;
        let mut places = Vec::new();
        for (at, column) in columns.columns.iter().enumerate() {
            if at > 0 {
                left += room_before(columns, &middles, at) + named[at];
            }
            let width =
                column.iter().filter_map(|part| faces.get(*part)).map(|face| face.width).max().unwrap_or(0);
            places.push((left, left + width));
            left += width;
        }
        let lowest = super::place::extent(columns, &middles).1;
        let ports = ports(columns, &middles);
        Self { columns: places, ports, named, width: left + MARGIN, height: lowest.max(0) + MARGIN, middles }
    }

    fn frame(&self, columns: &Columns<'_>, part: usize) -> Frame {
        let (left, right) = self.columns[columns.parts[part].column];
        let height = columns.parts[part].height;
        Frame { left, top: self.middles[part] - height / 2, width: right - left, height }
    }
}

/// Room for the curves before a column: more where they climb more.
fn room_before(columns: &Columns<'_>, middles: &[i32], at: usize) -> i32 {
    let climbs = columns.columns[at]
        .iter()
        .flat_map(|part| columns.left_of[*part].iter().map(|left| (middles[*part] - middles[*left]).abs()));
    (ROOM.0 + climbs.max().unwrap_or(0) / 8).min(ROOM.1)
}

/// How far down each trunk ends: those of one box below each other, in the order they come from.
fn ports(columns: &Columns<'_>, middles: &[i32]) -> Vec<i32> {
    let mut ports: Vec<i32> = columns.trunks.iter().map(|trunk| middles[trunk.target]).collect();
    let comes_from = |trunk: &Trunk<'_>| {
        let last = trunk.bends.last().map(|bend| middles[*bend]);
        last.unwrap_or_else(|| {
            let sum: i32 = trunk.sources.iter().map(|source| middles[*source]).sum();
            sum / i32::try_from(trunk.sources.len().max(1)).unwrap_or(i32::MAX)
        })
    };
    let mut start = 0;
    for group in columns.trunks.chunk_by(|a, b| a.target == b.target) {
        let mut order: Vec<usize> = (0..group.len()).collect();
        order.sort_by_key(|at| comes_from(&group[*at]));
        let half = i32::try_from(group.len()).unwrap_or(i32::MAX) - 1;
        for (offset, at) in (0..).zip(order) {
            ports[start + at] += offset * PORT - half * PORT / 2;
        }
        start += group.len();
    }
    ports
}

/// What is written on a line.
fn name_of(trunk: &Trunk<'_>) -> Option<String> {
    trunk.provides.map(|provides| format!("as {}", shortened(&provides.to_string(), PROVIDED_MAX)))
}

fn open(svg: &mut String, graph: &Graph<'_>, grid: &Grid, setting: Setting) {
    let (width, height) = (grid.width, grid.height);
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"lock-graph\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"group\" aria-labelledby=\"lock-graph-title\" \
         aria-describedby=\"lock-graph-description\">\n\
         <title id=\"lock-graph-title\">{}</title>\n<desc id=\"lock-graph-description\">{}</desc>\n",
        xml(&title(graph)),
        xml(&description(graph))
    );
    if setting != Setting::Page {
        let _ = write!(
            svg,
            "<style>{}</style>\n<rect class=\"ground\" width=\"{width}\" height=\"{height}\"/>\n",
            SHEET.as_str()
        );
    }
}

fn title(graph: &Graph<'_>) -> String {
    let roots: Vec<String> = graph
        .nodes
        .iter()
        .filter(|node| !node.roots.is_empty())
        .map(|node| node.release.id().to_string())
        .collect();
    match roots.as_slice() {
        [] => "What needs what".to_owned(),
        [only] => format!("What {only} needs"),
        all if all.len() <= 3 => format!("What {} need", all.join(" and ")),
        [first, ..] => format!("What {first} and {} others need", roots.len() - 1),
    }
}

fn description(graph: &Graph<'_>) -> String {
    let count = |count: usize, one: &str, more: &str| {
        if count == 1 { format!("1 {one}") } else { format!("{count} {more}") }
    };
    format!(
        "{} in {}. Each line leads from a release to one it needs, which is loaded before it. \
         Each release says what it needs, so the picture can be read without seeing it.",
        count(graph.nodes.len(), "release", "releases"),
        count(graph.levels, "load level", "load levels"),
    )
}

/// When the releases of each column are loaded.
fn headings(svg: &mut String, grid: &Grid) {
    let count = grid.columns.len();
    if count < 2 {
        return;
    }
    for (at, (left, _)) in grid.columns.iter().enumerate() {
        let words = match (count - at, at) {
            (1, _) => "loaded first".to_owned(),
            (_, 0) => "loaded last".to_owned(),
            (nth, _) => format!("loaded {}", ordinal(nth)),
        };
        let _ = writeln!(svg, "<text class=\"when\" x=\"{left}\" y=\"{}\">{words}</text>", MARGIN + 8);
    }
}

fn ordinal(number: usize) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

/// All lines that end at one place, as one path.
fn line(svg: &mut String, columns: &Columns<'_>, grid: &Grid, trunk: &Trunk<'_>, port: i32) {
    let target = &columns.parts[trunk.target];
    let end = grid.columns[target.column].0;
    let mut path = String::new();
    let mut piece = |from_column: usize, from: usize, to: usize| {
        let column = from_column + 1;
        let start = (grid.columns[from_column].1, grid.middles[from]);
        let left = grid.columns[column].0 - grid.named[column].max(HEAD);
        let y = if to == trunk.target { port } else { grid.middles[to] };
        curve(&mut path, start, (left, y));
        let straight_to = if to == trunk.target { end - HEAD + 3 } else { grid.columns[column].1 };
        let _ = write!(path, "H{straight_to}");
    };
    for source in &trunk.sources {
        let column = columns.parts[*source].column;
        piece(column, *source, trunk.joint(column, target.column));
    }
    for (at, bend) in trunk.bends.iter().enumerate() {
        let next = trunk.bends.get(at + 1).copied().unwrap_or(trunk.target);
        piece(columns.parts[*bend].column, *bend, next);
    }
    let class = if trunk.provides.is_some() { "line stand-in" } else { "line" };
    let (back, upper, lower) = (end - HEAD, port - 4, port + 4);
    let _ = write!(
        svg,
        "<g class=\"{class}\"><path d=\"{path}\"/><path class=\"head\" d=\"M{back} {upper}L{end} {port}L{back} {lower}z\"/>"
    );
    if let Some(name) = name_of(trunk) {
        let (x, y) = (end - HEAD - 4, port - 5);
        let _ = write!(svg, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"end\">{}</text>", xml(&name));
    }
    svg.push_str("</g>\n");
}

/// From one column to the next, level at both ends.
fn curve(path: &mut String, (x, y): (i32, i32), (end_x, end_y): (i32, i32)) {
    let _ = write!(path, "M{x} {y}");
    if y == end_y {
        let _ = write!(path, "H{end_x}");
    } else {
        let middle = (x + end_x) / 2;
        let _ = write!(path, "C{middle} {y} {middle} {end_y} {end_x} {end_y}");
    }
}

fn release(svg: &mut String, graph: &Graph<'_>, face: &Face, frame: &Frame, place: usize, setting: Setting) {
    let node = &graph.nodes[place];
    let risk = face.risk.map_or("none".to_owned(), |risk| risk.to_string());
    let root = if node.roots.is_empty() { "" } else { " root" };
    let name = &node.release.name;
    let (open, close) = match setting {
        Setting::File => (format!("<g class=\"box {risk}{root}\" role=\"img\">"), "</g>"),
        Setting::Site | Setting::Page => {
            let path = format!("/plugins/{}/{}/{}", name.namespace(), name.name(), node.release.version);
            (format!("<a class=\"box {risk}{root}\" href=\"{}\">", xml(&path)), "</a>")
        }
    };
    let Frame { left, top, width, height } = *frame;
    let _ = write!(
        svg,
        "{open}<title>{}</title>\
         <rect class=\"outline\" x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" rx=\"3\"/>\
         <rect class=\"stripe\" x=\"{left}\" y=\"{top}\" width=\"5\" height=\"{height}\" rx=\"2\"/>",
        xml(&face.sentence)
    );
    let rows = if face.tags.is_empty() { 50 } else { 72 };
    let first = top + (height - rows) / 2 + 20;
    let (start, end) = (left + INSET + 2, left + width - INSET);
    let _ = write!(
        svg,
        "<text class=\"name\" x=\"{start}\" y=\"{first}\">{}</text>\
         <text class=\"version\" x=\"{end}\" y=\"{first}\" text-anchor=\"end\">{}</text>",
        xml(&face.name),
        xml(&face.version)
    );
    powers(svg, face, start, first + 19);
    let mut x = start;
    for tag in &face.tags {
        x = remark(svg, tag, x, first + 28);
    }
    let _ = writeln!(svg, "{close}");
}

fn powers(svg: &mut String, face: &Face, start: i32, line: i32) {
    let mark = match face.risk {
        Some(Risk::High) => {
            "<path class=\"solid\" d=\"M8 2.5h8l5.5 5.5v8L16 21.5H8L2.5 16V8z\"/><path class=\"cut\" d=\"M12 7v6M12 16.8v.2\"/>"
        }
        Some(Risk::Medium) => "<path d=\"M12 3 22 20.5H2zM12 10v4.5M12 17.5v.1\"/>",
        Some(Risk::Low) => "<circle cx=\"12\" cy=\"12\" r=\"9\"/><path d=\"M12 11.5v5M12 7.5v.1\"/>",
        None => "<circle cx=\"12\" cy=\"12\" r=\"9\" stroke-dasharray=\"3.2 3.9\"/>",
    };
    let _ =
        write!(svg, "<g class=\"mark\" transform=\"translate({start} {}) scale(.5)\">{mark}</g>", line - 10);
    if let Some(risk) = face.risk {
        let _ = write!(svg, "<text class=\"risk\" x=\"{}\" y=\"{line}\">{risk}</text>", start + 17);
    }
    let x = start + mark_width(face.risk);
    let _ = write!(svg, "<text class=\"powers\" x=\"{x}\" y=\"{line}\">{}</text>", xml(&face.powers));
}

/// Draws a remark and says where the next one starts.
fn remark(svg: &mut String, tag: &Tag, x: i32, top: i32) -> i32 {
    let Tag { text, class, width } = tag;
    let _ = write!(
        svg,
        "<rect class=\"tag {class}\" x=\"{x}\" y=\"{top}\" width=\"{width}\" height=\"16\" rx=\"2\"/>\
         <text class=\"{class}\" x=\"{}\" y=\"{}\">{}</text>",
        x + 6,
        top + 12,
        xml(text)
    );
    x + width + 6
}
