//! Drawing one token by weight.
//!
//! The weights are added up in blocks, so that the search for the token goes through the blocks' sums and then
//! through one block only.

use super::weights::sum;

/// The sum of each block, reused from token to token.
#[derive(Debug, Clone, Default)]
pub(super) struct Blocks {
    sums: Vec<f64>,
}

const BLOCK: usize = 256;

impl Blocks {
    /// The token at `share`, in [0, 1), of the way through the weights `[vocabulary]` in the order of ids. Never one
    /// that weighs 0; `None` if all do.
    pub(super) fn pick(&mut self, weights: &[f32], share: f64) -> Option<u32> {
        self.sums.clear();
        self.sums.extend(weights.chunks(BLOCK).map(sum));
        let whole: f64 = self.sums.iter().sum();
        let (block, rest) = find(self.sums.iter().copied(), share * whole)?;
        let start = block * BLOCK;
        let weights = weights.iter().skip(start).take(BLOCK);
        let (within, _) = find(weights.map(|weight| f64::from(*weight)), rest)?;
        u32::try_from(start + within).ok()
    }
}

/// Where the running sum exceeds `target`, and how much of it is left there. Where rounding hides it, the last
/// that is not 0.
fn find(sums: impl Iterator<Item = f64>, target: f64) -> Option<(usize, f64)> {
    let (mut left, mut last) = (target, None);
    for (index, sum) in sums.enumerate().filter(|(_, sum)| *sum > 0.0) {
        if left < sum {
            return Some((index, left));
        }
        last = Some((index, sum));
        left -= sum;
    }
    last
}
