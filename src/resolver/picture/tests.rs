//! The picture in words and in lines.

use std::collections::BTreeSet;

use layout::gv::DotParser;
use layout::gv::parser::ast;
use proptest::prelude::*;
use quick_xml::events::Event;
use serde_json::{Value, json};

use super::*;
use crate::resolver::LockedRelease;

const HOSTILE: &str = "\"><script>alert('x')</script>\\N\\\u{202e}\u{0}\n]; evil -> evil; &amp; -->";

/// A release without powers that needs what is named, `NAME@VERSION` or `PROVIDED=NAME@VERSION`.
fn release(id: &str, needs: &[&str]) -> LockedRelease {
    let (name, version) = id.split_once('@').unwrap();
    let dependencies: Vec<Value> = needs
        .iter()
        .map(|need| match need.split_once('=') {
            None => json!({"release": need, "requirement": "^1"}),
            Some((provided, id)) => json!({"release": id, "requirement": "^1", "provides": provided}),
        })
        .collect();
    serde_json::from_value(json!({
        "name": name, "version": version, "digest": format!("sha256:{}", "00".repeat(32)), "size_bytes": 1, "url": "/x",
        "signer": "ab", "verification": "passed", "load_level": 0, "dependencies": dependencies,
    }))
    .unwrap()
}

fn lock(roots: Value, releases: Vec<LockedRelease>) -> Lock {
    Lock { roots: serde_json::from_value(roots).unwrap(), releases, ..Lock::default() }
}

/// Everything a picture can show, once.
fn sample() -> Lock {
    let mut markdown = release(
        "acme:markdown@1.2.0",
        &["acme:tokenizer@1.0.3", "acme:themes@2.0.0", "text:renderer=tools:fast-renderer@0.9.0"],
    );
    markdown.capabilities = serde_json::from_value(
        json!({"network": {"hosts": ["api.example.com:443"], "reason": HOSTILE}, "kv": {}}),
    )
    .unwrap();
    markdown.risk = Some(crate::domain::Risk::High);
    let mut renderer = release("tools:fast-renderer@0.9.0", &["acme:tokenizer@1.0.3"]);
    renderer.capabilities = serde_json::from_value(json!({"file-read": {"paths": ["/workspace"]}})).unwrap();
    renderer.risk = Some(crate::domain::Risk::Medium);
    renderer.verification = crate::domain::VerificationState::Failed;
    let mut themes = release("acme:themes@2.0.0", &["tools:fast-renderer@0.9.0"]);
    themes.capabilities = serde_json::from_value(json!({"events": {}})).unwrap();
    themes.risk = Some(crate::domain::Risk::Low);
    themes.deprecated = Some(HOSTILE.into());
    let mut tokenizer = release("acme:tokenizer@1.0.3", &[]);
    tokenizer.verification = crate::domain::VerificationState::Pending;
    let roots = json!({"acme:markdown": "^1.2", "acme:tokenizer": "^1"});
    lock(roots, vec![tokenizer, renderer, themes, markdown])
}

/// Names and texts of an SVG document, which must be well-formed.
fn read_xml(svg: &str) -> (Vec<String>, Vec<String>) {
    let mut reader = quick_xml::Reader::from_str(svg);
    let (mut elements, mut texts) = (Vec::new(), Vec::new());
    loop {
        match reader.read_event().expect("well-formed XML") {
            Event::Start(tag) | Event::Empty(tag) => {
                for attribute in tag.attributes() {
                    let attribute = attribute.expect("a well-formed attribute");
                    let name = String::from_utf8(attribute.key.as_ref().to_vec()).unwrap();
                    assert!(!name.starts_with("on") && name != "style" && !name.contains(':'), "{name}");
                }
                elements.push(String::from_utf8(tag.name().as_ref().to_vec()).unwrap());
            }
            Event::Text(text) => texts.push(text.decode().unwrap().into_owned()),
            Event::Eof => return (elements, texts),
            Event::Comment(_) | Event::CData(_) | Event::PI(_) | Event::DocType(_) => {
                panic!("markup that is not ours")
            }
            _ => {}
        }
    }
}

#[test]
fn a_picture_shows_powers_roots_providers_and_remarks() {
    let picture = draw(&sample(), Setting::Page, &|| false).unwrap();

    insta::assert_snapshot!(picture.svg);
}

#[test]
fn graphviz_text_is_one_statement_a_line() {
    insta::assert_snapshot!(graphviz(&sample()).unwrap());
}

