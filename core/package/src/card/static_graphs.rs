//! Static graphs of a variant: every shape is fixed when the package is made, as NPUs need it.
//!
//! Two graphs read one set of weights: `prefill` takes a chunk of [`StaticGraphs::prefill_tokens`] tokens, `decode` one
//! token. The host owns the cache, looks embeddings up, and makes rotary tables and mask. With B = 1, S tokens of the
//! graph, E `hidden_size`, H `num_key_value_heads`, D `head_dim`, C `context_length`, V `vocab_size`, the quantised form
//! has, in this order:
//!
//! | name | direction | type | shape | meaning |
//! |---|---|---|---|---|
//! | `x` | in | uint16 | `[1, S, E]` | embedding rows, or the `hidden` of the part before |
//! | `cos`, `sin` | in | uint16 | `[1, 1, S, D/2]` | of each position's angles |
//! | `mask` | in | uint16 | `[1, 1, S, C+S]` | 0 where a token may look, else [`Encodings::mask_minimum`]; first the C slots of the cache, then the S tokens of this call |
//! | `past_key.{i}` | in | uint8 | `[1, H, D, C]` | rotated keys, transposed |
//! | `past_value.{i}` | in | uint8 | `[1, H, C, D]` | |
//! | `logits` or `hidden` | out | uint16 | `[1, S, V]` or `[1, S, E]` | `logits` of the last part |
//! | `new_key.{i}` | out | uint8 | `[1, H, D, S]` | of the S tokens, for the host to put into the cache |
//! | `new_value.{i}` | out | uint8 | `[1, H, S, D]` | |
//!
//! `i` is the layer's index in the model. The float form is one part with the weights of the variant `cpu`. It has `x`
//! (float32 `[1, S, E]`), `seqlens_k` (int32 `[1]`), `total_sequence_length` (int32, a scalar), `logits_position` (int32
//! `[1]`, only in prefill) and `past_key_values.{i}.key`, `.value` (float32 `[1, H, C, D]`) in, `logits` (float32
//! `[1, 1, V]`, after that position) and `present.{i}.key`, `.value` out, which are the same buffers, as
//! `GroupQueryAttention` has them. Rotary tables stand in the graph.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::context_binary::{CompiledPart, ContextBinary};

/// The static graphs of one variant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StaticGraphs {
    /// The graphs' inputs and outputs.
    pub form: GraphForm,
    /// Tokens that the cache holds, C.
    pub context_length: usize,
    /// Tokens of a call of a prefill graph, S.
    pub prefill_tokens: usize,
    /// Ranges of layers, in order; one where the model is small enough for one graph.
    pub parts: Vec<GraphPart>,
    /// Where the logits come from.
    pub lm_head: LmHead,
    /// The embedding table, from which the host takes rows.
    pub embedding: EmbeddingTable,
    /// Radians that each pair of a head turns a position: `[D/2]`. Pair `j` is elements `j` and `j + D/2`. Empty in the
    /// float form.
    pub inverse_frequencies: Vec<f64>,
    /// How weights and ranges were found, for people.
    #[serde(default)]
    pub recipe: serde_json::Value,
    /// How inputs and outputs are quantised; absent in the float form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encodings: Option<Encodings>,
    /// Graphs that are compiled already, by system-on-chip.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub context_binaries: Vec<ContextBinary>,
    /// What an execution provider must compute before it is trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_check: Option<StaticSelfCheck>,
}

/// The graphs' inputs and outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GraphForm {
    /// Integers, by [`StaticGraphs::encodings`].
    Quantized,
    /// float32.
    Float,
}

/// Consecutive layers as a pair of graphs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphPart {
    /// The first layer.
    pub first_layer: usize,
    /// How many there are.
    pub layers: usize,
    /// The graph file that takes [`StaticGraphs::prefill_tokens`] tokens.
    pub prefill: String,
    /// The graph file that takes one token.
    pub decode: String,
}

impl GraphPart {
    /// The layers.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.first_layer..self.first_layer + self.layers
    }
}

/// Where the logits come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LmHead {
    /// The last part ends in `logits`.
    Graph,
}

/// The embedding table as a file of rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmbeddingTable {
    /// The file in the variant's folder.
    pub file: String,
    /// What it holds.
    pub dtype: EmbeddingType,
}

