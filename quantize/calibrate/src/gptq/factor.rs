//! From `H` to what rounding needs: the columns' importance, their order, and how an error in one is undone in others.

use rayon::prelude::*;

use super::cholesky;
use super::hessian::{Hessian, Panel};

/// Added to the diagonal, in parts of its mean: the paper's value. Calibration sees fewer directions than there are.
const DAMPING: f32 = 0.01;
/// How much more is tried where that does not suffice.
const DAMPING_FACTORS: [f32; 4] = [1.0, 10.0, 100.0, 1000.0];

/// The factored Hessian of one matrix's inputs.
#[derive(Debug)]
pub(crate) struct Factor {
    /// Mean square of each column's input, damped: `[columns]`, all positive.
    pub(crate) importance: Vec<f32>,
    pub(crate) panels: Vec<FactorPanel>,
}

/// The factor for some of the columns.
#[derive(Debug)]
pub(crate) struct FactorPanel {
    /// The matrix's columns, the one that matters least first; rounding goes from the last to the first.
    pub(crate) order: Vec<usize>,
    /// `L[i, k] / L[k, k]`, `[columns, columns]` row-major in that order, lower triangle: the part of an error in
    /// column `i` that column `k < i` takes over.
    pub(crate) weights: Vec<f32>,
}

impl Factor {
    /// Factors each panel and drops its sums.
    pub(crate) fn new(hessian: Hessian) -> Self {
        let Hessian { columns, tokens, panels } = hessian;
        let mut importance = Vec::with_capacity(columns);
        let panels = panels
            .into_iter()
            .map(|panel| {
                let diagonal = damped_diagonal(&panel, DAMPING);
                importance.extend(diagonal.iter().map(|sum| sum / tokens.max(1) as f32));
                FactorPanel::new(&panel, &diagonal)
            })
            .collect();
        Self { importance, panels }
    }
}

impl FactorPanel {
    fn new(panel: &Panel, diagonal: &[f32]) -> Self {
        let size = panel.columns.len();
        let mut order: Vec<usize> = (0..size).collect();
        order.sort_by(|&a, &b| diagonal.get(a).unwrap_or(&0.0).total_cmp(diagonal.get(b).unwrap_or(&0.0)));
        let mut weights = vec![0.0; size * size];
        let found = DAMPING_FACTORS.iter().any(|factor| {
            fill(&mut weights, panel, &order, &damped_diagonal(panel, DAMPING * factor));
            cholesky::factor(&mut weights, size).is_ok()
        });
        if found {
            divide_by_diagonal(&mut weights, size);
        } else {
            // Inputs that overflow float32 when squared: every weight is rounded for itself.
            weights.fill(0.0);
        }
        for column in &mut order {
            *column += panel.columns.start;
        }
        Self { order, weights }
    }
}

/// The diagonal with a part of its mean added; ones where nothing was ever seen.
fn damped_diagonal(panel: &Panel, damping: f32) -> Vec<f32> {
    let size = panel.columns.len();
    let diagonal: Vec<f32> = (0..size).map(|column| panel.at(column, column)).collect();
    let mean = diagonal.iter().sum::<f32>() / size.max(1) as f32;
    if mean > 0.0 && mean.is_finite() {
        diagonal.into_iter().map(|sum| sum + damping * mean).collect()
    } else {
        vec![1.0; size]
    }
}

/// The lower triangle of `H` in the given order.
fn fill(matrix: &mut [f32], panel: &Panel, order: &[usize], diagonal: &[f32]) {
    let size = order.len();
    matrix.par_chunks_exact_mut(size.max(1)).zip(order).enumerate().for_each(|(row, (values, &own))| {
        for (value, &other) in values.iter_mut().zip(order).take(row) {
            *value = panel.at(own, other);
        }
        if let (Some(value), Some(sum)) = (values.get_mut(row), diagonal.get(own)) {
            *value = *sum;
        }
    });
}

/// Each column in parts of its diagonal element.
fn divide_by_diagonal(matrix: &mut [f32], size: usize) {
    let inverse: Vec<f32> = (0..size).map(|at| 1.0 / matrix.get(at * size + at).unwrap_or(&1.0)).collect();
    matrix.par_chunks_exact_mut(size.max(1)).enumerate().for_each(|(row, values)| {
        for (value, inverse) in values.iter_mut().zip(&inverse).take(row + 1) {
            *value *= inverse;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_were_never_seen_do_not_stop_the_factor() {
        let mut hessian = Hessian::new(4);
        hessian.add(&[1.0, 2.0, 0.0, 2.0, -1.0, 1.0, 0.0, 1.0]);
        let factor = Factor::new(hessian);
        assert!(factor.importance.iter().all(|importance| *importance > 0.0));
        let panel = &factor.panels[0];
        assert_eq!(panel.order[0], 2, "the column without inputs matters least");
        assert!(panel.weights.iter().all(|weight| weight.is_finite()));

        let nothing = Factor::new(Hessian::new(4));
        assert_eq!(nothing.importance, [1.0; 4]);
        let overflow = {
            let mut hessian = Hessian::new(2);
            hessian.add(&[1e30, 1e30]);
            Factor::new(hessian)
        };
        assert!(overflow.panels[0].weights.iter().all(|weight| weight.is_finite()));
    }
}
