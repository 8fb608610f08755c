//! What each input of a matrix counts: the mean square of every channel, over some text.
//!
//! A product `y = W x` errs by `sum_k e_k x_k`; where channels know nothing of each other, its mean square is `sum_k e_k^2 m_k`
//! with `m_k` the mean of `x_k^2`. So the search for scale and zero point ([`crate::scheme::block`]) and the choice of bits
//! ([`crate::budget`]) weigh the error of column `k` by `m_k`. Measuring takes one pass of a text through the float model, which
//! `wheelwork-calibrate` does; here it is only used. A few hundred tokens suffice: see `docs/quantization.md`.

use std::io::Read as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use wheelwork_package::json;
use wheelwork_package::vfs::{Links, open_file};

use crate::architecture::names;
use crate::calibration::{Calibration, CalibrationError, Rounder};
use crate::checkpoint::tensors::ShardIdentity;
use crate::checkpoint::{Checkpoint, Config};
use crate::plan::StoredMatrix;
use crate::scheme::BlockScheme;
use crate::scheme::block::Importance;
use crate::scheme::rows::{self, EncodedRows};

/// Added to each mean square, in parts of the mean of all: a channel that was silent in the text is not silent for good.
const FLOOR: f32 = 1e-3;
/// Begins a file of moments.
const MAGIC: &[u8; 8] = b"WWMOMNT1";
/// Bytes of a file of moments: more than those of any model.
const FILE_BYTES_LIMIT: u64 = 256 << 20;
const HEADER_BYTES_LIMIT: usize = 1 << 20;

/// Mean squares of what goes into the matrices of a layer, one a column.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LayerMoments {
    /// Into the projections of query, key and value.
    pub qkv: Vec<f32>,
    /// Into `o_proj`.
    pub output: Vec<f32>,
    /// Into `gate_proj` and `up_proj`.
    pub gate_up: Vec<f32>,
    /// Into `down_proj`.
    pub down: Vec<f32>,
}

/// Mean squares of what goes into all matrices of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    layers: Vec<LayerMoments>,
    head: Vec<f32>,
    /// Of an embedding table that is the output projection too; empty where there is none.
    table: Vec<f32>,
    source: Source,
}

/// What moments were measured on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The checkpoint's weight files.
    pub checkpoint: Vec<ShardIdentity>,
    /// SHA-256 of the text's tokens.
    pub text: String,
    /// How many tokens that is.
    pub tokens: usize,
    /// Where they are from, for people.
    pub sources: Vec<String>,
}

/// Numbers that are no moments of this model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum MomentsError {
    /// Another number of layers or channels than the model has.
    #[error("the moments of {place} have {found} channels, expected {expected}")]
    Shape { place: String, found: usize, expected: usize },
    /// A mean square that is infinite, negative or no number.
    #[error("the mean square of channel {channel} of {place} is {value}, expected a finite number")]
    NotFinite { place: String, channel: usize, value: String },
}

impl Moments {
    /// Moments of a model; each is rounded to 8 significant bits, so that the last bits of a sum decide nothing.
    ///
    /// # Errors
    /// [`MomentsError`].
    pub fn new(
        config: &Config,
        layers: Vec<LayerMoments>,
        head: Vec<f32>,
        source: Source,
    ) -> Result<Self, MomentsError> {
        if layers.len() != config.num_hidden_layers {
            let (found, expected) = (layers.len(), config.num_hidden_layers);
            return Err(MomentsError::Shape { place: "all layers".to_owned(), found, expected });
        }
        let mut moments = Self { layers, head, table: Vec::new(), source };
        let hidden = config.hidden_size;
        for (index, layer) in moments.layers.iter_mut().enumerate() {
            check(&mut layer.qkv, hidden, || format!("queries, keys and values of layer {index}"))?;
            check(&mut layer.output, config.query_size(), || format!("the output of layer {index}"))?;
            check(&mut layer.gate_up, hidden, || format!("gate and up of layer {index}"))?;
            check(&mut layer.down, config.intermediate_size, || format!("down of layer {index}"))?;
        }
        check(&mut moments.head, hidden, || "the output projection".to_owned())?;
        if config.tie_word_embeddings {
            moments.table = both(&moments.head);
        }
        Ok(moments)
    }

    /// What they were measured on.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// What the columns of a matrix count; `None` for a table that is only looked up: its rows are what enters the first layer,
    /// whose columns all count the same.
    #[must_use]
    pub fn of(&self, matrix: &StoredMatrix) -> Option<&[f32]> {
        let (tensor, _) = matrix.parts.first()?;
        if let Some(index) = names::layer_of(tensor) {
            let layer = self.layers.get(index)?;
            return match tensor.strip_prefix(&names::layer(index, ""))?.strip_suffix(".weight")? {
                "self_attn.q_proj" | "self_attn.k_proj" | "self_attn.v_proj" => Some(&layer.qkv),
                "self_attn.o_proj" => Some(&layer.output),
                "mlp.gate_proj" | "mlp.up_proj" => Some(&layer.gate_up),
                "mlp.down_proj" => Some(&layer.down),
                _ => None,
            };
        }
        let columns = if tensor == names::LM_HEAD { &self.head } else { &self.table };
        (!columns.is_empty()).then_some(columns)
    }

