//! Any sound lock: it is written and read back the same, whatever its texts hold.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Lock, LockedDependency, LockedRelease, lock, union_of};
use crate::domain::{Capabilities, CapabilityRequest, Digest, ReleaseId, Risk, Scope, VerificationState};
use crate::resolver::load_order::load_levels;
use crate::resolver::{AsOf, LockedHost, Policy};

/// Plugin, version, what texts it carries.
#[derive(Debug, Clone)]
struct Seed {
    plugin: u8,
    version: (u8, u8, bool),
    text: String,
    size_bytes: u64,
    risk: Option<Risk>,
    needs: Vec<(u8, bool)>,
    powers: Vec<(u8, Option<String>, Vec<String>)>,
}

fn seeds() -> impl Strategy<Value = Vec<Seed>> {
    let text = || "\\PC{0,12}|[\\x00-\\x7f\u{202e}\u{2028}]{0,6}";
    let risk = prop_oneof![Just(None), Just(Some(Risk::Low)), Just(Some(Risk::High))];
    let powers = (0_u8..3, proptest::option::of(text()), proptest::collection::vec(text(), 0..3));
    let seed = (
        (0_u8..6, (0_u8..3, 0_u8..3, any::<bool>())),
        (text(), 0..=i64::MAX as u64, risk),
        proptest::collection::vec((any::<u8>(), any::<bool>()), 0..4),
        proptest::collection::vec(powers, 0..3),
    );
    let seed = seed.prop_map(|((plugin, version), (text, size_bytes, risk), needs, powers)| Seed {
        plugin,
        version,
        text,
        size_bytes,
        risk,
        needs,
        powers,
    });
    proptest::collection::vec(seed, 1..12)
}

fn id(seed: &Seed) -> ReleaseId {
    let (major, minor, is_pre_release) = seed.version;
    let pre = if is_pre_release { "-rc.1" } else { "" };
    format!("acme:p{}@{major}.{minor}.0{pre}", seed.plugin).parse().unwrap()
}

/// A sound lock: needs go to earlier releases only, each name once.
fn grown(seeds: &[Seed]) -> Lock {
    let by_id: BTreeMap<ReleaseId, &Seed> = seeds.iter().map(|seed| (id(seed), seed)).collect();
    let ids: Vec<&ReleaseId> = by_id.keys().collect();
    let mut needs: Vec<Vec<usize>> = Vec::new();
    let mut releases: Vec<LockedRelease> = Vec::new();
    for (place, (id, seed)) in by_id.iter().enumerate() {
        let mut dependencies: BTreeMap<String, LockedDependency> = BTreeMap::new();
        for (number, stands_in) in &seed.needs {
            let Some(met_by) = (*number as usize).checked_rem(place).map(|place| ids[place]) else {
                continue;
            };
            let provides = stands_in.then(|| format!("text:v{number}").parse().unwrap());
            let requirement = format!("={}", met_by.version).parse().unwrap();
            let dependency = LockedDependency { release: met_by.clone(), requirement, provides };
            dependencies.insert(dependency.asked().to_string(), dependency);
        }
        let mut dependencies: Vec<LockedDependency> = dependencies.into_values().collect();
        dependencies.sort_by(|a, b| (&a.release, &a.provides).cmp(&(&b.release, &b.provides)));
        let place_of = |id: &ReleaseId| ids.iter().position(|known| *known == id).unwrap();
        needs.push(dependencies.iter().map(|dependency| place_of(&dependency.release)).collect());
        releases.push(locked(id, seed, dependencies));
    }
    for (release, level) in releases.iter_mut().zip(load_levels(&needs).unwrap()) {
        release.load_level = level;
    }
    releases.sort_by(|a, b| (a.load_level, &a.name, &a.version).cmp(&(b.load_level, &b.name, &b.version)));
    let mut grown = lock(&[], releases);
    for (number, id) in ids.iter().enumerate().step_by(2) {
        let (root, wanted) = (id.plugin.clone(), format!("={}", id.version).parse().unwrap());
        grown.roots.insert(root.clone(), wanted);
        grown.root_releases.remove(&root);
        if number % 4 == 0 {
            grown.root_releases.insert(root, (*id).clone());
        }
    }
    grown
}

