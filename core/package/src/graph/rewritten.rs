//! A verified graph with products of our own in place of some `MatMulNBits`, for one machine.
//!
//! ```text
//! com.microsoft:MatMulNBits(x, codes, scales, zero points?, -, bias?)
//!     -> wheelwork:MatMulBlocks(x, packed, bias?)        packed: one uint8 tensor in the new file
//! ```
//!
//! And of its attentions, if they are wanted ([`super::attention`]).
//!
//! Everything else stays as it is, byte for byte, but for initialisers that nothing reads any longer. The rewritten graph is a pure
//! function of the original, of which products are replaced and of where their packed weights stand, so a reader makes
//! it anew from the verified original instead of believing a file. [`alone`] cuts single products out, so that they can be measured.

use std::collections::{BTreeMap, HashSet};

use super::proto::{Model, Node, Tensor};
use super::rules::MICROSOFT;
use super::tensors::{self, byte_len, elements};
use super::wire::{Fields, put, put_bytes, put_varint};
use super::{GraphError, attention, verify};

/// The domain of our operators.
pub const DOMAIN: &str = "wheelwork";
/// The operator that takes the place of `MatMulNBits`.
pub const OPERATOR: &str = "MatMulBlocks";
/// The input of a graph that [`alone`] has made: `[rows, K]`, float32.
pub const ALONE_INPUT: &str = "x";
/// What packed tensors are called behind the name of their codes.
const SUFFIX: &str = ".packed";
/// ONNX's numbers of types.
const FLOAT: i64 = 1;
/// ONNX's numbers of types.
const UINT8: i64 = 2;

/// A product that can be replaced, as far as the graph is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaceable {
    /// Its output, which names it.
    pub output: String,
    /// Elements of a row of activations.
    pub k: u64,
    /// Elements of a row of results.
    pub n: u64,
    /// Bits that a code stands in.
    pub bits: u64,
    /// Bits that a code uses: fewer where the package's card states so ([`super::codes`]).
    pub code_bits: u64,
    /// Codes that share a scale.
    pub block_size: u64,
    /// The initialiser of the codes.
    pub tensor: String,
    /// Codes as `MatMulNBits` has them.
    pub codes: Source,
    /// Scales, float32.
    pub scales: Source,
    /// Zero points, in the bits of codes.
    pub zero_points: Option<Source>,
}

/// Where the bytes of an initialiser stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// In a file beside the graph.
    File {
        /// Its name.
        name: String,
        /// First byte.
        offset: u64,
        /// Number of bytes.
        bytes: u64,
    },
    /// In the graph.
    Graph(Vec<u8>),
}

/// A matrix of the new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Bits of a code there.
    pub bits: u64,
    /// First byte.
    pub offset: u64,
    /// Number of bytes.
    pub bytes: u64,
}

/// The products of a graph that can be replaced, in the order of its nodes: those that may round activations to int8
/// (`accuracy_level` 4) and have constant weights with float32 scales and, if any, packed zero points. `code_bits` is what
/// the package's card states of them.
///
/// # Errors
/// As [`verify`].
pub fn replaceable(
    original: &[u8],
    code_bits: &BTreeMap<String, u32>,
) -> Result<Vec<Replaceable>, GraphError> {
    verify(original)?;
    let graph = Model::read(original)?.graph;
    let tensors: BTreeMap<_, _> = graph.initializers.iter().map(|tensor| (tensor.name, tensor)).collect();
    Ok(graph.nodes.iter().filter_map(|node| replaceable_node(node, &tensors, code_bits)).collect())
}

fn replaceable_node(
    node: &Node<'_>,
    tensors: &BTreeMap<&str, &Tensor<'_>>,
    code_bits: &BTreeMap<String, u32>,
) -> Option<Replaceable> {
    let is_ours = (node.domain, node.operator) == (MICROSOFT, "MatMulNBits")
        && node.int("accuracy_level") == Some(4)
        && node.outputs.len() == 1
        && !tensors.contains_key(*node.inputs.first()?)
        && input(node, 4).is_empty();
    is_ours.then_some(())?;
    let number = |name, default| node.int(name).or(default).and_then(|value| u64::try_from(value).ok());
    let constant = |index, data_type| {
        let tensor = *tensors.get(input(node, index))?;
        (tensor.data_type == data_type).then(|| source(tensor))?
    };
    let zero_points = match input(node, 3) {
        "" => None,
        _ => Some(constant(3, UINT8)?),
    };
    if !input(node, 5).is_empty() {
        constant(5, FLOAT)?;
    }
    let (bits, tensor) = (number("bits", Some(4))?, input(node, 1));
    Some(Replaceable {
        output: (*node.outputs.first()?).to_owned(),
        k: number("K", None)?,
        n: number("N", None)?,
        bits,
        code_bits: code_bits.get(tensor).map_or(bits, |stated| u64::from(*stated).min(bits)),
        block_size: number("block_size", Some(128))?,
        tensor: tensor.to_owned(),
        codes: constant(1, UINT8)?,
        scales: constant(2, FLOAT)?,
        zero_points,
    })
}

