//! Two sets of logits compared, position by position.
//!
//! With `p = softmax(reference)` and `q = softmax(package)`, over the whole vocabulary in float64:
//!
//! ```text
//! ln softmax(x)_i = x_i - lse(x)          lse(x) = max x + ln sum exp(x_i - max x)
//! KL(p || q)      = sum p_i (ln p_i - ln q_i)                       nats
//! perplexity      = exp(mean of -ln p(next token))
//! change          = ppl_q - ppl_p, standard error by the delta method with the covariance of both
//! ```
//!
//! As llama.cpp's `perplexity --kl-divergence` reports them, so that figures can be set beside its tables.

use wheelwork_package::card::{AtPositions, Divergence, Estimate};

use super::statistics::{Mean, quantile};
use crate::agreement;

/// Tokens before a position, from which on it counts as later.
const LATER: [usize; 6] = [0, 16, 64, 256, 1024, 4096];

/// Figures over many positions; 8 bytes a position are kept, for quantiles.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    kl: Vec<f64>,
    mean_kl: Mean,
    same_top: Mean,
    squared_delta_p: Mean,
    reference_nll: Mean,
    package_nll: Mean,
    /// Of the difference of both: gives their covariance.
    nll_change: Mean,
    /// Of the positions of each part of [`LATER`].
    by_position: [(usize, Mean); LATER.len()],
}

impl Comparison {
    /// Adds a position: the logits of both, `[vocab_size]`, how many tokens stand before, and the one that follows in the text.
    pub(crate) fn add(&mut self, reference: &[f32], package: &[f32], position: usize, next: u32) {
        let (reference_lse, package_lse) = (log_sum_exp(reference), log_sum_exp(package));
        let kl = divergence(reference, reference_lse, package, package_lse);
        self.kl.push(kl);
        self.mean_kl.add(kl);
        let parts = LATER.iter().zip(&mut self.by_position);
        if let Some((_, (positions, mean_kl))) = parts.rev().find(|(from, _)| **from <= position) {
            *positions += 1;
            mean_kl.add(kl);
        }
        let same_top = agreement::best(reference).0 == agreement::best(package).0;
        self.same_top.add(f64::from(u8::from(same_top)));
        let ln_p = |logits: &[f32], lse: f64| {
            logits.get(next as usize).map_or(f64::NEG_INFINITY, |&logit| f64::from(logit) - lse)
        };
        let (ln_p, ln_q) = (ln_p(reference, reference_lse), ln_p(package, package_lse));
        self.squared_delta_p.add((ln_q.exp() - ln_p.exp()).powi(2));
        self.reference_nll.add(-ln_p);
        self.package_nll.add(-ln_q);
        self.nll_change.add(ln_p - ln_q);
    }

    /// The figures of all positions.
    pub(crate) fn finish(mut self) -> Divergence {
        self.kl.sort_by(f64::total_cmp);
        let perplexity_reference = self.reference_nll.value().exp();
        let perplexity = self.package_nll.value().exp();
        let parts = LATER.iter().zip(&self.by_position).filter(|(_, (positions, _))| *positions > 0);
        let by_position = parts.map(|(from, (positions, mean_kl))| AtPositions {
            from: *from,
            positions: *positions,
            mean_kl: mean_kl.estimate(),
        });
        Divergence {
            by_position: by_position.collect(),
            positions: self.kl.len(),
            mean_kl: self.mean_kl.estimate(),
            median_kl: quantile(&self.kl, 0.5),
            p99_kl: quantile(&self.kl, 0.99),
            max_kl: self.kl.last().copied().unwrap_or_default(),
            same_top: self.same_top.estimate(),
            rms_delta_p: self.squared_delta_p.value().sqrt(),
            perplexity_reference,
            perplexity,
            perplexity_change: Estimate {
                value: perplexity - perplexity_reference,
                standard_error: self.perplexity_change_error(perplexity_reference, perplexity),
            },
        }
    }

    fn perplexity_change_error(&self, reference: f64, package: f64) -> f64 {
        let (var_p, var_q) = (self.reference_nll.variance_of_mean(), self.package_nll.variance_of_mean());
        // var(q - p) = var q + var p - 2 cov
        let covariance = (var_p + var_q - self.nll_change.variance_of_mean()) / 2.0;
        let variance = package * package * var_q + reference * reference * var_p
            - 2.0 * package * reference * covariance;
        variance.max(0.0).sqrt()
    }
}