fn locked(id: &ReleaseId, seed: &Seed, dependencies: Vec<LockedDependency>) -> LockedRelease {
    let digest = Digest::of(seed.text.as_bytes());
    let power = |(number, reason, values): &(u8, Option<String>, Vec<String>)| {
        let scope = if values.is_empty() {
            Scope::default()
        } else {
            Scope(BTreeMap::from([("hosts".to_owned(), values.clone())]))
        };
        let request = CapabilityRequest { reason: reason.clone(), scope };
        (format!("power-{number}").parse().unwrap(), request)
    };
    let capabilities: Capabilities = seed.powers.iter().map(power).collect();
    LockedRelease {
        name: id.plugin.clone(),
        version: id.version.clone(),
        digest,
        size_bytes: seed.size_bytes,
        url: if seed.needs.is_empty() {
            seed.text.clone()
        } else {
            format!("/blobs/sha256/{}", digest.to_hex())
        },
        signer: seed.text.clone(),
        verification: VerificationState::Pending,
        risk: seed.risk,
        license: seed.text.clone(),
        deprecated: (!seed.powers.is_empty()).then(|| seed.text.clone()),
        load_level: 0,
        dependencies,
        capabilities,
    }
}

proptest! {
    #[test]
    fn any_lock_reads_back_as_it_was_written(seeds in seeds(), text in "\\PC{0,12}|[\\x00-\\x7f]{0,6}", hours in any::<u32>()) {
        let grown = grown(&seeds);
        let grants = grown.powers();
        let lock = Lock {
            registry: Some(text.clone()),
            checkpoint: Some(format!("{text}\n\n\"\"\" \\ — {text}\n")),
            as_of: Some(AsOf { tree_size: u64::from(hours) }),
            host: Some(LockedHost {
                profile: "a:b".parse().unwrap(),
                version: "1.0.0".parse().unwrap(),
                extension_points: Some([text.clone()].into()),
                grants: Some(grants),
            }),
            policy: Policy { min_age_hours: hours, licenses: Some([text].into()), ..Policy::default() },
            capabilities: union_of(grown.releases.iter().map(|release| &release.capabilities)),
            ..grown
        };

        let written = lock.to_toml();
        let read = Lock::from_toml(&written);

        prop_assert_eq!(read.as_ref(), Ok(&lock), "{}", written);
        prop_assert_eq!(read.unwrap().to_toml(), written);
    }

    #[test]
    fn a_lock_compared_with_itself_differs_in_nothing(seeds in seeds()) {
        let lock = grown(&seeds);

        let comparison = lock.compare(&lock);

        prop_assert!(comparison.is_same_choice() && comparison.changes.is_empty());
        prop_assert!(comparison.capabilities_gained.is_empty() && comparison.capabilities_lost.is_empty());
    }

    #[test]
    fn what_one_way_gains_the_other_way_loses(one in seeds(), other in seeds()) {
        let (one, other) = (grown(&one), grown(&other));

        let (there, back) = (one.compare(&other), other.compare(&one));

        prop_assert_eq!(&there.capabilities_gained, &back.capabilities_lost);
        prop_assert_eq!(&there.before, &back.after);
        prop_assert_eq!(there.changes.len(), back.changes.len());
    }

    #[test]
    fn every_release_is_in_the_tree_and_has_a_reason(seeds in seeds()) {
        let lock = grown(&seeds);

        let lines = lock.tree(&super::TreeView::default());

        for release in &lock.releases {
            prop_assert!(lines.iter().any(|line| line.release == release.id()));
            let why = lock.why(&release.name).unwrap();
            for chain in &why.chains {
                let ends_there = chain.0.last().is_some_and(|link| link.release.plugin == release.name);
                prop_assert!(ends_there);
            }
        }
    }
}
