//! What a model takes of the memory, told before it is loaded.

use wheelwork::Available;

use crate::convert::{count, mirror};
use crate::edge::guarded;
use crate::{FfiError, KvForm, OpenOptions, Prepared};

/// What a model, or one more conversation of an open model, takes of the memory: estimates. *Anonymous* memory is the
/// app's own, for which a system kills apps; *mapped* files can be dropped and read again.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct MemoryPlan {
    /// Tokens of the conversation that is counted.
    pub context_tokens: u32,
    /// The longest sequence in tokens that the model allows.
    pub context_limit: u32,
    /// How keys and values are cached.
    pub kv_cache: KvForm,
    /// Whether the form prepared for this machine is counted, and why not.
    pub prepared: Prepared,
    /// Anonymous: weights that ONNX Runtime copies; 0 for a prepared form and an open model.
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
    /// Anonymous: room for shared prefixes; 0 for an open model.
    pub prefix_cache_bytes: u64,
    /// All anonymous memory together.
    pub need_bytes: u64,
    /// What is free; absent where nobody says.
    pub available: Option<AvailableMemory>,
    /// How the need stands to it.
    pub fit: Fit,
    /// The most tokens of a conversation that would fit; absent where nobody says what is free.
    pub largest_context_tokens: Option<u32>,
}

/// Memory that may be taken.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct AvailableMemory {
    /// Bytes.
    pub bytes: u64,
    /// Who says so.
    pub told_by: String,
}

mirror! {
    /// How a plan stands to what is free.
    Fit = wheelwork::Fit {
        /// Everything fits.
        Fits,
        /// The need fits, the mapped weights do not fit beside it: tokens will wait for the disk.
        WeightsFromDisk,
        /// It does not fit.
        TooLarge,
        /// Nobody says what is free, or the model runs on a device whose memory is not known here.
        Unknown,
    }
}

/// What opening a model with the same options would take. A model that does not fit is no error: [`MemoryPlan::fit`].
/// Reads no weights: some ten milliseconds, and the first call loads ONNX Runtime.
///
/// # Errors
/// Those of opening a model before its graph is loaded.
#[uniffi::export]
pub fn memory_plan(path: String, options: OpenOptions) -> Result<MemoryPlan, FfiError> {
    guarded(|| Ok(wheelwork::plan(path, &options.into())?.into()))
}

impl From<wheelwork::MemoryPlan> for MemoryPlan {
    fn from(plan: wheelwork::MemoryPlan) -> Self {
        let wheelwork::MemoryPlan {
            context_tokens,
            context_limit,
            kv_cache,
            prepared,
            packed_weights_bytes,
            mapped_weights_bytes,
            runtime_bytes,
            kv_bytes_per_token,
            kv_bytes,
            kv_growth_bytes,
            working_bytes,
            prefix_cache_bytes,
            need_bytes,
            available,
            fit,
            largest_context_tokens,
        } = plan;
        Self {
            context_tokens: count(context_tokens),
            context_limit: count(context_limit),
            kv_cache: kv_cache.into(),
            prepared: prepared.into(),
            packed_weights_bytes,
            mapped_weights_bytes,
            runtime_bytes,
            kv_bytes_per_token,
            kv_bytes,
            kv_growth_bytes,
            working_bytes,
            prefix_cache_bytes,
            need_bytes,
            available: available.map(Into::into),
            fit: fit.into(),
            largest_context_tokens: largest_context_tokens.map(count),
        }
    }
}

impl From<Available> for AvailableMemory {
    fn from(Available { bytes, told_by }: Available) -> Self {
        Self { bytes, told_by: told_by.to_owned() }
    }
}