/// What an embedding file holds, little-endian, row-major.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EmbeddingType {
    /// `[V, E]` codes, a signed byte each, then `[V]` scales as float32: `element = code * scale of its row`.
    Int8,
    /// `[V, E]` half-precision numbers.
    Float16,
    /// `[V, E]` single-precision numbers from a byte of the file on: it holds other weights too.
    Float32 {
        /// The first byte.
        offset: u64,
    },
    /// `[V, E]` codes with a scale a block of a row, as `GatherBlockQuantized` reads them, from bytes of a file that
    /// holds other weights too: `element = (code - zero_point) * scale`, both of its block.
    Blocks(EmbeddingBlocks),
}

/// An embedding table in blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmbeddingBlocks {
    /// Bits of a code: 4 or 8. Codes of 4 bits stand two a byte, the first in the low half.
    pub bits: u8,
    /// Codes that share a scale.
    pub block_size: usize,
    /// The first byte of the codes, `[V, E * bits / 8]`.
    pub codes: u64,
    /// The first byte of the scales, `[V, E / block_size]`, float32.
    pub scales: u64,
    /// The first byte of the zero points, packed as codes are, each row in whole bytes; where absent they are half of
    /// the codes' range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zero_points: Option<u64>,
}

/// How a number stands in an integer: `number = (code - zero_point) * scale`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Encoding {
    /// The step; above zero.
    pub scale: f32,
    /// The code of zero, within the integer's range.
    pub zero_point: u16,
}

/// The encodings of all inputs and outputs of quantised graphs; the same in prefill and decode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Encodings {
    /// `x` of the first part.
    pub x: Encoding,
    /// The output of each part: `hidden`, which is also `x` of the next, and `logits` of the last one.
    pub outputs: Vec<Encoding>,
    /// `cos` and `sin`.
    pub rotary: Encoding,
    /// `mask`.
    pub mask: Encoding,
    /// What is added to scores that must not count; finite.
    pub mask_minimum: f32,
    /// `past_key.{i}` and `new_key.{i}`, one entry a layer.
    pub keys: Vec<Encoding>,
    /// `past_value.{i}` and `new_value.{i}`, one entry a layer.
    pub values: Vec<Encoding>,
}

/// A prompt whose logits are known: of the quantised graphs on ONNX Runtime's CPU provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StaticSelfCheck {
    /// Token ids from position 0 on, at most one prefill chunk.
    pub prompt_ids: Vec<u32>,
    /// The best tokens after the last position, the best first.
    pub token_ids: Vec<u32>,
    /// Their logits.
    pub logits: Vec<f32>,
    /// The largest root mean square difference of these logits that passes, relative to that of the logits.
    pub tolerance: f32,
}

impl StaticGraphs {
    /// Every file that this section names.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        let graphs = self.parts.iter().flat_map(|part| [part.prefill.as_str(), part.decode.as_str()]);
        let compiled =
            self.context_binaries.iter().flat_map(|binary| &binary.parts).flat_map(CompiledPart::files);
        graphs.chain([self.embedding.file.as_str()]).chain(compiled)
    }

    /// What does not fit together, in a sentence fragment.
    ///
    /// # Errors
    /// The first contradiction: a model of other layers, encodings that are missing or no numbers, ranges with gaps.
    pub fn check(&self, num_hidden_layers: usize, head_dim: usize) -> Result<(), String> {
        let mut next = 0;
        for part in &self.parts {
            if part.first_layer != next || part.layers == 0 {
                return Err(format!("a part begins at layer {}, expected {next}", part.first_layer));
            }
            next = part.layers.saturating_add(next);
        }
        if next != num_hidden_layers {
            return Err(format!("the parts hold {next} layers, the model has {num_hidden_layers}"));
        }
        let frequencies = if self.form == GraphForm::Float { 0 } else { head_dim / 2 };
        if self.inverse_frequencies.len() != frequencies {
            let found = self.inverse_frequencies.len();
            return Err(format!("there are {found} rotary frequencies, expected {frequencies}"));
        }
        if self.form == GraphForm::Float && self.parts.len() > 1 {
            return Err("the float form is one part".to_owned());
        }
        if self.context_length == 0 || self.prefill_tokens < 2 {
            return Err("the graphs take no tokens".to_owned());
        }
        if self.context_length > 1 << 24 || self.prefill_tokens > 1 << 16 {
            let (prefill, context) = (self.prefill_tokens, self.context_length);
            return Err(format!(
                "the graphs take {prefill} tokens of {context}, expected at most 65536 of 16777216"
            ));
        }
        if let Some(binary) =
            self.context_binaries.iter().find(|binary| binary.parts.len() != self.parts.len())
        {
            let (soc, found) = (&binary.soc, binary.parts.len());
            return Err(format!("`{soc}` has {found} compiled parts, expected {}", self.parts.len()));
        }
        self.context_binaries.iter().try_for_each(ContextBinary::check)?;
        match (self.form, &self.encodings) {
            (GraphForm::Float, _) => Ok(()),
            (GraphForm::Quantized, None) => Err("a quantised form without encodings".to_owned()),
            (GraphForm::Quantized, Some(encodings)) => encodings.check(self.parts.len(), num_hidden_layers),
        }
    }
}

