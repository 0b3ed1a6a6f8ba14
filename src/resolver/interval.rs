//! A requirement as an interval of versions: the one place where the operators of semver are spelled out.

use std::ops::Bound;

use semver::{Comparator, Op, Prerelease, Version};

use crate::domain::Requirement;

/// The versions between two bounds, in the order of semver.
///
/// For released versions this is exactly what the requirement matches. Of pre-releases it holds those
/// that lie between the bounds, where `<2.0.0` ends before the pre-releases of 2.0.0: what a host gets
/// that counts pre-releases like other releases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Interval {
    lower: Bound<Version>,
    upper: Bound<Version>,
}

impl Interval {
    /// The interval of a requirement: all its comparators together.
    pub(crate) fn of(requirement: &Requirement) -> Self {
        requirement.as_semver().comparators.iter().fold(
            Self { lower: Bound::Unbounded, upper: Bound::Unbounded },
            |so_far, comparator| {
                let next = comparator_interval(comparator);
                Self {
                    lower: tighter(so_far.lower, next.lower, |a, b| a > b),
                    upper: tighter(so_far.upper, next.upper, |a, b| a < b),
                }
            },
        )
    }

    /// Whether `version` lies within.
    pub(crate) fn contains(&self, version: &Version) -> bool {
        !self.lies_below(version) && !self.lies_above(version)
    }

    /// Whether `version` lies before the lower bound.
    pub(crate) fn lies_below(&self, version: &Version) -> bool {
        match &self.lower {
            Bound::Unbounded => false,
            Bound::Included(lower) => version < lower,
            Bound::Excluded(lower) => version <= lower,
        }
    }

    /// Whether `version` lies behind the upper bound.
    pub(crate) fn lies_above(&self, version: &Version) -> bool {
        match &self.upper {
            Bound::Unbounded => false,
            Bound::Included(upper) => version > upper,
            Bound::Excluded(upper) => version >= upper,
        }
    }
}

fn tighter(
    a: Bound<Version>,
    b: Bound<Version>,
    is_tighter: fn(&Version, &Version) -> bool,
) -> Bound<Version> {
    match (&a, &b) {
        (Bound::Unbounded, _) => b,
        (_, Bound::Unbounded) => a,
        (Bound::Included(x) | Bound::Excluded(x), Bound::Included(y) | Bound::Excluded(y)) => {
            if x == y {
                if matches!(a, Bound::Excluded(_)) { a } else { b }
            } else if is_tighter(x, y) {
                a
            } else {
                b
            }
        }
    }
}

fn comparator_interval(comparator: &Comparator) -> Interval {
    let Comparator { op, major, minor, patch, pre } = comparator;
    let floor = Version {
        major: *major,
        minor: minor.unwrap_or(0),
        patch: patch.unwrap_or(0),
        pre: pre.clone(),
        build: semver::BuildMetadata::EMPTY,
    };
    let partial_end = after_partial(*major, *minor, *patch);
    match op {
        Op::Exact | Op::Wildcard => match patch {
            Some(_) => Interval { lower: Bound::Included(floor.clone()), upper: Bound::Included(floor) },
            None => Interval { lower: Bound::Included(floor), upper: partial_end },
        },
        Op::Greater => Interval {
            lower: match (patch, partial_end) {
                (Some(_), _) => Bound::Excluded(floor),
                (None, Bound::Excluded(end)) => Bound::Included(Version { pre: Prerelease::EMPTY, ..end }),
                (None, _) => Bound::Excluded(Version::new(u64::MAX, u64::MAX, u64::MAX)),
            },
            upper: Bound::Unbounded,
        },
        Op::GreaterEq => Interval { lower: Bound::Included(floor), upper: Bound::Unbounded },
        Op::Less => Interval {
            lower: Bound::Unbounded,
            upper: Bound::Excluded(if pre.is_empty() { before_pre_releases(floor) } else { floor }),
        },
        Op::LessEq => Interval {
            lower: Bound::Unbounded,
            upper: if patch.is_some() { Bound::Included(floor) } else { partial_end },
        },
        Op::Tilde => Interval {
            lower: Bound::Included(floor),
            upper: match minor {
                Some(_) => after_partial(*major, *minor, None),
                None => partial_end,
            },
        },
        Op::Caret => Interval { lower: Bound::Included(floor), upper: caret_end(*major, *minor, *patch) },
        _ => Interval { lower: Bound::Unbounded, upper: Bound::Unbounded },
    }
}

