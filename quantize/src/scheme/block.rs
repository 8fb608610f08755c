//! Scale, zero point and codes of a block; several blocks side by side.
//!
//! With codes `q` and steps `d = q - z`, the dequantised weight is `s * d`. [`Fit::Nearest`] spreads the codes evenly:
//! `s = range / (2^b - 1)`, where the range reaches from the least to the greatest weight and holds zero. Symmetric codes have one step
//! more below zero than above, so that there are three even scales, of which a block takes the one with the least error:
//!
//! ```text
//! max|x| / (2^(b-1) - 1/2)                              the largest weight is cut by half a step
//! max|x| / (2^(b-1) - 1)                                none is cut: what llama.cpp's Q8_0 does
//! max(max x / (2^(b-1) - 1), -min x / 2^(b-1))          none is cut, and the lowest code is used
//! ```
//!
//! [`Fit::Search`] minimises the weighted error `sum w (s d - x)^2`. By default `w = mean|x| + |x|`: large weights count
//! more, as they carry more of the output. Where the inputs are known, the columns have weights too: see
//! [`Importance`]. It tries [`SCALES`] scales around the even one and, for each, the nearest
//! integer zero point and its two neighbours. Each pair gives steps `d`; for fixed steps the best scale is known,
//! `s = sum w x d / sum w d^2`, and lowers the error by `(sum w x d)^2 / sum w d^2`. The pair with the largest such
//! value wins, and the weights are rounded once more, to its scale. Sums have 32 bits, so the search does not see
//! differences below a millionth of the signal: it is made for 4-bit codes, whose error is thousands of times that.
//!
//! The scale is then rounded, before the codes are chosen: [`ScaleBits::Sixteen`] to the 11 significant bits that half precision has,
//! [`ScaleBits::Eight`] to the five of a number of 8 bits (an exponent of four bits, a fraction of four). Those are 3 to 6 % apart, so
//! [`Fit::Search`] looks for any scale as above, but with half of [`SCALES`], and then takes the best of the numbers beside it, whose gain
//! is `s (2 sum w x d - s sum w d^2)`; [`Fit::Nearest`] takes the next above the even one. Where such numbers end, at 2 and 2^-14, scales keep
//! 11 bits.
//!
//! Scanning scales under importance weights is llama.cpp's idea (`make_qkx2_quants`), which ONNX Runtime's `k_quant`
//! has too. Both search a real minimum and round the zero point afterwards; here it is an integer throughout,
//! because that is what the runtime's fast kernels read.

use super::lanes::{LANES, Lanes};
use super::{BlockScheme, Fit, ScaleBits};

/// Scales tried by [`Fit::Search`]: `range / (2^b - 1 + g)` for `g` evenly from -2 to 4.
/// On Gaussian and heavy-tailed blocks of 32 the error is within 0.3 % of that of a search thirty times as fine.
pub const SCALES: u8 = 16;
/// Negative: a scale wider than the even one, which leaves codes unused.
const GRID_START: f32 = -2.0;
/// The grid ends at 4: a scale narrower by four codes, which cuts outliers where that helps the rest.
const GRID_STEP: f32 = 0.4;
/// Zero points beside the nearest one, and itself.
const NEIGHBOURS: [f32; 3] = [-1.0, 0.0, 1.0];

/// Scale and zero point of each block. Zero points are whole numbers in `0..2^b`.
#[derive(Debug, Clone, Copy)]
struct Grid {
    scale: Lanes,
    zero_point: Lanes,
}

/// What a weight's squared error counts in [`Fit::Search`]; `C` holds one number a column, at least zero and finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Importance<C> {
    /// `mean|x| + |x|` over the block.
    Magnitude,
    /// That of the column, such as the mean square `h` of the input that meets it: the diagonal of the Hessian.
    Columns(C),
    /// Both, multiplied.
    ColumnsAndMagnitude(C),
}

/// What [`encode`] finds.
pub(crate) struct Encoded {
    /// Positive and finite.
    pub scales: [f32; LANES],
    pub zero_points: [u8; LANES],
}

