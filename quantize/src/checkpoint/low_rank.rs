//! What an adapter adds to a matrix, range by range as the matrix is read.

/// `scale * B A`, added to a matrix.
#[derive(Debug)]
pub(super) struct LowRank {
    /// `[rank, columns]`.
    pub a: Vec<f32>,
    /// `[rows, rank]`.
    pub b: Vec<f32>,
    pub rank: usize,
    pub columns: usize,
    pub scale: f32,
}

impl LowRank {
    /// Adds to the elements of the matrix from `first` on.
    pub(super) fn add(&self, first: usize, weights: &mut [f32]) {
        let mut rest = weights;
        let mut at = first;
        while !rest.is_empty() {
            let (row, column) = (at / self.columns, at % self.columns);
            let count = (self.columns - column).min(rest.len());
            let (part, next) = rest.split_at_mut(count);
            let factors = self.b.iter().skip(row * self.rank).take(self.rank);
            for (factor, a) in factors.zip(self.a.chunks_exact(self.columns)) {
                let factor = self.scale * factor;
                for (weight, a) in part.iter_mut().zip(a.iter().skip(column)) {
                    *weight += factor * a;
                }
            }
            at += count;
            rest = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_range_of_elements_gets_its_part_of_the_product() {
        let low_rank = LowRank {
            a: vec![1.0, 2.0, 3.0, 0.0, 1.0, 0.0],
            b: vec![1.0, 10.0, 2.0, 20.0],
            rank: 2,
            columns: 3,
            scale: 0.5,
        };
        let whole = [0.5, 6.0, 1.5, 1.0, 12.0, 3.0];
        for first in 0..6 {
            for last in first..=6 {
                let mut weights = vec![100.0; last - first];
                low_rank.add(first, &mut weights);
                let expected: Vec<f32> = whole[first..last].iter().map(|part| 100.0 + part).collect();
                assert_eq!(weights, expected);
            }
        }
    }
}