    /// The search for a matrix under the weights of its inputs; `None` where nothing is known of them.
    #[must_use]
    pub fn rounder<'m>(&'m self, matrix: &StoredMatrix) -> Option<Box<dyn Rounder + 'm>> {
        let columns = self.of(matrix)?;
        Some(Box::new(ByColumns { columns }))
    }

    /// Keeps the moments beside an output, for a run that resumes.
    ///
    /// # Errors
    /// What the operating system says; the file is then as it was.
    pub fn save(&self, path: &Path) -> Result<(), wheelwork_package::PackageError> {
        let header = serde_json::to_vec(&self.source).unwrap_or_default();
        let mut bytes = MAGIC.to_vec();
        bytes.extend(u32::try_from(header.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend(header);
        for values in self.arrays() {
            bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        }
        let digest = Sha256::digest(&bytes);
        bytes.extend(digest);
        json::replace_bytes(path, &bytes)
    }

    /// Reads what [`Moments::save`] has written, if it is of this checkpoint and text; anything else is `None`: it is a cache,
    /// and what it should say can be measured again.
    #[must_use]
    pub fn load(path: &Path, config: &Config, source: &Source) -> Option<Self> {
        let mut bytes = Vec::new();
        let file = open_file(path, Links::Refused).ok()?;
        file.take(FILE_BYTES_LIMIT).read_to_end(&mut bytes).ok()?;
        let (content, digest) = bytes.split_last_chunk::<32>()?;
        (Sha256::digest(content).as_slice() == digest).then_some(())?;
        let (length, rest) = content.strip_prefix(MAGIC)?.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length))
            .ok()
            .filter(|length| *length <= HEADER_BYTES_LIMIT)?;
        let (header, values) = rest.split_at_checked(length)?;
        (serde_json::from_slice::<Source>(header).ok()? == *source).then_some(())?;
        let (values, []) = values.as_chunks::<4>() else { return None };
        let mut values = values.iter().map(|value| f32::from_le_bytes(*value));
        let mut take = |count: usize| -> Option<Vec<f32>> {
            let taken: Vec<f32> = values.by_ref().take(count).collect();
            (taken.len() == count).then_some(taken)
        };
        let layers = (0..config.num_hidden_layers).map(|_| {
            Some(LayerMoments {
                qkv: take(config.hidden_size)?,
                output: take(config.query_size())?,
                gate_up: take(config.hidden_size)?,
                down: take(config.intermediate_size)?,
            })
        });
        let layers = layers.collect::<Option<_>>()?;
        let head = take(config.hidden_size)?;
        (values.next().is_none()).then_some(())?;
        Self::new(config, layers, head, source.clone()).ok()
    }

    fn arrays(&self) -> impl Iterator<Item = &[f32]> {
        let layers = self.layers.iter().flat_map(|layer| {
            let LayerMoments { qkv, output, gate_up, down } = layer;
            [qkv.as_slice(), output, gate_up, down]
        });
        layers.chain([self.head.as_slice()])
    }
}

/// Checks the moments of one input, lifts them to the floor and rounds them.
fn check(values: &mut [f32], expected: usize, place: impl Fn() -> String) -> Result<(), MomentsError> {
    if values.len() != expected {
        return Err(MomentsError::Shape { place: place(), found: values.len(), expected });
    }
    if let Some(channel) = values.iter().position(|value| !(value.is_finite() && *value >= 0.0)) {
        let value = values.get(channel).map(ToString::to_string).unwrap_or_default();
        return Err(MomentsError::NotFinite { place: place(), channel, value });
    }
    #[allow(clippy::cast_possible_truncation)] // the mean of numbers that fit
    let mean =
        (values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len().max(1) as f64) as f32;
    let floor = if mean > 0.0 { mean * FLOOR } else { 1.0 };
    for value in values {
        *value = rounded(value.max(floor));
    }
    Ok(())
}

/// What the columns of a table count that is looked up and is the output projection too: alike for the one, by the mean squares
/// of its input for the other, each by its share of the divergence (`budget::sensitivity`).
fn both(head: &[f32]) -> Vec<f32> {
    const HEAD_SHARE: f32 = 0.64;
    let mean = head.iter().sum::<f32>() / head.len().max(1) as f32;
    head.iter().map(|value| rounded(HEAD_SHARE * (value / mean) + (1.0 - HEAD_SHARE))).collect()
}