/// Quantises [`LANES`] blocks of finite weights: `blocks[k]` holds weight `k` of each block and is changed, `codes[k]`
/// becomes its codes.
#[inline(always)]
pub(crate) fn encode<const SIZE: usize>(
    scheme: BlockScheme,
    blocks: &mut [Lanes; SIZE],
    importance: Importance<&[Lanes; SIZE]>,
    codes: &mut [[u8; LANES]; SIZE],
) -> Encoded {
    let (least, greatest) = bounds(blocks);
    // A power of two brings the largest weight to between 1 and 4 (less for denormal ones), without rounding: after
    // that neither huge nor denormal weights are a special case.
    let (factor, unit) = powers_of_two((-least).max(greatest).abs());
    for weights in blocks.iter_mut() {
        *weights = *weights * factor;
    }
    let grid = fit(scheme, blocks, importance, (least * factor, greatest * factor), unit);

    let largest = Lanes::splat(f32::from(scheme.bits.largest_code()));
    let inverse = Lanes::splat(1.0) / grid.scale;
    for (weights, codes) in blocks.iter().zip(codes) {
        let step = (*weights * inverse).round().clamp(-grid.zero_point, largest - grid.zero_point);
        *codes = (step + grid.zero_point).0.map(code);
    }
    Encoded { scales: (grid.scale * unit).0, zero_points: grid.zero_point.0.map(code) }
}

/// What scales and zero points are looked for in: blocks, and the range that their weights need.
struct Task<'a, const SIZE: usize> {
    scheme: BlockScheme,
    blocks: &'a [Lanes; SIZE],
    importance: Importance<&'a [Lanes; SIZE]>,
    least: Lanes,
    greatest: Lanes,
    middle: Lanes,
    largest: Lanes,
}

#[inline(always)]
fn fit<const SIZE: usize>(
    scheme: BlockScheme,
    blocks: &[Lanes; SIZE],
    importance: Importance<&[Lanes; SIZE]>,
    (least, greatest): (Lanes, Lanes),
    unit: Lanes,
) -> Grid {
    let [middle, largest] =
        [scheme.bits.middle_code(), scheme.bits.largest_code()].map(|code| Lanes::splat(f32::from(code)));
    let task = Task { scheme, blocks, importance, least, greatest, middle, largest };
    let grid = match scheme.scale_bits {
        ScaleBits::Sixteen => task.half_precision(),
        ScaleBits::Eight => {
            let short = task.short();
            // By the even scale, so that every fit decides alike.
            let even = task.spread(0.0) * unit;
            let is_within = LARGEST_EVEN.exceeds(even).and(even.exceeds(LEAST_EVEN));
            if is_within.all() {
                short
            } else {
                let long = task.half_precision();
                Grid {
                    scale: is_within.select(short.scale, long.scale),
                    zero_point: is_within.select(short.zero_point, long.zero_point),
                }
            }
        }
    };
    // One value throughout a block: a step of exactly that size makes it exact. All zeros need no step.
    let constant = least.equals(greatest);
    let no_step = Lanes::splat(LEAST_SHORT) / unit;
    let only_scale = least.equals(Lanes::ZERO).select(no_step, least.abs());
    Grid {
        scale: constant.select(only_scale, grid.scale),
        zero_point: constant.select(middle, grid.zero_point),
    }
}

