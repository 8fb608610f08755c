//! The graph builder.

use std::collections::HashSet;

use prost::Message as _;

use crate::element::{dim_value, value_info};
use crate::external::Layout;
use crate::proto::tensor_proto::DataLocation;
use crate::proto::{GraphProto, ModelProto, OperatorSetIdProto, StringStringEntryProto, TensorProto};
use crate::{Dimension, ElementType, Extent, GraphError, Node};

/// The version of the file format; 11 came with operator set 23.
const IR_VERSION: i64 = 11;
/// The standard operator set: the first that has `RMSNormalization`.
const STANDARD_VERSION: i64 = 23;
/// The domain of ONNX Runtime's own operators.
pub(crate) const MICROSOFT: &str = "com.microsoft";
const MICROSOFT_VERSION: i64 = 1;

/// The name of something that flows through the graph. Only a [`Graph`] makes one, so no node can read a value that
/// nobody declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value(String);

impl Value {
    /// The name as it stands in the file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// An initializer whose data stands in the data file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct External {
    /// What nodes read.
    pub value: Value,
    /// Where the data belongs, little-endian, the last dimension fastest.
    pub extent: Extent,
}

/// A graph under construction. Nodes run in the order in which they were added.
#[derive(Debug)]
pub struct Graph {
    proto: GraphProto,
    data_file: String,
    layout: Layout,
    names: HashSet<String>,
    /// The first defect; reported by [`Graph::finish`], so that building reads without a `?` in each line.
    error: Option<GraphError>,
}

/// A finished graph.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The messages, for inspection.
    pub proto: ModelProto,
    /// Size of the data file in bytes.
    pub data_bytes: u64,
}

impl Model {
    /// The bytes of the `.onnx` file; equal graphs give equal bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.proto.encode_to_vec()
    }
}

impl Graph {
    /// An empty graph whose external data will stand in `data_file`, a file name beside the graph.
    #[must_use]
    pub fn new(name: &str, data_file: &str) -> Self {
        Self {
            proto: GraphProto { name: Some(name.to_owned()), ..GraphProto::default() },
            data_file: data_file.to_owned(),
            layout: Layout::default(),
            names: HashSet::new(),
            error: None,
        }
    }

