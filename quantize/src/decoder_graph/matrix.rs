//! Matrices in the graph: their initializers, and the nodes that look rows up or multiply by them.

use wheelwork_onnx::{ElementType, External, Node, Value};

use super::Decoder;
use crate::error::RequestError;
use crate::plan::{Content, Storage, StoredMatrix};
use crate::scheme::{BlockScheme, Scheme};

/// A matrix as nodes read it.
pub(super) enum Matrix {
    Float32(External),
    Blocks { scheme: BlockScheme, codes: External, scales: External, zero_points: Option<External> },
}

impl Decoder<'_> {
    /// Rows of the embedding table: `[batch, sequence, hidden]`.
    pub(super) fn lookup(&mut self, table: &Matrix, ids: &Value) -> Value {
        let name = "model.embed_tokens";
        let node = match table {
            Matrix::Float32(values) => {
                Node::standard("Gather", name).input(&values.value).input(ids).attribute("axis", 0_i64)
            }
            Matrix::Blocks { scheme, codes, scales, zero_points } => {
                Node::microsoft("GatherBlockQuantized", name)
                    .inputs([&codes.value, ids, &scales.value])
                    .optional_input(zero_points.as_ref().map(|zero_points| &zero_points.value))
                    .attribute("bits", i64::from(u32::from(scheme.bits.stored())))
                    .attribute("block_size", usize::from(scheme.block_size))
                    .attribute("gather_axis", 0_i64)
                    .attribute("quantize_axis", 1_i64)
            }
        };
        self.graph.add(node)
    }

    /// A projection of a layer without bias, from `columns` to `rows` elements.
    pub(super) fn project(&mut self, name: &str, input: &Value, columns: usize, rows: usize) -> Value {
        let parts = vec![(format!("{name}.weight"), rows)];
        let matrix = self.projection_matrix(name, self.recipe.projection(name), parts, columns);
        self.product(name, input, &matrix, (columns, rows), None)
    }

    /// `input * matrix^T + bias`; the shape is (columns, rows) of the matrix.
    pub(super) fn product(
        &mut self,
        name: &str,
        input: &Value,
        matrix: &Matrix,
        (columns, rows): (usize, usize),
        bias: Option<&Value>,
    ) -> Value {
        match matrix {
            Matrix::Float32(values) => {
                let product_name = if bias.is_some() { format!("{name}.product") } else { name.to_owned() };
                let node = Node::microsoft("FusedMatMul", &product_name)
                    .inputs([input, &values.value])
                    .attribute("transB", 1_i64);
                let product = self.graph.add(node);
                match bias {
                    Some(bias) => self.graph.add(Node::standard("Add", name).input(&product).input(bias)),
                    None => product,
                }
            }
            Matrix::Blocks { scheme, codes, scales, zero_points } => {
                let node = Node::microsoft("MatMulNBits", name)
                    .inputs([input, &codes.value, &scales.value])
                    .optional_input(zero_points.as_ref().map(|zero_points| &zero_points.value))
                    .optional_input(None)
                    .optional_input(bias)
                    .attribute("K", columns)
                    .attribute("N", rows)
                    .attribute("bits", i64::from(u32::from(scheme.bits.stored())))
                    .attribute("block_size", usize::from(scheme.block_size))
                    .attribute("accuracy_level", self.recipe.activations.accuracy_level());
                self.graph.add(node)
            }
        }
    }

    /// Declares a matrix in the form of [`Decoder::lookup`]: codes are `[rows, bytes of a row]`.
    pub(super) fn matrix(
        &mut self,
        name: &str,
        scheme: Scheme,
        parts: Vec<(String, usize)>,
        columns: usize,
    ) -> Matrix {
        self.declare(name, scheme, parts, columns, |scheme, rows| vec![rows, scheme.code_bytes(columns)])
    }

    /// Declares a matrix in the form of [`Decoder::product`]: codes are `[rows, blocks, bytes of a block]`.
    pub(super) fn projection_matrix(
        &mut self,
        name: &str,
        scheme: Scheme,
        parts: Vec<(String, usize)>,
        columns: usize,
    ) -> Matrix {
        self.declare(name, scheme, parts, columns, |scheme, rows| projection_shape(scheme, rows, columns))
    }

    fn declare(
        &mut self,
        name: &str,
        scheme: Scheme,
        parts: Vec<(String, usize)>,
        columns: usize,
        codes_shape: impl Fn(BlockScheme, usize) -> Vec<usize>,
    ) -> Matrix {
        let rows = parts.iter().map(|(_, rows)| rows).sum();
        let graph = &mut self.graph;
        let (matrix, storage) = match scheme {
            Scheme::Float32 => {
                let values =
                    graph.external(&format!("{name}.weight"), ElementType::Float32, &[rows, columns]);
                let storage = Storage::Float32(values.extent);
                (Matrix::Float32(values), storage)
            }
            Scheme::Blocks(asked) => {
                let scheme = asked.fitted(columns);
                let [size, asked] = [scheme, asked].map(|scheme| usize::from(scheme.block_size));
                if size != asked {
                    self.smaller_blocks.entry((columns, asked)).or_insert((size, 0)).1 += 1;
                } else if !columns.is_multiple_of(size) {
                    let tensor = format!("{name}.weight");
                    self.unfilled.get_or_insert(RequestError::BlockSize {
                        tensor,
                        columns,
                        block_size: size,
                    });
                }
                let codes =
                    graph.external(&format!("{name}.codes"), ElementType::Uint8, &codes_shape(scheme, rows));
                let scales = graph.external(
                    &format!("{name}.scales"),
                    ElementType::Float32,
                    &[rows, scheme.blocks(columns)],
                );
                let zero_points = scheme.stores_zero_points().then(|| {
                    let shape = [rows, scheme.zero_point_bytes(columns)];
                    graph.external(&format!("{name}.zero_points"), ElementType::Uint8, &shape)
                });
                let storage = Storage::Blocks {
                    scheme,
                    codes: codes.extent,
                    scales: scales.extent,
                    zero_points: zero_points.as_ref().map(|zero_points| zero_points.extent),
                };
                (Matrix::Blocks { scheme, codes, scales, zero_points }, storage)
            }
        };
        let initializers = match &matrix {
            Matrix::Float32(_) => Vec::new(),
            Matrix::Blocks { codes, .. } => vec![codes.value.name().to_owned()],
        };
        let node = name.to_owned();
        self.contents.push(Content::Matrix(StoredMatrix { node, parts, columns, storage, initializers }));
        matrix
    }

    /// The embedding table as output projection: the same bytes, the codes in another shape.
    pub(super) fn as_projection(&mut self, embedding: &Matrix) -> Matrix {
        match embedding {
            Matrix::Float32(values) => Matrix::Float32(values.clone()),
            Matrix::Blocks { scheme, codes, scales, zero_points } => {
                let shape = projection_shape(*scheme, self.config.vocab_size, self.config.hidden_size);
                let codes = self.graph.external_alias("lm_head.codes", ElementType::Uint8, &shape, codes);
                // The table is the matrix with the same bytes.
                let extent = codes.extent;
                for content in &mut self.contents {
                    if let Content::Matrix(matrix) = content
                        && matrix.storage.extents().next() == Some(extent)
                    {
                        matrix.initializers.push(codes.value.name().to_owned());
                    }
                }
                Matrix::Blocks {
                    scheme: *scheme,
                    codes,
                    scales: scales.clone(),
                    zero_points: zero_points.clone(),
                }
            }
        }
    }
}

fn projection_shape(scheme: BlockScheme, rows: usize, columns: usize) -> Vec<usize> {
    let block_bytes = usize::from(scheme.block_size) / scheme.bits.codes_per_byte();
    vec![rows, scheme.blocks(columns), block_bytes]
}
