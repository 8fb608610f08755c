//! Mixed precision under a budget: which matrix deserves more bits.
//!
//! Every matrix, embedding table and output projection included, can be stored in 3 to 8 bits and several block sizes. Each
//! way takes so many true bits ([`BlockScheme::true_row_bits`]) and costs so much:
//!
//! ```text
//! cost = sensitivity of its kind and depth * relative error
//!
//! error = sum m_k (w_k - q_k)^2 / sum m_k w_k^2              in layers
//!         sum m_k (w_k - q_k)^2 / (mean m * sum w_k^2)       in embedding table and output projection
//! ```
//!
//! with `m_k` what column `k` counts where moments are known ([`crate::importance`]), else 1. The errors are measured on evenly
//! spaced rows with the search that will store them. The sensitivities are divergences of a real model per unit of that
//! error (`sensitivity`); parts add up, so the sum of all costs is what the whole is expected to diverge by.
//!
//! The budget is spent along the lower convex hull of each matrix's points (bits, cost), the step with the largest gain a bit
//! first: what a Lagrangian multiplier gives, up to the last steps, which are taken where they still fit.

mod sensitivity;

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::architecture::names;
use crate::budget::sensitivity::sensitivity;
use crate::checkpoint::tensors::ReadBuffer;
use crate::checkpoint::{Checkpoint, Config};
use crate::decoder_graph;
use crate::error::{QuantizeError, RequestError};
use crate::importance::Moments;
use crate::plan::{Content, Plan, StoredMatrix};
use crate::progress::Progress;
use crate::recipe::{INT4, INT8, Recipe};
use crate::scheme::block::Importance;
use crate::scheme::rows::{self, EncodedRows};
use crate::scheme::{Bits, BlockScheme, BlockSize, ScaleBits, Scheme};

/// Weights of each matrix that errors are measured on, unless a row has more.
const SAMPLE_WEIGHTS: usize = 1 << 14;

/// What a package may take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Budget {
    /// True bits a weight over all matrices, scales, zero points, embedding table and output projection included.
    BitsPerWeight(f64),
    /// Bytes of the package with its matrices in true bits: what its file form takes at most, before zstd.
    Bytes(u64),
}

/// A recipe that keeps a budget.
#[derive(Debug, Clone, PartialEq)]
pub struct Mixture {
    /// With [`Recipe::exceptions`] for every projection.
    pub recipe: Recipe,
    /// The divergence from the float model that is expected of it, in nats; see [`expected_divergence`].
    pub expected_kl: f64,
}

/// A matrix that can be stored in several ways.
#[derive(Debug)]
struct Choice {
    node: String,
    /// From the cheapest on, each with less cost and less gain a bit than the one before.
    options: Vec<Point>,
    chosen: usize,
}

/// What a way of storing takes and costs.
#[derive(Debug, Clone, Copy)]
struct Point {
    scheme: BlockScheme,
    bits: u64,
    cost: f64,
}

/// The recipe whose schemes keep the budget at the least expected cost. Its blocks are kept if they are not of the default size,
/// and only the bits are mixed.
///
/// # Errors
/// [`RequestError::Budget`] or [`RequestError::SizeBudget`] with what can be reached, [`RequestError::NothingToMix`], or an error
/// of reading.
pub fn mixed(
    checkpoint: &Checkpoint,
    recipe: &Recipe,
    budget: Budget,
    moments: Option<&Moments>,
    context_length: usize,
    progress: &dyn Progress,
) -> Result<Mixture, QuantizeError> {
    let Scheme::Blocks(base @ BlockScheme { bits: Bits::Four, .. }) = recipe.layers else {
        return Err(RequestError::NothingToMix { recipe: recipe.name }.into());
    };
    let config = &checkpoint.config;
    let plan = decoder_graph::plan(config, &apart(config, recipe, base), context_length)?;
    let weights: u64 = plan.matrices().map(|matrix| matrix.rows() as u64 * matrix.columns as u64).sum();
    let rest = rest_bytes(checkpoint, &plan);
    let mut choices = Vec::new();
    for matrix in plan.matrices() {
        if progress.cancelled() {
            return Err(QuantizeError::Cancelled);
        }
        choices.push(choice(checkpoint, matrix, base, moments)?);
    }
    let sum = |point: fn(&Choice) -> Option<&Point>| -> u64 {
        choices.iter().filter_map(point).map(|point| point.bits).sum()
    };
    let (least, greatest) = (sum(|choice| choice.options.first()), sum(|choice| choice.options.last()));
    let allowed = match budget {
        Budget::BitsPerWeight(asked) => {
            let per_weight = |bits: u64| bits as f64 / weights as f64;
            let (least, greatest) = (per_weight(least), per_weight(greatest));
            if !(least..=greatest).contains(&asked) {
                let nearest = if asked > greatest { greatest } else { least };
                return Err(RequestError::Budget { asked, nearest, least, greatest }.into());
            }
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            // within the range of `least` to `greatest`
            let bits = (asked * weights as f64) as u64;
            bits
        }
        Budget::Bytes(asked) => {
            let least = rest.saturating_add(least.div_ceil(8));
            if asked < least {
                return Err(RequestError::SizeBudget { asked, least }.into());
            }
            (asked - rest).saturating_mul(8)
        }
    };
    spend(&mut choices, least, allowed);
    Ok(mixture(config, recipe, &choices))
}

