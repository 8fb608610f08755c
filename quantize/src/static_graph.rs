//! Static graphs for NPUs: prefill and decode over one set of 4-bit weights, integers throughout.
//!
//! 1. [`Fold`] gives the checkpoint's weights with rotations and norms folded in.
//! 2. [`ObservedLayer`] is a layer in float32 that tells how large its activations get. Who can run it (this crate must not see
//!    ONNX Runtime) collects [`Ranges`] layer by layer.
//! 3. [`Draft::begin`] plans parts and data files and writes the embedding table; [`Draft::write`] takes a layer's matrices,
//!    [`Draft::write_head`] the output projection.
//! 4. [`Draft::finish`] writes the graphs with the encodings that the ranges give, and [`add_to`] makes the folder a variant of
//!    a package that has a CPU variant already.
//!
//! The graphs' inputs and outputs are described in [`wheelwork_package::card::StaticGraphs`].

use std::collections::BTreeMap;
use std::ops::Range as Indices;
use std::path::{Path, PathBuf};

use wheelwork_onnx::GraphError;
use wheelwork_package::Card;
use wheelwork_package::card::{
    EmbeddingTable, EmbeddingType, Encodings, GraphForm, GraphPart, LmHead, StaticGraphs,
};
use wheelwork_package::tensors::{self, static_graph as graph_io};

use crate::architecture::names;
use crate::checkpoint::Config;
use crate::disk::{self, write_file};
use crate::error::{QuantizeError, RequestError};
use crate::positioned;
use crate::scheme::channel::ChannelScheme;
use crate::static_variant::{self, Weights};

mod embedding;
mod emit;
mod fold;
mod hadamard;
mod layer;
mod observed;
mod quantized;
mod ranges;
mod weights;

pub use fold::Fold;
pub use hadamard::Hadamard;
pub use observed::{ObservedLayer, ObservedRange, taps};
pub use quantized::PlannedMatrix;
pub use ranges::{Range, Ranges};
pub use weights::{ChannelRounder, Nearest};

use quantized::{Cut, Facts, StaticPlan, Table};
use weights::Assembly;

/// The name of the variant of quantised static graphs, and of its folder.
pub const VARIANT: &str = "qnn-htp";
/// Bytes of weights in a part at most: an NPU's process addresses less than 4 GB, activations and cache included.
pub const PART_BYTES: u64 = 1_500_000_000;
const EMBEDDING: &str = "embedding.data";
/// Rows of the output projection that are folded at once.
const HEAD_ROWS: usize = 4096;

/// Makes `folder`, on the same file system as the package, its variant [`VARIANT`]; an older one gives way.
///
/// # Errors
/// [`QuantizeError::Request`] for a folder without a card, [`QuantizeError::Package`] for one without a CPU variant,
/// [`QuantizeError::Write`].
pub fn add_to(package: &Path, folder: &Path, graphs: StaticGraphs) -> Result<Card, QuantizeError> {
    static_variant::add(package, VARIANT, folder, Weights::Own, graphs)
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StaticOptions {
    /// Tokens that the cache holds.
    pub context_length: usize,
    /// Tokens of a prefill call.
    pub prefill_tokens: usize,
    /// How the projections of layers are stored; the output projection has 8 bits.
    pub weights: ChannelScheme,
    /// Bytes of weights in a part at most; a single layer may have more.
    pub part_bytes: u64,
}

/// A variant's folder while it is filled.
#[derive(Debug)]
pub struct Draft<'a> {
    fold: Fold<'a>,
    options: StaticOptions,
    folder: PathBuf,
    parts: Vec<Part>,
    x_range: Range,
    squared_errors: Vec<(String, f64)>,
}

#[derive(Debug)]
struct Part {
    layers: Indices<usize>,
    data_file: String,
    matrices: Vec<PlannedMatrix>,
    data: fs_err::File,
}

impl<'a> Draft<'a> {
    /// Plans the parts, creates their data files in an empty folder and writes the embedding table.
    ///
    /// # Errors
    /// [`QuantizeError`]: [`RequestError::ContextLength`], [`RequestError::BlockSize`] or [`RequestError::OddRows`] for what cannot be, others as they
    /// come.
    pub fn begin(folder: &Path, fold: Fold<'a>, options: StaticOptions) -> Result<Self, QuantizeError> {
        let config = &fold.checkpoint().config;
        let limit = config.max_position_embeddings;
        let asked = options.context_length;
        if asked == 0 || asked > limit {
            return Err(RequestError::ContextLength { asked, limit }.into());
        }
        let mut parts = Vec::new();
        for (index, layers) in cut(config, options)?.into_iter().enumerate() {
            let data_file = format!("weights.{index}.data");
            let cut = Cut { data_file: &data_file, layers: layers.clone(), tokens: 1, context_length: asked };
            let StaticPlan { model, matrices } = quantized::build(config, options.weights, cut, None)?;
            check_blocks(&matrices)?;
            let path = folder.join(&data_file);
            let data = positioned::create(&path, model.data_bytes).map_err(QuantizeError::write(&path))?;
            parts.push(Part { layers, data_file, matrices, data });
        }
        let x_range = embedding::write(&folder.join(EMBEDDING), &fold)?;
        Ok(Self { fold, options, folder: folder.into(), parts, x_range, squared_errors: Vec::new() })
    }

