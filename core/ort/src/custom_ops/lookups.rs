//! ```text
//! GatherBlocks(packed weights [bytes] uint8 (constant), ids [..] int64) -> [.., K] float32
//!     K, N, bits, block_size, zero_points as MatMulBlocks has them; ids are 0 to N - 1
//! ```
//!
//! It computes what `GatherBlockQuantized` does along the first axis: rows of an embedding, which may be the output layer's matrix at
//! the same time.

use ort::operator::{
    ComputeContext, Kernel as OrtKernel, KernelContext, Operator, OperatorInput, OperatorOutput,
};
use ort::value::{TensorElementType, TensorValueType, ValueRef};
use wheelwork_kernels::{Shape, Weights, pack};

use super::{GATHER_BLOCKS as NAME, Matrix, contained, refused};

pub(super) struct GatherBlocks;

pub(super) struct Node<'n> {
    shape: Shape,
    weights: ValueRef<'n, TensorValueType<u8>>,
}

impl Operator for GatherBlocks {
    type Kernel<'attr> = Node<'attr>;

    fn name(&self) -> &str {
        NAME
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        [OperatorInput::required(TensorElementType::Uint8), OperatorInput::required(TensorElementType::Int64)]
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [OperatorOutput::required(TensorElementType::Float32)]
    }

    fn create_kernel<'attr>(&self, context: &KernelContext<'attr>) -> ort::Result<Node<'attr>> {
        contained(NAME, || {
            let shape = Matrix::FIRST.shape(NAME, context)?;
            let weights = context.constant_input::<TensorValueType<u8>>(0)?;
            Weights::new(shape, weights.extract_tensor().1).map_err(|error| refused(NAME, &error))?;
            Ok(Node { shape, weights })
        })
    }
}

impl OrtKernel for Node<'_> {
    fn compute(&mut self, context: &ComputeContext) -> ort::Result<()> {
        contained(NAME, || {
            let ids = context.input(1)?.ok_or_else(|| refused(NAME, &"no ids"))?;
            let (dims, ids) = ids.try_extract_tensor::<i64>()?;
            let mut dims = dims.to_vec();
            dims.push(i64::try_from(self.shape.k()).map_err(|error| refused(NAME, &error))?);
            let mut y = context.output(0, dims)?.ok_or_else(|| refused(NAME, &"no output"))?;
            let (_, y) = y.try_extract_tensor_mut::<f32>()?;
            let packed = self.weights.extract_tensor().1;
            for (id, row) in ids.iter().zip(y.chunks_exact_mut(self.shape.k())) {
                let id = usize::try_from(*id).map_err(|error| refused(NAME, &error))?;
                pack::row(self.shape, packed, id, row).map_err(|error| refused(NAME, &error))?;
            }
            Ok(())
        })
    }
}
