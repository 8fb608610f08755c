//! ```text
//! MatMulBlocks(x [.., K] float32, packed weights [bytes] uint8 (constant), bias [N] float32 (optional)) -> [.., N] float32
//!     K, N, bits, block_size as MatMulNBits has them; zero_points = 1 where the weights hold zero points
//!     activation_terms = 1: activations rounded to int8; 2: to int8, and what that leaves to int8 again
//! GatedMatMulBlocks(x, packed weights of the gate, packed weights beside it) -> silu(x by the gate) · (x by what is beside it)
//!     up_bits, up_scale_bits, up_zero_points: of the second matrix, whose K, N and block_size are those of the first
//! ```
//!
//! It computes what `MatMulNBits` does at accuracy level 4; with two terms, what it does at level 1 within 2^-15 of a block's
//! largest activation, and a token still reads the weights once. With a gate, activations are rounded once for both matrices, and
//! what they give is multiplied while it is in the cache. Attributes and lengths are checked when the graph is loaded, and the
//! lengths of the activations at each call.

use std::sync::{Arc, Mutex};

use ort::operator::{
    ComputeContext, Kernel as OrtKernel, KernelContext, Operator, OperatorInput, OperatorOutput,
};
use ort::value::{TensorElementType, TensorValueType, ValueRef};
use wheelwork_kernels::{Activations, COLUMNS, Kernel, KernelError, Shape, Weights, with_remainders};

use super::{GATED_MATMUL_BLOCKS, MATMUL_BLOCKS, Matrix, contained, locked, number, refused, share};

/// Packed bytes that are worth a task of their own.
const TASK_BYTES: usize = 64 << 10;
/// Tasks a thread: some more than one, as threads are held up by others.
const TASKS_A_THREAD: usize = 4;
/// From so many rows on, they are rounded by all threads.
const SHARED_ROWS: usize = 16;
/// Rows of two terms that are computed at once, for the room that they take.
const TWO_TERM_ROWS: usize = 64;

/// Bytes of a task's results beside the gate: so that they stay in the cache.
const BESIDE_BYTES: usize = 64 << 10;

pub(super) struct MatMulBlocks {
    has_gate: bool,
    kernel: Kernel,
    threads: usize,
    /// Of whichever node runs: a session computes one at a time.
    room: Arc<Mutex<Room>>,
}

/// Activations of one node after the other.
#[derive(Default)]
struct Room {
    activations: Activations,
    /// Rows with their remainders, for two terms.
    rows: Vec<f32>,
}

pub(super) struct Node<'n> {
    name: &'static str,
    /// Of the gate, where there is one.
    matrix: Packed<'n>,
    /// What the gate is for.
    up: Option<Packed<'n>>,
    bias: Option<ValueRef<'n, TensorValueType<f32>>>,
    has_two_terms: bool,
    kernel: Kernel,
    threads: usize,
    room: Arc<Mutex<Room>>,
}

/// A packed matrix, whose length is that of its shape.
struct Packed<'n> {
    shape: Shape,
    bytes: ValueRef<'n, TensorValueType<u8>>,
}

impl Operator for MatMulBlocks {
    type Kernel<'attr> = Node<'attr>;

    fn name(&self) -> &str {
        self.operator()
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        [
            OperatorInput::required(TensorElementType::Float32),
            OperatorInput::required(TensorElementType::Uint8),
            if self.has_gate {
                OperatorInput::required(TensorElementType::Uint8)
            } else {
                OperatorInput::optional(TensorElementType::Float32)
            },
        ]
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [OperatorOutput::required(TensorElementType::Float32)]
    }

    fn create_kernel<'attr>(&self, context: &KernelContext<'attr>) -> ort::Result<Node<'attr>> {
        contained(self.operator(), || self.node(context))
    }
}

impl MatMulBlocks {
    /// The operator without a gate, and with one, in the same room.
    pub(super) fn both(kernel: Kernel, threads: usize) -> [Self; 2] {
        let room = Arc::default();
        [false, true].map(|has_gate| Self { has_gate, kernel, threads, room: Arc::clone(&room) })
    }

