//! Logits to weights: e^((l − l_max) / t), between 0 and 1, not normalised.
//!
//! Weights below 2⁻⁴⁴ become 0. Even a million of them, as many tokens as a tokenizer may have, would together
//! be 2⁻²⁴ of the best token's weight: less than the rounding of one float.

use std::f32::consts::LOG2_E;

/// The power of two of the smallest weight that is kept.
pub(super) const SMALLEST_EXPONENT: u32 = 44;

pub(super) fn from_logits(logits: &mut [f32], largest: f32, temperature: f32) {
    // Powers of two are what floats are made of, so the base changes here, once.
    // A temperature next to 0 would make the scale infinite, and 0 · ∞ is not a number.
    let scale = (LOG2_E / temperature).min(f32::MAX);
    for logit in logits {
        *logit = exp2((*logit - largest) * scale);
    }
}

/// Added up in lanes, so that the compiler may use vectors: it must not reorder a sum of floats by itself.
pub(super) fn sum(weights: &[f32]) -> f64 {
    const LANES: usize = 16;
    let (rows, rest) = weights.as_chunks::<LANES>();
    let mut lanes = [0.0_f32; LANES];
    for row in rows {
        for (lane, weight) in lanes.iter_mut().zip(row) {
            *lane += weight;
        }
    }
    lanes.iter().chain(rest).map(|lane| f64::from(*lane)).sum()
}

/// 2^x for x ≤ 0, within 3·10⁻⁷ of it; 0 below [`SMALLEST_EXPONENT`].
///
/// 2^x = 2^n · e^(f ln 2) with n the integer next to x and |f| ≤ 1/2. The second factor is the Taylor series up to
/// f⁷, whose error is below 6·10⁻⁹. No table and no branch, so the compiler makes vectors of it.
fn exp2(x: f32) -> f32 {
    /// Adding it leaves the nearest integer in the lowest bits of the sum.
    const ROUNDER: f32 = 12_582_912.0;
    /// (ln 2)^k / k! for k = 7 to 1.
    const SERIES: [f32; 7] = [
        1.525_273_4e-5,
        1.540_353e-4,
        1.333_355_8e-3,
        9.618_129e-3,
        5.550_411e-2,
        0.240_226_5,
        std::f32::consts::LN_2,
    ];
    let lowest = -(SMALLEST_EXPONENT as f32);
    let clamped = if x > lowest { x } else { lowest };
    let rounded = clamped + ROUNDER;
    let fraction = clamped - (rounded - ROUNDER);
    let series = SERIES.iter().fold(0.0, |sum, factor| (sum + factor) * fraction) + 1.0;
    // The integer moves to the place of a float's exponent, biased by 127.
    let power = f32::from_bits(rounded.to_bits().wrapping_add(127) << 23);
    if x > lowest { series * power } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_exact_to_a_few_roundings() {
        for step in 0..=440_000 {
            let x = -(step as f32) * 1e-4;
            let (found, expected) = (f64::from(exp2(x)), f64::from(x).exp2());
            if x > -44.0 {
                assert!((found / expected - 1.0).abs() < 3e-7, "2^{x}: {found}, expected {expected}");
            } else {
                assert_eq!(found, 0.0);
            }
        }
        assert_eq!(exp2(0.0), 1.0);
        assert_eq!(exp2(f32::NEG_INFINITY), 0.0);
        assert_eq!(exp2(-f32::MAX), 0.0);
    }

    #[test]
    fn the_best_token_weighs_one_at_any_temperature() {
        for temperature in [f32::MIN_POSITIVE, 1e-30, 0.6, 1.0, 100.0] {
            let mut logits = [3.0, -2.0, f32::NEG_INFINITY, f32::MIN, 3.0];
            from_logits(&mut logits, 3.0, temperature);
            assert_eq!([logits[0], logits[2], logits[4]], [1.0, 0.0, 1.0], "{temperature}");
            assert!(logits.iter().all(|weight| (0.0..=1.0).contains(weight)), "{temperature}");
        }
    }
}