impl<const SIZE: usize> Task<'_, SIZE> {
    /// A range for all steps, and where it begins.
    #[inline(always)]
    fn range(&self) -> (Lanes, Lanes) {
        if self.scheme.symmetric {
            ((-self.least).max(self.greatest) * Lanes::splat(2.0), Lanes::ZERO)
        } else {
            let start = self.least.min(Lanes::ZERO);
            (self.greatest.max(Lanes::ZERO) - start, start)
        }
    }

    /// A scale with the nearest zero point.
    #[inline(always)]
    fn grid(&self, scale: Lanes) -> Grid {
        let zero_point = if self.scheme.symmetric {
            self.middle
        } else {
            (-self.range().1 / scale).round().clamp(Lanes::ZERO, self.largest)
        };
        Grid { scale, zero_point }
    }

    /// The scale that spreads the range over so many codes more than there are.
    #[inline(always)]
    fn spread(&self, extra_codes: f32) -> Lanes {
        self.range().0 / (self.largest + Lanes::splat(extra_codes))
    }

    /// Even scales of symmetric codes.
    #[inline(always)]
    fn even(&self) -> [Lanes; 3] {
        let Self { least, greatest, middle, .. } = *self;
        let above = self.largest - middle;
        [self.spread(0.0), (-least).max(greatest) / above, (greatest / above).max(-least / middle)]
    }

    /// Scales around the even one, each with the nearest zero point; some codes more and less, `step` codes apart.
    #[inline(always)]
    fn around(&self, step: u8) -> impl Iterator<Item = Grid> {
        let codes = (0..SCALES).step_by(step.into()).map(|index| GRID_START + GRID_STEP * f32::from(index));
        codes.map(|extra_codes| self.grid(self.spread(extra_codes)))
    }

    /// With a scale that half precision has.
    #[inline(always)]
    fn half_precision(&self) -> Grid {
        let Self { scheme, blocks, middle, largest, .. } = *self;
        let even = self.grid(self.spread(0.0));
        let grid = match (scheme.fit, scheme.symmetric) {
            (Fit::Nearest, false) => even,
            (Fit::Nearest, true) => self.grid(nearest(blocks, self.even(), -middle, largest - middle)),
            (Fit::Search, true) => {
                let around = self.around(1).chain(self.even().map(|scale| self.grid(scale)));
                self.search::<1, false>(&self.importance.of(blocks), [0.0], even, around)
            }
            (Fit::Search, false) => {
                self.search::<3, false>(&self.importance.of(blocks), NEIGHBOURS, even, self.around(1))
            }
        };
        Grid { scale: half_precision(grid.scale), ..grid }
    }

    /// With a scale that has five significant bits.
    #[inline(always)]
    fn short(&self) -> Grid {
        let symmetric = self.scheme.symmetric;
        // No weight is cut by more than by the even scale itself.
        let [spread, cut_nothing, _] = self.even();
        let even = self.grid((if symmetric { cut_nothing } else { spread }).map(short_from));
        if self.scheme.fit == Fit::Nearest {
            return even;
        }
        // Roughly, as if any scale could be; then all that can be beside what was found.
        let beside = |rough: Grid| {
            let below = rough.scale.map(short_to);
            let above = below.map(short_behind);
            let scales = [below.map(short_before), below, above, above.map(short_behind)];
            scales.into_iter().map(move |scale| Grid { scale, ..rough }).chain([even])
        };
        let importance = self.importance.of(self.blocks);
        if symmetric {
            let rough = self.search::<1, false>(&importance, [0.0], even, self.around(2));
            self.search::<1, true>(&importance, [0.0], even, beside(rough))
        } else {
            let rough = self.search::<3, false>(&importance, NEIGHBOURS, even, self.around(2));
            self.search::<3, true>(&importance, NEIGHBOURS, even, beside(rough))
        }
    }

    /// The best of some scales, each with its zero point and those at `offsets` from it. The scales are kept, or each is made the best
    /// for its steps.
    #[inline(always)]
    fn search<const ZEROS: usize, const KEEPS_SCALES: bool>(
        &self,
        importance: &[Lanes; SIZE],
        offsets: [f32; ZEROS],
        start: Grid,
        grids: impl Iterator<Item = Grid>,
    ) -> Grid {
        let (blocks, largest) = (self.blocks, self.largest);
        let mut best = start;
        let mut best_gain = Lanes::ZERO;
        for near in grids {
            let inverse = Lanes::splat(1.0) / near.scale;
            let zero_points =
                offsets.map(|offset| (near.zero_point + Lanes::splat(offset)).clamp(Lanes::ZERO, largest));
            let lows = zero_points.map(|zero_point| -zero_point);
            let highs = zero_points.map(|zero_point| largest - zero_point);

            let mut weight_step = [Lanes::ZERO; ZEROS];
            let mut step_step = [Lanes::ZERO; ZEROS];
            for (&weights, &importance) in blocks.iter().zip(importance) {
                let nearest = (weights * inverse).round();
                for zero in 0..ZEROS {
                    let step = nearest.clamp(lows[zero], highs[zero]);
                    let weighted = importance * step;
                    weight_step[zero] += weighted * weights;
                    step_step[zero] += weighted * step;
                }
            }

            for zero in 0..ZEROS {
                // The best one for these steps, or the one that is kept.
                let (scale, gain) = if KEEPS_SCALES {
                    let twice = weight_step[zero] + weight_step[zero];
                    (near.scale, near.scale * (twice - near.scale * step_step[zero]))
                } else {
                    let scale = weight_step[zero] / step_step[zero];
                    // NaN, and so no winner, where every weight rounded to zero.
                    (scale, weight_step[zero] * scale)
                };
                let better = gain.exceeds(best_gain);
                best_gain = better.select(gain, best_gain);
                best.scale = better.select(scale, best.scale);
                best.zero_point = better.select(zero_points[zero], best.zero_point);
            }
        }
        best
    }
}

/// The least number of 8 bits that has five significant ones.
const LEAST_SHORT: f32 = 1.0 / 16_384.0;
/// Even scales between these two have the numbers of 8 bits around them that a search may take.
const LEAST_EVEN: Lanes = Lanes::splat(1.05 * LEAST_SHORT);
const LARGEST_EVEN: Lanes = Lanes::splat(1.5);
/// Significant bits of float32 that a number with five of them lacks.
const SHORT_DROPPED: u32 = 19;

