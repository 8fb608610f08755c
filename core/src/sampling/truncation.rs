//! Top-k, top-p and min-p, without sorting the vocabulary.
//!
//! Sorted by weight, each of the three keeps the first so many tokens. How many is found like this:
//!
//! 1. [`Histogram::fill`]: add up what is limited, tokens or their weight, in bins. A bin is a 64th of an octave,
//!    so the upper bits of a float name it;
//! 2. [`Histogram::edge`]: go through the bins from the largest weights to where the limit is reached;
//! 3. [`Histogram::keep`]: sort only that bin's tokens, some hundreds, to find the last one that is kept, and set
//!    every weight behind it to 0.

use super::SamplingOptions;
use super::weights::{SMALLEST_EXPONENT, sum};

/// Reused from token to token.
#[derive(Debug, Clone, Default)]
pub(super) struct Histogram {
    bins: Vec<f64>,
    /// The tokens of the edge bin.
    members: Vec<Member>,
}

#[derive(Debug, Clone, Copy)]
struct Member {
    weight: f32,
    id: usize,
}

impl Histogram {
    /// Sets the weights `[vocabulary]` of all tokens that the options do not keep to 0. The best one is always
    /// kept and weighs 1.
    pub(super) fn truncate(&mut self, weights: &mut [f32], options: &SamplingOptions) {
        if options.top_k > 0 {
            self.keep(weights, |_| 1.0, f64::from(options.top_k));
        }
        if options.top_p < 1.0 {
            let limit = f64::from(options.top_p) * sum(weights);
            self.keep(weights, f64::from, limit);
        }
        if options.min_p > 0.0 {
            drop_below(weights, options.min_p);
        }
    }

    /// Keeps the fewest tokens, largest weight first, whose measures reach the limit.
    fn keep(&mut self, weights: &mut [f32], measure: impl Fn(f32) -> f64, limit: f64) {
        self.fill(weights, &measure);
        let Some((edge, mut left)) = self.edge(limit) else { return };
        self.gather(weights, edge);
        self.members.sort_unstable_by(|a, b| b.weight.total_cmp(&a.weight).then(a.id.cmp(&b.id)));

        let last = self.members.iter().position(|member| {
            left -= measure(member.weight);
            left <= 0.0
        });
        // Added up in another order than the bin was, they may miss the limit by a rounding: all are kept.
        let last = last.unwrap_or(self.members.len().saturating_sub(1));
        let Some(&Member { weight: smallest, .. }) = self.members.get(last) else { return };
        drop_below(weights, smallest);
        for equal in self.members.iter().skip(last + 1).take_while(|member| member.weight == smallest) {
            if let Some(weight) = weights.get_mut(equal.id) {
                *weight = 0.0;
            }
        }
    }

    fn fill(&mut self, weights: &[f32], measure: impl Fn(f32) -> f64) {
        self.bins.clear();
        self.bins.resize(BINS, 0.0);
        for &weight in weights {
            if weight > 0.0
                && let Some(bin) = self.bins.get_mut(bin_of(weight))
            {
                *bin += measure(weight);
            }
        }
    }

    /// The bin where the limit is reached and what is left of the limit there; `None` where all together don't.
    fn edge(&self, limit: f64) -> Option<(usize, f64)> {
        let mut left = limit;
        for (index, bin) in self.bins.iter().enumerate() {
            if *bin >= left {
                return Some((index, left));
            }
            left -= bin;
        }
        None
    }

    /// The tokens of a bin. Most rows have none, and to see that needs no branch within the row.
    fn gather(&mut self, weights: &[f32], bin: usize) {
        self.members.clear();
        for (row, start) in weights.chunks(ROW).zip((0..).step_by(ROW)) {
            let any = row.iter().fold(false, |any, weight| any | (bin_of(*weight) == bin));
            if any {
                let members = row.iter().zip(start..).filter(|(weight, _)| bin_of(**weight) == bin);
                self.members.extend(members.map(|(&weight, id)| Member { weight, id }));
            }
        }
    }
}

/// Bits of the mantissa that tell the bins of an octave apart.
const BIN_BITS: u32 = 6;
/// One octave more than weights have, because the smallest are subject to rounding.
const BINS: usize = ((SMALLEST_EXPONENT + 1) << BIN_BITS) as usize;
const ROW: usize = 64;

/// The bin of a weight; 0 has the largest, and a weight of 0 falls behind the last. The bits of positive floats are
/// in the order of the floats.
fn bin_of(weight: f32) -> usize {
    const MANTISSA_BITS: u32 = 23;
    (1.0_f32.to_bits().wrapping_sub(weight.to_bits()) >> (MANTISSA_BITS - BIN_BITS)) as usize
}

fn drop_below(weights: &mut [f32], smallest: f32) {
    for weight in weights {
        *weight = if *weight >= smallest { *weight } else { 0.0 };
    }
}
