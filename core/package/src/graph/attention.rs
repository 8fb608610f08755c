//! Attention in a verified graph that an operator of ours can compute.
//!
//! ```text
//! com.microsoft:GroupQueryAttention(query, key?, value?, past key, past value, last positions, total, cosines, sines, ...,
//!                                   scale of keys?, scale of values?)
//!     -> wheelwork:CachedAttention(query, key?, value?, past key, past value, last positions, cosines, sines)
//!     -> wheelwork:CachedAttention8(the same, scale of keys, scale of values)
//! ```
//!
//! With the attribute `frequencies`, the bits of float64 numbers, ours computes cosines and sines itself and reads no tables.

use std::collections::BTreeMap;

use super::GraphError;
use super::proto::{Attribute, Graph, Model, Node, Tensor};
use super::rules::{DOMAIN, MICROSOFT};
use super::tensors::{Source, source};
use super::verify;
use super::wire::{Fields, put, put_bytes, put_int};

/// The operator with a cache of float32.
pub const CACHED_ATTENTION: &str = "CachedAttention";
/// The operator with a cache of int8.
pub const CACHED_ATTENTION_8: &str = "CachedAttention8";

/// The attribute of ours with the bits of radians a position.
pub const FREQUENCIES: &str = "frequencies";
/// ONNX's number of the type.
const FLOAT: i64 = 1;

/// Inputs of `GroupQueryAttention`, by their place.
const LAST_POSITIONS: usize = 5;
pub(super) const ANGLES: [usize; 2] = [7, 8];
/// Position ids, an additive bias and sinks, none of which ours knows.
const UNKNOWN: [usize; 3] = [9, 10, 11];
const SCALES: [usize; 2] = [12, 13];
/// Attributes that ours has, too.
const KEPT: [&str; 3] = ["num_heads", "kv_num_heads", "scale"];
/// Elements of a head that ours computes.
const DIMS: [i64; 4] = [32, 64, 96, 128];

/// What takes the place of a graph's attentions.
#[derive(Debug, Clone, Copy)]
pub enum Attentions<'a> {
    /// Nothing: they stay.
    Original,
    /// Ours, with the graph's tables of cosines and sines.
    Ours,
    /// Ours, which compute cosines and sines from these radians a position.
    WithoutTables(&'a [f64]),
}

/// The tables of cosines and sines that all attentions of a graph read: `[positions, pairs]` each, float32.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    /// Cosines and sines.
    pub tables: [Source; 2],
    /// Rows.
    pub positions: u64,
    /// Columns.
    pub pairs: u64,
}

/// The tables of a graph all of whose attentions ours can compute; `None` where there are none, or several.
///
/// # Errors
/// As [`verify`].
pub fn tables(original: &[u8]) -> Result<Option<Tables>, GraphError> {
    verify(original)?;
    let graph = Model::read(original)?.graph;
    let ours = attentions(&graph);
    let of_node = |node: &&Node<'_>| node.outputs.first().is_some_and(|output| ours.contains(output));
    let mut names = graph.nodes.iter().filter(of_node).map(|node| ANGLES.map(|place| node.inputs.get(place)));
    let Some([Some(cosines), Some(sines)]) = names.next() else { return Ok(None) };
    if names.any(|others| others != [Some(cosines), Some(sines)]) {
        return Ok(None);
    }
    let tensor = |name: &str| graph.initializers.iter().find(|tensor| tensor.name == name);
    let read = || {
        let (cosines, sines) = (tensor(cosines)?, tensor(sines)?);
        let [positions, pairs] = cosines.dims[..] else { return None };
        let is_float = [cosines, sines].iter().all(|tensor| tensor.data_type == FLOAT);
        let tables = [source(cosines)?, source(sines)?];
        let (positions, pairs) = (u64::try_from(positions).ok()?, u64::try_from(pairs).ok()?);
        is_float.then_some(Tables { tables, positions, pairs })
    };
    Ok(read())
}

/// The attentions of a graph, by their first outputs, if ours can compute every one of them; empty otherwise.
///
/// # Errors
/// As [`verify`].
pub fn replaceable_attentions(original: &[u8]) -> Result<Vec<String>, GraphError> {
    verify(original)?;
    let graph = Model::read(original)?.graph;
    Ok(attentions(&graph).into_iter().map(str::to_owned).collect())
}

