//! Products of float activations with weights of 4, 5, 6 or 8 bits in blocks, as ONNX Runtime's `MatMulNBits` defines them at
//! accuracy level 4: `y[m][n] = Σ_b s[n][b] · e[m][b] · Σ_k (q[n][k] − z[n][b]) · a[m][k]`, where `a` are the activations of a
//! block as int8 with the scale `e = max|x| / 127`; with [`with_remainders`], nearly at accuracy level 1 (float32).
//!
//! ```text
//! Shape        K, N, bits, block size, zero points; every size follows from it      (shape)
//! pack         MatMulNBits' layout to ours and back: a permutation                  (pack)
//! Activations  float rows to int8, in panels of rows                                (activations)
//! Weights      packed bytes whose length was compared with their shape              (weights)
//! Kernel       an instruction set of this CPU; multiplies tiles of 16 columns       (kernel)
//! angles       cosines and sines of positions, the same bits everywhere          (angles)
//! gate         silu(gate) · up of a feed-forward layer                           (gate)
//! Attention    queries over a cache of float32 or int8, with the softmax as it goes (attention)
//! ```
//!
//! One layout serves a token and a prompt: 16 columns by 4 rows of K are 64 bytes, of which every instruction set takes
//! its share, and a row of activations is broadcast four bytes at a time. A panel of up to eight rows reads the weights
//! once; for more rows, tiles are unpacked to bytes once and used by all panels.
//!
//! Pure functions on slices: no threads, no files, no ONNX Runtime. Lengths are compared where slices come in, with a typed
//! error; behind that nothing indexes, so nothing panics. Unsafe code stands in the files of the instruction sets, for
//! loads, stores and the calls into them, and nowhere else.

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod activations;
mod angles;
mod attention;
mod error;
mod gate;
mod half;
mod instances;
mod kernel;
pub mod pack;
mod portable;
mod shape;
mod tile;
mod weights;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use activations::{Activations, RowsToFill, with_remainders};
pub use angles::angles;
pub use attention::{Attention, Element, Heads, Sums, rotate};
pub use error::KernelError;
pub use half::{exact_f16, exact_short, f16_to_f32, short_to_f32};
pub use kernel::Kernel;
pub use shape::{Bits, COLUMNS, Shape};
pub use weights::Weights;

/// Raised when what a kernel computes changes, or the packed layout: what was made with another one is made anew.
pub const VERSION: u32 = 4;
