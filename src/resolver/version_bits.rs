//! A set of a plugin's versions as bits over their ordinals: what the solver computes with.
//!
//! Ordinals are places in the sorted list of versions. Requirements are matched against versions
//! once, when the index learns of them; solving is then a few machine words a step.

use std::fmt;

/// How many words need no allocation: 128 versions.
const INLINE: usize = 2;

/// A set of ordinals. `tail` says whether everything beyond the stored words is in the set.
///
/// Canonical: `rest` never ends in a word that `tail` implies, so equal sets are equal structures.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct VersionBits {
    head: [u64; INLINE],
    rest: Box<[u64]>,
    tail: bool,
}

impl VersionBits {
    /// The set of nothing.
    pub(crate) fn none() -> Self {
        Self { head: [0; INLINE], rest: Box::default(), tail: false }
    }

    /// The set of every ordinal, existing or not.
    pub(crate) fn every() -> Self {
        Self { head: [u64::MAX; INLINE], rest: Box::default(), tail: true }
    }

    /// The set of one.
    pub(crate) fn only(ordinal: u32) -> Self {
        [ordinal].into_iter().collect()
    }

    /// Adds the ordinals of `start..end` to a finite set.
    pub(crate) fn add(&mut self, start: u32, end: u32) {
        debug_assert!(!self.tail, "the set is finite");
        let (first, last) = (start as usize / 64, (end as usize).saturating_sub(1) / 64);
        if start >= end {
            return;
        }
        if last >= INLINE && self.rest.len() <= last - INLINE {
            let mut longer = std::mem::take(&mut self.rest).into_vec();
            longer.resize(last - INLINE + 1, 0);
            self.rest = longer.into();
        }
        for index in first..=last {
            let from = if index == first { start % 64 } else { 0 };
            let to = if index == last { (end - 1) % 64 } else { 63 };
            let word = (u64::MAX >> (63 - to)) & (u64::MAX << from);
            match index.checked_sub(INLINE) {
                None => self.head[index] |= word,
                Some(beyond) => self.rest[beyond] |= word,
            }
        }
    }

    /// Whether nothing is in the set.
    pub(crate) fn is_empty(&self) -> bool {
        self.head == [0; INLINE] && self.rest.is_empty() && !self.tail
    }

    /// Whether `ordinal` is in the set.
    pub(crate) fn has(&self, ordinal: u32) -> bool {
        self.word(ordinal as usize / 64) >> (ordinal % 64) & 1 == 1
    }

    /// The ordinals below `end`, ascending.
    pub(crate) fn ordinals(&self, end: u32) -> impl Iterator<Item = u32> + '_ {
        let words = (end as usize).div_ceil(64);
        (0..words)
            .flat_map(move |index| {
                let mut word = self.word(index);
                std::iter::from_fn(move || {
                    (word != 0).then(|| {
                        let bit = word.trailing_zeros();
                        word &= word - 1;
                        index as u32 * 64 + bit
                    })
                })
            })
            .take_while(move |ordinal| *ordinal < end)
    }

    /// The highest ordinal in both sets, one of which must be finite.
    pub(crate) fn highest_common(&self, other: &Self) -> Option<u32> {
        self.highest_where(other, |_, word| word)
    }

    /// The highest ordinal in both sets, one of which must be finite, and not in the third.
    pub(crate) fn highest_common_but(&self, other: &Self, not_in: &Self) -> Option<u32> {
        self.highest_where(other, |index, word| word & !not_in.word(index))
    }

    fn highest_where(&self, other: &Self, keep: impl Fn(usize, u64) -> u64) -> Option<u32> {
        debug_assert!(!(self.tail && other.tail), "one of the sets is finite");
        let words = INLINE + self.rest.len().max(other.rest.len());
        (0..words).rev().find_map(|index| {
            let word = keep(index, self.word(index) & other.word(index));
            (word != 0).then(|| index as u32 * 64 + 63 - word.leading_zeros())
        })
    }

    /// How many ordinals are in both sets, one of which must be finite.
    pub(crate) fn count_common(&self, other: &Self) -> u32 {
        debug_assert!(!(self.tail && other.tail), "one of the sets is finite");
        let words = INLINE + self.rest.len().max(other.rest.len());
        (0..words).map(|index| (self.word(index) & other.word(index)).count_ones()).sum()
    }

    /// The ordinals of `start..end`, counted from `start`.
    pub(crate) fn slice(&self, start: u32, end: u32) -> Self {
        self.ordinals(end).skip_while(|ordinal| *ordinal < start).map(|ordinal| ordinal - start).collect()
    }

    fn fill(&self) -> u64 {
        if self.tail { u64::MAX } else { 0 }
    }

    fn word(&self, index: usize) -> u64 {
        match index.checked_sub(INLINE) {
            None => self.head[index],
            Some(beyond) => self.rest.get(beyond).copied().unwrap_or_else(|| self.fill()),
        }
    }

    fn combine(&self, other: &Self, operation: impl Fn(u64, u64) -> u64) -> Self {
        let head = std::array::from_fn(|index| operation(self.head[index], other.head[index]));
        let tail = operation(self.fill(), other.fill()) == u64::MAX;
        let length = self.rest.len().max(other.rest.len());
        if length == 0 {
            return Self { head, rest: Box::default(), tail };
        }
        let rest =
            (INLINE..INLINE + length).map(|index| operation(self.word(index), other.word(index))).collect();
        Self { head, rest: trimmed(rest, tail), tail }
    }

    fn all_words(&self, other: &Self, holds: impl Fn(u64, u64) -> bool) -> bool {
        (0..INLINE).all(|index| holds(self.head[index], other.head[index]))
            && holds(self.fill(), other.fill())
            && (INLINE..INLINE + self.rest.len().max(other.rest.len()))
                .all(|index| holds(self.word(index), other.word(index)))
    }
}