/// The end of what `^` allows: the first number that is not zero stays.
fn caret_end(major: u64, minor: Option<u64>, patch: Option<u64>) -> Bound<Version> {
    match (major, minor, patch) {
        (0, None, _) => after_partial(0, None, None),
        (0, Some(0), None) => after_partial(0, Some(0), None),
        (0, Some(0), Some(patch)) => after_partial(0, Some(0), Some(patch)),
        (0, Some(minor), _) => after_partial(0, Some(minor), None),
        (major, _, _) => after_partial(major, None, None),
    }
}

/// The end of everything that starts with the numbers given, before the pre-releases of what follows.
fn after_partial(major: u64, minor: Option<u64>, patch: Option<u64>) -> Bound<Version> {
    let next = match (minor, patch) {
        (Some(minor), Some(patch)) => patch.checked_add(1).map(|patch| Version::new(major, minor, patch)),
        (Some(minor), None) => minor.checked_add(1).map(|minor| Version::new(major, minor, 0)),
        (None, _) => major.checked_add(1).map(|major| Version::new(major, 0, 0)),
    };
    next.map_or(Bound::Unbounded, |next| Bound::Excluded(before_pre_releases(next)))
}

/// The lowest version there can be with these numbers: `-0`.
fn before_pre_releases(version: Version) -> Version {
    Version { pre: Prerelease::new("0").expect("0 is a pre-release identifier"), ..version }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_version() -> impl Strategy<Value = Version> {
        (
            (0..4_u64, 0..4_u64, 0..4_u64),
            prop_oneof![4 => Just(""), 1 => Just("0"), 1 => Just("rc.1"), 1 => Just("rc.2")],
        )
            .prop_map(|((major, minor, patch), pre)| Version {
                pre: Prerelease::new(pre).unwrap(),
                ..Version::new(major, minor, patch)
            })
    }

    fn any_requirement() -> impl Strategy<Value = String> {
        let operator = prop_oneof![
            Just("="),
            Just(">"),
            Just(">="),
            Just("<"),
            Just("<="),
            Just("~"),
            Just("^"),
            Just("")
        ];
        let comparator =
            (operator, any_version(), 0..4_u8).prop_map(|(operator, version, form)| match form {
                0 => format!("{operator}{}", version.major),
                1 => format!("{operator}{}.{}", version.major, version.minor),
                2 if operator.is_empty() => format!("{}.{}.*", version.major, version.minor),
                _ => format!("{operator}{version}"),
            });
        prop_oneof![
            1 => Just("*".to_owned()),
            12 => proptest::collection::vec(comparator, 1..3).prop_map(|all| all.join(", ")),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn for_released_versions_the_interval_is_the_requirement(text in any_requirement(), version in any_version()) {
            let requirement: Requirement = text.parse().unwrap();

            let within = Interval::of(&requirement).contains(&version);

            if version.pre.is_empty() {
                prop_assert_eq!(within, requirement.as_semver().matches(&version), "{} against {}", version, text);
            }
        }

        #[test]
        fn a_pre_release_within_one_matching_comparator_lies_in_its_interval(text in any_requirement(), version in any_version()) {
            let requirement: Requirement = text.parse().unwrap();

            let matched = !version.pre.is_empty() && requirement.as_semver().matches(&version);

            let ends_at_its_release = text.contains(&format!("<{}.{}.{}", version.major, version.minor, version.patch));
            if matched && !ends_at_its_release && !text.contains('<') {
                prop_assert!(Interval::of(&requirement).contains(&version), "{} against {}", version, text);
            }
        }
    }

    #[test]
    fn an_upper_bound_ends_before_the_pre_releases_of_what_it_excludes() {
        let interval = Interval::of(&"^1.2".parse().unwrap());

        assert!(interval.contains(&"1.3.0-rc.1".parse().unwrap()));
        assert!(!interval.contains(&"2.0.0-rc.1".parse().unwrap()));
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let text = format!("^{}", u64::MAX);

        assert!(Interval::of(&text.parse().unwrap()).contains(&Version::new(u64::MAX, 1, 0)));
    }
}