/// What a plan is expected to diverge by from the float model: the mean Kullback-Leibler divergence in nats, by sensitivities
/// that were measured on one model of 135 million weights. A class, not a figure: other models differ by a factor of two.
///
/// # Errors
/// An error of reading, or [`QuantizeError::Cancelled`].
pub fn expected_divergence(
    checkpoint: &Checkpoint,
    plan: &Plan,
    moments: Option<&Moments>,
    progress: &dyn Progress,
) -> Result<f64, QuantizeError> {
    let mut sum = 0.0;
    for matrix in plan.matrices() {
        if progress.cancelled() {
            return Err(QuantizeError::Cancelled);
        }
        if let Scheme::Blocks(scheme) = matrix.storage.scheme() {
            sum += costs(checkpoint, matrix, &[scheme], moments)?.iter().sum::<f64>();
        }
    }
    Ok(sum)
}

/// Queries, keys and values as three matrices.
fn apart(config: &Config, recipe: &Recipe, base: BlockScheme) -> Recipe {
    let names = (0..config.num_hidden_layers)
        .flat_map(|layer| ATTENTION_INPUTS.map(|part| (names::layer(layer, part), base)));
    Recipe { exceptions: names.collect(), ..recipe.clone() }
}

const ATTENTION_INPUTS: [&str; 3] = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"];

/// Bytes of the package that are no matrices.
fn rest_bytes(checkpoint: &Checkpoint, plan: &Plan) -> u64 {
    let extents = plan.contents.iter().map(|content| match content {
        Content::Matrix(_) => 0,
        Content::Vector { extent, .. } => extent.bytes,
        Content::Rope { cosines, sines, .. } => cosines.bytes + sines.bytes,
    });
    let tokenizer = checkpoint.folder.file(wheelwork_package::files::names::TOKENIZER);
    let tokenizer = tokenizer.map_or(0, |file| file.bytes());
    extents.sum::<u64>() + plan.model.to_bytes().len() as u64 + tokenizer
}

fn mixture(config: &Config, recipe: &Recipe, choices: &[Choice]) -> Mixture {
    let mut chosen: BTreeMap<String, BlockScheme> = BTreeMap::new();
    let mut expected_kl = 0.0;
    for choice in choices {
        if let Some(point) = choice.options.get(choice.chosen) {
            chosen.insert(choice.node.clone(), point.scheme);
            expected_kl += point.cost;
        }
    }
    let mut take = |node: &str, scheme: &mut Scheme| {
        if let Some(chosen) = chosen.remove(node) {
            *scheme = Scheme::Blocks(chosen);
        }
    };
    let mut recipe = recipe.clone();
    let table = if config.tie_word_embeddings { &mut recipe.lm_head } else { &mut recipe.embedding };
    take("model.embed_tokens", table);
    take("lm_head", &mut recipe.lm_head);
    // What three matrices have in common is one product.
    for layer in 0..config.num_hidden_layers {
        let parts = ATTENTION_INPUTS.map(|part| names::layer(layer, part));
        let [query, key, value] = parts.each_ref().map(|part| chosen.get(part).copied());
        if let Some(scheme) = query.filter(|_| query == key && key == value) {
            for part in &parts {
                chosen.remove(part);
            }
            chosen.insert(names::layer(layer, "self_attn.qkv_proj"), scheme);
        }
    }
    recipe.exceptions = chosen;
    Mixture { recipe, expected_kl }
}

