//! A verified graph with products of our own in place of some `MatMulNBits`, for one machine.
//!
//! ```text
//! com.microsoft:MatMulNBits(x, codes, scales, zero points?, -, bias?)
//!     -> wheelwork:MatMulBlocks(x, packed, bias?)        packed: one uint8 tensor in the new file
//! com.microsoft:GatherBlockQuantized(codes, ids, scales, zero points?)
//!     -> wheelwork:GatherBlocks(packed, ids)             the same one, where both read the same bytes (tied embeddings)
//! ```
//!
//! And of its attentions, if they are wanted, with or without tables of angles ([`super::attention`]). Which tokens get logits becomes an input ([`super::rows`]).
//!
//! Everything else stays as it is, byte for byte, but for initialisers that nothing reads any longer. The rewritten graph is a pure
//! function of the original, of which products are replaced and of where their packed weights stand, so a reader makes
//! it anew from the verified original instead of believing a file. [`alone`] cuts single products out, so that they can be measured.

use std::collections::{BTreeMap, HashSet};

use super::attention::Attentions;
use super::codes::Stated;
use super::prepacked::entry;
use super::proto::{Kind, Model, Node, Tensor};
use super::rows::{self, Dim, value, with_input};
use super::rules::MICROSOFT;
use super::tensors::{self, byte_len, elements, source};
use super::wire::{Fields, put, put_bytes, put_int, replace};
use super::{GraphError, attention, codes, verify};

pub use super::rules::DOMAIN;
pub use super::tensors::Source;

/// The operator that takes the place of `MatMulNBits`.
pub const OPERATOR: &str = "MatMulBlocks";
/// The operator that takes the place of `GatherBlockQuantized`.
pub const LOOKUP: &str = "GatherBlocks";
/// The input of a graph that [`alone`] has made: `[rows, K]`, float32.
pub const ALONE_INPUT: &str = "x";
/// What packed tensors are called behind the name of their codes.
const SUFFIX: &str = ".packed";
/// ONNX's numbers of types.
const FLOAT: i64 = 1;
/// ONNX's numbers of types.
const UINT8: i64 = 2;
/// ONNX's numbers of types.
const INT64: i64 = 7;

/// A node with a matrix that can be replaced, as far as the graph is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaceable {
    /// Its output, which names it.
    pub output: String,
    /// What it does with the matrix.
    pub does: Does,
    /// Elements of a row of the matrix.
    pub k: u64,
    /// Rows.
    pub n: u64,
    /// Bits that a code stands in.
    pub bits: u64,
    /// Bits that a code uses: fewer where the package's card states so ([`super::codes`]).
    pub code_bits: u64,
    /// Bits that a scale needs: 16, or 8 where the card states so.
    pub scale_bits: u64,
    /// Codes that share a scale.
    pub block_size: u64,
    /// Whether activations keep about 16 bits (`accuracy_level` 1) instead of being rounded to int8 (4).
    pub has_fine_activations: bool,
    /// The initialiser of the codes.
    pub tensor: String,
    /// Codes as `MatMulNBits` has them.
    pub codes: Source,
    /// Scales, float32.
    pub scales: Source,
    /// Zero points, in the bits of codes.
    pub zero_points: Option<Source>,
}

/// What a node does with its matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Does {
    /// Multiplies activations by it.
    Multiply,
    /// Looks rows up.
    LookUp,
}

impl Replaceable {
    /// Whether both read the same matrix.
    #[must_use]
    pub fn shares_with(&self, other: &Self) -> bool {
        let matrix = |one: &Self| (one.k, one.n, one.bits, one.code_bits, one.scale_bits, one.block_size);
        matrix(self) == matrix(other)
            && (&self.codes, &self.scales, &self.zero_points)
                == (&other.codes, &other.scales, &other.zero_points)
    }
}

/// A matrix of the new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Bits of a code there.
    pub bits: u64,
    /// Bits of a scale there.
    pub scale_bits: u64,
    /// First byte.
    pub offset: u64,
    /// Number of bytes.
    pub bytes: u64,
}

/// The products and lookups of a graph that can be replaced, in the order of its nodes: products that may round activations to int8
/// (`accuracy_level` 4) or state float32 (1), and lookups by ids that the graph is given, of constant matrices with float32 scales and, if any, packed zero
/// points. `stated` is what the package's card states of them.
///
/// # Errors
/// As [`verify`].
pub fn replaceable(original: &[u8], stated: &Stated) -> Result<Vec<Replaceable>, GraphError> {
    verify(original)?;
    let graph = Model::read(original)?.graph;
    let tensors: BTreeMap<_, _> = graph.initializers.iter().map(|tensor| (tensor.name, tensor)).collect();
    let ids: HashSet<_> =
        graph.inputs.iter().filter(|input| input.data_type == Some(INT64)).map(|input| input.name).collect();
    let of = |node| product(node, &tensors, stated).or_else(|| lookup(node, &tensors, &ids, stated));
    Ok(graph.nodes.iter().filter_map(of).collect())
}

