//! Mixed precision under a budget: which projection deserves more bits.
//!
//! Every projection of the layers starts in the cheapest scheme of a ladder (int4 in blocks of 128, 64, 32; int8 in
//! blocks of 128), and steps up it go to whoever gains most per byte, until the budget is spent:
//!
//! ```text
//! gain of a step = (relative error before - relative error after) / bytes that it adds
//! ```
//!
//! That is the greedy walk along the lower convex hull of each projection's points (bytes, error), which a Lagrangian
//! multiplier would give too, up to the last step. The relative error of a matrix, `|dW|^2 / |W|^2`, is the noise that it adds
//! to its output in relation to that output, for inputs without a preferred direction; all projections count alike.
//! It is measured on evenly spaced rows, with round to nearest, which needs no search.
//!
//! Embedding table and output projection stay as the recipe has them and do not count.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::checkpoint::Checkpoint;
use crate::checkpoint::tensors::ReadBuffer;
use crate::decoder_graph;
use crate::error::{QuantizeError, RequestError};
use crate::plan::StoredMatrix;
use crate::progress::Progress;
use crate::recipe::{INT8, Recipe};
use crate::scheme::rows::{self, EncodedRows, SquaredError};
use crate::scheme::{Bits, BlockScheme, BlockSize, Fit, Scheme};

/// Weights of each tensor that errors are measured on, unless a row has more.
const SAMPLE_WEIGHTS: usize = 1 << 17;

/// A projection that can be stored in several ways.
struct Choice {
    node: String,
    columns: usize,
    /// From the cheapest on.
    options: Vec<Point>,
    chosen: usize,
}

/// What a way of storing costs.
#[derive(Clone, Copy)]
struct Point {
    scheme: BlockScheme,
    bytes: u64,
    error: f64,
}

/// The recipe with [`Recipe::exceptions`] that spend at most `bits_per_weight` on the layers' projections.
///
/// If the recipe's blocks are not of the default size, they are kept, and only the bits are mixed.
///
/// # Errors
/// [`RequestError::Budget`] with the reachable range, [`RequestError::NothingToMix`], or an error of reading.
pub fn mixed(
    checkpoint: &Checkpoint,
    recipe: &Recipe,
    bits_per_weight: f64,
    progress: &dyn Progress,
) -> Result<Recipe, QuantizeError> {
    let Scheme::Blocks(base @ BlockScheme { bits: Bits::Four, .. }) = recipe.layers else {
        return Err(RequestError::NothingToMix { recipe: recipe.name }.into());
    };
    // The context length changes no matrix.
    let plan = decoder_graph::plan(&checkpoint.config, recipe, 1)?;
    let mut weights = 0;
    let mut choices = Vec::new();
    for matrix in plan.matrices().filter(|matrix| matrix.node.starts_with("model.layers.")) {
        if progress.cancelled() {
            return Err(QuantizeError::Cancelled);
        }
        weights += matrix.rows() as u64 * matrix.columns as u64;
        choices.push(choice(checkpoint, matrix, base)?);
    }
    let bits = |bytes: u64| 8.0 * bytes as f64 / weights as f64;
    let sum = |point: fn(&Choice) -> Option<&Point>| -> u64 {
        choices.iter().filter_map(point).map(|point| point.bytes).sum()
    };
    let (least, greatest) = (sum(|choice| choice.options.first()), sum(|choice| choice.options.last()));
    if !(bits(least)..=bits(greatest)).contains(&bits_per_weight) {
        let (least, greatest) = (bits(least), bits(greatest));
        return Err(RequestError::Budget { asked: bits_per_weight, least, greatest }.into());
    }
    spend(&mut choices, least, |bytes| bits(bytes) <= bits_per_weight);
    let exception = |choice: Choice| {
        let scheme = choice.options.get(choice.chosen)?.scheme;
        (scheme != base.fitted(choice.columns)).then_some((choice.node, scheme))
    };
    let exceptions: BTreeMap<_, _> = choices.into_iter().filter_map(exception).collect();
    Ok(Recipe { exceptions, ..recipe.clone() })
}

/// Takes the best step that the budget still allows, until it allows none. Ties go to the earlier projection.
fn spend(choices: &mut [Choice], mut bytes: u64, allows: impl Fn(u64) -> bool) {
    loop {
        let mut best: Option<(f64, usize, usize, u64)> = None;
        for (index, choice) in choices.iter().enumerate() {
            let Some(now) = choice.options.get(choice.chosen) else { continue };
            for (step, option) in choice.options.iter().enumerate().skip(choice.chosen + 1) {
                let added = option.bytes - now.bytes;
                let gain = (now.error - option.error) / added as f64;
                if gain > best.map_or(0.0, |(gain, ..)| gain) && allows(bytes + added) {
                    best = Some((gain, index, step, added));
                }
            }
        }
        let Some((_, index, step, added)) = best else { return };
        bytes += added;
        if let Some(choice) = choices.get_mut(index) {
            choice.chosen = step;
        }
    }
}

