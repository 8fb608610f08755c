//! The decoder graph with an int8 key-value cache, made of the one with a float cache.
//!
//! ```text
//! scale[channel] = range[channel] / 127          element = round(value / scale), from -127 to 127
//! ```
//!
//! Three things differ: `GroupQueryAttention` is told that its cache is quantised by channel, it gets the scales
//! as inputs 12 and 13 (`[1, num_key_value_heads, 1, head_dim]`), and the cache tensors that the graph takes and gives are
//! int8. All weights are shared with the float graph, so the second graph costs a few hundred kilobytes.

use std::path::Path;

use wheelwork_onnx::{Edit, ElementType, GraphError};
use wheelwork_package::card::{Architecture, KvCache};
use wheelwork_package::files::{FileRecord, names};
use wheelwork_package::tensors as contract;
use wheelwork_package::{Card, PackageError, json};

use crate::error::{QuantizeError, RequestError};

const ATTENTION: &str = "GroupQueryAttention";
/// Inputs of the operator.
const KEY_SCALE: usize = 12;
const VALUE_SCALE: usize = 13;
/// The largest code; -128 is not used, so that the range is symmetric.
const LARGEST_CODE: f32 = 127.0;
/// A channel that was zero everywhere still needs a scale.
const SMALLEST_RANGE: f32 = 1e-6;

/// How large the elements of one layer's cache get, one figure a channel: `[num_key_value_heads, head_dim]`.
///
/// Keys are cached after rotation, which turns channel `c` and `c + head_dim / 2` into each other from position to
/// position: their range must be the length of that pair, or it would hold for the positions seen only.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerRange {
    /// Of keys.
    pub keys: Vec<f32>,
    /// Of values.
    pub values: Vec<f32>,
}

/// The largest graph file that is read: a graph without weights has some hundred kilobytes.
pub(crate) const GRAPH_BYTES_LIMIT: u64 = 64 << 20;

/// Adds the int8 graph to a variant of a package folder and lists it in the card, as `cache`.
/// A second call replaces both.
///
/// The package is complete before, between and after the two files that this writes.
///
/// # Errors
/// [`QuantizeError::Request`] for a folder without a card or variant, [`QuantizeError::Package`], or
/// [`QuantizeError::Graph`] as [`int8_graph`].
pub fn add_to(
    package: &Path,
    variant: &str,
    ranges: &[LayerRange],
    cache: KvCache,
) -> Result<Card, QuantizeError> {
    let open = wheelwork_package::open(package)?;
    let folder = open.variant(variant)?.folder.clone();
    let Some(mut card) = open.card else {
        return Err(RequestError::NotAPackage { path: package.into() }.into());
    };
    let float_graph = json::read_bytes(&folder.join(names::GRAPH), GRAPH_BYTES_LIMIT)?;
    let graph = int8_graph(&float_graph, ranges, &card.architecture)?;
    json::replace_bytes(&folder.join(names::INT8_KV_GRAPH), &graph)?;
    let record = FileRecord::of(&folder, names::INT8_KV_GRAPH)?;
    let files = card.variants.entry(variant.to_owned()).or_default();
    files.retain(|file| file.name != record.name);
    files.push(record);
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let cache = KvCache { int8_graph: names::INT8_KV_GRAPH.to_owned(), ..cache };
    card.kv_cache.insert(variant.to_owned(), cache);
    save(package, &card)?;
    Ok(card)
}

/// Gives a package another card.
///
/// # Errors
/// [`PackageError::Io`]; the card is then as it was.
pub fn save(package: &Path, card: &Card) -> Result<(), PackageError> {
    json::replace(&package.join(names::CARD), card)
}

/// The bytes of the graph with an int8 cache.
///
/// # Errors
/// [`GraphError::Unreadable`], or [`GraphError::Missing`] where `float_graph` is not a decoder of that architecture or
/// `ranges` not of its shape.
pub fn int8_graph(
    float_graph: &[u8],
    ranges: &[LayerRange],
    architecture: &Architecture,
) -> Result<Vec<u8>, GraphError> {
    let channels = architecture.num_key_value_heads * architecture.head_dim;
    let shape = [1, architecture.num_key_value_heads, 1, architecture.head_dim];
    let layers = architecture.num_hidden_layers;
    let fits = |range: &LayerRange| range.keys.len() == channels && range.values.len() == channels;
    if ranges.len() != layers || !ranges.iter().all(fits) {
        return Err(GraphError::Missing(format!("cache ranges of {layers} layers with {channels} channels")));
    }
    let mut graph = Edit::read(float_graph)?;
    graph.attributes(
        ATTENTION,
        &[
            ("k_quant_type", "PER_CHANNEL".into()),
            ("v_quant_type", "PER_CHANNEL".into()),
            ("kv_cache_bit_width", 8_i64.into()),
        ],
    );
    for (layer, range) in ranges.iter().enumerate() {
        let sides = [
            (KEY_SCALE, "key", &range.keys, contract::PAST_KEY_PATTERN, contract::PRESENT_KEY_PATTERN),
            (
                VALUE_SCALE,
                "value",
                &range.values,
                contract::PAST_VALUE_PATTERN,
                contract::PRESENT_VALUE_PATTERN,
            ),
        ];
        for (input, side, range, past, present) in sides {
            let name = format!("kv_cache.{layer}.{side}_scale");
            let scales: Vec<f32> = range.iter().map(|&range| scale(range)).collect();
            graph.floats(&name, &shape, &scales);
            graph.set_input(ATTENTION, layer, input, &name)?;
            graph.set_element(&contract::layer_name(past, layer), ElementType::Int8)?;
            graph.set_element(&contract::layer_name(present, layer), ElementType::Int8)?;
        }
    }
    Ok(graph.to_bytes())
}

fn scale(range: f32) -> f32 {
    // `max` also replaces a NaN.
    range.max(SMALLEST_RANGE) / LARGEST_CODE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_code_stands_for_the_range() {
        assert_eq!(scale(254.0), 2.0);
        assert!(scale(0.0) > 0.0);
        assert!(scale(f32::NAN) > 0.0);
    }
}