    /// The folded checkpoint.
    #[must_use]
    pub fn fold(&self) -> &Fold<'a> {
        &self.fold
    }

    /// Stores a matrix of a layer, by the checkpoint's name, from its folded weights `[rows, columns]`, and gives what the
    /// graphs will read.
    ///
    /// # Errors
    /// [`QuantizeError::Write`]; [`QuantizeError::Graph`] for a tensor that the graphs do not read.
    pub fn write(
        &mut self,
        tensor: &str,
        weights: &[f32],
        rounder: &dyn ChannelRounder,
    ) -> Result<Vec<f32>, QuantizeError> {
        let (matrix, data) = self.place(tensor)?;
        let mut assembly = Assembly::new(matrix);
        assembly.restored = Some(Vec::with_capacity(weights.len()));
        assembly.add(weights, rounder);
        let error = assembly.write(data)?;
        let restored = assembly.restored.unwrap_or_default();
        self.squared_errors.push((tensor.to_owned(), error));
        Ok(restored)
    }

    /// Stores the output projection.
    ///
    /// # Errors
    /// [`QuantizeError::Checkpoint`] or [`QuantizeError::Write`].
    pub fn write_head(&mut self, rounder: &dyn ChannelRounder) -> Result<(), QuantizeError> {
        let (matrix, data) = self.place(names::LM_HEAD)?;
        let mut assembly = Assembly::new(matrix);
        for first in (0..matrix.rows).step_by(HEAD_ROWS) {
            let count = HEAD_ROWS.min(matrix.rows - first);
            assembly.add(&self.fold.rows(names::LM_HEAD, first, count, matrix.columns)?, rounder);
        }
        let error = assembly.write(data)?;
        self.squared_errors.push((names::LM_HEAD.to_owned(), error));
        Ok(())
    }

    /// Writes the graphs. `ranges` hold every activation of every layer, by the names of [`ObservedLayer`] behind the
    /// layer's prefix, and `model.norm` and `logits`; `recipe` goes into the card.
    ///
    /// # Errors
    /// [`QuantizeError::Graph`] for a range that is missing; [`QuantizeError::Checkpoint`], [`QuantizeError::Write`].
    pub fn finish(self, ranges: &Ranges, recipe: serde_json::Value) -> Result<StaticGraphs, QuantizeError> {
        let config = &self.fold.checkpoint().config;
        let mut ranges = ranges.clone();
        ranges.include(graph_io::X, self.x_range);
        let vectors = self.vectors()?;
        let facts = Facts { ranges: &ranges, vectors: &vectors };
        let mut parts = Vec::new();
        for (index, part) in self.parts.into_iter().enumerate() {
            let graph = |name: &str, tokens| {
                let file = format!("{name}.{index}.onnx");
                let (data_file, layers) = (part.data_file.as_str(), part.layers.clone());
                let cut = Cut { data_file, layers, tokens, context_length: self.options.context_length };
                let plan = quantized::build(config, self.options.weights, cut, Some(facts))?;
                write_file(&self.folder.join(&file), &plan.model.to_bytes())?;
                Ok::<_, QuantizeError>(file)
            };
            let prefill = graph("prefill", self.options.prefill_tokens)?;
            let decode = graph("decode", 1)?;
            disk::sync(&part.data)?;
            let (first_layer, layers) = (part.layers.start, part.layers.len());
            parts.push(GraphPart { first_layer, layers, prefill, decode });
        }
        let encodings = encodings(config, &ranges, &parts)?;
        Ok(StaticGraphs {
            form: GraphForm::Quantized,
            context_length: self.options.context_length,
            prefill_tokens: self.options.prefill_tokens,
            parts,
            lm_head: LmHead::Graph,
            embedding: EmbeddingTable { file: EMBEDDING.to_owned(), dtype: EmbeddingType::Int8 },
            inverse_frequencies: config.rope.inverse_frequencies(config.head_dim),
            recipe: self_described(recipe, &self.squared_errors),
            encodings: Some(encodings),
            context_binaries: Vec::new(),
            self_check: None,
        })
    }

    fn place(&self, tensor: &str) -> Result<(&PlannedMatrix, &fs_err::File), QuantizeError> {
        let parts =
            self.parts.iter().flat_map(|part| part.matrices.iter().map(move |matrix| (matrix, &part.data)));
        let mut found = parts.filter(|(matrix, _)| matrix.tensor == tensor);
        found.next().ok_or_else(|| GraphError::Missing(format!("matrix `{tensor}`")).into())
    }

    /// Biases and norms, folded.
    fn vectors(&self) -> Result<BTreeMap<String, Vec<f32>>, QuantizeError> {
        let config = &self.fold.checkpoint().config;
        let vectors = crate::architecture::tensors(config).into_iter().filter(|(_, shape)| shape.len() == 1);
        vectors.map(|(name, _)| Ok((name.clone(), self.fold.tensor(&name)?))).collect()
    }
}