/// The largest number with five significant bits that is not above a positive one.
#[inline(always)]
fn short_to(scale: f32) -> f32 {
    f32::from_bits(scale.to_bits() >> SHORT_DROPPED << SHORT_DROPPED)
}

/// The smallest that is not below it.
#[inline(always)]
fn short_from(scale: f32) -> f32 {
    short_to(f32::from_bits(scale.to_bits() + (1 << SHORT_DROPPED) - 1))
}

/// The one before such a number.
#[inline(always)]
fn short_before(scale: f32) -> f32 {
    f32::from_bits(scale.to_bits().saturating_sub(1 << SHORT_DROPPED))
}

/// The one behind it.
#[inline(always)]
fn short_behind(scale: f32) -> f32 {
    f32::from_bits(scale.to_bits() + (1 << SHORT_DROPPED))
}

/// Of some scales the one with the least squared error, with steps from `low` to `high`.
#[inline(always)]
fn nearest<const SIZE: usize, const SCALES: usize>(
    blocks: &[Lanes; SIZE],
    scales: [Lanes; SCALES],
    low: Lanes,
    high: Lanes,
) -> Lanes {
    let (mut best, mut least) = (Lanes::ZERO, Lanes::splat(f32::INFINITY));
    for scale in scales.map(half_precision) {
        let inverse = Lanes::splat(1.0) / scale;
        let mut error = Lanes::ZERO;
        for &weights in blocks {
            let left = weights - (weights * inverse).round().clamp(low, high) * scale;
            error += left * left;
        }
        // NaN, and so no winner, for a block of zeros.
        let better = least.exceeds(error);
        least = better.select(error, least);
        best = better.select(scale, best);
    }
    best
}

impl<const SIZE: usize> Importance<&[Lanes; SIZE]> {
    #[inline(always)]
    fn of(self, blocks: &[Lanes; SIZE]) -> [Lanes; SIZE] {
        if let Self::Columns(columns) = self {
            return *columns;
        }
        let mean = mean_magnitude(blocks);
        let mut importance = blocks.map(|weights| mean + weights.abs());
        if let Self::ColumnsAndMagnitude(columns) = self {
            for (importance, &column) in importance.iter_mut().zip(columns) {
                *importance = *importance * column;
            }
        }
        importance
    }
}

#[inline(always)]
fn mean_magnitude<const SIZE: usize>(blocks: &[Lanes; SIZE]) -> Lanes {
    let mut sum = Lanes::ZERO;
    for &weights in blocks {
        sum += weights.abs();
    }
    let count = Lanes::splat(SIZE as f32);
    sum / count
}

/// The nearest numbers with the 11 significant bits of a half-precision float. The codes are chosen for these: the
/// error of `tiny-r1` grows by a factor of 1.000006, and its packed file gets 6.8 % smaller.
#[inline(always)]
fn half_precision(scales: Lanes) -> Lanes {
    /// Significant bits of float32 that half precision lacks.
    const DROPPED: u32 = 13;
    scales.map(|scale| {
        let bits = scale.to_bits();
        let half_less_one_if_even = (1 << (DROPPED - 1)) - 1 + (bits >> DROPPED & 1);
        f32::from_bits((bits + half_less_one_if_even) >> DROPPED << DROPPED)
    })
}

/// The least and the greatest weight of each block.
#[inline(always)]
fn bounds<const SIZE: usize>(blocks: &[Lanes; SIZE]) -> (Lanes, Lanes) {
    let mut least = Lanes::splat(f32::INFINITY);
    let mut greatest = Lanes::splat(f32::NEG_INFINITY);
    for &weights in blocks {
        least = least.min(weights);
        greatest = greatest.max(weights);
    }
    (least, greatest)
}

/// A power of two that brings a magnitude to between 1 and 4, and its reciprocal. For denormal magnitudes the first
/// is the largest power of two there is.
#[inline(always)]
fn powers_of_two(magnitudes: Lanes) -> (Lanes, Lanes) {
    // The exponent field e stands for 2^(e - 127). The two fields add up to 254, and neither may be 0 or 255.
    let exponent = |magnitude: f32| (magnitude.to_bits() >> 23).clamp(1, 253);
    (
        magnitudes.map(|magnitude| f32::from_bits((254 - exponent(magnitude)) << 23)),
        magnitudes.map(|magnitude| f32::from_bits(exponent(magnitude) << 23)),
    )
}

/// A whole number of `0..=255` as a byte.
#[inline(always)]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // in range by construction
fn code(value: f32) -> u8 {
    value as i32 as u8
}
