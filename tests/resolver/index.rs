//! The index under every order of its lines: what readers are told depends on the lines alone.

use pluginry::domain::{Digest, IndexRelease, PluginName, Requirement, Timestamp};
use pluginry::resolver::{Circumstances, Index, IndexSnapshot, Policy, ResolveRequest, resolve};
use proptest::prelude::*;
use serde_json::json;

type Line = (PluginName, IndexRelease);

const NOW: Circumstances<'static> =
    Circumstances { profiles: &[], now: Timestamp::from_micros(0), should_stop: &|| false };

const PLUGINS: [&str; 5] = ["a:app", "a:base", "b:codec", "b:draw", "c:edit"];
const VERSIONS: [&str; 7] = ["0.1.0", "0.2.0", "1.0.0-rc.1", "1.0.0", "1.1.0", "1.2.0-beta", "2.0.0"];
const REQUIREMENTS: [&str; 7] =
    ["*", "^1", "^0.1", ">=0.2, <2", "=1.1.0", "^1.0.0-rc.1", "<1.0.0, >=1.0.0-rc.1"];

prop_compose! {
    /// A line of one of a few plugins; the same release may come again, standing otherwise.
    fn any_line()(
        (plugin, version) in (0..PLUGINS.len(), 0..VERSIONS.len()),
        needs in proptest::collection::vec((0..PLUGINS.len(), 0..REQUIREMENTS.len(), any::<bool>()), 0..3),
        (conflict, provided) in (proptest::option::weighted(0.1, 0..PLUGINS.len()), any::<prop::sample::Index>()),
        (yanked, deprecated, singleton, revoked) in (0..8_u8, 0..6_u8, 0..12_u8, 0..12_u8),
        state in 0..3_usize,
    ) -> (usize, usize, serde_json::Value) {
        let mut dependencies = serde_json::Map::new();
        for (needed, requirement, optional) in needs {
            if needed != plugin {
                let version = REQUIREMENTS[requirement];
                dependencies.insert(PLUGINS[needed].into(), json!({ "version": version, "optional": optional }));
            }
        }
        let conflicts = conflict.filter(|other| *other != plugin).map(|other| (PLUGINS[other], "^1"));
        let provides = (provided.index(8) == 0).then_some(("v:virtual", "1.0.0"));
        let (license, verification) = (["MIT", "ISC"][version % 2], ["pending", "passed", "failed"][state]);
        let line = json!({
            "version": VERSIONS[version],
            "digest": Digest::of(format!("{plugin} {version}").as_bytes()), "size_bytes": 1,
            "published_at": "2026-01-01T00:00:00Z", "profile": "pluginry:reference", "profile_version": "^1",
            "extension_points": if plugin == 0 { vec!["tool"] } else { vec![] },
            "capabilities": if plugin == 1 { json!({ "storage": { "reason": "notes" } }) } else { json!({}) },
            "dependencies": dependencies, "conflicts": conflicts.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
            "provides": provides.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
            "license": license, "signer": "ab".repeat(32), "singleton": singleton == 0,
            "signer_revoked": revoked == 0, "verification": verification,
            "yanked": yanked == 0, "deprecated": (deprecated == 0).then_some("use another"),
            "recalled": (yanked == 1).then_some("leaks"),
        });
        (plugin, version, line)
    }
}

/// Lines in the order of the log.
fn any_lines() -> impl Strategy<Value = Vec<Line>> {
    proptest::collection::vec(any_line(), 1..24).prop_map(|lines| {
        (1..)
            .zip(lines)
            .map(|(sequence, (plugin, _, mut line))| {
                line["sequence"] = json!(sequence);
                (PLUGINS[plugin].parse().unwrap(), serde_json::from_value(line).unwrap())
            })
            .collect()
    })
}

fn index_of(lines: &[Line]) -> Index {
    let mut index = Index::default();
    lines.iter().for_each(|(plugin, line)| index.apply(plugin, line));
    index
}