fn product(node: &Node<'_>, tensors: &BTreeMap<&str, &Tensor<'_>>, stated: &Stated) -> Option<Replaceable> {
    let is_ours = (node.domain, node.operator) == (MICROSOFT, "MatMulNBits")
        && matches!(node.int("accuracy_level"), Some(1 | 4))
        && node.outputs.len() == 1
        && !tensors.contains_key(*node.inputs.first()?)
        && input(node, 4).is_empty();
    is_ours.then_some(())?;
    if !input(node, 5).is_empty() {
        constant(node, 5, FLOAT, tensors)?;
    }
    let (k, n) = (number(node, "K", None)?, number(node, "N", None)?);
    matrix(node, Does::Multiply, (k, n), 1, tensors, stated)
}

fn lookup(
    node: &Node<'_>,
    tensors: &BTreeMap<&str, &Tensor<'_>>,
    ids: &HashSet<&str>,
    stated: &Stated,
) -> Option<Replaceable> {
    let is_ours = (node.domain, node.operator) == (MICROSOFT, "GatherBlockQuantized")
        && node.outputs.len() == 1
        && ids.contains(input(node, 1));
    is_ours.then_some(())?;
    let [rows, stored] = tensors.get(input(node, 0))?.dims[..] else { return None };
    let bits = number(node, "bits", Some(4))?;
    let columns = u64::try_from(stored).ok()?.checked_mul(8)?.checked_div(bits)?;
    let found = matrix(node, Does::LookUp, (columns, u64::try_from(rows).ok()?), 0, tensors, stated)?;
    // A product's last block is filled up, a lookup's is cut off: they are one layout where neither is needed.
    columns.is_multiple_of(found.block_size).then_some(found)
}

/// What a node says of its matrix, whose codes are that input of it.
fn matrix(
    node: &Node<'_>,
    does: Does,
    (k, n): (u64, u64),
    codes: usize,
    tensors: &BTreeMap<&str, &Tensor<'_>>,
    stated: &Stated,
) -> Option<Replaceable> {
    let (bits, tensor) = (number(node, "bits", Some(4))?, input(node, codes));
    let zero_points = match input(node, 3) {
        "" => None,
        _ => Some(constant(node, 3, UINT8, tensors)?),
    };
    Some(Replaceable {
        output: (*node.outputs.first()?).to_owned(),
        does,
        k,
        n,
        bits,
        code_bits: stated.codes.get(tensor).map_or(bits, |stated| u64::from(*stated).min(bits)),
        scale_bits: stated.scales.get(tensor).map_or(16, |stated| u64::from(*stated)),
        block_size: number(node, "block_size", Some(128))?,
        has_fine_activations: node.int("accuracy_level") == Some(1),
        tensor: tensor.to_owned(),
        codes: constant(node, codes, UINT8, tensors)?,
        scales: constant(node, 2, FLOAT, tensors)?,
        zero_points,
    })
}

/// The ranges of files beside it that a graph reads.
///
/// # Errors
/// [`GraphError`] for what is no graph.
pub fn external(model: &[u8]) -> Result<Vec<codes::Place>, GraphError> {
    let mut found = Vec::new();
    for tensor in &Model::read(model)?.graph.initializers {
        let Some((file, offset)) = tensors::place(tensor) else { continue };
        found.push(codes::Place {
            file: file.to_owned(),
            offset,
            bytes: byte_len(tensor, elements(tensor)?)?,
        });
    }
    Ok(found)
}

fn number(node: &Node<'_>, name: &str, default: Option<i64>) -> Option<u64> {
    node.int(name).or(default).and_then(|value| u64::try_from(value).ok())
}

/// Where a constant input of that type stands.
fn constant(
    node: &Node<'_>,
    index: usize,
    data_type: i64,
    tensors: &BTreeMap<&str, &Tensor<'_>>,
) -> Option<Source> {
    let tensor = *tensors.get(input(node, index))?;
    (tensor.data_type == data_type).then(|| source(tensor))?
}

fn input<'a>(node: &Node<'a>, index: usize) -> &'a str {
    node.inputs.get(index).copied().unwrap_or_default()
}