fn input<'a>(node: &Node<'a>, index: usize) -> &'a str {
    node.inputs.get(index).copied().unwrap_or_default()
}

fn source(tensor: &Tensor<'_>) -> Option<Source> {
    let bytes = byte_len(tensor, elements(tensor).ok()?).ok()?;
    if !tensor.is_external {
        let [super::proto::Inline::Raw(raw)] = tensor.inline[..] else { return None };
        return Some(Source::Graph(raw.to_vec()));
    }
    let value = |wanted| tensor.external.iter().find(|(key, _)| *key == wanted).map(|(_, value)| *value);
    let offset = value("offset").map_or(Some(0), tensors::parse)?;
    Some(Source::File { name: value("location")?.to_owned(), offset, bytes })
}

/// The graph with the products of these outputs replaced; their packed weights stand in `file` at these places. And with its
/// attentions replaced, if `has_our_attention`.
///
/// # Errors
/// As [`verify`]; [`GraphError::Undefined`] for an output of no replaceable product, and where no attention can be replaced;
/// [`GraphError::Twice`] where a packed tensor's name is taken.
pub fn rewritten(
    original: &[u8],
    file: &str,
    places: &BTreeMap<String, Place>,
    has_our_attention: bool,
) -> Result<Vec<u8>, GraphError> {
    let known = replaceable(original, &BTreeMap::new())?;
    if let Some(output) = places.keys().find(|output| !known.iter().any(|known| known.output == **output)) {
        return Err(GraphError::Undefined { node: "a replaced product".into(), value: output.clone() });
    }
    let zeros: HashSet<_> =
        known.iter().filter(|known| known.zero_points.is_some()).map(|known| known.output.as_str()).collect();
    let model = Model::read(original)?.graph;
    let attentions = if has_our_attention { attention::attentions(&model) } else { Vec::new() };
    if has_our_attention && attentions.is_empty() {
        return Err(GraphError::Undefined { node: "a replaced attention".into(), value: String::new() });
    }
    let attentions: HashSet<_> = attentions.into_iter().collect();
    let replaced = |node: &Node<'_>| node.outputs.first().and_then(|output| places.get(*output).copied());
    let mut used: HashSet<&str> = model.outputs.iter().map(|output| output.name).collect();
    for node in &model.nodes {
        let kept = if replaced(node).is_some() { &[0, 5][..] } else { &[][..] };
        let inputs = node.inputs.iter().enumerate();
        used.extend(
            inputs.filter(|(index, _)| kept.is_empty() || kept.contains(index)).map(|(_, name)| *name),
        );
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
    for node in &model.nodes {
        nodes.push(match replaced(node) {
            None => None,
            Some(place) => {
                let name = format!("{}{SUFFIX}", node.outputs.first().copied().unwrap_or_default());
                if !names.insert(name.clone()) {
                    return Err(GraphError::Twice { value: name });
                }
                tensors.push(packed_tensor(&name, file, place));
                let has_zeros = node.outputs.first().is_some_and(|output| zeros.contains(output));
                Some(our_node(node, &name, place.bits, has_zeros))
            }
        });
    }
    let mut nodes = nodes.into_iter().zip(&model.nodes);
    let mut out = Vec::with_capacity(original.len());
    for field in Fields::new(original) {
        let field = field?;
        if field.number != 7 {
            put(&mut out, &field);
            continue;
        }
        let mut graph = Vec::with_capacity(original.len());
        for field in Fields::new(field.bytes()?) {
            let field = field?;
            match field.number {
                1 => match nodes.next() {
                    Some((Some(ours), _)) => put_bytes(&mut graph, 1, &ours),
                    Some((None, node))
                        if node.outputs.first().is_some_and(|output| attentions.contains(output)) =>
                    {
                        put_bytes(&mut graph, 1, &attention::our_attention(field.bytes()?, node)?);
                    }
                    _ => put(&mut graph, &field),
                },
                5 if !used.contains(Tensor::read(field.bytes()?)?.name) => {}
                _ => put(&mut graph, &field),
            }
        }
        tensors.iter().for_each(|tensor| put_bytes(&mut graph, 5, tensor));
        put_bytes(&mut out, 7, &graph);
    }
    put_bytes(&mut out, 8, &operator_set());
    Ok(out)
}

/// `OperatorSetIdProto` of our domain.
fn operator_set() -> Vec<u8> {
    let mut set = Vec::new();
    put_bytes(&mut set, 1, DOMAIN.as_bytes());
    put_int(&mut set, 2, 1);
    set
}

fn our_node(node: &Node<'_>, packed: &str, bits: u64, has_zeros: bool) -> Vec<u8> {
    let mut ours = Vec::new();
    let bias = Some(input(node, 5)).filter(|bias| !bias.is_empty());
    for name in [input(node, 0), packed].into_iter().chain(bias) {
        put_bytes(&mut ours, 1, name.as_bytes());
    }
    node.outputs.iter().for_each(|output| put_bytes(&mut ours, 2, output.as_bytes()));
    put_bytes(&mut ours, 3, node.name.as_bytes());
    put_bytes(&mut ours, 4, OPERATOR.as_bytes());
    let numbers = [
        ("K", node.int("K")),
        ("N", node.int("N")),
        ("bits", i64::try_from(bits).ok()),
        ("block_size", node.int("block_size").or(Some(128))),
        ("zero_points", Some(i64::from(has_zeros))),
    ];
    for (name, number) in numbers {
        let mut attribute = Vec::new();
        put_bytes(&mut attribute, 1, name.as_bytes());
        put_int(&mut attribute, 3, number.unwrap_or_default().cast_unsigned());
        // INT
        put_int(&mut attribute, 20, 2);
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
        let mut entry = Vec::new();
        put_bytes(&mut entry, 1, key.as_bytes());
        put_bytes(&mut entry, 2, value.as_bytes());
        put_bytes(&mut tensor, 13, &entry);
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
    let mut out = Vec::new();
    for field in Fields::new(model) {
        let field = field?;
        if field.number != 7 {
            put(&mut out, &field);
            continue;
        }
        let mut cut = Vec::new();
        let mut nodes = graph.nodes.iter();
        for field in Fields::new(field.bytes()?) {
            let field = field?;
            match field.number {
                1 if nodes.next().is_some_and(is_wanted) => {
                    put_bytes(&mut cut, 1, &with_first_input(field.bytes()?)?);
                }
                5 if used.contains(Tensor::read(field.bytes()?)?.name) => put(&mut cut, &field),
                2 => put(&mut cut, &field),
                _ => {}
            }
        }
        let widths = wanted.iter().map(|node| node.int("K"));
        put_bytes(&mut cut, 11, &matrix(ALONE_INPUT, widths.flatten().next().unwrap_or_default()));
        for node in &wanted {
            let name = node.outputs.first().copied().unwrap_or_default();
            put_bytes(&mut cut, 12, &matrix(name, node.int("N").unwrap_or_default()));
        }
        put_bytes(&mut out, 7, &cut);
    }
    Ok(out)
}

/// The node with [`ALONE_INPUT`] as its first input.
fn with_first_input(node: &[u8]) -> Result<Vec<u8>, GraphError> {
    let mut out = Vec::new();
    let mut is_first = true;
    for field in Fields::new(node) {
        let field = field?;
        if field.number == 1 && std::mem::take(&mut is_first) {
            put_bytes(&mut out, 1, ALONE_INPUT.as_bytes());
        } else {
            put(&mut out, &field);
        }
    }
    Ok(out)
}

/// `ValueInfoProto` of any number of rows of so many float32.
fn matrix(name: &str, columns: i64) -> Vec<u8> {
    let message = |number, bytes: &[u8]| {
        let mut message = Vec::new();
        put_bytes(&mut message, number, bytes);
        message
    };
    let mut fixed = Vec::new();
    put_int(&mut fixed, 1, columns.cast_unsigned());
    let shape = [message(1, &message(2, b"rows")), message(1, &fixed)].concat();
    let mut tensor = Vec::new();
    put_int(&mut tensor, 1, FLOAT.cast_unsigned());
    put_bytes(&mut tensor, 2, &shape);
    [message(1, name.as_bytes()), message(2, &message(1, &tensor))].concat()
}

fn put_int(out: &mut Vec<u8>, number: u64, value: u64) {
    put_varint(out, number << 3);
    put_varint(out, value);
}
