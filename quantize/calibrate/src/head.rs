//! The end of the model: the last norm, and the output projection in slabs of vocabulary rows.
//!
//! At a vocabulary of 152,064 and a hidden size of 3,584 the projection is 2.2 GB of float32. It is read slab by slab
//! instead, once for every chunk of positions; a chunk is as many positions as have their logits in
//! [`LOGITS_BYTES`].

use ort::session::Session;
use ort::value::TensorRef;
use wheelwork_onnx::{Dimension, ElementType, Graph, Model, Node};
use wheelwork_quantize::architecture::names;
use wheelwork_quantize::checkpoint::Config;

use crate::weights::Weights;
use crate::{CalibrateError, runtime};

/// Bytes of logits held at once.
const LOGITS_BYTES: usize = 256 << 20;
/// Bytes of the projection held at once, in float32.
const SLAB_BYTES: usize = 64 << 20;

const INPUT: &str = "input";
const WEIGHT: &str = "weight";
const PRODUCT: &str = "product";

/// The last norm and the output projection.
pub(crate) struct Head<'a> {
    weights: Weights<'a>,
    session: Session,
    norm: Vec<f32>,
    slab: Vec<f32>,
}

impl<'a> Head<'a> {
    pub(crate) fn new(weights: Weights<'a>, threads: usize) -> Result<Self, CalibrateError> {
        let hidden_size = weights.config().hidden_size;
        let session = runtime::session(&product(hidden_size)?, threads)?;
        let mut norm = vec![0.0; hidden_size];
        weights.read_into(names::FINAL_NORM, 0, &mut norm)?;
        Ok(Self { weights, session, norm, slab: Vec::new() })
    }

    /// Positions whose logits are computed together.
    pub(crate) fn chunk_positions(config: &Config) -> usize {
        (LOGITS_BYTES / size_of::<f32>() / config.vocab_size).max(1)
    }

    /// The logits of some positions: `hidden` is `[positions, hidden_size]` as the last layer leaves it and is
    /// normalised in place; `logits` becomes `[positions, vocab_size]`.
    pub(crate) fn logits(&mut self, hidden: &mut [f32], logits: &mut Vec<f32>) -> Result<(), CalibrateError> {
        let config = self.weights.config();
        let (hidden_size, vocab_size) = (config.hidden_size, config.vocab_size);
        let positions = hidden.len() / hidden_size;
        for row in hidden.chunks_exact_mut(hidden_size) {
            normalise(row, &self.norm, config.rms_norm_eps);
        }
        logits.resize(positions * vocab_size, 0.0);
        let name = if config.tie_word_embeddings { names::EMBEDDING } else { names::LM_HEAD };
        let slab_rows = (SLAB_BYTES / size_of::<f32>() / hidden_size).clamp(1, vocab_size);
        for first in (0..vocab_size).step_by(slab_rows) {
            let rows = slab_rows.min(vocab_size - first);
            self.slab.resize(rows * hidden_size, 0.0);
            self.weights.read_into(name, first, &mut self.slab)?;
            self.multiply(hidden, rows, |position, product| {
                let start = position * vocab_size + first;
                if let Some(slots) = logits.get_mut(start..start + rows) {
                    slots.copy_from_slice(product);
                }
            })?;
        }
        Ok(())
    }

    /// `hidden * slab^T`, given row by row.
    fn multiply(
        &mut self,
        hidden: &[f32],
        rows: usize,
        mut take: impl FnMut(usize, &[f32]),
    ) -> Result<(), CalibrateError> {
        let step = || CalibrateError::run("running the output projection of the float model");
        let hidden_size = self.weights.config().hidden_size;
        let positions = hidden.len() / hidden_size;
        let input = TensorRef::from_array_view(([positions, hidden_size], hidden)).map_err(step())?;
        let slab = self.slab.as_slice();
        let weight = TensorRef::from_array_view(([rows, hidden_size], slab)).map_err(step())?;
        // Views go into `run` as they are; a binding would copy them.
        let outputs = self.session.run(ort::inputs![INPUT => input, WEIGHT => weight]).map_err(step())?;
        let (_, product) = outputs[PRODUCT].try_extract_tensor::<f32>().map_err(step())?;
        for (position, row) in product.chunks_exact(rows).enumerate() {
            take(position, row);
        }
        Ok(())
    }
}

/// `x / sqrt(mean(x^2) + eps) * weight`.
#[allow(clippy::cast_possible_truncation)] // rounding to float32 is the purpose
pub(crate) fn normalise(row: &mut [f32], weight: &[f32], eps: f32) {
    let squares: f64 = row.iter().map(|value| f64::from(*value) * f64::from(*value)).sum();
    let scale = 1.0 / (squares / row.len() as f64 + f64::from(eps)).sqrt();
    for (value, weight) in row.iter_mut().zip(weight) {
        *value = (f64::from(*value) * scale) as f32 * weight;
    }
}

/// `input * weight^T` as a graph.
fn product(columns: usize) -> Result<Model, CalibrateError> {
    let mut graph = Graph::new("product", "no external data");
    let shape = |name| [Dimension::Named(name), Dimension::Size(columns)];
    let input = graph.input(INPUT, ElementType::Float32, &shape("positions"));
    let weight = graph.input(WEIGHT, ElementType::Float32, &shape("rows"));
    let node =
        Node::microsoft("FusedMatMul", PRODUCT).input(&input).input(&weight).attribute("transB", 1_i64);
    let product = graph.add(node);
    let shape = [Dimension::Named("positions"), Dimension::Named("rows")];
    graph.output(&product, ElementType::Float32, &shape);
    Ok(graph.finish("wheelwork", env!("CARGO_PKG_VERSION"))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_normalised_row_has_a_mean_square_of_one() {
        let mut row = [3.0, -4.0];
        normalise(&mut row, &[1.0, 2.0], 0.0);
        let root = 12.5_f32.sqrt();
        assert!((row[0] - 3.0 / root).abs() < 1e-6 && (row[1] + 8.0 / root).abs() < 1e-6);
    }
}