/// The graph with the products and lookups of these outputs replaced; their packed weights stand in `file` at these places, and what
/// shares a matrix may share a place. And with that in the place of its attentions.
///
/// # Errors
/// As [`verify`]; [`GraphError::Undefined`] for an output of no replaceable product, and where no attention can be replaced;
/// [`GraphError::Twice`] where a packed tensor's name is taken.
pub fn rewritten(
    original: &[u8],
    file: &str,
    places: &BTreeMap<String, Place>,
    in_their_place: Attentions<'_>,
) -> Result<Vec<u8>, GraphError> {
    let known = replaceable(original, &Stated::default())?;
    if let Some(output) = places.keys().find(|output| !known.iter().any(|known| known.output == **output)) {
        return Err(GraphError::Undefined { node: "a replaced product".into(), value: output.clone() });
    }
    let model = Model::read(original)?.graph;
    let attentions = match in_their_place {
        Attentions::Original => Vec::new(),
        Attentions::Ours | Attentions::WithoutTables(_) => attention::attentions(&model),
    };
    if attentions.is_empty() && !matches!(in_their_place, Attentions::Original) {
        return Err(GraphError::Undefined { node: "a replaced attention".into(), value: String::new() });
    }
    let attentions: HashSet<_> = attentions.into_iter().collect();
    let replaced = |node: &Node<'_>| {
        let output = *node.outputs.first()?;
        let place = places.get(output)?;
        known.iter().find(|known| known.output == output).map(|known| (known, *place))
    };
    let is_ours = |node: &Node<'_>| node.outputs.first().is_some_and(|output| attentions.contains(output));
    let frequencies = match in_their_place {
        Attentions::WithoutTables(frequencies) => Some(frequencies),
        Attentions::Original | Attentions::Ours => None,
    };
    let mut used: HashSet<&str> = model.outputs.iter().map(|output| output.name).collect();
    for node in &model.nodes {
        let is_kept = |index: &usize| match replaced(node).map(|(known, _)| known.does) {
            Some(Does::Multiply) => [0, 5].contains(index),
            Some(Does::LookUp) => *index == 1,
            None => frequencies.is_none() || !is_ours(node) || !attention::ANGLES.contains(index),
        };
        let inputs = node.inputs.iter().enumerate();
        used.extend(inputs.filter(|(index, _)| is_kept(index)).map(|(_, name)| *name));
    }
    let inputs = model.inputs.iter().map(|input| input.name);
    let outputs = model.nodes.iter().flat_map(|node| node.outputs.iter().copied());
    let mut names: HashSet<String> = model
        .initializers
        .iter()
        .map(|tensor| tensor.name)
        .chain(inputs)
        .chain(outputs)
        .map(str::to_owned)
        .collect();

    let mut tensors = Vec::new();
    let mut nodes = Vec::new();
    // The packed tensors by their places: tied embeddings and the output layer share one.
    let mut packed = BTreeMap::<u64, String>::new();
    for node in &model.nodes {
        let Some((known, place)) = replaced(node) else {
            nodes.push(None);
            continue;
        };
        let name = match packed.get(&place.offset) {
            Some(name) => name.clone(),
            None => {
                let name = format!("{}{SUFFIX}", known.output);
                if !names.insert(name.clone()) {
                    return Err(GraphError::Twice { value: name });
                }
                tensors.push(packed_tensor(&name, file, place));
                packed.insert(place.offset, name.clone());
                name
            }
        };
        nodes.push(Some(our_node(node, known, &name, place)));
    }
    let mut nodes = nodes.into_iter().zip(&model.nodes);
    let mut out = replace(original, 7, |read| {
        let mut graph = Vec::with_capacity(read.len());
        for field in Fields::new(read) {
            let field = field?;
            match field.number {
                1 => match nodes.next() {
                    Some((Some(ours), _)) => put_bytes(&mut graph, 1, &ours),
                    Some((None, node)) if is_ours(node) => {
                        let ours = attention::our_attention(field.bytes()?, node, frequencies)?;
                        put_bytes(&mut graph, 1, &ours);
                    }
                    _ => put(&mut graph, &field),
                },
                5 if !used.contains(Tensor::read(field.bytes()?)?.name) => {}
                _ => put(&mut graph, &field),
            }
        }
        tensors.iter().for_each(|tensor| put_bytes(&mut graph, 5, tensor));
        Ok(graph)
    })?;
    put_bytes(&mut out, 8, &operator_set());
    rows::asked(out)
}

/// `OperatorSetIdProto` of our domain.
fn operator_set() -> Vec<u8> {
    let mut set = Vec::new();
    put_bytes(&mut set, 1, DOMAIN.as_bytes());
    put_int(&mut set, 2, 1);
    set
}

