//! Rotary position embedding: the angles by which attention turns queries and keys.
//!
//! Pair `i` of a head at position `p` turns by `p * f_i`, with `f_i = theta^(-2 i / head_dim)` (Su et al.,
//! arXiv:2104.09864, section 3.2.2). Llama 3 stretches the slow pairs for a longer context; see [`Llama3Scaling`].
//!
//! The runtime's `GroupQueryAttention` reads the cosines and sines from tables ([`wheelwork_kernels::angles`]).

use std::f64::consts::TAU;

/// How positions turn into angles.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rope {
    /// `rope_theta`.
    pub theta: f64,
    /// Absent for the plain form.
    pub scaling: Option<Llama3Scaling>,
}

/// `rope_scaling` of type `llama3`: pairs whose wavelength is long in terms of the original context turn slower by
/// `factor`, those whose wavelength is short turn as ever, and those between get a blend of both.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Llama3Scaling {
    /// How much slower the slow pairs turn.
    pub factor: f64,
    /// Pairs that turn fewer than this many times over the original context are slow.
    pub low_freq_factor: f64,
    /// Pairs that turn more than this many times are left alone.
    pub high_freq_factor: f64,
    /// The context, in tokens, before it was stretched.
    pub original_max_position_embeddings: f64,
}

impl Rope {
    /// Angles per position, in radians, one for each pair of a head: `[head_dim / 2]`.
    #[must_use]
    pub fn inverse_frequencies(&self, head_dim: usize) -> Vec<f64> {
        let exponent = |pair: usize| 2.0 * pair as f64 / head_dim as f64;
        (0..head_dim / 2)
            .map(|pair| self.theta.powf(-exponent(pair)))
            .map(|frequency| self.scaling.map_or(frequency, |scaling| scaling.scale(frequency)))
            .collect()
    }
}

impl Llama3Scaling {
    fn scale(&self, frequency: f64) -> f64 {
        let turns = self.original_max_position_embeddings * frequency / TAU;
        if turns < self.low_freq_factor {
            frequency / self.factor
        } else if turns > self.high_freq_factor {
            frequency
        } else {
            let share = (turns - self.low_freq_factor) / (self.high_freq_factor - self.low_freq_factor);
            frequency * ((1.0 - share) / self.factor + share)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_frequencies_fall_from_one_to_one_over_theta() {
        let rope = Rope { theta: 10_000.0, scaling: None };
        let frequencies = rope.inverse_frequencies(128);
        assert_eq!(frequencies.len(), 64);
        assert_eq!(frequencies[0], 1.0);
        assert!((frequencies[32] - 0.01).abs() < 1e-15);
        assert!((frequencies[63] - 10_000_f64.powf(-126.0 / 128.0)).abs() < 1e-18);
    }

    /// The 8B distil's values.
    #[test]
    fn llama3_scaling_has_three_zones_that_meet() {
        let scaling = Llama3Scaling {
            factor: 8.0,
            low_freq_factor: 1.0,
            high_freq_factor: 4.0,
            original_max_position_embeddings: 8192.0,
        };
        let frequency_of = |turns: f64| turns * TAU / 8192.0;
        assert_eq!(scaling.scale(frequency_of(5.0)), frequency_of(5.0));
        assert_eq!(scaling.scale(frequency_of(0.5)), frequency_of(0.5) / 8.0);
        assert!((scaling.scale(frequency_of(1.0)) / (frequency_of(1.0) / 8.0) - 1.0).abs() < 1e-12);
        assert!((scaling.scale(frequency_of(4.0)) / frequency_of(4.0) - 1.0).abs() < 1e-12);
        let between = scaling.scale(frequency_of(2.5)) / frequency_of(2.5);
        assert!((between - (0.5 / 8.0 + 0.5)).abs() < 1e-12);
    }
}
