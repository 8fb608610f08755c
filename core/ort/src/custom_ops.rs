//! Our own operators, for graphs that were rewritten for this machine ([`DOMAIN`]).
//!
//! ```text
//! MatMulBlocks       a product of activations with weights in blocks            (products)
//! GatedMatMulBlocks  two of them, one of which is the other's gate
//! GatherBlocks       rows of a matrix of such weights                           (lookups)
//! CachedAttention    rotation, cache and attention in one; with a cache of      (attention)
//! CachedAttention8   float32, or of int8
//! ```
//!
//! They compute with `wheelwork-kernels` on ONNX Runtime's own threads. ONNX Runtime calls through C, where a panic would end the
//! process: whatever happens inside becomes an error of the run.

mod attention;
mod lookups;
mod products;

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ort::operator::{ComputeContext, KernelContext, OperatorDomain};
use wheelwork_kernels::{Kernel, KernelError, Shape};

/// The domain of our operators.
pub const DOMAIN: &str = "wheelwork";
/// The product of activations with weights in blocks.
pub const MATMUL_BLOCKS: &str = "MatMulBlocks";
/// Two products, one of which is the other's gate.
pub const GATED_MATMUL_BLOCKS: &str = "GatedMatMulBlocks";
/// Rows of a matrix of weights in blocks.
pub const GATHER_BLOCKS: &str = "GatherBlocks";
/// Attention over a cache of float32.
pub const CACHED_ATTENTION: &str = "CachedAttention";
/// Attention over a cache of int8 with a scale a channel.
pub const CACHED_ATTENTION_8: &str = "CachedAttention8";

/// The operators for a session with so many threads.
///
/// # Errors
/// ONNX Runtime's.
pub fn operators(threads: usize) -> ort::Result<OperatorDomain> {
    let (kernel, threads) = (Kernel::best(), threads.max(1));
    let [products, gated] = products::MatMulBlocks::both(kernel, threads);
    OperatorDomain::new(DOMAIN)?
        .add(products)?
        .add(gated)?
        .add(lookups::GatherBlocks)?
        .add(attention::CachedAttention::<f32>::new(kernel, threads))?
        .add(attention::CachedAttention::<i8>::new(kernel, threads))
}

/// What this machine computes our operators with.
#[must_use]
pub fn kernel_name() -> &'static str {
    Kernel::best().name()
}

/// An attribute that is a number from 0 on.
fn number(operator: &str, context: &KernelContext<'_>, name: &str) -> ort::Result<u64> {
    let found = context.get::<i64>(name).and_then(|found| u64::try_from(found).ok());
    found.ok_or_else(|| refused(operator, &format!("`{name}` is no number from 0 on")))
}

/// The attributes that tell what a packed matrix is, beside K, N and the block size.
struct Matrix {
    bits: &'static str,
    scale_bits: &'static str,
    zero_points: &'static str,
}

impl Matrix {
    const FIRST: Self = Self { bits: "bits", scale_bits: "scale_bits", zero_points: "zero_points" };
    /// What a gate is for.
    const UP: Self = Self { bits: "up_bits", scale_bits: "up_scale_bits", zero_points: "up_zero_points" };

    /// The shape that they say.
    fn shape(&self, operator: &str, context: &KernelContext<'_>) -> ort::Result<Shape> {
        let number = |name| number(operator, context, name);
        let has_zeros = match number(self.zero_points)? {
            0 => false,
            1 => true,
            other => {
                return Err(refused(operator, &format!("{} = {other}, expected 0 or 1", self.zero_points)));
            }
        };
        let (k, n, block_size) = (number("K")?, number("N")?, number("block_size")?);
        let shape = Shape::new(k, n, number(self.bits)?, block_size, has_zeros);
        let scale_bits = number(self.scale_bits)?;
        shape.and_then(|shape| shape.with_scale_bits(scale_bits)).map_err(|error| refused(operator, &error))
    }
}

/// Has ONNX Runtime's threads do the tasks; the first error of any.
fn share(
    operator: &str,
    context: &ComputeContext,
    tasks: usize,
    work: impl Fn(usize) -> Result<(), KernelError> + Send + Sync,
) -> ort::Result<()> {
    if tasks == 1 {
        return work(0).map_err(|error| refused(operator, &error));
    }
    let failed = Mutex::new(None);
    let one = |task| {
        if let Err(error) = contained(operator, || work(task).map_err(|error| refused(operator, &error))) {
            locked(&failed).get_or_insert(error);
        }
    };
    context.par_for(tasks, tasks, one)?;
    failed.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

/// A panic as an error: behind us is C.
fn contained<T>(operator: &str, work: impl FnOnce() -> ort::Result<T>) -> ort::Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(refused(operator, &"it panicked")))
}

fn refused(operator: &str, what: &dyn Display) -> ort::Error {
    ort::Error::new(format!("{operator}: {what}"))
}

/// What a panic left is written anew by who comes next.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
