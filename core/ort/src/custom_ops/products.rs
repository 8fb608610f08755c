//! ```text
//! MatMulBlocks(x [.., K] float32, packed weights [bytes] uint8 (constant), bias [N] float32 (optional)) -> [.., N] float32
//!     K, N, bits, block_size as MatMulNBits has them; zero_points = 1 where the weights hold zero points
//! ```
//!
//! It computes what `MatMulNBits` does at accuracy level 4. Attributes and lengths are checked when the graph is loaded, and the
//! lengths of the activations at each call.

use std::sync::{Arc, Mutex};

use ort::operator::{
    ComputeContext, Kernel as OrtKernel, KernelContext, Operator, OperatorInput, OperatorOutput,
};
use ort::value::{TensorElementType, TensorValueType, ValueRef};
use wheelwork_kernels::{Activations, COLUMNS, Kernel, Shape, Weights};

use super::{MATMUL_BLOCKS as NAME, contained, locked, refused, shape, share};

/// Packed bytes that are worth a task of their own.
const TASK_BYTES: usize = 64 << 10;
/// Tasks a thread: some more than one, as threads are held up by others.
const TASKS_A_THREAD: usize = 4;
/// From so many rows on, they are rounded by all threads.
const SHARED_ROWS: usize = 16;

pub(super) struct MatMulBlocks {
    kernel: Kernel,
    threads: usize,
    /// Of whichever node runs: a session computes one at a time.
    activations: Arc<Mutex<Activations>>,
}

pub(super) struct Node<'n> {
    shape: Shape,
    weights: ValueRef<'n, TensorValueType<u8>>,
    bias: Option<ValueRef<'n, TensorValueType<f32>>>,
    kernel: Kernel,
    threads: usize,
    activations: Arc<Mutex<Activations>>,
}

impl Operator for MatMulBlocks {
    type Kernel<'attr> = Node<'attr>;

    fn name(&self) -> &str {
        NAME
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        [
            OperatorInput::required(TensorElementType::Float32),
            OperatorInput::required(TensorElementType::Uint8),
            OperatorInput::optional(TensorElementType::Float32),
        ]
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [OperatorOutput::required(TensorElementType::Float32)]
    }

    fn create_kernel<'attr>(&self, context: &KernelContext<'attr>) -> ort::Result<Node<'attr>> {
        contained(NAME, || self.node(context))
    }
}

impl MatMulBlocks {
    pub(super) fn new(kernel: Kernel, threads: usize) -> Self {
        Self { kernel, threads, activations: Arc::default() }
    }

    fn node<'attr>(&self, context: &KernelContext<'attr>) -> ort::Result<Node<'attr>> {
        let shape = shape(NAME, context)?;
        let weights = context.constant_input::<TensorValueType<u8>>(1)?;
        Weights::new(shape, weights.extract_tensor().1).map_err(|error| refused(NAME, &error))?;
        let has_bias = context.inputs()?.len() > 2;
        let bias = has_bias.then(|| context.constant_input::<TensorValueType<f32>>(2)).transpose()?;
        if let Some(bias) = &bias
            && bias.extract_tensor().1.len() != shape.n()
        {
            return Err(refused(NAME, &"the bias is not of length N"));
        }
        let (kernel, threads, activations) = (self.kernel, self.threads, Arc::clone(&self.activations));
        Ok(Node { shape, weights, bias, kernel, threads, activations })
    }
}

impl OrtKernel for Node<'_> {
    fn compute(&mut self, context: &ComputeContext) -> ort::Result<()> {
        contained(NAME, || self.run(context))
    }
}

impl Node<'_> {
    fn run(&self, context: &ComputeContext) -> ort::Result<()> {
        let Self { shape, kernel, .. } = *self;
        let x = context.input(0)?.ok_or_else(|| refused(NAME, &"no activations"))?;
        let (dims, x) = x.try_extract_tensor::<f32>()?;
        let mut dims = dims.to_vec();
        let last = dims.last_mut().ok_or_else(|| refused(NAME, &"the activations have no dimensions"))?;
        if usize::try_from(*last) != Ok(shape.k()) {
            return Err(refused(NAME, &format!("rows of {last} activations, expected {}", shape.k())));
        }
        *last = i64::try_from(shape.n()).map_err(|error| refused(NAME, &error))?;
        let rows = x.len() / shape.k();
        let mut y = context.output(0, dims)?.ok_or_else(|| refused(NAME, &"no output"))?;
        let (_, y) = y.try_extract_tensor_mut::<f32>()?;
        if rows == 0 {
            return Ok(());
        }
        let mut activations = locked(&self.activations);
        self.round(context, &mut activations, rows, x)?;

        let weights =
            Weights::new(shape, self.weights.extract_tensor().1).map_err(|error| refused(NAME, &error))?;
        let bias = self.bias.as_ref().map(|bias| bias.extract_tensor().1);
        let tasks = match self.threads {
            1 => 1,
            threads => (shape.packed_bytes() / TASK_BYTES).clamp(threads, threads * TASKS_A_THREAD),
        };
        let tiles = |task: usize| shape.tiles() * task / tasks..shape.tiles() * (task + 1) / tasks;
        let columns = |task| {
            let tiles = tiles(task);
            (tiles.start * COLUMNS).min(shape.n())..(tiles.end * COLUMNS).min(shape.n())
        };
        let mut parts: Vec<_> = (0..tasks).map(|_| Vec::with_capacity(rows)).collect();
        for mut row in y.chunks_exact_mut(shape.n()) {
            for (task, part) in parts.iter_mut().enumerate() {
                let (slots, rest) = row.split_at_mut_checked(columns(task).len()).unwrap_or_default();
                part.push(slots);
                row = rest;
            }
        }
        let parts: Vec<_> = parts.into_iter().map(Mutex::new).collect();
        share(NAME, context, tasks, |task| {
            let Some(part) = parts.get(task) else { return Ok(()) };
            let mut part = locked(part);
            kernel.multiply(&weights, tiles(task), &activations, &mut part)?;
            let bias = bias.and_then(|bias| bias.get(columns(task))).unwrap_or_default();
            for row in part.iter_mut() {
                row.iter_mut().zip(bias).for_each(|(slot, bias)| *slot += bias);
            }
            Ok(())
        })
    }

    /// Rounds the activations to int8.
    fn round(
        &self,
        context: &ComputeContext,
        activations: &mut Activations,
        rows: usize,
        x: &[f32],
    ) -> ort::Result<()> {
        let Self { shape, kernel, threads, .. } = *self;
        let parts = if rows < SHARED_ROWS { 1 } else { threads };
        let parts = activations.begin(shape, rows, kernel.panel_rows(rows), rows.div_ceil(parts));
        let parts: Vec<_> = parts.into_iter().map(|part| Mutex::new(Some(part))).collect();
        share(NAME, context, parts.len(), |task| {
            let Some(part) = parts.get(task).and_then(|part| locked(part).take()) else { return Ok(()) };
            let range = part.rows().start * shape.k()..part.rows().end * shape.k();
            kernel.quantize(part, x.get(range).unwrap_or_default())
        })
    }
}
