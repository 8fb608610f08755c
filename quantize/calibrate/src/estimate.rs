//! What a calibration would take, from the checkpoint's descriptions alone.
//!
//! Bytes are counted; the time is the arithmetic below at the speed of one product of matrices, measured on this machine:
//!
//! ```text
//! passes   2 a layer, 2 operations a weight and token
//! sums     columns² a token, for each of the four inputs of a layer
//! factor   columns³ / 3, for each of the four
//! rounding rows * columns², for each matrix
//! ```

use std::path::Path;
use std::time::Instant;

use ndarray::Array2;
use ndarray::linalg::general_mat_mul;
use serde::Serialize;
use wheelwork_quantize::QuantizeError;
use wheelwork_quantize::checkpoint::{Checkpoint, Config};

use crate::CalibrateError;
use crate::calibration_text::TextBudget;
use crate::gptq::hessian::Hessian;

/// Program, ONNX Runtime and tokenizer, as measured with the small model.
const PROGRAM_BYTES: u64 = 150 << 20;
/// Rows and columns of the product that the speed is measured on.
const SAMPLE_SIZE: u16 = 512;

/// What [`crate::quantize_best`] takes beside [`wheelwork_quantize::quantize`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CalibrationEstimate {
    /// Tokens of calibration text.
    pub tokens: usize,
    /// Resident memory while layers are calibrated: one layer in float32, its sums, one factor, and one sequence a thread.
    pub memory_bytes: u64,
    /// Activations on disk.
    pub activation_bytes: u64,
    /// Seconds of arithmetic, very roughly; the model's writing of the text is not in it.
    pub seconds: f64,
}

impl CalibrationEstimate {
    /// For a checkpoint and an amount of text.
    ///
    /// # Errors
    /// [`CalibrateError::Quantize`] for a checkpoint that cannot be read.
    pub fn of(checkpoint: &Path, budget: TextBudget) -> Result<Self, CalibrateError> {
        let checkpoint = Checkpoint::open(checkpoint).map_err(QuantizeError::from)?;
        let config = &checkpoint.config;
        let threads = rayon::current_num_threads();
        Ok(Self {
            tokens: budget.tokens,
            memory_bytes: memory(config, budget.sequence_tokens.min(budget.tokens), threads),
            activation_bytes: (budget.tokens * config.hidden_size * size_of::<f32>()) as u64,
            seconds: operations(config, budget.tokens) * seconds_per_operation() / threads as f64,
        })
    }
}

/// Rows and columns of a layer's matrices; those of one input together.
fn matrices(config: &Config) -> [(usize, usize); 4] {
    let (hidden, query) = (config.hidden_size, config.query_size());
    let cached = 2 * config.num_key_value_heads * config.head_dim;
    [
        (query + cached, hidden),
        (hidden, query),
        (2 * config.intermediate_size, hidden),
        (hidden, config.intermediate_size),
    ]
}

fn memory(config: &Config, sequence_tokens: usize, threads: usize) -> u64 {
    let matrices = matrices(config);
    let weights: usize = matrices.iter().map(|(rows, columns)| rows * columns).sum();
    // Sums of what is still to come, with the factor of the one in hand.
    let sums = matrices.map(|(_, columns)| Hessian::values(columns));
    let mut left: usize = sums.iter().map(|(all, _)| all).sum();
    let mut peak = 0;
    for (all, panel) in sums {
        peak = peak.max(left + panel);
        left -= all;
    }
    // A sequence's inputs of all matrices, what comes out of them, and attention scores of all heads.
    let widths: usize = matrices.iter().map(|(rows, columns)| rows + columns).sum();
    let scores = config.num_attention_heads * sequence_tokens * sequence_tokens;
    let values = weights + peak + threads * (sequence_tokens * widths + scores);
    PROGRAM_BYTES + (values * size_of::<f32>()) as u64
}

fn operations(config: &Config, tokens: usize) -> f64 {
    let tokens = tokens as f64;
    let layer: f64 = matrices(config)
        .map(|(rows, columns)| {
            let (rows, columns) = (rows as f64, columns as f64);
            let square = columns * columns;
            4.0 * tokens * rows * columns + tokens * square + square * columns / 3.0 + rows * square
        })
        .iter()
        .sum();
    layer * config.num_hidden_layers as f64
}

/// Of one thread.
fn seconds_per_operation() -> f64 {
    let size = usize::from(SAMPLE_SIZE);
    let (a, b) = (Array2::<f32>::ones((size, size)), Array2::<f32>::ones((size, size)));
    let mut product = Array2::zeros((size, size));
    let start = Instant::now();
    general_mat_mul(1.0, &a, &b, 0.0, &mut product);
    start.elapsed().as_secs_f64() / (2.0 * f64::from(SAMPLE_SIZE).powi(3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_text_takes_more_disk_and_time_but_hardly_more_memory() {
        let checkpoint = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/tiny-r1");
        let of = |tokens| {
            CalibrationEstimate::of(&checkpoint, TextBudget { tokens, sequence_tokens: 512 }).unwrap()
        };
        let (little, much) = (of(1024), of(1024 * 1024));
        assert_eq!(much.activation_bytes, 1024 * little.activation_bytes);
        assert_eq!(much.memory_bytes, little.memory_bytes);
        assert!(much.seconds > little.seconds && little.seconds > 0.0);
    }
}
