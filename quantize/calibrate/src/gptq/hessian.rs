//! `H = X^T X`, summed up over calibration inputs.

use std::ops::Range;

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2, Axis, Slice};
use rayon::prelude::*;

/// The most columns of one panel: 604 MB of float32. A matrix with more of them is cut into panels of equal size, and
/// what columns of different panels have to do with each other is left out.
const PANEL_COLUMNS: usize = 12_288;
/// Panels begin at a multiple of the largest block size, so that no block lies in two.
const PANEL_STEP: usize = 256;
/// Rows of a panel that one worker updates at a time. Fixed, so that sums do not depend on the number of threads.
const CHUNK_ROWS: usize = 256;

/// The sum for one matrix's inputs.
#[derive(Debug)]
pub(crate) struct Hessian {
    /// Elements of an input.
    pub(crate) columns: usize,
    /// Inputs so far.
    pub(crate) tokens: usize,
    pub(crate) panels: Vec<Panel>,
}

/// The sum for some of the columns.
#[derive(Debug)]
pub(crate) struct Panel {
    pub(crate) columns: Range<usize>,
    /// `[columns, columns]`, row-major; only the lower triangle is kept up.
    pub(crate) sums: Vec<f32>,
}

impl Hessian {
    pub(crate) fn new(columns: usize) -> Self {
        Self::with_panels(columns, PANEL_COLUMNS)
    }

    fn with_panels(columns: usize, limit: usize) -> Self {
        let size = panel_size(columns, limit);
        let panels = (0..columns)
            .step_by(size.max(1))
            .map(|first| {
                let columns = first..(first + size).min(columns);
                Panel { sums: vec![0.0; columns.len() * columns.len()], columns }
            })
            .collect();
        Self { columns, tokens: 0, panels }
    }

    /// Values of all panels, and of the largest one.
    pub(crate) fn values(columns: usize) -> (usize, usize) {
        let size = panel_size(columns, PANEL_COLUMNS);
        let panels = (0..columns).step_by(size.max(1)).map(|first| size.min(columns - first).pow(2));
        (panels.sum(), size.pow(2))
    }

    /// Adds inputs `[tokens, columns]`.
    pub(crate) fn add(&mut self, inputs: &[f32]) {
        let tokens = inputs.len() / self.columns.max(1);
        let Ok(inputs) = ArrayView2::from_shape((tokens, self.columns), inputs) else {
            return;
        };
        self.tokens += tokens;
        for panel in &mut self.panels {
            panel.add(inputs.slice_axis(Axis(1), Slice::from(panel.columns.clone())));
        }
    }
}

/// Columns of each panel but the last.
fn panel_size(columns: usize, limit: usize) -> usize {
    columns.div_ceil(columns.div_ceil(limit).max(1)).next_multiple_of(PANEL_STEP).min(columns)
}

impl Panel {
    fn add(&mut self, inputs: ArrayView2<'_, f32>) {
        let size = self.columns.len();
        self.sums.par_chunks_mut(CHUNK_ROWS * size).enumerate().for_each(|(chunk, sums)| {
            let rows = sums.len() / size;
            let first = chunk * CHUNK_ROWS;
            let end = first + rows;
            if let Ok(mut sums) = ArrayViewMut2::from_shape((rows, size), sums) {
                let left = inputs.slice_axis(Axis(1), Slice::from(first..end));
                let right = inputs.slice_axis(Axis(1), Slice::from(..end));
                general_mat_mul(
                    1.0,
                    &left.t(),
                    &right,
                    1.0,
                    &mut sums.slice_axis_mut(Axis(1), Slice::from(..end)),
                );
            }
        });
    }

    /// An element, from whichever triangle.
    pub(crate) fn at(&self, row: usize, column: usize) -> f32 {
        let (row, column) = (row.max(column), row.min(column));
        self.sums.get(row * self.columns.len() + column).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_definition() {
        let (tokens, columns) = (7, 300);
        let inputs: Vec<f32> = (0..tokens * columns).map(|i| ((i * 37 % 19) as f32 - 9.0) / 4.0).collect();
        let mut hessian = Hessian::new(columns);
        let (first, second) = inputs.split_at(3 * columns);
        hessian.add(first);
        hessian.add(second);
        assert_eq!(hessian.tokens, 7);
        for (row, column) in [(0, 0), (299, 0), (17, 291), (255, 256)] {
            let expected: f32 = inputs.chunks(columns).map(|input| input[row] * input[column]).sum();
            assert!((hessian.panels[0].at(row, column) - expected).abs() < 1e-3);
            assert_eq!(hessian.panels[0].at(row, column), hessian.panels[0].at(column, row));
        }
    }

    #[test]
    fn panels_cover_all_columns_and_cut_no_block() {
        for (columns, limit) in [(18_944, 12_288), (1536, 1536), (28_672, 12_288), (100, 12_288), (768, 300)]
        {
            let hessian = Hessian::with_panels(columns, limit);
            let mut end = 0;
            for panel in &hessian.panels {
                assert_eq!(panel.columns.start, end);
                assert!(end == 0 || end % PANEL_STEP == 0);
                end = panel.columns.end;
            }
            assert_eq!(end, columns);
        }
        assert_eq!(Hessian::new(18_944).panels.len(), 2);
    }
}