    /// Declares a graph input.
    pub fn input(&mut self, name: &str, element: ElementType, shape: &[Dimension<'_>]) -> Value {
        self.proto.input.push(value_info(name, element, shape));
        self.declare(name)
    }

    /// Adds a node with one output, which takes the node's name.
    pub fn add(&mut self, node: Node) -> Value {
        let name = node.name().to_owned();
        let [value] = self.add_named(node, [name.as_str()]);
        value
    }

    /// Adds a node with several outputs; an output with an empty name is not wanted.
    pub fn add_named<const OUTPUTS: usize>(
        &mut self,
        node: Node,
        outputs: [&str; OUTPUTS],
    ) -> [Value; OUTPUTS] {
        self.proto.node.push(node.into_proto(&outputs));
        outputs.map(|output| if output.is_empty() { Value(String::new()) } else { self.declare(output) })
    }

    /// Declares a value as a graph output.
    pub fn output(&mut self, value: &Value, element: ElementType, shape: &[Dimension<'_>]) {
        self.proto.output.push(value_info(value.name(), element, shape));
    }

    /// A small constant that stands in the graph itself: `shape` is `[]` for a scalar.
    pub fn constant(&mut self, name: &str, shape: &[usize], values: &[i64]) -> Value {
        self.proto.initializer.push(TensorProto {
            raw_data: Some(values.iter().flat_map(|value| value.to_le_bytes()).collect()),
            ..tensor(name, ElementType::Int64, shape)
        });
        self.declare(name)
    }

    /// A small constant of any element type, as the bytes that the format asks for.
    pub fn raw_constant(
        &mut self,
        name: &str,
        element: ElementType,
        shape: &[usize],
        bytes: Vec<u8>,
    ) -> Value {
        let needed = bytes_of(element, shape).unwrap_or(u64::MAX);
        if needed != bytes.len() as u64 {
            let present = bytes.len() as u64;
            self.fail(GraphError::ConstantSize { name: name.to_owned(), needed, present });
        }
        self.proto.initializer.push(TensorProto { raw_data: Some(bytes), ..tensor(name, element, shape) });
        self.declare(name)
    }

    /// Declares an initializer whose data is written to the data file, and reserves its place there.
    pub fn external(&mut self, name: &str, element: ElementType, shape: &[usize]) -> External {
        let extent =
            bytes_of(element, shape).and_then(|bytes| self.layout.place(bytes)).unwrap_or_else(|| {
                self.fail(GraphError::TooLarge { name: name.to_owned(), shape: shape.to_vec() });
                Extent { offset: 0, bytes: 0 }
            });
        self.place(name, element, shape, extent)
    }

    /// Declares an initializer that reads the bytes of another one, for instance in another shape.
    pub fn external_alias(
        &mut self,
        name: &str,
        element: ElementType,
        shape: &[usize],
        original: &External,
    ) -> External {
        let needed = bytes_of(element, shape).unwrap_or(u64::MAX);
        if needed != original.extent.bytes {
            self.fail(GraphError::AliasSize {
                name: name.to_owned(),
                original: original.value.name().to_owned(),
                needed,
                present: original.extent.bytes,
            });
        }
        self.place(name, element, shape, original.extent)
    }

    /// The finished model.
    ///
    /// # Errors
    /// The first [`GraphError`] met while building.
    pub fn finish(self, producer: &str, producer_version: &str) -> Result<Model, GraphError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let opset = |domain: &str, version| OperatorSetIdProto {
            domain: Some(domain.to_owned()),
            version: Some(version),
        };
        let proto = ModelProto {
            ir_version: Some(IR_VERSION),
            opset_import: vec![opset("", STANDARD_VERSION), opset(MICROSOFT, MICROSOFT_VERSION)],
            producer_name: Some(producer.to_owned()),
            producer_version: Some(producer_version.to_owned()),
            graph: Some(self.proto),
            ..ModelProto::default()
        };
        Ok(Model { proto, data_bytes: self.layout.file_bytes() })
    }

    fn place(&mut self, name: &str, element: ElementType, shape: &[usize], extent: Extent) -> External {
        let entry = |key: &str, value: String| StringStringEntryProto {
            key: Some(key.to_owned()),
            value: Some(value),
        };
        let mut proto = tensor(name, element, shape);
        proto.set_data_location(DataLocation::External);
        proto.external_data = vec![
            entry("location", self.data_file.clone()),
            entry("offset", extent.offset.to_string()),
            entry("length", extent.bytes.to_string()),
        ];
        self.proto.initializer.push(proto);
        External { value: self.declare(name), extent }
    }

    fn declare(&mut self, name: &str) -> Value {
        if !self.names.insert(name.to_owned()) {
            self.fail(GraphError::DuplicateValue(name.to_owned()));
        }
        Value(name.to_owned())
    }

    fn fail(&mut self, error: GraphError) {
        self.error.get_or_insert(error);
    }
}

pub(crate) fn tensor(name: &str, element: ElementType, shape: &[usize]) -> TensorProto {
    TensorProto {
        name: Some(name.to_owned()),
        dims: shape.iter().map(|&size| dim_value(size)).collect(),
        data_type: Some(element.code()),
        ..TensorProto::default()
    }
}

fn bytes_of(element: ElementType, shape: &[usize]) -> Option<u64> {
    let elements = shape.iter().try_fold(1_usize, |product, &size| product.checked_mul(size))?;
    u64::try_from(element.bytes(elements)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small_graph() -> Graph {
        let mut graph = Graph::new("test", "test.data");
        let x = graph.input("x", ElementType::Float32, &[Dimension::Named("rows"), Dimension::Size(8)]);
        let weight = graph.external("weight", ElementType::Float32, &[8]);
        let y = graph.add(Node::standard("Mul", "y").input(&x).input(&weight.value));
        graph.output(&y, ElementType::Float32, &[Dimension::Named("rows"), Dimension::Size(8)]);
        graph
    }

    #[test]
    fn a_model_survives_its_own_bytes() {
        let model = small_graph().finish("wheelwork", "1").unwrap();
        assert_eq!(ModelProto::decode(model.to_bytes().as_slice()).unwrap(), model.proto);
        assert_eq!(model.data_bytes, 32);
        assert_eq!(model.to_bytes(), small_graph().finish("wheelwork", "1").unwrap().to_bytes());
    }

    #[test]
    fn external_data_is_described_as_the_format_asks() {
        let mut graph = small_graph();
        let large = graph.external("large", ElementType::Uint8, &[1 << 20]);
        assert_eq!(large.extent, Extent { offset: 4096, bytes: 1 << 20 });
        let model = graph.finish("wheelwork", "1").unwrap();
        let tensor = &model.proto.graph.unwrap().initializer[1];
        let entries: Vec<_> = tensor.external_data.iter().map(|entry| (entry.key(), entry.value())).collect();
        assert_eq!(entries, [("location", "test.data"), ("offset", "4096"), ("length", "1048576")]);
        assert_eq!(tensor.data_location(), DataLocation::External);
    }

    #[test]
    fn an_alias_shares_the_bytes_and_must_need_as_many() {
        let mut graph = small_graph();
        let codes = graph.external("codes", ElementType::Uint8, &[4, 64]);
        let alias = graph.external_alias("codes.blocks", ElementType::Uint8, &[4, 2, 32], &codes);
        assert_eq!(alias.extent, codes.extent);
        graph.external_alias("wrong", ElementType::Uint8, &[4, 65], &codes);
        let error = graph.finish("wheelwork", "1").unwrap_err();
        assert!(matches!(error, GraphError::AliasSize { needed: 260, present: 256, .. }), "{error:?}");
    }

    #[test]
    fn half_bytes_are_counted_in_pairs_and_constants_must_fill_their_shape() {
        let mut graph = small_graph();
        assert_eq!(graph.external("codes", ElementType::Int4, &[3, 5]).extent.bytes, 8);
        graph.raw_constant("scale", ElementType::Uint16, &[2], vec![1, 0, 2, 0]);
        graph.raw_constant("wrong", ElementType::Uint16, &[], vec![1]);
        let error = graph.finish("", "").unwrap_err();
        assert!(matches!(error, GraphError::ConstantSize { needed: 2, present: 1, .. }), "{error:?}");
    }

    #[test]
    fn a_value_is_written_once() {
        let mut graph = small_graph();
        graph.external("weight", ElementType::Float32, &[1]);
        assert_eq!(graph.finish("", "").unwrap_err(), GraphError::DuplicateValue("weight".into()));
    }

    #[test]
    fn a_shape_that_overflows_is_refused() {
        let mut graph = small_graph();
        graph.external("huge", ElementType::Float32, &[usize::MAX, 2]);
        assert!(matches!(graph.finish("", ""), Err(GraphError::TooLarge { .. })));
    }

    #[test]
    fn absent_inputs_keep_their_place_and_are_dropped_at_the_end() {
        let mut graph = small_graph();
        let x = Value("x".into());
        let node = Node::microsoft("Op", "op").input(&x).optional_input(None).input(&x).optional_input(None);
        let [kept, unwanted] = graph.add_named(node, ["kept", ""]);
        assert_eq!((kept.name(), unwanted.name()), ("kept", ""));
        let graph = graph.finish("", "").unwrap().proto.graph.unwrap();
        assert_eq!(graph.node[1].input, ["x", "", "x"]);
        assert_eq!(graph.node[1].output, ["kept", ""]);
        assert_eq!(graph.node[1].domain(), "com.microsoft");
    }
}