/// `ln sum exp(x_i)`, in one pass: the sum is scaled anew whenever a larger value comes.
pub(crate) fn log_sum_exp(values: &[f32]) -> f64 {
    let (mut largest, mut sum) = (f64::NEG_INFINITY, 0.0);
    for &value in values {
        let value = f64::from(value);
        if value > largest {
            sum = sum * (largest - value).exp() + 1.0;
            largest = value;
        } else {
            sum += (value - largest).exp();
        }
    }
    largest + sum.ln()
}

fn divergence(reference: &[f32], reference_lse: f64, package: &[f32], package_lse: f64) -> f64 {
    let terms = reference.iter().zip(package).map(|(&p, &q)| {
        let (ln_p, ln_q) = (f64::from(p) - reference_lse, f64::from(q) - package_lse);
        let p = ln_p.exp();
        // 0 ln 0 is 0, also where both logits are minus infinity.
        if p == 0.0 { 0.0 } else { p * (ln_p - ln_q) }
    });
    // Never negative but for rounding.
    terms.sum::<f64>().max(0.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kl(p: &[f32], q: &[f32]) -> f64 {
        divergence(p, log_sum_exp(p), q, log_sum_exp(q))
    }

    #[test]
    fn figures_are_those_of_numpy() {
        // p = softmax([1, 2, 3]), q = softmax([1, 3, 2]); next tokens 2 and 0; the second position is equal.
        let mut comparison = Comparison::default();
        comparison.add(&[1.0, 2.0, 3.0], &[1.0, 3.0, 2.0], 15, 2);
        comparison.add(&[0.0, 0.0, 0.0], &[0.0, 0.0, 0.0], 300, 0);
        let found = comparison.finish();
        // KL = (p_3 - p_2) = 0.665240955774822 - 0.244728471054798
        assert!((found.max_kl - 0.420_512_484_720_024).abs() < 1e-9, "{}", found.max_kl);
        assert!((found.mean_kl.value - 0.210_256_242_360_012).abs() < 1e-9);
        assert_eq!(found.same_top.value, 0.5);
        assert!((found.rms_delta_p - 0.420_512_484_720_024 / 2_f64.sqrt()).abs() < 1e-9);
        // nll p: 0.407605964444380, ln 3; nll q: 1.407605964444380, ln 3.
        let expected = ((0.407_605_964_444_380 + 3_f64.ln()) / 2.0).exp();
        assert!((found.perplexity_reference - expected).abs() < 1e-9);
        assert!((found.perplexity / found.perplexity_reference - 0.5_f64.exp()).abs() < 1e-9);
        assert_eq!(found.positions, 2);
        let parts: Vec<_> = found.by_position.iter().map(|part| (part.from, part.positions)).collect();
        assert_eq!(parts, [(0, 1), (256, 1)]);
        assert!((found.by_position[0].mean_kl.value - found.max_kl).abs() < 1e-12);
    }

    #[test]
    fn equal_logits_change_nothing_with_certainty() {
        let mut comparison = Comparison::default();
        for next in 0_u8..3 {
            let logits = [1.0, f32::from(next), 0.5];
            comparison.add(&logits, &logits, 0, u32::from(next));
        }
        let found = comparison.finish();
        assert_eq!((found.max_kl, found.same_top.value, found.rms_delta_p), (0.0, 1.0, 0.0));
        assert_eq!(found.perplexity_change, Estimate::default());
    }

    #[test]
    fn impossible_tokens_add_nothing() {
        let minus = f32::NEG_INFINITY;
        assert_eq!(kl(&[0.0, minus], &[0.0, minus]), 0.0);
        assert_eq!(kl(&[0.0, minus], &[0.0, 0.0]), std::f64::consts::LN_2);
    }

    proptest! {
        #[test]
        fn a_divergence_is_never_negative_and_zero_for_equals(
            pairs in prop::collection::vec((-30.0_f32..30.0, -30.0_f32..30.0), 1..200),
        ) {
            let (p, q): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
            prop_assert!(kl(&p, &q) >= 0.0);
            prop_assert!(kl(&p, &p) == 0.0);
            // A constant added to all logits changes no distribution.
            let shifted: Vec<f32> = p.iter().map(|logit| logit + 8.0).collect();
            prop_assert!(kl(&p, &shifted) < 1e-5);
        }

        #[test]
        fn one_pass_gives_the_plain_log_sum_exp(values in prop::collection::vec(-80.0_f32..80.0, 1..200)) {
            let plain = values.iter().map(|&value| f64::from(value).exp()).sum::<f64>().ln();
            prop_assert!((log_sum_exp(&values) - plain).abs() < 1e-9);
        }
    }
}