/// To 8 significant bits; what was rounded stays as it is.
fn rounded(value: f32) -> f32 {
    f32::from_bits((value.to_bits().saturating_add(0x8000)) & 0xFFFF_0000).min(f32::MAX)
}

/// Has every matrix searched under the weights of its inputs.
pub(crate) struct Weighted<'m> {
    pub(crate) moments: &'m Moments,
}

impl Calibration for Weighted<'_> {
    fn identity(&self) -> String {
        format!("importance, {}", self.moments.source.text)
    }

    fn rounder<'a>(
        &'a mut self,
        _: &Checkpoint,
        matrix: &StoredMatrix,
    ) -> Result<Option<Box<dyn Rounder + 'a>>, CalibrationError> {
        Ok(self.moments.rounder(matrix))
    }
}

struct ByColumns<'m> {
    columns: &'m [f32],
}

impl Rounder for ByColumns<'_> {
    fn encode(
        &self,
        scheme: BlockScheme,
        _: usize,
        weights: &mut [f32],
        columns: usize,
        encoded: &mut EncodedRows,
    ) {
        rows::encode_for(scheme, weights, columns, Importance::ColumnsAndMagnitude(self.columns), encoded);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> Source {
        Source { checkpoint: Vec::new(), text: "ab".into(), tokens: 3, sources: vec!["a text".into()] }
    }

    fn config() -> Config {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/tiny-r1");
        Checkpoint::open(&folder).unwrap().config
    }

    fn layers(config: &Config, value: f32) -> Vec<LayerMoments> {
        let layer = LayerMoments {
            qkv: vec![value; config.hidden_size],
            output: vec![value; config.query_size()],
            gate_up: vec![value; config.hidden_size],
            down: vec![value; config.intermediate_size],
        };
        vec![layer; config.num_hidden_layers]
    }

    #[test]
    fn ck_29_moments_that_are_no_numbers_are_refused_by_their_place() {
        let config = config();
        let head = vec![1.0; config.hidden_size];
        for value in [f32::NAN, f32::INFINITY, -1.0] {
            let mut layers = layers(&config, 1.0);
            layers[1].down[7] = value;
            let error = Moments::new(&config, layers, head.clone(), source()).unwrap_err();
            let MomentsError::NotFinite { place, channel: 7, .. } = &error else { panic!("{error}") };
            assert_eq!(place, "down of layer 1");
        }
        let error = Moments::new(&config, Vec::new(), head.clone(), source()).unwrap_err();
        assert!(matches!(error, MomentsError::Shape { found: 0, .. }), "{error}");
        let mut short = layers(&config, 1.0);
        short[0].qkv.pop();
        assert!(Moments::new(&config, short, head, source()).is_err());
    }

    #[test]
    fn ck_29_silent_and_huge_channels_count_something_finite() {
        let config = config();
        for value in [0.0, f32::MIN_POSITIVE, f32::MAX] {
            let moments =
                Moments::new(&config, layers(&config, value), vec![value; config.hidden_size], source())
                    .unwrap();
            assert!(moments.arrays().flatten().all(|value| *value > 0.0 && value.is_finite()), "{value}");
        }
    }

    #[test]
    fn columns_of_a_table_count_for_the_lookup_as_well_as_for_the_projection() {
        let head: Vec<f32> =
            (0..64_u8).map(|column| if column == 7 { 100.0 } else { f32::from(column) }).collect();
        let table = both(&head);
        assert!(table[0] > 0.35, "a column that the projection does not use is looked up: {}", table[0]);
        assert!(table[7] > 1.5 && table[63] > table[1], "{table:?}");
        let mean = table.iter().sum::<f32>() / 64.0;
        assert!((mean - 1.0).abs() < 0.01, "{mean}");
    }

    #[test]
    fn what_was_saved_is_read_again_and_anything_else_is_not() {
        let config = config();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("moments");
        let moments =
            Moments::new(&config, layers(&config, 0.3), vec![0.7; config.hidden_size], source()).unwrap();
        moments.save(&path).unwrap();
        assert_eq!(Moments::load(&path, &config, &source()), Some(moments));
        assert_eq!(Moments::load(&path, &config, &Source { tokens: 4, ..source() }), None, "of another text");
        let bytes = fs_err::read(&path).unwrap();
        for at in [0, 9, 20, bytes.len() / 2, bytes.len() - 1] {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            fs_err::write(&path, damaged).unwrap();
            assert_eq!(Moments::load(&path, &config, &source()), None, "damaged at {at}");
        }
        for length in [0, 7, 8, 30, bytes.len() - 1] {
            fs_err::write(&path, &bytes[..length]).unwrap();
            assert_eq!(Moments::load(&path, &config, &source()), None, "cut at {length}");
        }
    }
}
