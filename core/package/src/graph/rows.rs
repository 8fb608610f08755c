//! Which tokens of a call get logits, as an input of the graph instead of a constant.
//!
//! ```text
//! Gather(hidden, [-1], axis 1) -> .. -> logits [batch, 1, vocabulary]
//!     -> Gather(hidden, logits_rows, axis 1) -> .. -> logits [batch, rows, vocabulary]
//! ```
//!
//! Packages compute the logits of the last token of a call alone. Prompt lookup needs those after each token of a
//! draft; a prompt's are not wanted.

use super::GraphError;
use super::proto::{Inline, Model, Node, Tensor};
use super::wire::{Fields, put, put_bytes, put_int, replace};

/// The input that a rewritten graph gets ([`super::rewritten`]): int64, `[rows]`, from `-S` to `-1` for a call of `S` tokens.
pub const LOGITS_ROWS: &str = "logits_rows";
/// ONNX's number of a type.
const FLOAT: i64 = 1;
/// ONNX's number of a type.
const INT64: i64 = 7;

/// The graph with [`LOGITS_ROWS`]; as it was where it does not pick the last token by a constant.
pub(super) fn asked(model: Vec<u8>) -> Result<Vec<u8>, GraphError> {
    let graph = Model::read(&model)?.graph;
    let is_last = |tensor: &&Tensor<'_>| {
        let is_one = match (&tensor.inline[..], &tensor.ints) {
            ([Inline::Raw(bytes)], _) => **bytes == (-1_i64).to_le_bytes(),
            (_, Some(ints)) => **ints == [-1],
            _ => false,
        };
        tensor.data_type == INT64 && tensor.dims == [1] && is_one
    };
    let picks = |node: &Node<'_>, name: &str| {
        (node.domain, node.operator, node.int("axis")) == ("", "Gather", Some(1))
            && node.inputs.get(1) == Some(&name)
            && node.inputs.first() != Some(&name)
    };
    // All that reads it picks by it.
    let is_for_picking = |tensor: &&Tensor<'_>| {
        let mut readers = graph.nodes.iter().filter(|node| node.inputs.contains(&tensor.name)).peekable();
        readers.peek().is_some() && readers.all(|node| picks(node, tensor.name))
    };
    let last = graph.initializers.iter().filter(is_last).find(is_for_picking).map(|tensor| tensor.name);
    let one_row = |dims: &[Option<i64>]| matches!(dims, [_, Some(1), Some(_)]);
    let logits = graph
        .outputs
        .iter()
        .find(|output| output.data_type == Some(FLOAT) && output.dims.as_deref().is_some_and(one_row));
    let is_taken = graph.initializers.iter().any(|tensor| tensor.name == LOGITS_ROWS)
        || graph.inputs.iter().any(|input| input.name == LOGITS_ROWS)
        || graph.nodes.iter().any(|node| node.outputs.contains(&LOGITS_ROWS));
    let (Some(last), Some(logits), false) = (last, logits, is_taken) else { return Ok(model) };

    replace(&model, 7, |read| {
        let mut asked = Vec::with_capacity(read.len());
        let (mut nodes, mut outputs) = (graph.nodes.iter(), graph.outputs.iter());
        for field in Fields::new(read) {
            let field = field?;
            match field.number {
                1 if nodes.next().is_some_and(|node| picks(node, last)) => {
                    put_bytes(&mut asked, 1, &with_input(field.bytes()?, 1, LOGITS_ROWS)?);
                }
                5 if Tensor::read(field.bytes()?)?.name == last => {}
                12 if outputs.next().is_some_and(|output| output.name == logits.name) => {
                    let columns = logits.dims.as_ref().and_then(|dims| *dims.last()?).unwrap_or_default();
                    let dims = [Dim::Named("batch_size"), Dim::Named("rows"), Dim::Size(columns)];
                    put_bytes(&mut asked, 12, &value(logits.name, FLOAT, &dims));
                }
                _ => put(&mut asked, &field),
            }
        }
        put_bytes(&mut asked, 11, &value(LOGITS_ROWS, INT64, &[Dim::Named("rows")]));
        Ok(asked)
    })
}

/// The node with another name as its input of that number.
pub(super) fn with_input(node: &[u8], index: usize, name: &str) -> Result<Vec<u8>, GraphError> {
    let mut inputs = 0..;
    replace(node, 1, |input| {
        let is_it = inputs.next() == Some(index);
        Ok(if is_it { name.as_bytes() } else { input }.to_vec())
    })
}

/// A dimension of a graph's input or output.
pub(super) enum Dim<'a> {
    Size(i64),
    Named(&'a str),
}

/// `ValueInfoProto` of a tensor.
pub(super) fn value(name: &str, data_type: i64, dims: &[Dim<'_>]) -> Vec<u8> {
    let message = |number, bytes: &[u8]| {
        let mut message = Vec::new();
        put_bytes(&mut message, number, bytes);
        message
    };
    let number = |number, value: i64| {
        let mut message = Vec::new();
        put_int(&mut message, number, value.cast_unsigned());
        message
    };
    let mut shape = Vec::new();
    for dim in dims {
        let dim = match dim {
            Dim::Named(name) => message(2, name.as_bytes()),
            Dim::Size(size) => number(1, *size),
        };
        put_bytes(&mut shape, 1, &dim);
    }
    let tensor = [number(1, data_type), message(2, &shape)].concat();
    [message(1, name.as_bytes()), message(2, &message(1, &tensor))].concat()
}