/// Takes the steps that gain most a bit, until the budget allows none. Ties go to the earlier matrix.
fn spend(choices: &mut [Choice], mut bits: u64, allowed: u64) {
    loop {
        let mut best: Option<(f64, usize, u64)> = None;
        for (index, choice) in choices.iter().enumerate() {
            let (Some(now), Some(next)) =
                (choice.options.get(choice.chosen), choice.options.get(choice.chosen + 1))
            else {
                continue;
            };
            let added = next.bits - now.bits;
            let gain = (now.cost - next.cost) / added as f64;
            if gain > best.map_or(0.0, |(gain, ..)| gain) && bits + added <= allowed {
                best = Some((gain, index, added));
            }
        }
        let Some((_, index, added)) = best else { return };
        bits += added;
        if let Some(choice) = choices.get_mut(index) {
            choice.chosen += 1;
        }
    }
}

fn choice(
    checkpoint: &Checkpoint,
    matrix: &StoredMatrix,
    base: BlockScheme,
    moments: Option<&Moments>,
) -> Result<Choice, QuantizeError> {
    let schemes = schemes(base, matrix.columns);
    let costs = costs(checkpoint, matrix, &schemes, moments)?;
    let bits = |scheme: BlockScheme| matrix.rows() as u64 * scheme.true_row_bits(matrix.columns) as u64;
    let points =
        schemes.into_iter().zip(costs).map(|(scheme, cost)| Point { scheme, bits: bits(scheme), cost });
    Ok(Choice { node: matrix.node.clone(), options: hull(points.collect()), chosen: 0 })
}

/// The points on the lower convex hull, from the cheapest on.
fn hull(mut points: Vec<Point>) -> Vec<Point> {
    points.sort_by(|a, b| a.bits.cmp(&b.bits).then(a.cost.total_cmp(&b.cost)));
    let mut hull: Vec<Point> = Vec::new();
    for point in points {
        if hull.last().is_some_and(|last| point.bits == last.bits || point.cost >= last.cost) {
            continue;
        }
        while let [.., before, last] = hull.as_slice() {
            let slope = |a: &Point, b: &Point| (a.cost - b.cost) / (b.bits - a.bits) as f64;
            if slope(before, last) > slope(last, &point) {
                break;
            }
            hull.pop();
        }
        hull.push(point);
    }
    hull
}

/// The ways of storing a matrix whose rows have so many columns.
fn schemes(base: BlockScheme, columns: usize) -> Vec<BlockScheme> {
    let sizes = if base.block_size == INT4.block_size {
        vec![BlockSize::Of32, BlockSize::Of64, BlockSize::Of128]
    } else {
        vec![base.fitted(columns).block_size]
    };
    let fills = |size: &BlockSize| columns.is_multiple_of((*size).into());
    let sizes: Vec<_> = sizes.into_iter().filter(fills).collect();
    // At 8 bits a search gains less than its sums of 32 bits can tell. Zero points of their own pay there as elsewhere.
    let plain = BlockScheme { symmetric: false, ..INT8 };
    let searched = Bits::ALL.into_iter().filter(|&bits| bits != Bits::Eight);
    let short = |scheme| BlockScheme { scale_bits: ScaleBits::Eight, ..scheme };
    let ways = searched.map(|bits| BlockScheme { bits, ..base });
    let ways = ways.chain([INT8, plain, short(INT8), short(plain)]);
    ways.flat_map(|scheme| sizes.iter().map(move |&block_size| BlockScheme { block_size, ..scheme }))
        .collect()
}