fn trimmed(mut rest: Vec<u64>, tail: bool) -> Box<[u64]> {
    let implied = if tail { u64::MAX } else { 0 };
    while rest.last() == Some(&implied) {
        rest.pop();
    }
    rest.into_boxed_slice()
}

impl FromIterator<u32> for VersionBits {
    fn from_iter<T: IntoIterator<Item = u32>>(ordinals: T) -> Self {
        let mut head = [0; INLINE];
        let mut rest = Vec::new();
        for ordinal in ordinals {
            let (index, bit) = (ordinal as usize / 64, 1_u64 << (ordinal % 64));
            if let Some(beyond) = index.checked_sub(INLINE) {
                if rest.len() <= beyond {
                    rest.resize(beyond + 1, 0);
                }
                rest[beyond] |= bit;
            } else {
                head[index] |= bit;
            }
        }
        Self { head, rest: trimmed(rest, false), tail: false }
    }
}

impl pubgrub::VersionSet for VersionBits {
    type V = u32;

    fn empty() -> Self {
        Self::none()
    }

    fn full() -> Self {
        Self::every()
    }

    fn singleton(ordinal: u32) -> Self {
        Self::only(ordinal)
    }

    fn complement(&self) -> Self {
        Self {
            head: self.head.map(|word| !word),
            rest: self.rest.iter().map(|word| !word).collect(),
            tail: !self.tail,
        }
    }

    fn intersection(&self, other: &Self) -> Self {
        self.combine(other, |a, b| a & b)
    }

    fn union(&self, other: &Self) -> Self {
        self.combine(other, |a, b| a | b)
    }

    fn contains(&self, ordinal: &u32) -> bool {
        self.has(*ordinal)
    }

    fn is_disjoint(&self, other: &Self) -> bool {
        self.all_words(other, |a, b| a & b == 0)
    }

    fn subset_of(&self, other: &Self) -> bool {
        self.all_words(other, |a, b| a & !b == 0)
    }
}

impl fmt::Display for VersionBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = (INLINE + self.rest.len()) as u32 * 64;
        f.debug_set().entries(self.ordinals(end)).finish()?;
        f.write_str(if self.tail { "…" } else { "" })
    }
}

impl fmt::Debug for VersionBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use pubgrub::VersionSet as _;

    use super::*;

    const END: u32 = 400;

    /// A set and whether it is to be complemented.
    fn any_set() -> impl Strategy<Value = (VersionBits, BTreeSet<u32>)> {
        (proptest::collection::btree_set(0..END, 0..12), any::<bool>()).prop_map(
            |(ordinals, complemented)| {
                let bits: VersionBits = ordinals.iter().copied().collect();
                if complemented {
                    (bits.complement(), (0..END).filter(|ordinal| !ordinals.contains(ordinal)).collect())
                } else {
                    (bits, ordinals)
                }
            },
        )
    }

    proptest! {
        #[test]
        fn operations_agree_with_ordinary_sets(
            (a, plain_a) in any_set(),
            (b, plain_b) in any_set(),
            (c, plain_c) in any_set(),
        ) {
            let listed = |bits: &VersionBits| bits.ordinals(END).collect::<BTreeSet<_>>();

            prop_assert_eq!(listed(&a.intersection(&b)), &plain_a & &plain_b);
            prop_assert_eq!(listed(&a.union(&b)), &plain_a | &plain_b);
            prop_assert_eq!(a.complement().complement(), a.clone());
            prop_assert_eq!(a.is_disjoint(&b), a.intersection(&b) == VersionBits::none());
            prop_assert_eq!(a.subset_of(&b), a.intersection(&b) == a);
            if !(a.tail && b.tail) {
                prop_assert_eq!(a.highest_common(&b), (&plain_a & &plain_b).last().copied());
                prop_assert_eq!(a.count_common(&b) as usize, (&plain_a & &plain_b).len());
                let rest = &(&plain_a & &plain_b) - &plain_c;
                prop_assert_eq!(a.highest_common_but(&b, &c), rest.last().copied());
            }
        }

        #[test]
        fn a_slice_counts_from_its_start((a, plain) in any_set(), start in 0..END, length in 0..100_u32) {
            let end = (start + length).min(END);

            let sliced: Vec<u32> = a.slice(start, end).ordinals(END).collect();

            let expected: Vec<u32> =
                plain.into_iter().filter(|ordinal| (start..end).contains(ordinal)).map(|o| o - start).collect();
            prop_assert_eq!(sliced, expected);
        }
    }
}
