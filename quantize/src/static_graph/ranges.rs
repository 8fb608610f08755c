//! How large each activation gets, and the encodings that follow: one table for both graphs of a model.

use std::collections::BTreeMap;

use wheelwork_package::card::Encoding;

/// Room beyond what calibration has seen, in parts of the range: a value cut off costs more than a coarser step.
const HEADROOM: f32 = 0.1;
/// An activation that was zero throughout still needs a step.
const SMALLEST_STEP: f32 = 1e-9;
/// By how much a masked score lies below the least of all scores: its share is then `e^-20`.
const MASK_DEPTH: f32 = 20.0;

/// What an activation goes from and to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// The least value, at most 0.
    pub low: f32,
    /// The greatest value, at least 0.
    pub high: f32,
}

impl Range {
    /// The range of what has only been zero.
    pub const NONE: Self = Self { low: 0.0, high: 0.0 };

    /// From `-radius` to `radius`.
    #[must_use]
    pub fn symmetric(radius: f32) -> Self {
        Self { low: -radius, high: radius }
    }

    /// The range that holds both.
    #[must_use]
    pub fn include(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    /// As 16-bit codes, with headroom.
    #[must_use]
    pub fn wide(self) -> Encoding {
        let grown = (self.high - self.low) * HEADROOM / 2.0;
        // What has one sign keeps it: its zero is the end of the range.
        let low = if self.low < 0.0 { self.low - grown } else { 0.0 };
        let high = if self.high > 0.0 { self.high + grown } else { 0.0 };
        Self { low, high }.exact()
    }

    /// As 16-bit codes, without headroom.
    #[must_use]
    pub fn exact(self) -> Encoding {
        let scale = ((self.high - self.low) / f32::from(u16::MAX)).max(SMALLEST_STEP);
        let zero_point = (-self.low / scale).round().clamp(0.0, f32::from(u16::MAX));
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // in range by the clamp
        Encoding { scale, zero_point: zero_point as u16 }
    }

    /// As 8-bit codes with the zero in the middle: what caches hold.
    #[must_use]
    pub fn narrow(self) -> Encoding {
        let radius = self.high.max(-self.low);
        Encoding { scale: (radius / 127.0).max(SMALLEST_STEP), zero_point: 128 }
    }
}

/// The ranges of all activations of a model, by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ranges(BTreeMap<String, Range>);

impl Ranges {
    /// Widens an activation's range.
    pub fn include(&mut self, name: &str, range: Range) {
        let known = self.0.entry(name.to_owned()).or_insert(Range::NONE);
        *known = known.include(range);
    }

    /// An activation's range.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Range> {
        self.0.get(name).copied()
    }

    /// What is added to scores that must not count, over all layers: below the least score by `MASK_DEPTH` even for
    /// the greatest one.
    #[must_use]
    pub fn mask_minimum(&self) -> f32 {
        let scores = self.0.iter().filter(|(name, _)| name.ends_with(super::layer::SCORES));
        let widest = scores.map(|(_, range)| range.high - range.low).fold(0.0, f32::max);
        -(widest + MASK_DEPTH).ceil()
    }

    /// The range of masked scores: a score that does not count is cut off at its end.
    #[must_use]
    pub fn masked(scores: Range) -> Range {
        Range { low: scores.low - MASK_DEPTH, high: scores.high }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_exact_and_the_ends_are_within() {
        for range in
            [Range { low: -3.0, high: 5.0 }, Range { low: 0.0, high: 2.0 }, Range { low: -7.0, high: 0.0 }]
        {
            for encoding in [range.wide(), range.exact()] {
                let number = |code: u16| (f32::from(code) - f32::from(encoding.zero_point)) * encoding.scale;
                assert!(
                    number(0) <= range.low + encoding.scale
                        && number(u16::MAX) >= range.high - encoding.scale
                );
            }
        }
        assert_eq!(Range { low: 0.0, high: 1.0 }.exact().zero_point, 0);
        assert_eq!(Range { low: -1.0, high: 0.5 }.narrow(), Encoding { scale: 1.0 / 127.0, zero_point: 128 });
        assert!(Range::NONE.wide().scale > 0.0);
    }

    #[test]
    fn the_mask_lies_below_every_score() {
        let mut ranges = Ranges::default();
        ranges
            .include(&format!("a.{}", crate::static_graph::layer::SCORES), Range { low: -30.0, high: 12.5 });
        ranges.include("b", Range { low: -1000.0, high: 0.0 });
        assert_eq!(ranges.mask_minimum(), -63.0);
    }
}
