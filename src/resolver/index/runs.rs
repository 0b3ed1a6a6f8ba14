//! What a requirement matches, as the index keeps it: runs of ordinals, nearly always one.

use super::super::version_bits::VersionBits;

/// A finite set of ordinals as ascending runs with gaps between them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Runs {
    start: u32,
    end: u32,
    more: Box<[(u32, u32)]>,
}

impl Runs {
    /// The set of these runs, `start..end` each, ascending; empty ones count for nothing.
    pub(super) fn of(runs: impl Iterator<Item = (u32, u32)>) -> Self {
        let (mut start, mut end) = (0, 0);
        let mut more: Vec<(u32, u32)> = Vec::new();
        for (next_start, next_end) in runs.filter(|(start, end)| start < end) {
            let last_end = more.last_mut().map_or(&mut end, |(_, end)| end);
            if start == *last_end {
                (start, end) = (next_start, next_end);
            } else if next_start == *last_end {
                *last_end = next_end;
            } else {
                more.push((next_start, next_end));
            }
        }
        Self { start, end, more: more.into() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    pub(super) fn has(&self, ordinal: u32) -> bool {
        self.iter().any(|(start, end)| (start..end).contains(&ordinal))
    }

    /// The lowest ordinal.
    pub(super) fn first(&self) -> Option<u32> {
        (!self.is_empty()).then_some(self.start)
    }

    /// The highest ordinal.
    pub(super) fn last(&self) -> Option<u32> {
        (!self.is_empty()).then(|| self.more.last().map_or(self.end, |(_, end)| *end) - 1)
    }

    /// The ordinals of `start..end`, counted from `start`, as the solver computes with them.
    pub(super) fn within(&self, start: u32, end: u32) -> VersionBits {
        let mut bits = VersionBits::none();
        for (from, to) in self.iter() {
            let (from, to) = (from.max(start), to.min(end));
            if from < to {
                bits.add(from - start, to - start);
            }
        }
        bits
    }

    fn iter(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        std::iter::once((self.start, self.end)).chain(self.more.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn runs_hold_what_they_were_made_of(
            gaps in proptest::collection::vec((0..40_u32, 0..90_u32), 0..6),
            start in 0..200_u32,
            length in 0..300_u32,
        ) {
            let mut next = 0;
            let runs: Vec<(u32, u32)> = gaps
                .into_iter()
                .map(|(gap, length)| {
                    let start = next + gap;
                    next = start + length;
                    (start, next)
                })
                .collect();
            let plain: Vec<u32> = runs.iter().flat_map(|(start, end)| *start..*end).collect();

            let kept = Runs::of(runs.iter().copied());

            prop_assert_eq!((kept.first(), kept.last()), (plain.first().copied(), plain.last().copied()));
            prop_assert!((0..800).all(|ordinal| kept.has(ordinal) == plain.contains(&ordinal)));
            let end = start + length;
            let within: Vec<u32> = kept.within(start, end).ordinals(length).collect();
            let expected: Vec<u32> =
                plain.iter().filter(|ordinal| (start..end).contains(*ordinal)).map(|o| o - start).collect();
            prop_assert_eq!(within, expected);
        }
    }
}