fn our_node(node: &Node<'_>, known: &Replaceable, packed: &str, place: Place) -> Vec<u8> {
    let (operator, inputs) = match known.does {
        Does::Multiply => (OPERATOR, [input(node, 0), packed, input(node, 5)]),
        Does::LookUp => (LOOKUP, [packed, input(node, 1), ""]),
    };
    let numbers = [
        ("K", known.k),
        ("N", known.n),
        ("bits", place.bits),
        ("scale_bits", place.scale_bits),
        ("block_size", known.block_size),
        ("zero_points", u64::from(known.zero_points.is_some())),
    ];
    let terms = ("activation_terms", if known.has_fine_activations { 2 } else { 1 });
    let terms = (known.does == Does::Multiply).then_some(terms);
    let inputs = inputs.into_iter().filter(|name| !name.is_empty());
    in_place_of(node, operator, inputs, numbers.into_iter().chain(terms))
}

/// A node of ours with the name and the outputs of another, and whole numbers as attributes.
pub(super) fn in_place_of<'n>(
    node: &Node<'_>,
    operator: &str,
    inputs: impl IntoIterator<Item = &'n str>,
    numbers: impl IntoIterator<Item = (impl AsRef<str>, u64)>,
) -> Vec<u8> {
    let mut ours = Vec::new();
    inputs.into_iter().for_each(|name| put_bytes(&mut ours, 1, name.as_bytes()));
    node.outputs.iter().for_each(|output| put_bytes(&mut ours, 2, output.as_bytes()));
    put_bytes(&mut ours, 3, node.name.as_bytes());
    put_bytes(&mut ours, 4, operator.as_bytes());
    for (name, number) in numbers {
        let mut attribute = Vec::new();
        put_bytes(&mut attribute, 1, name.as_ref().as_bytes());
        put_int(&mut attribute, 3, number);
        put_int(&mut attribute, 20, Kind::INT);
        put_bytes(&mut ours, 5, &attribute);
    }
    put_bytes(&mut ours, 7, DOMAIN.as_bytes());
    ours
}

fn packed_tensor(name: &str, file: &str, place: Place) -> Vec<u8> {
    let mut tensor = Vec::new();
    put_int(&mut tensor, 1, place.bytes);
    put_int(&mut tensor, 2, UINT8.cast_unsigned());
    put_bytes(&mut tensor, 8, name.as_bytes());
    let entries = [
        ("location", file.to_owned()),
        ("offset", place.offset.to_string()),
        ("length", place.bytes.to_string()),
    ];
    for (key, value) in entries {
        put_bytes(&mut tensor, 13, &entry(key, &value));
    }
    // EXTERNAL
    put_int(&mut tensor, 14, 1);
    tensor
}

/// A graph of nothing but the products of these outputs, which all read [`ALONE_INPUT`], from a graph or a rewritten one.
///
/// # Errors
/// [`GraphError`] for what is no graph.
pub fn alone(model: &[u8], outputs: &[&str]) -> Result<Vec<u8>, GraphError> {
    let graph = Model::read(model)?.graph;
    let is_wanted = |node: &Node<'_>| node.outputs.first().is_some_and(|output| outputs.contains(output));
    let wanted: Vec<_> = graph.nodes.iter().filter(|node| is_wanted(node)).collect();
    let used: HashSet<&str> = wanted.iter().flat_map(|node| node.inputs.iter().skip(1)).copied().collect();
    replace(model, 7, |read| {
        let mut cut = Vec::new();
        let mut nodes = graph.nodes.iter();
        for field in Fields::new(read) {
            let field = field?;
            match field.number {
                1 if nodes.next().is_some_and(is_wanted) => {
                    put_bytes(&mut cut, 1, &with_input(field.bytes()?, 0, ALONE_INPUT)?);
                }
                5 if used.contains(Tensor::read(field.bytes()?)?.name) => put(&mut cut, &field),
                2 => put(&mut cut, &field),
                _ => {}
            }
        }
        let widths = wanted.iter().map(|node| node.int("K"));
        put_bytes(&mut cut, 11, &values(ALONE_INPUT, widths.flatten().next().unwrap_or_default()));
        for node in &wanted {
            let name = node.outputs.first().copied().unwrap_or_default();
            put_bytes(&mut cut, 12, &values(name, node.int("N").unwrap_or_default()));
        }
        Ok(cut)
    })
}

/// `ValueInfoProto` of any number of rows of so many float32.
fn values(name: &str, columns: i64) -> Vec<u8> {
    value(name, FLOAT, &[Dim::Named("rows"), Dim::Size(columns)])
}