fn choice(
    checkpoint: &Checkpoint,
    matrix: &StoredMatrix,
    base: BlockScheme,
) -> Result<Choice, QuantizeError> {
    let schemes = ladder(base, matrix.columns);
    let mut errors = vec![SquaredError::default(); schemes.len()];
    for (name, rows) in &matrix.parts {
        let tensor = checkpoint.tensors.get(name)?;
        let sampled = (SAMPLE_WEIGHTS / matrix.columns).clamp(1, *rows);
        let pieces: Vec<Vec<SquaredError>> = (0..sampled)
            .into_par_iter()
            .map_init(<(ReadBuffer, EncodedRows)>::default, |(buffer, encoded), index| {
                tensor.read(index * rows / sampled * matrix.columns, matrix.columns, buffer)?;
                let error = |scheme: &BlockScheme| {
                    let scheme = BlockScheme { fit: Fit::Nearest, ..*scheme };
                    rows::encode(scheme, &buffer.weights, matrix.columns, encoded);
                    encoded.error
                };
                Ok(schemes.iter().map(error).collect())
            })
            .collect::<Result<_, QuantizeError>>()?;
        for piece in pieces {
            for (sum, error) in errors.iter_mut().zip(piece) {
                *sum = sum.plus(error);
            }
        }
    }
    let bytes = |scheme: BlockScheme| (matrix.rows() * scheme.row_bytes(matrix.columns)) as u64;
    let options = schemes
        .into_iter()
        .zip(errors)
        .map(|(scheme, error)| Point { scheme, bytes: bytes(scheme), error: error.relative() })
        .collect();
    Ok(Choice { node: matrix.node.clone(), columns: matrix.columns, options, chosen: 0 })
}

/// Schemes from the cheapest on, those whose blocks fill the rows.
fn ladder(base: BlockScheme, columns: usize) -> Vec<BlockScheme> {
    let fills = |scheme: &BlockScheme| columns.is_multiple_of(scheme.block_size.into());
    let sized = |block_size| BlockScheme { block_size, ..base };
    let default = crate::recipe::INT4.block_size;
    let sizes = if base.block_size == default {
        vec![BlockSize::Of128, BlockSize::Of64, default]
    } else {
        vec![base.fitted(columns).block_size]
    };
    let mut schemes: Vec<_> = sizes.into_iter().map(sized).filter(fills).collect();
    let largest = schemes.first().map_or(default, |scheme| scheme.block_size);
    schemes.push(BlockScheme { block_size: largest, ..INT8 });
    schemes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices(errors: &[[f64; 3]]) -> Vec<Choice> {
        let option =
            |(index, &error): (usize, &f64)| Point { scheme: INT8, bytes: [100, 110, 200][index], error };
        let choice = |errors: &[f64; 3]| Choice {
            node: String::new(),
            columns: 128,
            options: errors.iter().enumerate().map(option).collect(),
            chosen: 0,
        };
        errors.iter().map(choice).collect()
    }

    fn spent(errors: &[[f64; 3]], limit: u64) -> Vec<usize> {
        let mut choices = choices(errors);
        spend(&mut choices, 100 * errors.len() as u64, |bytes| bytes <= limit);
        choices.iter().map(|choice| choice.chosen).collect()
    }

    #[test]
    fn the_best_gain_per_byte_goes_first() {
        let errors = [[5.0, 4.0, 0.5], [9.0, 8.9, 0.5]];
        assert_eq!(spent(&errors, 200), [0, 0]);
        assert_eq!(spent(&errors, 215), [1, 0], "a cheap step in the first");
        assert_eq!(spent(&errors, 310), [1, 2], "then the large one in the second");
        assert_eq!(spent(&errors, 400), [2, 2]);
    }

    #[test]
    fn a_step_that_does_not_fit_leaves_room_for_smaller_ones() {
        assert_eq!(spent(&[[9.0, 8.9, 0.1], [5.0, 4.9, 0.1]], 220), [1, 1]);
    }

    #[test]
    fn a_step_without_gain_is_not_taken() {
        assert_eq!(spent(&[[1.0, 1.0, 1.0]], 1000), [0]);
    }
}
