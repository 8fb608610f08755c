//! Means with standard errors, quantiles, and McNemar's exact test.

use wheelwork_package::card::Estimate;

/// A running mean and variance (Welford, Technometrics 4, 1962): no sample is kept.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mean {
    count: u64,
    mean: f64,
    squares: f64,
}

impl Mean {
    pub(crate) fn add(&mut self, sample: f64) {
        self.count += 1;
        let before = sample - self.mean;
        self.mean += before / self.samples();
        self.squares += before * (sample - self.mean);
    }

    pub(crate) fn value(&self) -> f64 {
        self.mean
    }

    /// The variance of the mean: `s^2 / n`; 0 for fewer than two samples.
    pub(crate) fn variance_of_mean(&self) -> f64 {
        if self.count < 2 { 0.0 } else { self.squares / (self.samples() - 1.0) / self.samples() }
    }

    pub(crate) fn estimate(&self) -> Estimate {
        Estimate { value: self.mean, standard_error: self.variance_of_mean().sqrt() }
    }

    fn samples(&self) -> f64 {
        self.count as f64
    }
}

impl FromIterator<f64> for Mean {
    fn from_iter<I: IntoIterator<Item = f64>>(samples: I) -> Self {
        let mut mean = Self::default();
        samples.into_iter().for_each(|sample| mean.add(sample));
        mean
    }
}

/// The smallest sample that at least `share` of the samples do not exceed; 0 without samples.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// McNemar's exact test, two-sided: how likely a split at least as uneven as `broken` against `repaired` is if each
/// flip goes either way with probability 1/2. 1 without flips.
pub(crate) fn mcnemar(broken: usize, repaired: usize) -> f64 {
    let flips = broken + repaired;
    let fewer = broken.min(repaired);
    // Binomial probabilities from their logarithms, which do not overflow: ln C(n, k) grows factor by factor.
    let mut ln_choose = 0.0;
    let mut tail = 0.0;
    for k in 0..=fewer {
        tail += (ln_choose - flips as f64 * std::f64::consts::LN_2).exp();
        ln_choose += ((flips - k) as f64 / (k + 1) as f64).ln();
    }
    (2.0 * tail).min(1.0)
}

/// A part of a whole; `None` of nothing.
pub(crate) fn ratio(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_has_the_textbook_standard_error() {
        // numpy: mean 5, std(ddof=1) 2.138089935299395, over sqrt(8).
        let mean: Mean = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0].into_iter().collect();
        let Estimate { value, standard_error } = mean.estimate();
        assert!((value - 5.0).abs() < 1e-12);
        assert!((standard_error - 0.755_928_946_018_454_4).abs() < 1e-12, "{standard_error}");
    }

    #[test]
    fn quantiles_are_samples() {
        let sorted: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!(quantile(&sorted, 0.99), 198.0);
        assert_eq!(quantile(&sorted, 0.5), 100.0);
        assert_eq!(quantile(&sorted, 1.0), 200.0);
        assert_eq!(quantile(&[], 0.5), 0.0);
    }

    #[test]
    fn mcnemar_gives_the_binomial_tail() {
        // scipy.stats.binomtest(min, n, 0.5).pvalue
        assert_eq!(mcnemar(0, 0), 1.0);
        assert!((mcnemar(1, 9) - 0.021_484_375).abs() < 1e-12);
        assert!((mcnemar(9, 1) - 0.021_484_375).abs() < 1e-12);
        assert!((mcnemar(5, 5) - 1.0).abs() < 1e-12);
        assert!((mcnemar(0, 6) - 0.031_25).abs() < 1e-12);
        assert!(mcnemar(0, 3000) < 1e-300);
    }
}