    fn operator(&self) -> &'static str {
        if self.has_gate { GATED_MATMUL_BLOCKS } else { MATMUL_BLOCKS }
    }

    fn node<'attr>(&self, context: &KernelContext<'attr>) -> ort::Result<Node<'attr>> {
        let name = self.operator();
        let matrix = packed(name, context, &Matrix::FIRST, 1)?;
        let up = self.has_gate.then(|| packed(name, context, &Matrix::UP, 2)).transpose()?;
        let has_bias = !self.has_gate && context.inputs()?.len() > 2;
        let bias = has_bias.then(|| context.constant_input::<TensorValueType<f32>>(2)).transpose()?;
        if let Some(bias) = &bias
            && bias.extract_tensor().1.len() != matrix.shape.n()
        {
            return Err(refused(name, &"the bias is not of length N"));
        }
        let has_two_terms = match number(name, context, "activation_terms")? {
            1 => false,
            2 => true,
            other => return Err(refused(name, &format!("activation_terms = {other}, expected 1 or 2"))),
        };
        let (kernel, threads, room) = (self.kernel, self.threads, Arc::clone(&self.room));
        Ok(Node { name, matrix, up, bias, has_two_terms, kernel, threads, room })
    }
}

/// A matrix that an input of the graph's constants holds.
fn packed<'n>(
    name: &str,
    context: &KernelContext<'n>,
    matrix: &Matrix,
    input: usize,
) -> ort::Result<Packed<'n>> {
    let shape = matrix.shape(name, context)?;
    let packed = Packed { shape, bytes: context.constant_input::<TensorValueType<u8>>(input)? };
    packed.weights(name)?;
    Ok(packed)
}

impl Packed<'_> {
    fn weights(&self, name: &str) -> ort::Result<Weights<'_>> {
        Weights::new(self.shape, self.bytes.extract_tensor().1).map_err(|error| refused(name, &error))
    }
}

impl OrtKernel for Node<'_> {
    fn compute(&mut self, context: &ComputeContext) -> ort::Result<()> {
        contained(self.name, || self.run(context))
    }
}

