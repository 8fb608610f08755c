//! What a model will take of the memory, told before its weights are read, and held against what is free.
//!
//! Memory is of two kinds. *Anonymous* memory is the process's own: where it is short, an allocation fails or the system
//! ends a process. *Mapped* files can be dropped and read again: where memory is short for them, every token waits for
//! the disk. [`MemoryPlan::need_bytes`] is the first kind.

mod available;
mod footprint;

use std::path::Path;

use serde::Serialize;
use wheelwork_package::PackageError;
use wheelwork_package::card::KvForm;
use wheelwork_package::files::names;

pub use available::Available;
pub(crate) use footprint::Footprint;
use footprint::Subject;

use crate::decoder::kv::{FIRST_CAPACITY_TOKENS, KvShape};
use crate::device::Device;
use crate::error::Error;
use crate::open::Model;
use crate::open::prepare::Prepared;
use crate::open::{OpenOptions, Opening};

/// What memory is held against when a model is opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MemoryCheck {
    /// What the system says is free; nothing where it does not say.
    #[default]
    System,
    /// So many bytes, for apps that know better: from `os_proc_available_memory` on iOS, for instance.
    Bytes(u64),
    /// Nothing: the model is opened whatever it takes.
    Off,
}

/// What a model, or one more session of an open model, takes of the memory. Estimates: see `docs/context.md`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemoryPlan {
    /// Tokens of the session that is counted: those of [`OpenOptions::context_length`], else the first step of the cache.
    pub context_tokens: usize,
    /// The longest sequence that the model allows.
    pub context_limit: usize,
    /// How keys and values are cached.
    pub kv_cache: KvForm,
    /// Whether the form prepared for this machine is counted, and why not.
    pub prepared: Prepared,
    /// Anonymous: weights that ONNX Runtime copies, packed for the CPU, twice with
    /// [`OpenOptions::power_saving_threads`]; 0 for a prepared form and an open model.
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
    /// Anonymous: [`OpenOptions::prefix_cache_bytes`]; 0 for an open model.
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

/// What [`Model::open_with`] would take with the same options. Reads no weights.
///
/// # Errors
/// Those of [`Model::open_with`] before the graph is loaded. A model that does not fit is none: [`MemoryPlan::fit`].
pub fn plan(path: impl AsRef<Path>, options: &OpenOptions) -> Result<MemoryPlan, Error> {
    let opening = Opening::of(path.as_ref(), options)?;
    let prepared = opening.prepared(options)?.map_or_else(|reason| reason, |_| Prepared::Used);
    opening.memory_plan(options, prepared)
}

impl Model {
    /// What one more session of so many tokens takes, the model's own memory aside.
    #[must_use]
    pub fn plan(&self, context_tokens: usize) -> MemoryPlan {
        let open = Footprint { packed_bytes: 0, runtime_bytes: 0, ..self.footprint.clone() };
        let placement = self.placement();
        let counted = Counted {
            context_tokens: context_tokens.min(self.facts().context_length),
            context_limit: self.facts().context_length,
            kv_cache: placement.kv_cache,
            prepared: placement.prepared,
            prefix_cache_bytes: 0,
        };
        counted.plan(&open, free(MemoryCheck::System, placement.device))
    }
}

impl Opening {
    /// What opening in this form takes.
    pub(crate) fn memory_plan(&self, options: &OpenOptions, prepared: Prepared) -> Result<MemoryPlan, Error> {
        self.memory_plan_on(options, prepared, self.placement.device)
    }

    /// Whether the plain graph fits on the CPU, too.
    pub(crate) fn fits_on_the_cpu(&self, options: &OpenOptions) -> Result<bool, Error> {
        let plan = self.memory_plan_on(options, Prepared::NotWanted, Device::Cpu)?;
        Ok(options.memory == MemoryCheck::Off || plan.fit != Fit::TooLarge)
    }

    fn memory_plan_on(
        &self,
        options: &OpenOptions,
        prepared: Prepared,
        device: Device,
    ) -> Result<MemoryPlan, Error> {
        let mut footprint = self.footprint(prepared)?;
        if options.power_saving_threads.is_some() && device == Device::Cpu {
            footprint.packed_bytes = footprint.packed_bytes.saturating_mul(2);
        }
        let context_limit = self.session_options().context_length;
        let counted = Counted {
            context_tokens: options.context_length.unwrap_or(FIRST_CAPACITY_TOKENS).min(context_limit),
            context_limit,
            kv_cache: self.kv_form(),
            prepared,
            prefix_cache_bytes: options.prefix_cache_bytes,
        };
        Ok(counted.plan(&footprint, free(options.memory, device)))
    }

    /// What the graph takes in this form.
    pub(crate) fn footprint(&self, prepared: Prepared) -> Result<Footprint, Error> {
        let model = &self.variant().config.model;
        let path = self.folder().join(names::TOKENIZER);
        let tokenizer_bytes = match fs_err::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(source) => return Err(PackageError::Io { path, source }.into()),
        };
        Ok(Footprint::of(&Subject {
            model,
            graph: &self.verified,
            tokenizer_bytes,
            kv: KvShape::of(&model.decoder, self.kv_form()),
            // Ours give the last token's alone; of others it is known when they are loaded.
            all_logits: self.package.card.is_none(),
            is_prepared: prepared == Prepared::Used,
        }))
    }

    /// How the chosen graph caches keys and values.
    fn kv_form(&self) -> KvForm {
        let caches = self.package.card.as_ref().and_then(|card| card.kv_cache.get(&self.placement.variant));
        match caches {
            Some(caches) if caches.int8_graph == self.graph_file => KvForm::Int8,
            _ => KvForm::Float,
        }
    }

    /// Refuses what does not fit.
    pub(crate) fn check_memory(&self, options: &OpenOptions, prepared: Prepared) -> Result<(), Error> {
        if options.memory == MemoryCheck::Off {
            return Ok(());
        }
        let plan = self.memory_plan(options, prepared)?;
        match plan.available {
            Some(available) if plan.fit == Fit::TooLarge => Err(Error::NotEnoughMemory {
                need_bytes: plan.need_bytes,
                have_bytes: available.bytes,
                told_by: available.told_by,
                context_tokens: plan.context_tokens,
                largest_context_tokens: plan.largest_context_tokens.unwrap_or(0),
            }),
            _ => Ok(()),
        }
    }
}

/// What a plan counts besides the footprint.
struct Counted {
    context_tokens: usize,
    context_limit: usize,
    kv_cache: KvForm,
    prepared: Prepared,
    prefix_cache_bytes: u64,
}

impl Counted {
    fn plan(self, footprint: &Footprint, available: Option<Available>) -> MemoryPlan {
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

/// The largest number up to `limit` that fits, 0 for none; what fits are the first of the numbers.
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
fn free(check: MemoryCheck, device: Device) -> Option<Available> {
    match check {
        _ if device != Device::Cpu => None,
        MemoryCheck::Bytes(bytes) => Some(Available { bytes, told_by: "the app" }),
        MemoryCheck::System | MemoryCheck::Off => available::available(),
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
