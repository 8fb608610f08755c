//! ONNX's messages under construction, for tests.

use super::wire::{put_bytes, put_varint};

/// A message under construction.
#[derive(Default, Clone)]
pub(super) struct Message(pub(super) Vec<u8>);

impl Message {
    pub(super) fn bytes(mut self, number: u64, bytes: impl AsRef<[u8]>) -> Self {
        put_bytes(&mut self.0, number, bytes.as_ref());
        self
    }

    pub(super) fn message(self, number: u64, message: Self) -> Self {
        self.bytes(number, message.0)
    }

    pub(super) fn int(mut self, number: u64, value: u64) -> Self {
        put_varint(&mut self.0, number << 3);
        put_varint(&mut self.0, value);
        self
    }

    pub(super) fn float(mut self, number: u64, value: f32) -> Self {
        put_varint(&mut self.0, number << 3 | 5);
        self.0.extend(value.to_le_bytes());
        self
    }
}

pub(super) fn tensor(name: &str, data_type: u64, dims: &[u64]) -> Message {
    dims.iter().fold(Message::default(), |tensor, &dim| tensor.int(1, dim)).int(2, data_type).bytes(8, name)
}

pub(super) fn external(tensor: Message, entries: &[(&str, &str)]) -> Message {
    let entry = |(key, value): &(&str, &str)| Message::default().bytes(1, key).bytes(2, value);
    entries.iter().fold(tensor.int(14, 1), |tensor, pair| tensor.message(13, entry(pair)))
}

pub(super) fn at(offset: &str, length: &str) -> [(&'static str, String); 3] {
    [("location", "w.data".to_owned()), ("offset", offset.to_owned()), ("length", length.to_owned())]
}

pub(super) fn placed(tensor: Message, offset: &str, length: &str) -> Message {
    let entries = at(offset, length);
    external(tensor, &entries.each_ref().map(|(key, value)| (*key, value.as_str())))
}

pub(super) fn node(
    domain: &str,
    operator: &str,
    inputs: &[&str],
    output: &str,
    ints: &[(&str, u64)],
) -> Message {
    let node = inputs.iter().fold(Message::default(), |node, input| node.bytes(1, input));
    let node = node.bytes(2, output).bytes(3, format!("node {output}")).bytes(4, operator).bytes(7, domain);
    ints.iter().fold(node, |node, (name, value)| {
        node.message(5, Message::default().bytes(1, name).int(3, *value).int(20, 2))
    })
}

/// An input of floating-point numbers with these dimensions; 0 for a free one.
pub(super) fn input(name: &str, data_type: u64, dims: &[u64]) -> Message {
    let shape = dims.iter().fold(Message::default(), |shape, dim| {
        let of = Message::default();
        shape.message(1, if *dim == 0 { of.bytes(2, "free") } else { of.int(1, *dim) })
    });
    let tensor = Message::default().int(1, data_type).message(2, shape);
    Message::default().bytes(1, name).message(2, Message::default().message(1, tensor))
}

/// A model whose graph takes `x`, one row of 64 a token, and gives `y`.
pub(super) fn model(graph: Message) -> Vec<u8> {
    let graph = graph.message(11, input("x", 1, &[1, 0, 64])).message(12, Message::default().bytes(1, "y"));
    Message::default().int(1, 11).bytes(2, "test").message(7, graph).0
}