#[test]
fn hostile_texts_are_text_in_a_picture_and_nothing_comes_from_elsewhere() {
    for setting in [Setting::File, Setting::Site, Setting::Page] {
        let svg = draw(&sample(), setting, &|| false).unwrap().svg;

        let (elements, texts) = read_xml(&svg);

        let known = ["svg", "title", "desc", "style", "g", "a", "rect", "path", "circle", "text"];
        assert!(elements.iter().all(|element| known.contains(&element.as_str())), "{elements:?}");
        assert!(texts.iter().any(|text| text.contains("alert(")), "the reason is told");
        assert!(!svg.contains('\u{202e}') && !svg.contains('\u{0}'));
        assert_eq!(svg.matches("http").count(), 1, "the namespace alone");
        assert!(!svg.contains("url(") && !svg.contains("@import"));
        assert_eq!(
            elements.iter().filter(|element| *element == "style").count(),
            usize::from(setting != Setting::Page)
        );
    }
}

#[test]
fn hostile_texts_are_text_for_graphviz() {
    let text = graphviz(&sample()).unwrap();

    let graph = DotParser::new(&text).process().expect("Graphviz's language");

    let (nodes, edges) = statements(&graph);
    assert_eq!(nodes.len(), 4, "{nodes:?}");
    assert_eq!(edges, 5);
}

/// The names of all nodes that have attributes, and how many edges there are.
fn statements(graph: &ast::Graph) -> (BTreeSet<String>, usize) {
    let mut nodes = BTreeSet::new();
    let mut edges = 0;
    for statement in &graph.list.list {
        match statement {
            ast::Stmt::Node(node) => {
                nodes.insert(node.id.name.clone());
            }
            ast::Stmt::Edge(_) => edges += 1,
            _ => {}
        }
    }
    (nodes, edges)
}

#[test]
fn the_order_of_the_releases_in_a_lock_changes_nothing() {
    let forwards = sample();
    let mut backwards = sample();
    backwards.releases.reverse();
    backwards.releases.iter_mut().for_each(|release| release.dependencies.reverse());

    assert_eq!(draw(&forwards, Setting::File, &|| false), draw(&backwards, Setting::File, &|| false));
    assert_eq!(graphviz(&forwards), graphviz(&backwards));
}

#[test]
fn an_empty_lock_has_an_empty_picture() {
    let picture = draw(&Lock::default(), Setting::File, &|| false).unwrap();

    assert!(read_xml(&picture.svg).0.iter().all(|element| element != "a" && element != "path"));
}

#[test]
fn what_cannot_be_drawn_is_refused_in_words() {
    let numbered =
        |count: usize| (0..count).map(|number| release(&format!("a:p{number}@1.0.0"), &[])).collect();
    let chain: Vec<LockedRelease> = (0..RELEASES_MAX)
        .map(|number| {
            let next = format!("a:p{}@1.0.0", number + 1);
            let last = format!("a:p{}@1.0.0", RELEASES_MAX - 1);
            let all: Vec<String> = (1..RELEASES_MAX).map(|later| format!("a:p{later}@1.0.0")).collect();
            let needs: Vec<&str> = match number {
                0 => all.iter().map(String::as_str).collect(),
                _ if number + 1 < RELEASES_MAX => vec![&next, &last],
                _ => Vec::new(),
            };
            release(&format!("a:p{number}@1.0.0"), &needs)
        })
        .collect();
    let refused = [
        lock(json!({}), numbered(RELEASES_MAX + 1)),
        lock(json!({}), chain),
        lock(json!({}), vec![release("a:a@1.0.0", &["a:b@1.0.0"])]),
        lock(json!({}), vec![release("a:a@1.0.0", &[]), release("a:a@1.0.0", &[])]),
        lock(json!({}), vec![release("a:b@1.0.0", &["a:a@1.0.0"]), release("a:a@1.0.0", &["a:b@1.0.0"])]),
    ];

    let words: Vec<String> = refused
        .iter()
        .map(|lock| {
            let error = draw(lock, Setting::File, &|| false).unwrap_err();
            format!("{}: {error}\n  {}", error.code(), error.mend().unwrap())
        })
        .collect();

    insta::assert_snapshot!(words.join("\n"));
}

/// Boxes as left, top, right, bottom.
type Box4 = [f64; 4];

/// The frames of the boxes, and the points along each line.
fn drawn(svg: &str) -> (Vec<Box4>, Vec<Vec<(f64, f64)>>) {
    let attribute = |tag: &str, name: &str| -> f64 {
        let start = tag.find(&format!(" {name}=\"")).unwrap() + name.len() + 3;
        tag[start..].split('"').next().unwrap().parse().unwrap()
    };
    let frames = svg.split("<rect class=\"outline\"").skip(1).map(|tag| {
        let (left, top) = (attribute(tag, "x"), attribute(tag, "y"));
        [left, top, left + attribute(tag, "width"), top + attribute(tag, "height")]
    });
    let lines = svg.split("<g class=\"line").skip(1).map(|group| {
        let path = group.split("d=\"").nth(1).unwrap().split('"').next().unwrap();
        points(path)
    });
    (frames.collect(), lines.collect())
}

