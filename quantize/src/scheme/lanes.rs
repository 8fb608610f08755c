//! Arithmetic on several blocks side by side: lane `i` belongs to block `i`, and no lane ever reads another.
//!
//! Plain arrays, so that the compiler makes vector instructions of whatever width the target has. Since each lane is
//! ordinary scalar arithmetic in a fixed order, without fused operations, the result is the same on every machine.

use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

/// Blocks handled together: two registers of the narrowest x86-64 and ARM machines.
pub(crate) const LANES: usize = 8;

/// One number for each block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lanes(pub [f32; LANES]);

/// One truth for each block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mask([bool; LANES]);

impl Lanes {
    pub(crate) const ZERO: Self = Self::splat(0.0);

    /// The same number for each block.
    #[inline(always)]
    pub(crate) const fn splat(value: f32) -> Self {
        Self([value; LANES])
    }

    /// A plain loop over an array: measured a fifth faster than `array::from_fn`.
    #[inline(always)]
    fn each(value: impl Fn(usize) -> f32) -> Self {
        let mut lanes = [0.0; LANES];
        for (lane, slot) in lanes.iter_mut().enumerate() {
            *slot = value(lane);
        }
        Self(lanes)
    }

    #[inline(always)]
    pub(crate) fn map(self, function: impl Fn(f32) -> f32) -> Self {
        Self::each(|lane| function(self.0[lane]))
    }

    #[inline(always)]
    fn zip(self, other: Self, function: impl Fn(f32, f32) -> f32) -> Self {
        Self::each(|lane| function(self.0[lane], other.0[lane]))
    }

    #[inline(always)]
    pub(crate) fn abs(self) -> Self {
        self.map(f32::abs)
    }

    /// The smaller of each pair. Written as a comparison because `f32::min` also orders NaN, which never comes.
    #[inline(always)]
    pub(crate) fn min(self, other: Self) -> Self {
        self.zip(other, |a, b| if a < b { a } else { b })
    }

    /// The larger of each pair.
    #[inline(always)]
    pub(crate) fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    pub(crate) fn clamp(self, low: Self, high: Self) -> Self {
        self.max(low).min(high)
    }

    /// The nearest whole number, ties to even, for magnitudes below 2^22: the addition leaves no fraction bits.
    /// `f32::round_ties_even` says the same, but is a call where the instruction set has no rounding.
    #[inline(always)]
    pub(crate) fn round(self) -> Self {
        const WHOLE: f32 = 12_582_912.0; // 1.5 * 2^23
        self.map(|value| (value + WHOLE) - WHOLE)
    }

    /// True where `self > other`; false where either is NaN.
    #[inline(always)]
    pub(crate) fn exceeds(self, other: Self) -> Mask {
        Mask(std::array::from_fn(|lane| self.0[lane] > other.0[lane]))
    }

    #[inline(always)]
    pub(crate) fn equals(self, other: Self) -> Mask {
        Mask(std::array::from_fn(|lane| self.0[lane] == other.0[lane]))
    }
}

impl Mask {
    #[inline(always)]
    pub(crate) fn and(self, other: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane] && other.0[lane]))
    }

    #[inline(always)]
    pub(crate) fn all(self) -> bool {
        !self.0.contains(&false)
    }

    /// `yes` where true, `no` elsewhere.
    #[inline(always)]
    pub(crate) fn select(self, yes: Lanes, no: Lanes) -> Lanes {
        Lanes::each(|lane| if self.0[lane] { yes.0[lane] } else { no.0[lane] })
    }
}

/// An operator lane by lane.
macro_rules! lane_by_lane {
    ($($operator:ident $method:ident $sign:tt),+) => {$(
        impl $operator for Lanes {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                self.zip(other, |a, b| a $sign b)
            }
        }
    )+};
}

lane_by_lane!(Add add +, Sub sub -, Mul mul *, Div div /);

impl AddAssign for Lanes {
    #[inline(always)]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Neg for Lanes {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        self.map(|value| -value)
    }
}