/// The recipe, and the mean over all matrices of what rounding cost.
fn self_described(mut recipe: serde_json::Value, squared_errors: &[(String, f64)]) -> serde_json::Value {
    let mean =
        squared_errors.iter().map(|(_, error)| error).sum::<f64>() / squared_errors.len().max(1) as f64;
    if let Some(recipe) = recipe.as_object_mut() {
        recipe.insert("mean_relative_mse".to_owned(), mean.into());
    }
    recipe
}

/// The layers of each part.
fn cut(config: &Config, options: StaticOptions) -> Result<Vec<Indices<usize>>, QuantizeError> {
    let layers = 0..config.num_hidden_layers;
    let whole = Cut { data_file: "", layers, tokens: 1, context_length: options.context_length };
    let plan = quantized::build(config, options.weights, whole, None)?;
    let bytes = |layer: Option<usize>| -> u64 {
        let own = plan.matrices.iter().filter(|matrix| names::layer_of(&matrix.tensor) == layer);
        own.map(|matrix| matrix.codes.bytes + matrix.scales.bytes + matrix.multipliers.map_or(0, |m| m.bytes))
            .sum()
    };
    let head = bytes(None);
    let mut parts: Vec<Indices<usize>> = Vec::new();
    let mut filled = 0;
    for layer in 0..config.num_hidden_layers {
        let last = layer + 1 == config.num_hidden_layers;
        let added = bytes(Some(layer)) + if last { head } else { 0 };
        match parts.last_mut() {
            Some(layers) if filled + added <= options.part_bytes => {
                layers.end += 1;
                filled += added;
            }
            _ => {
                parts.push(layer..layer + 1);
                filled = added;
            }
        }
    }
    Ok(parts)
}

fn check_blocks(matrices: &[PlannedMatrix]) -> Result<(), RequestError> {
    for matrix in matrices {
        // Two codes share a byte, and a channel's lie a row apart.
        let block_size = matrix.scheme.block_size.map_or(1, usize::from);
        let tensor = || matrix.tensor.clone();
        if !matrix.columns.is_multiple_of(block_size) {
            return Err(RequestError::BlockSize { tensor: tensor(), columns: matrix.columns, block_size });
        }
        if !matrix.rows.is_multiple_of(2) {
            return Err(RequestError::OddRows { tensor: tensor(), rows: matrix.rows });
        }
    }
    Ok(())
}

fn encodings(config: &Config, ranges: &Ranges, parts: &[GraphPart]) -> Result<Encodings, GraphError> {
    let table = Table(ranges);
    let encoding = |key: &str| table.encoding(key).map(|(encoding, _)| encoding).map_err(GraphError::Missing);
    let layers = || (0..config.num_hidden_layers).map(|layer| names::layer(layer, ""));
    let cached = |range: String| encoding(&format!("{range}{}", layer::CACHED));
    let output = |part: &GraphPart| match part.first_layer + part.layers {
        end if end == config.num_hidden_layers => encoding(tensors::LOGITS),
        end => encoding(&names::layer(end.saturating_sub(1), layer::OUTPUT)),
    };
    Ok(Encodings {
        x: encoding(graph_io::X)?,
        outputs: parts.iter().map(output).collect::<Result<_, _>>()?,
        rotary: encoding(layer::ROTARY)?,
        mask: encoding(layer::MASK)?,
        mask_minimum: ranges.mask_minimum(),
        keys: layers().map(|prefix| cached(layer::key_range(&prefix))).collect::<Result<_, _>>()?,
        values: layers()
            .map(|prefix| cached(layer::value_range(config, &prefix)))
            .collect::<Result<_, _>>()?,
    })
}