/// What each scheme costs a matrix.
fn costs(
    checkpoint: &Checkpoint,
    matrix: &StoredMatrix,
    schemes: &[BlockScheme],
    moments: Option<&Moments>,
) -> Result<Vec<f64>, QuantizeError> {
    let config = &checkpoint.config;
    let columns = matrix.columns;
    let importance = moments.and_then(|moments| moments.of(matrix));
    let mean = importance.map_or(1.0, |importance| {
        importance.iter().map(|count| f64::from(*count)).sum::<f64>() / importance.len() as f64
    });
    let mut costs = vec![0.0; schemes.len()];
    for (name, rows) in &matrix.parts {
        let tensor = checkpoint.tensors.get(name)?;
        let is_projection = names::layer_of(name).is_some();
        let sampled = (SAMPLE_WEIGHTS / columns).clamp(1, *rows);
        let pieces: Vec<(f64, Vec<f64>)> = (0..sampled)
            .into_par_iter()
            .map_init(<(ReadBuffer, EncodedRows, Vec<f32>)>::default, |(buffer, encoded, decoded), index| {
                tensor.read(index * rows / sampled * columns, columns, buffer)?;
                let weights = &buffer.weights;
                let weighted = |values: &mut dyn Iterator<Item = f64>| -> f64 {
                    match importance {
                        Some(importance) => values
                            .zip(importance)
                            .map(|(value, count)| value * value * f64::from(*count))
                            .sum(),
                        None => values.map(|value| value * value).sum(),
                    }
                };
                let signal = match importance.filter(|_| is_projection) {
                    Some(_) => weighted(&mut weights.iter().map(|weight| f64::from(*weight))),
                    None => mean * weights.iter().map(|weight| f64::from(*weight).powi(2)).sum::<f64>(),
                };
                let error = |scheme: &BlockScheme| {
                    let own = importance.map_or(Importance::Magnitude, Importance::ColumnsAndMagnitude);
                    rows::encode_for(*scheme, weights, columns, own, encoded);
                    let EncodedRows { codes, scales, zero_points, .. } = &*encoded;
                    rows::decode(*scheme, columns, (codes, scales, zero_points), decoded);
                    weighted(&mut weights.iter().zip(&*decoded).map(|(a, b)| f64::from(*a) - f64::from(*b)))
                };
                Ok((signal, schemes.iter().map(error).collect()))
            })
            .collect::<Result<_, QuantizeError>>()?;
        // In the order of the rows: the same sums on any number of threads.
        let signal: f64 = pieces.iter().map(|(signal, _)| signal).sum();
        let scale = if signal > 0.0 { sensitivity(config, name) / signal } else { 0.0 };
        for (_, errors) in pieces {
            for (cost, error) in costs.iter_mut().zip(errors) {
                *cost += scale * error;
            }
        }
    }
    Ok(costs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices(costs: &[[f64; 3]]) -> Vec<Choice> {
        let point =
            |(index, &cost): (usize, &f64)| Point { scheme: INT8, bits: [100, 110, 200][index], cost };
        let choice = |costs: &[f64; 3]| Choice {
            node: String::new(),
            options: hull(costs.iter().enumerate().map(point).collect()),
            chosen: 0,
        };
        costs.iter().map(choice).collect()
    }

    /// The bits that each matrix ends with.
    fn spent(costs: &[[f64; 3]], allowed: u64) -> Vec<u64> {
        let mut choices = choices(costs);
        spend(&mut choices, 100 * costs.len() as u64, allowed);
        choices.iter().map(|choice| choice.options[choice.chosen].bits).collect()
    }

    #[test]
    fn the_best_gain_a_bit_goes_first() {
        let costs = [[5.0, 4.0, 0.5], [9.0, 8.0, 0.5]];
        assert_eq!(spent(&costs, 200), [100, 100]);
        assert_eq!(spent(&costs, 215), [110, 100], "a cheap step in the first");
        assert_eq!(spent(&costs, 310), [110, 200], "then the large one in the second");
        assert_eq!(spent(&costs, 400), [200, 200]);
    }

    #[test]
    fn a_way_above_the_line_between_its_neighbours_is_left_out() {
        let [choice] = &choices(&[[9.0, 8.9, 0.1]])[..] else { panic!("there is one") };
        assert_eq!(choice.options.iter().map(|point| point.bits).collect::<Vec<_>>(), [100, 200]);
        let [choice] = &choices(&[[1.0, 1.0, 1.0]])[..] else { panic!("there is one") };
        assert_eq!(choice.options.len(), 1, "a step without gain");
    }

    #[test]
    fn a_step_that_does_not_fit_leaves_room_for_smaller_ones() {
        assert_eq!(spent(&[[9.0, 8.9, 0.1], [5.0, 4.0, 0.1]], 215), [100, 110]);
    }
}