impl Encodings {
    fn check(&self, parts: usize, layers: usize) -> Result<(), String> {
        let lengths = [
            ("outputs", self.outputs.len(), parts),
            ("keys", self.keys.len(), layers),
            ("values", self.values.len(), layers),
        ];
        for (what, found, expected) in lengths {
            if found != expected {
                return Err(format!("there are {found} encodings of {what}, expected {expected}"));
            }
        }
        let wide = self.outputs.iter().chain([&self.x, &self.rotary, &self.mask]);
        let narrow = self.keys.iter().chain(&self.values);
        let fits = |encoding: &Encoding, largest: u16| {
            encoding.scale.is_finite() && encoding.scale > 0.0 && encoding.zero_point <= largest
        };
        let wrong = wide
            .map(|encoding| (encoding, u16::MAX))
            .chain(narrow.map(|encoding| (encoding, u16::from(u8::MAX))))
            .find(|(encoding, largest)| !fits(encoding, *largest));
        match wrong {
            Some((Encoding { scale, zero_point }, _)) => {
                Err(format!("an encoding has the scale {scale} and the zero point {zero_point}"))
            }
            None if !self.mask_minimum.is_finite() => Err("the mask's minimum is not finite".to_owned()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graphs() -> StaticGraphs {
        let encoding = Encoding { scale: 0.5, zero_point: 128 };
        let part = |first_layer: usize, layers| GraphPart {
            first_layer,
            layers,
            prefill: format!("prefill.{first_layer}.onnx"),
            decode: format!("decode.{first_layer}.onnx"),
        };
        StaticGraphs {
            form: GraphForm::Quantized,
            context_length: 128,
            prefill_tokens: 64,
            parts: vec![part(0, 2), part(2, 1)],
            lm_head: LmHead::Graph,
            embedding: EmbeddingTable { file: "embedding".to_owned(), dtype: EmbeddingType::Int8 },
            inverse_frequencies: vec![1.0, 0.1],
            recipe: serde_json::Value::Null,
            encodings: Some(Encodings {
                x: encoding,
                outputs: vec![encoding; 2],
                rotary: encoding,
                mask: encoding,
                mask_minimum: -40.0,
                keys: vec![encoding; 3],
                values: vec![encoding; 3],
            }),
            context_binaries: Vec::new(),
            self_check: None,
        }
    }

    #[test]
    fn a_section_survives_its_own_json() {
        let json = serde_json::to_string(&graphs()).unwrap();
        assert!(json.contains(r#""form":"quantized""#) && json.contains(r#""lm_head":"graph""#), "{json}");
        assert_eq!(serde_json::from_str::<StaticGraphs>(&json).unwrap(), graphs());
        assert_eq!(graphs().files().count(), 5);
    }

    #[test]
    fn contradictions_are_named() {
        assert_eq!(graphs().check(3, 4), Ok(()));
        assert!(graphs().check(4, 4).unwrap_err().contains("3 layers"));
        assert!(graphs().check(3, 8).unwrap_err().contains("frequencies"));
        let broken = |change: fn(&mut StaticGraphs)| {
            let mut graphs = graphs();
            change(&mut graphs);
            graphs.check(3, 4).unwrap_err()
        };
        assert!(broken(|graphs| graphs.parts[1].first_layer = 1).contains("begins at layer 1"));
        assert!(broken(|graphs| graphs.encodings = None).contains("without encodings"));
        assert!(broken(|graphs| graphs.encodings.as_mut().unwrap().keys[0].zero_point = 256).contains("256"));
        assert!(broken(|graphs| graphs.encodings.as_mut().unwrap().x.scale = f32::NAN).contains("NaN"));
    }
}