impl Node<'_> {
    fn run(&self, context: &ComputeContext) -> ort::Result<()> {
        let (name, shape) = (self.name, self.matrix.shape);
        let x = context.input(0)?.ok_or_else(|| refused(name, &"no activations"))?;
        let (dims, x) = x.try_extract_tensor::<f32>()?;
        let mut dims = dims.to_vec();
        let last = dims.last_mut().ok_or_else(|| refused(name, &"the activations have no dimensions"))?;
        if usize::try_from(*last) != Ok(shape.k()) {
            return Err(refused(name, &format!("rows of {last} activations, expected {}", shape.k())));
        }
        *last = i64::try_from(shape.n()).map_err(|error| refused(name, &error))?;
        let mut y = context.output(0, dims)?.ok_or_else(|| refused(name, &"no output"))?;
        let (_, y) = y.try_extract_tensor_mut::<f32>()?;
        if x.is_empty() {
            return Ok(());
        }
        let mut room = locked(&self.room);
        let Room { activations, rows } = &mut *room;
        if !self.has_two_terms {
            self.round(context, activations, x)?;
            return self.multiply(context, activations, y);
        }
        let parts = x.chunks(TWO_TERM_ROWS * shape.k()).zip(y.chunks_mut(TWO_TERM_ROWS * shape.n()));
        for (x, y) in parts {
            with_remainders(shape, x, rows);
            self.round(context, activations, rows)?;
            self.multiply(context, activations, y)?;
        }
        Ok(())
    }

    /// Rounds rows to int8.
    fn round(&self, context: &ComputeContext, activations: &mut Activations, x: &[f32]) -> ort::Result<()> {
        let Self { name, matrix: Packed { shape, .. }, kernel, threads, .. } = *self;
        let rows = x.len() / shape.k();
        let parts = if rows < SHARED_ROWS { 1 } else { threads };
        let parts = activations.begin(shape, rows, kernel.panel_rows(rows), rows.div_ceil(parts));
        let parts: Vec<_> = parts.into_iter().map(|part| Mutex::new(Some(part))).collect();
        share(name, context, parts.len(), |task| {
            let Some(part) = parts.get(task).and_then(|part| locked(part).take()) else { return Ok(()) };
            let range = part.rows().start * shape.k()..part.rows().end * shape.k();
            kernel.quantize(part, x.get(range).unwrap_or_default())
        })
    }

    /// Rows of results from rounded ones: of as many, or of half as many where each has two terms.
    fn multiply(
        &self,
        context: &ComputeContext,
        activations: &Activations,
        y: &mut [f32],
    ) -> ort::Result<()> {
        let Self { name, matrix: Packed { shape, .. }, kernel, .. } = *self;
        let weights = self.matrix.weights(name)?;
        let up = self.up.as_ref().map(|up| up.weights(name)).transpose()?;
        let bias = self.bias.as_ref().map(|bias| bias.extract_tensor().1);
        let tasks = self.tasks(y.len());
        let tiles = |task: usize| shape.tiles() * task / tasks..shape.tiles() * (task + 1) / tasks;
        let columns = |task| {
            let tiles = tiles(task);
            (tiles.start * COLUMNS).min(shape.n())..(tiles.end * COLUMNS).min(shape.n())
        };
        let mut parts: Vec<_> = (0..tasks).map(|_| Vec::with_capacity(y.len() / shape.n())).collect();
        for mut row in y.chunks_exact_mut(shape.n()) {
            for (task, part) in parts.iter_mut().enumerate() {
                let (slots, rest) = row.split_at_mut_checked(columns(task).len()).unwrap_or_default();
                part.push(slots);
                row = rest;
            }
        }
        let parts: Vec<_> = parts.into_iter().map(Mutex::new).collect();
        share(name, context, tasks, |task| {
            let Some(part) = parts.get(task) else { return Ok(()) };
            let mut part = locked(part);
            let width = columns(task).len();
            let product = |weights: &Weights<'_>, rows: &mut [&mut [f32]]| {
                let multiply =
                    |rows: &mut [&mut [f32]]| kernel.multiply(weights, tiles(task), activations, rows);
                if self.has_two_terms { two_terms(width, rows, multiply) } else { multiply(rows) }
            };
            product(&weights, &mut part)?;
            if let Some(up) = &up
                && width > 0
            {
                let mut beside = vec![0.0; width * part.len()];
                product(up, &mut beside.chunks_exact_mut(width).collect::<Vec<_>>())?;
                for (gate, up) in part.iter_mut().zip(beside.chunks_exact(width)) {
                    kernel.gate(gate, up)?;
                }
            }
            let bias = bias.and_then(|bias| bias.get(columns(task))).unwrap_or_default();
            for row in part.iter_mut() {
                row.iter_mut().zip(bias).for_each(|(slot, bias)| *slot += bias);
            }
            Ok(())
        })
    }

    /// In how many parts so many results are computed.
    fn tasks(&self, results: usize) -> usize {
        let Self { matrix: Packed { shape, .. }, threads, .. } = *self;
        let shared = match threads {
            1 => 1,
            threads => (shape.packed_bytes() / TASK_BYTES).clamp(threads, threads * TASKS_A_THREAD),
        };
        let beside = match self.up {
            Some(_) => (results * size_of::<f32>()).div_ceil(BESIDE_BYTES).min(shape.tiles()),
            None => 1,
        };
        shared.max(beside)
    }
}

/// Fills rows of this width with the sums of two rows each, which `multiply` computes.
fn two_terms(
    width: usize,
    rows: &mut [&mut [f32]],
    multiply: impl FnOnce(&mut [&mut [f32]]) -> Result<(), KernelError>,
) -> Result<(), KernelError> {
    if width == 0 {
        return Ok(());
    }
    let mut terms = vec![0.0; 2 * width * rows.len()];
    multiply(&mut terms.chunks_exact_mut(width).collect::<Vec<_>>())?;
    for (row, terms) in rows.iter_mut().zip(terms.chunks_exact(2 * width)) {
        let (coarse, fine) = terms.split_at(width);
        row.iter_mut().zip(coarse.iter().zip(fine)).for_each(|(slot, (coarse, fine))| *slot = coarse + fine);
    }
    Ok(())
}
