//! What a model will take of the memory, told before its weights are read, and held against what is free.
//!
//! Memory is of two kinds. *Anonymous* memory is the process's own: where it is short, an allocation fails or the system
//! ends a process. *Mapped* files can be dropped and read again: where memory is short for them, every token waits for
//! the disk. [`MemoryPlan::need_bytes`] is the first kind.

mod available;
mod footprint;

use serde::Serialize;
use wheelwork_package::card::KvForm;

pub use available::{Available, available_memory};
pub(super) use footprint::Subject;
pub(crate) use footprint::{Footprint, Packed, packed_bytes};

use super::options::MemoryCheck;
use crate::device::{Device, Prepared};

/// What a model, or one more session of an open model, takes of the memory. Estimates: see `docs/context.md`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemoryPlan {
    /// Tokens of the session that is counted: those of [`crate::OpenOptions::context_length`], else the first step of the cache.
    pub context_tokens: usize,
    /// The longest sequence that the model allows.
    pub context_limit: usize,
    /// How keys and values are cached.
    pub kv_cache: KvForm,
    /// Whether the form prepared for this machine is counted, and why not.
    pub prepared: Prepared,
    /// Anonymous: weights that ONNX Runtime copies, packed for the CPU, twice with
    /// [`crate::OpenOptions::power_saving_threads`]; 0 for a prepared form and an open model.
    pub packed_weights_bytes: u64,
    /// Mapped: weights that are read from their files.
    pub mapped_weights_bytes: u64,
    /// Anonymous: ONNX Runtime, vocabulary and merges; 0 for an open model.
    pub runtime_bytes: u64,
    /// Keys and values of one token.
    pub kv_bytes_per_token: u64,
    /// Anonymous: keys and values of `context_tokens`.
    pub kv_bytes: u64,
    /// Anonymous, while the cache grows to that: the smaller one that it is copied from.
    pub kv_growth_bytes: u64,
    /// Anonymous: activations of a prefill, and logits.
    pub working_bytes: u64,
    /// Anonymous: [`crate::OpenOptions::prefix_cache_bytes`]; 0 for an open model.
    pub prefix_cache_bytes: u64,
    /// All anonymous memory together.
    pub need_bytes: u64,
    /// What is free; `None` where nobody says.
    pub available: Option<Available>,
    /// How the need stands to it.
    pub fit: Fit,
    /// The most tokens of a session that would fit; `None` where nobody says what is free.
    pub largest_context_tokens: Option<usize>,
}

/// How a plan stands to what is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// Everything fits.
    Fits,
    /// The need fits, the mapped weights do not fit beside it: tokens will wait for the disk.
    WeightsFromDisk,
    /// It does not fit.
    TooLarge,
    /// Nobody says what is free, or the model runs on a device whose memory is not known here.
    Unknown,
}

/// What a plan counts besides the footprint.
pub(super) struct Counted {
    pub(super) context_tokens: usize,
    pub(super) context_limit: usize,
    pub(super) kv_cache: KvForm,
    pub(super) prepared: Prepared,
    pub(super) prefix_cache_bytes: u64,
}

impl Counted {
    pub(super) fn plan(self, footprint: &Footprint, available: Option<Available>) -> MemoryPlan {
        let Self { context_tokens, context_limit, kv_cache, prepared, prefix_cache_bytes } = self;
        let fixed = [footprint.packed_bytes, footprint.runtime_bytes, footprint.working_bytes]
            .iter()
            .fold(prefix_cache_bytes, |sum, &bytes| sum.saturating_add(bytes));
        let need = |tokens| {
            let (now, before) = footprint.cache_bytes(tokens);
            fixed.saturating_add(now).saturating_add(before)
        };
        let (kv_bytes, kv_growth_bytes) = footprint.cache_bytes(context_tokens);
        let need_bytes = need(context_tokens);
        let fit = available.map_or(Fit::Unknown, |available| {
            if need_bytes > available.bytes {
                Fit::TooLarge
            } else if need_bytes.saturating_add(footprint.mapped_bytes) > available.bytes {
                Fit::WeightsFromDisk
            } else {
                Fit::Fits
            }
        });
        MemoryPlan {
            context_tokens,
            context_limit,
            kv_cache,
            prepared,
            packed_weights_bytes: footprint.packed_bytes,
            mapped_weights_bytes: footprint.mapped_bytes,
            runtime_bytes: footprint.runtime_bytes,
            kv_bytes_per_token: footprint.kv.bytes(1),
            kv_bytes,
            kv_growth_bytes,
            working_bytes: footprint.working_bytes,
            prefix_cache_bytes,
            need_bytes,
            available,
            fit,
            largest_context_tokens: available
                .map(|available| largest(context_limit, |tokens| need(tokens) <= available.bytes)),
        }
    }
}

/// The largest number up to `limit` that fits, 0 for none; below one that fits all do.
fn largest(limit: usize, fits: impl Fn(usize) -> bool) -> usize {
    let (mut fitting, mut beyond) = (0, limit + 1);
    while beyond - fitting > 1 {
        let middle = fitting.midpoint(beyond);
        if fits(middle) {
            fitting = middle;
        } else {
            beyond = middle;
        }
    }
    fitting
}

/// What may be taken. Of other devices' memory nothing is known.
pub(super) fn free(check: MemoryCheck, device: Device) -> Option<Available> {
    match check {
        _ if device != Device::Cpu => None,
        MemoryCheck::Bytes(bytes) => Some(Available { bytes, told_by: "the app" }),
        MemoryCheck::System | MemoryCheck::Off => available_memory(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_that_fits_is_found_at_every_edge() {
        for edge in 0..20 {
            assert_eq!(largest(10, |tokens| tokens <= edge), edge.min(10));
        }
    }
}
