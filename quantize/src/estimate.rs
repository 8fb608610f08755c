//! What a run would cost, from the checkpoint's descriptions alone: no weight is read, nothing is written.
//!
//! Sizes are exact for the weight file. The time is that of encoding every weight at the speed of this machine, which a
//! short sample of each scheme measures; reading and writing overlap with it unless the disk is slower. Memory is the sum of what
//! is held at once, and was compared with measured peaks (docs/quantization.md).

use std::path::Path;
use std::time::Instant;

use serde::Serialize;

use crate::budget;
use crate::checkpoint::Checkpoint;
use crate::error::QuantizeError;
use crate::plan::{Content, Plan};
use crate::progress::Stage;
use crate::scheme::rows::{self, EncodedRows};
use crate::scheme::{BlockScheme, Scheme};
use crate::weights::PIECE_WEIGHTS;
use crate::{Options, Progress, resolve};

/// Bytes a weight of a piece takes in a worker: as read, as float32, and encoded.
const PIECE_BYTES_PER_WEIGHT: u64 = 4 + 4 + 2;
/// The program, its libraries and stacks, as measured.
const PROGRAM_BYTES: u64 = 24 << 20;
/// A tokenizer while it is read, in terms of its file.
const TOKENIZER_FACTOR: u64 = 3;
/// Weights that a speed is measured on.
const SAMPLE_WEIGHTS: u32 = 1 << 19;

/// What a run would read, write and take.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Estimate {
    /// Parts of the weight file by kind, in the order of the file.
    pub kinds: Vec<Kind>,
    /// Of the checkpoint's weights.
    pub checkpoint_bytes: u64,
    /// Of the package's weights and graph; tokenizer and licences come on top.
    pub package_bytes: u64,
    /// Stored bits per weight over all matrices, as the graph's operators read them.
    pub bits_per_weight: f64,
    /// Bits per weight that say something.
    pub true_bits_per_weight: f64,
    /// Of the package with its matrices in those bits: what its file form takes at most, before zstd.
    pub true_package_bytes: u64,
    /// The divergence from the float model that is expected, in nats: a class, not a figure
    /// ([`crate::budget::expected_divergence`]). Zero where nothing is quantised.
    pub expected_kl: f64,
    /// Resident memory at its peak, about.
    pub memory_bytes: u64,
    /// Seconds that encoding takes on this machine, about.
    pub seconds: f64,
    /// Threads that this holds for.
    pub threads: usize,
}

/// Tensors of one kind in one scheme.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Kind {
    /// Such as `mlp.down_proj`; `vectors` and `rotary tables` for what is not quantised.
    pub name: String,
    /// How it is stored.
    pub scheme: Scheme,
    /// How many there are.
    pub count: usize,
    /// Weights of all.
    pub weights: u64,
    /// Stored bytes of all.
    pub bytes: u64,
}

/// What [`crate::quantize`] would cost. With a budget, the weights are sampled to find the mixture.
///
/// # Errors
/// What [`crate::quantize`] would say before it writes.
pub fn estimate(
    checkpoint: &Path,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Estimate, QuantizeError> {
    progress.stage(Stage::Reading);
    let checkpoint = Checkpoint::open_with(checkpoint, options.adapter.as_deref())?;
    let resolved = resolve(&checkpoint, options, progress)?;
    let plan = &resolved.plan;
    let mut checkpoint_bytes = 0;
    for name in plan.sources() {
        checkpoint_bytes += checkpoint.tensors.get(name)?.bytes();
    }
    let kinds = kinds(plan);
    let stored_bytes: u64 = plan.matrices().map(|matrix| matrix.storage.bytes()).sum();
    let true_bits: u64 = plan.matrices().map(crate::plan::StoredMatrix::true_bits).sum();
    let expected_kl = budget::expected_divergence(&checkpoint, plan, options.moments.as_deref(), progress)?;
    let threads = rayon::current_num_threads();
    let widest = plan.matrices().map(|matrix| matrix.columns).max().unwrap_or_default();
    let piece_bytes = PIECE_WEIGHTS.max(widest) as u64 * PIECE_BYTES_PER_WEIGHT;
    let graph_bytes = plan.model.to_bytes().len() as u64;
    let folder = &checkpoint.folder;
    let tokenizer_bytes =
        folder.file(wheelwork_package::files::names::TOKENIZER).map_or(0, |file| file.bytes());
    Ok(Estimate {
        checkpoint_bytes,
        package_bytes: plan.model.data_bytes + graph_bytes,
        bits_per_weight: plan.bits_per_weight(),
        true_bits_per_weight: plan.true_bits_per_weight(),
        true_package_bytes: plan.model.data_bytes + graph_bytes - stored_bytes + true_bits.div_ceil(8),
        expected_kl,
        memory_bytes: PROGRAM_BYTES
            + TOKENIZER_FACTOR * tokenizer_bytes
            + 3 * graph_bytes
            + threads as u64 * piece_bytes,
        seconds: seconds(&kinds, threads),
        threads,
        kinds,
    })
}

fn kinds(plan: &Plan) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = Vec::new();
    let mut add = |name: &str, scheme, weights, bytes| match kinds
        .iter_mut()
        .find(|kind| kind.name == name && kind.scheme == scheme)
    {
        Some(kind) => {
            kind.count += 1;
            kind.weights += weights;
            kind.bytes += bytes;
        }
        None => kinds.push(Kind { name: name.to_owned(), scheme, count: 1, weights, bytes }),
    };
    for content in &plan.contents {
        match content {
            Content::Matrix(matrix) => {
                let weights = matrix.rows() as u64 * matrix.columns as u64;
                add(kind_of(&matrix.node), matrix.storage.scheme(), weights, matrix.storage.bytes());
            }
            Content::Vector { extent, .. } => {
                add("vectors", Scheme::Float32, extent.bytes / 4, extent.bytes);
            }
            Content::Rope { cosines, sines, .. } => {
                let bytes = cosines.bytes + sines.bytes;
                add("rotary tables", Scheme::Float32, bytes / 4, bytes);
            }
        }
    }
    kinds
}

/// `model.layers.3.mlp.down_proj` is one of `mlp.down_proj`.
fn kind_of(node: &str) -> &str {
    let layer = node.strip_prefix("model.layers.").and_then(|rest| rest.split_once('.'));
    layer.map_or(node, |(_, kind)| kind)
}

fn seconds(kinds: &[Kind], threads: usize) -> f64 {
    let mut speeds: Vec<(BlockScheme, f64)> = Vec::new();
    let mut seconds = 0.0;
    for kind in kinds {
        let Scheme::Blocks(scheme) = kind.scheme else { continue };
        let known = speeds.iter().find(|(known, _)| *known == scheme).map(|(_, speed)| *speed);
        let per_weight = known.unwrap_or_else(|| {
            let measured = seconds_per_weight(scheme);
            speeds.push((scheme, measured));
            measured
        });
        let weights = kind.weights as f64;
        seconds += weights * per_weight;
    }
    let threads = threads as f64;
    seconds / threads
}

/// The speed does not depend on the weights, only on how many there are.
fn seconds_per_weight(scheme: BlockScheme) -> f64 {
    let columns = usize::from(scheme.block_size);
    let weights: Vec<f32> = (0..SAMPLE_WEIGHTS).map(|index| (index % 251) as f32 * 1e-4 - 0.0125).collect();
    let mut encoded = EncodedRows::default();
    let start = Instant::now();
    rows::encode(scheme, &weights, columns, &mut encoded);
    start.elapsed().as_secs_f64() / f64::from(SAMPLE_WEIGHTS)
}
