//! `A = L L^T` in place, for symmetric positive definite `A`: blocks of columns, rows in parallel.
//!
//! For each block of [`BLOCK`] columns, from the left: subtract what the columns before it explain (a matrix product),
//! factor the square on the diagonal, and solve for the rows below it (Golub and Van Loan, *Matrix Computations*,
//! section 4.2.5).

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2, Axis, Slice};
use rayon::prelude::*;

/// Columns of a block.
const BLOCK: usize = 64;
/// Rows that one worker handles at a time.
const CHUNK_ROWS: usize = 128;

/// The matrix has no factor: a pivot is not positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotPositive;

/// Replaces the lower triangle of `matrix`, `[size, size]` row-major, by its factor; the rest is left as it is.
pub(crate) fn factor(matrix: &mut [f32], size: usize) -> Result<(), NotPositive> {
    for first in (0..size).step_by(BLOCK) {
        let last = (first + BLOCK).min(size);
        let width = last - first;
        let (above, below) = matrix.split_at_mut(last * size);
        let Some(own) = above.get_mut(first * size..) else { return Err(NotPositive) };

        let explained = explained_part(own, size, first);
        subtract(own, size, first, width, &explained);
        let square = factor_square(own, size, first, width)?;
        below.par_chunks_mut(CHUNK_ROWS * size).for_each(|rows| {
            subtract(rows, size, first, width, &explained);
            for row in rows.chunks_exact_mut(size) {
                solve(&square, width, row.get_mut(first..last).unwrap_or_default());
            }
        });
    }
    Ok(())
}

/// The block's own rows of the factor, left of the block: `[width, first]`.
fn explained_part(own: &[f32], size: usize, first: usize) -> Vec<f32> {
    own.chunks_exact(size).flat_map(|row| row.iter().take(first)).copied().collect()
}

/// `rows[.., first..first + width] -= rows[.., ..first] * explained^T`.
fn subtract(rows: &mut [f32], size: usize, first: usize, width: usize, explained: &[f32]) {
    let count = rows.len() / size;
    let (Ok(rows), Ok(explained)) =
        (ArrayViewMut2::from_shape((count, size), rows), ArrayView2::from_shape((width, first), explained))
    else {
        return;
    };
    let (done, mut rest) = rows.split_at(Axis(1), first);
    general_mat_mul(
        -1.0,
        &done,
        &explained.t(),
        1.0,
        &mut rest.slice_axis_mut(Axis(1), Slice::from(..width)),
    );
}

/// Factors the square on the diagonal and gives a copy of it, `[width, width]`.
fn factor_square(own: &mut [f32], size: usize, first: usize, width: usize) -> Result<Vec<f32>, NotPositive> {
    let mut square: Vec<f32> =
        own.chunks_exact(size).flat_map(|row| row.iter().skip(first).take(width)).copied().collect();
    for pivot in 0..width {
        let (done, rest) = square.split_at_mut(pivot * width);
        let Some(row) = rest.get_mut(..=pivot) else { return Err(NotPositive) };
        // The row's entries left of the pivot, then what is left for the pivot itself.
        for (column, above) in done.chunks_exact(width).enumerate() {
            let (known, open) = row.split_at_mut(column);
            if let (Some(value), Some(diagonal)) = (open.first_mut(), above.get(column)) {
                *value = (*value - dot(known, above)) / diagonal;
            }
        }
        if let Some((value, known)) = row.split_last_mut() {
            let square = *value - dot(known, known);
            // Written so that NaN is refused.
            if !(square > 0.0 && square.is_finite()) {
                return Err(NotPositive);
            }
            *value = square.sqrt();
        }
    }
    for (pivot, (row, factored)) in own.chunks_exact_mut(size).zip(square.chunks_exact(width)).enumerate() {
        for (value, factored) in row.iter_mut().skip(first).zip(factored).take(pivot + 1) {
            *value = *factored;
        }
    }
    Ok(square)
}

/// Solves `x * square^T = values` for a row, in place.
fn solve(square: &[f32], width: usize, values: &mut [f32]) {
    for (column, row) in square.chunks_exact(width).enumerate() {
        let (known, open) = values.split_at_mut(column.min(values.len()));
        if let (Some(value), Some(diagonal)) = (open.first_mut(), row.get(column)) {
            *value = (*value - dot(known, row)) / diagonal;
        }
    }
}

/// Over the shorter of both, in eight sums, which compilers turn into vector instructions.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let length = a.len().min(b.len());
    let (a, a_rest) = a.get(..length).unwrap_or_default().as_chunks::<8>();
    let (b, b_rest) = b.get(..length).unwrap_or_default().as_chunks::<8>();
    let mut sums = [0.0_f32; 8];
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A well-conditioned symmetric matrix: a random one times its transpose, and the identity.
    fn positive(size: usize) -> Vec<f32> {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32 - 0.5
        };
        let random: Vec<f32> = (0..size * size).map(|_| next()).collect();
        let row = |i: usize| &random[i * size..(i + 1) * size];
        let identity = |i, j| if i == j { 1.0 } else { 0.0 };
        (0..size * size)
            .map(|at| dot(row(at / size), row(at % size)) + identity(at / size, at % size))
            .collect()
    }

    #[test]
    fn the_factor_times_its_transpose_is_the_matrix() {
        for size in [1, 5, 64, 65, 200, 300] {
            let matrix = positive(size);
            let mut factored = matrix.clone();
            factor(&mut factored, size).unwrap();
            let row = |i: usize| &factored[i * size..i * size + i + 1];
            for i in 0..size {
                for j in 0..=i {
                    let product = dot(row(i), row(j));
                    assert!((product - matrix[i * size + j]).abs() < 2e-3, "{size}: {i}, {j}");
                }
            }
        }
    }

    #[test]
    fn a_matrix_without_a_factor_is_refused() {
        let mut matrix = positive(100);
        matrix[70 * 100 + 70] = -1.0;
        assert_eq!(factor(&mut matrix, 100), Err(NotPositive));
        assert_eq!(factor(&mut [f32::NAN], 1), Err(NotPositive));
        assert_eq!(factor(&mut [1.0, 0.0, 2.0, 1.0], 2), Err(NotPositive));
    }
}
