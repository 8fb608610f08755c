//! A whole number between two bounds: a dimension, or an element of a tensor that shapes are computed from.

/// Everything from `least` to `most`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) least: i64,
    pub(super) most: i64,
}

impl Span {
    /// Nothing is known.
    pub(super) const ANY: Self = Self { least: i64::MIN, most: i64::MAX };
    /// What comparisons give.
    pub(super) const BIT: Self = Self { least: 0, most: 1 };

    pub(super) const fn exactly(number: i64) -> Self {
        Self { least: number, most: number }
    }

    pub(super) fn up_to(most: i64) -> Self {
        Self { least: 0, most: most.max(0) }
    }

    pub(super) fn exact(self) -> Option<i64> {
        (self.least == self.most).then_some(self.least)
    }

    pub(super) fn hull(self, other: Self) -> Self {
        Self { least: self.least.min(other.least), most: self.most.max(other.most) }
    }

    /// As a dimension: the most of it.
    pub(super) fn size(self) -> u64 {
        u64::try_from(self.most).unwrap_or(0)
    }

    /// An operation that has its extremes at the corners: sums, products, quotients by what keeps its sign. What leaves
    /// 64 bits wraps around in the kernels, so nothing is known of it.
    pub(super) fn corners(self, other: Self, operation: impl Fn(i64, i64) -> Option<i64>) -> Self {
        let corner = |a, b| operation(a, b).map(Self::exactly);
        let corners = [
            corner(self.least, other.least),
            corner(self.least, other.most),
            corner(self.most, other.least),
            corner(self.most, other.most),
        ];
        corners.into_iter().reduce(|one, two| Some(one?.hull(two?))).flatten().unwrap_or(Self::ANY)
    }

    /// Whether dividing by it cannot end the process: x86 raises a signal for zero, and for the least number by -1.
    pub(super) fn is_safe_divisor(self) -> bool {
        self.least >= 1 || self.most <= -2
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn span(one: i64, two: i64) -> Span {
        Span { least: one.min(two), most: one.max(two) }
    }

    proptest! {
        #[test]
        fn corners_hold_every_pair(a in -9_i64..9, b in -9_i64..9, c in -9_i64..9, d in -9_i64..9) {
            let (one, two) = (span(a, b), span(c, d));
            let operations: [fn(i64, i64) -> Option<i64>; 4] =
                [i64::checked_add, i64::checked_sub, i64::checked_mul, i64::checked_div];
            for (index, operation) in operations.into_iter().enumerate() {
                if index == 3 && !two.is_safe_divisor() {
                    continue;
                }
                let found = one.corners(two, operation);
                for x in one.least..=one.most {
                    for y in two.least..=two.most {
                        let exact = operation(x, y).unwrap();
                        prop_assert!((found.least..=found.most).contains(&exact));
                    }
                }
            }
        }
    }

    #[test]
    fn what_leaves_64_bits_is_not_known() {
        let most = Span::exactly(i64::MAX);
        assert_eq!(most.corners(Span::exactly(2), i64::checked_mul), Span::ANY);
        assert!(!Span::ANY.is_safe_divisor() && !Span::exactly(-1).is_safe_divisor());
        assert!(Span::exactly(8).is_safe_divisor() && Span::exactly(-2).is_safe_divisor());
    }
}