/// Points along a path of `M`, `C` and `H`, close together.
fn points(path: &str) -> Vec<(f64, f64)> {
    let mut points = Vec::new();
    let (mut x, mut y) = (0.0, 0.0);
    let mut rest = path;
    while !rest.is_empty() {
        let end = rest[1..].find(['M', 'C', 'H']).map_or(rest.len(), |at| at + 1);
        let numbers: Vec<f64> =
            rest[1..end].split_whitespace().map(|number| number.parse().unwrap()).collect();
        match (&rest[..1], numbers.as_slice()) {
            ("M", [to_x, to_y]) => (x, y) = (*to_x, *to_y),
            ("H", [to_x]) => {
                points.extend((0..=64).map(|step| (x + (to_x - x) * f64::from(step) / 64.0, y)));
                x = *to_x;
            }
            ("C", [ax, ay, bx, by, to_x, to_y]) => {
                points.extend((0..=64).map(|step| {
                    let t = f64::from(step) / 64.0;
                    let mix = |p: f64, a: f64, b: f64, q: f64| {
                        (1.0 - t).powi(3) * p
                            + 3.0 * (1.0 - t).powi(2) * t * a
                            + 3.0 * (1.0 - t) * t * t * b
                            + t.powi(3) * q
                    };
                    (mix(x, *ax, *bx, *to_x), mix(y, *ay, *by, *to_y))
                }));
                (x, y) = (*to_x, *to_y);
            }
            other => panic!("{other:?}"),
        }
        rest = &rest[end..];
    }
    points
}

/// Any graph without circles: each release needs some of those after it, under one of two names.
fn graphs() -> impl Strategy<Value = Lock> {
    (1_usize..40).prop_flat_map(|count| {
        let needs = proptest::collection::vec((0..count, 0..count, 0_u8..6), 0..count * 3);
        needs.prop_map(move |needs| {
            let releases = (0..count).map(|by| {
                let texts: Vec<String> = needs
                    .iter()
                    .filter(|(from, to, _)| *from == by && to > from)
                    .map(|(_, to, kind)| match kind {
                        0 => format!("text:thing=a:p{to}@1.0.0"),
                        1 => format!("text:other=a:p{to}@1.0.0"),
                        _ => format!("a:p{to}@1.0.0"),
                    })
                    .collect();
                release(&format!("a:p{by}@1.0.0"), &texts.iter().map(String::as_str).collect::<Vec<_>>())
            });
            lock(json!({"a:p0": "*"}), releases.collect())
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_line_runs_through_a_box_and_no_box_covers_another(lock in graphs()) {
        let picture = draw(&lock, Setting::File, &|| false).unwrap();
        let (boxes, lines) = drawn(&picture.svg);

        prop_assert_eq!(boxes.len(), lock.releases.len());
        for (place, [left, top, right, bottom]) in boxes.iter().enumerate() {
            prop_assert!(*left >= 0.0 && *top >= 0.0);
            prop_assert!(*right <= f64::from(picture.width) && *bottom <= f64::from(picture.height));
            for other in &boxes[place + 1..] {
                prop_assert!(right < &other[0] || &other[2] < left || bottom < &other[1] || &other[3] < top);
            }
            for (x, y) in lines.iter().flatten() {
                prop_assert!(!(left + 1.0 < *x && *x < right - 1.0 && top - 4.0 < *y && *y < bottom + 4.0));
            }
        }
    }

    #[test]
    fn every_graph_reads_as_xml_and_as_graphviz(lock in graphs()) {
        read_xml(&draw(&lock, Setting::Site, &|| false).unwrap().svg);
        let text = graphviz(&lock).unwrap();
        let (nodes, edges) = statements(&DotParser::new(&text).process().expect("Graphviz's language"));

        prop_assert_eq!(nodes.len(), lock.releases.len());
        let needed: BTreeSet<_> = lock.releases.iter()
            .flat_map(|release| release.dependencies.iter().map(|need| (release.id(), need.release.clone(), need.provides.clone())))
            .collect();
        prop_assert_eq!(edges, needed.len());
    }
}

/// Writes a picture of each lock in the directory `PLUGINRY_LOCKS` for people to look at.
#[test]
#[expect(clippy::disallowed_methods, reason = "a switch of this test, not configuration of the program")]
fn pictures_can_be_written_out_to_be_looked_at() {
    let Ok(directory) = std::env::var("PLUGINRY_LOCKS") else { return };
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let lock = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            let started = std::time::Instant::now();
            match draw(&lock, Setting::File, &|| false) {
                Ok(picture) => std::fs::write(path.with_extension("svg"), picture.svg).unwrap(),
                Err(error) => println!("{error}"),
            }
            println!("{} {:?}", path.display(), started.elapsed());
            std::fs::write(path.with_extension("dot"), graphviz(&lock).unwrap()).unwrap();
        }
    }
}
