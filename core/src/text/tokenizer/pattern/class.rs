//! Which characters one instruction takes.

use regex_syntax::hir::ClassUnicode;

/// A set of characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Class {
    /// A bit each of the 128 characters that texts mostly consist of.
    ascii: u128,
    /// All of them, ascending, as first and last of each range.
    ranges: Vec<(char, char)>,
}

impl Class {
    pub(super) fn of(class: &ClassUnicode) -> Self {
        let ranges: Vec<_> = class.iter().map(|range| (range.start(), range.end())).collect();
        let mut ascii = 0;
        for (first, last) in ranges.iter().filter(|(first, _)| first.is_ascii()) {
            let last = u32::from(*last).min(127);
            (u32::from(*first)..=last).for_each(|code| ascii |= 1 << code);
        }
        Self { ascii, ranges }
    }

    pub(super) fn of_one(char: char) -> Self {
        let ascii = if char.is_ascii() { 1 << u32::from(char) } else { 0 };
        Self { ascii, ranges: vec![(char, char)] }
    }

    pub(super) fn has(&self, char: char) -> bool {
        if char.is_ascii() {
            return self.ascii >> u32::from(char) & 1 == 1;
        }
        let after = self.ranges.partition_point(|(first, _)| *first <= char);
        after.checked_sub(1).and_then(|place| self.ranges.get(place)).is_some_and(|(_, last)| char <= *last)
    }
}