/// What a reader is told: of everything alone, with and without pre-releases, and of all together.
fn answers(snapshot: &IndexSnapshot) -> Vec<String> {
    let names: Vec<PluginName> =
        PLUGINS.iter().chain(&["v:virtual"]).map(|name| name.parse().unwrap()).collect();
    let alone = names.iter().flat_map(|name| REQUIREMENTS.map(|requirement| vec![(name, requirement)]));
    let together = [names.iter().map(|name| (name, "*")).collect::<Vec<_>>()];
    let mut answers = vec![format!("{:?} at {}", snapshot.size(), snapshot.sequence())];
    for (number, roots) in alone.chain(together).enumerate() {
        let roots =
            roots.into_iter().map(|(name, text)| (name.clone(), text.parse::<Requirement>().unwrap()));
        let policy = Policy {
            pre_release: number % 3 == 0,
            one_version_per_plugin: number % 4 == 0,
            ..Policy::default()
        };
        let with_optional = names.iter().take(number % 4).cloned().collect();
        let request = ResolveRequest { roots: roots.collect(), policy, with_optional, ..Default::default() };
        answers.push(match resolve(snapshot, &request, &NOW) {
            Ok(lock) => serde_json::to_string(&lock).unwrap(),
            Err(failure) => failure.to_string(),
        });
    }
    answers
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn one_by_one_and_in_any_order_lines_make_the_same_index(
        lines in any_lines(),
        order in proptest::collection::vec(any::<u32>(), 24),
    ) {
        let at_once = answers(&index_of(&lines).snapshot());

        let mut one_by_one = Index::default();
        for (plugin, line) in &lines {
            one_by_one.apply(plugin, line);
            one_by_one.snapshot();
        }
        // Of lines about one release the last counts, so only the last of each may go anywhere.
        let is_last = |place: &usize| {
            let (plugin, line) = &lines[*place];
            !lines[place + 1..].iter().any(|(other, later)| other == plugin && later.version == line.version)
        };
        let mut places: Vec<usize> = (0..lines.len()).filter(is_last).collect();
        places.sort_by_key(|place| order[*place]);
        let shuffled: Vec<Line> = places.into_iter().map(|place| lines[place].clone()).collect();

        prop_assert_eq!(&answers(&one_by_one.snapshot()), &at_once);
        prop_assert_eq!(&answers(&index_of(&shuffled).snapshot()), &at_once);
    }

    #[test]
    fn a_snapshot_that_a_reader_holds_never_changes(lines in any_lines(), cut in any::<prop::sample::Index>()) {
        let cut = cut.index(lines.len());
        let mut index = index_of(&lines[..cut]);
        let held = index.snapshot();
        let before = (answers(&held), held.to_bytes());

        for (plugin, line) in &lines[cut..] {
            index.apply(plugin, line);
            index.snapshot();
        }

        prop_assert_eq!((answers(&held), held.to_bytes()), before);
    }

    #[test]
    fn an_index_read_from_its_bytes_answers_and_goes_on_alike(
        lines in any_lines(),
        cut in any::<prop::sample::Index>(),
    ) {
        let cut = cut.index(lines.len());
        let mut original = index_of(&lines[..cut]);
        let bytes = original.snapshot().to_bytes();

        let mut read = Index::from_bytes(&bytes).unwrap();

        prop_assert_eq!(&read.snapshot().to_bytes(), &bytes);
        prop_assert_eq!(answers(&read.snapshot()), answers(&original.snapshot()));
        for (plugin, line) in &lines[cut..] {
            original.apply(plugin, line);
            read.apply(plugin, line);
        }
        prop_assert_eq!(answers(&read.snapshot()), answers(&original.snapshot()));
    }

    #[test]
    fn cut_and_changed_bytes_make_no_index_that_panics(
        lines in any_lines(),
        (place, byte, is_cut) in (any::<prop::sample::Index>(), any::<u8>(), any::<bool>()),
    ) {
        let mut bytes = index_of(&lines).snapshot().to_bytes();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        if is_cut {
            bytes.truncate(place);
        }

        if let Ok(mut index) = Index::from_bytes(&bytes) {
            answers(&index.snapshot());
        }
    }
}
