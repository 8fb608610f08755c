//! The tensor contract: names, shapes and element types of the decoder graph's inputs and outputs.
//!
//! With B = 1 (batch), S = tokens in this call, P = tokens in the cache, C = capacity of the cache buffers,
//! T = P + S, H = `num_key_value_heads`, D = `head_dim`, V = `vocab_size`:
//!
//! | name | direction | type | shape |
//! |---|---|---|---|
//! | `input_ids` | in | int64 | `[B, S]` |
//! | `attention_mask` | in | int64 | `[B, T..=C]`: ones for the T tokens, then zeros |
//! | `past_key_values.{i}.key`, `.value` | in | float32 or int8 | `[B, H, C, D]`, the first P rows valid |
//! | `present.{i}.key`, `.value` | out | as the input | the same buffer as the input, the first T rows valid |
//! | `logits` | out | float32 | `[B, 1, V]`: of the last token only (`[B, S, V]` in folders of other makers) |
//!
//! All cache tensors of a graph have one element type. An int8 element stands for `element * scale`; the scales, one a
//! channel `[1, H, 1, D]`, are initializers of the graph.
//!
//! The names are onnxruntime-genai's, which is why its runtime loads our folders and ours loads its.

/// Token ids of this call.
pub const INPUT_IDS: &str = "input_ids";
/// Ones for every token that may be attended to.
pub const ATTENTION_MASK: &str = "attention_mask";
/// Scores over the vocabulary before any filter.
pub const LOGITS: &str = "logits";

/// Name pattern of the key cache input; `%d` is the layer.
pub const PAST_KEY_PATTERN: &str = "past_key_values.%d.key";
/// Name pattern of the value cache input.
pub const PAST_VALUE_PATTERN: &str = "past_key_values.%d.value";
/// Name pattern of the key cache output.
pub const PRESENT_KEY_PATTERN: &str = "present.%d.key";
/// Name pattern of the value cache output.
pub const PRESENT_VALUE_PATTERN: &str = "present.%d.value";

/// Puts a layer number into a name pattern.
#[must_use]
pub fn layer_name(pattern: &str, layer: usize) -> String {
    pattern.replacen("%d", &layer.to_string(), 1)
}

/// Input and output names of static graphs in the quantised form; [`crate::card::StaticGraphs`] has shapes and meaning.
pub mod static_graph {
    /// Embedding rows, or what the part before gives.
    pub const X: &str = "x";
    /// Tokens in the cache after this call, less one; float form.
    pub const LAST_POSITION: &str = "seqlens_k";
    /// Tokens in the cache after this call; float form.
    pub const TOTAL_LENGTH: &str = "total_sequence_length";
    /// Of which of this call's tokens logits are wanted; float form, prefill.
    pub const LOGITS_POSITION: &str = "logits_position";
    /// Cosines of each position's angles.
    pub const COS: &str = "cos";
    /// Sines of each position's angles.
    pub const SIN: &str = "sin";
    /// Added to the scores of attention.
    pub const MASK: &str = "mask";
    /// What a part gives that does not end in logits.
    pub const HIDDEN: &str = "hidden";
    /// Name pattern of the key cache; `%d` is the layer.
    pub const PAST_KEY_PATTERN: &str = "past_key.%d";
    /// Name pattern of the value cache; `%d` is the layer.
    pub const PAST_VALUE_PATTERN: &str = "past_value.%d";
    /// Name pattern of the keys of this call's tokens; `%d` is the layer.
    pub const NEW_KEY_PATTERN: &str = "new_key.%d";
    /// Name pattern of the values of this call's tokens; `%d` is the layer.
    pub const NEW_VALUE_PATTERN: &str = "new_value.%d";
}