/// As [`replaceable_attentions`].
pub(super) fn attentions<'a>(graph: &Graph<'a>) -> Vec<&'a str> {
    let tensors: BTreeMap<_, _> = graph.initializers.iter().map(|tensor| (tensor.name, tensor)).collect();
    let all =
        graph.nodes.iter().filter(|node| (node.domain, node.operator) == (MICROSOFT, "GroupQueryAttention"));
    let output = |node: &Node<'a>| is_ours(node, &tensors).then(|| node.outputs.first().copied())?;
    all.map(output).collect::<Option<_>>().unwrap_or_default()
}

fn is_ours(node: &Node<'_>, tensors: &BTreeMap<&str, &Tensor<'_>>) -> bool {
    let input = |index: usize| node.inputs.get(index).copied().unwrap_or_default();
    let are_given = |places: &[usize]| places.iter().filter(|place| !input(**place).is_empty()).count();
    let heads = (node.int("num_heads").unwrap_or(0), node.int("kv_num_heads").unwrap_or(0));
    let angles = ANGLES.map(|place| tensors.get(input(place)).map(|tensor| &tensor.dims[..]));
    let has_angles = matches!(angles, [Some([_, half]), Some(sines)]
        if half.checked_mul(2).is_some_and(|dim| DIMS.contains(&dim)) && angles[0] == Some(sines));
    let scales = are_given(&SCALES);
    (scales == 0 || scales == 2)
        && node.inputs.len() <= SCALES[1] + 1
        && are_given(&[0, 3, 4, LAST_POSITIONS]) == 4
        && matches!(are_given(&[1, 2]), 0 | 2)
        && are_given(&UNKNOWN) == 0
        && node.outputs.len() == 3
        && node.outputs.iter().all(|output| !output.is_empty())
        && node.int("do_rotary") == Some(1)
        && (1..=1024).contains(&heads.1)
        && (1..=1024).contains(&heads.0)
        && heads.0 % heads.1 == 0
        && has_angles
        && node.attributes.iter().all(|attribute| is_known(attribute, scales == 2))
}

/// Whether an attribute is ours or says what ours does.
fn is_known(attribute: &Attribute<'_>, has_codes: bool) -> bool {
    match attribute.name {
        "do_rotary" => true,
        "rotary_interleaved" => attribute.int == Some(0),
        "local_window_size" => attribute.int == Some(-1),
        "kv_cache_bit_width" => has_codes && attribute.int == Some(8),
        "k_quant_type" | "v_quant_type" => has_codes && attribute.text == Some(b"PER_CHANNEL"),
        name => KEPT.contains(&name),
    }
}

/// The node of ours in place of a `GroupQueryAttention`, both as bytes of a `NodeProto`.
pub(super) fn our_attention(
    bytes: &[u8],
    node: &Node<'_>,
    frequencies: Option<&[f64]>,
) -> Result<Vec<u8>, GraphError> {
    let input = |index: usize| node.inputs.get(index).copied().unwrap_or_default();
    let has_codes = !input(SCALES[0]).is_empty();
    let mut ours = Vec::with_capacity(bytes.len());
    let scales = if has_codes { &SCALES[..] } else { &[] };
    for place in (0..=LAST_POSITIONS).chain(ANGLES).chain(scales.iter().copied()) {
        let is_left_out = frequencies.is_some() && ANGLES.contains(&place);
        put_bytes(&mut ours, 1, if is_left_out { b"" } else { input(place).as_bytes() });
    }
    for field in Fields::new(bytes) {
        let field = field?;
        match field.number {
            1 | 4 | 7 => {}
            5 if !KEPT.contains(&Attribute::read(field.bytes()?)?.name) => {}
            _ => put(&mut ours, &field),
        }
    }
    if let Some(frequencies) = frequencies {
        put_bytes(&mut ours, 5, &bits_of(frequencies));
    }
    let operator = if has_codes { CACHED_ATTENTION_8 } else { CACHED_ATTENTION };
    put_bytes(&mut ours, 4, operator.as_bytes());
    put_bytes(&mut ours, 7, DOMAIN.as_bytes());
    Ok(ours)
}

/// The attribute `frequencies`: ONNX's have no float64.
fn bits_of(frequencies: &[f64]) -> Vec<u8> {
    /// `AttributeProto.ints`, and its number as a type.
    const INTS: (u64, u64) = (8, 7);
    let mut attribute = Vec::new();
    put_bytes(&mut attribute, 1, FREQUENCIES.as_bytes());
    frequencies.iter().for_each(|frequency| put_int(&mut attribute, INTS.0, frequency.to_bits()));
    put_int(&mut attribute, 20, INTS.1);
    attribute
}
