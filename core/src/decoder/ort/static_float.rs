//! The float form of static graphs: `GroupQueryAttention` writes the cache in place, as in the CPU variant.

use std::ops::Range;
use std::sync::Arc;

use ::ort::memory::Allocator;
use ::ort::session::{IoBinding, NoSelectedOutputs, RunOptions};
use ::ort::value::Tensor;
use wheelwork_package::tensors::{LOGITS, static_graph as names};

use super::cache::{self, Cache};
use super::names::GraphNames;
use super::static_graphs::{Form, StaticModel, pad};
use super::static_io::Call;

/// Tensors of one sequence.
pub(super) struct FloatForm {
    model: Arc<StaticModel>,
    cache: Box<dyn Cache>,
    prefill: Bound,
    decode: Bound,
}

/// A graph's binding with the tensors that it reads and writes, except the cache.
struct Bound {
    binding: IoBinding,
    /// `[1, S, hidden_size]`
    x: Tensor<f32>,
    /// `[1]`: tokens after the call, less one.
    last_position: Tensor<i32>,
    /// Scalar: tokens after the call.
    total_length: Tensor<i32>,
    /// `[1]`, for prefill.
    logits_position: Tensor<i32>,
    /// `[1, 1, vocab_size]`
    logits: Tensor<f32>,
}

impl FloatForm {
    pub(super) fn new(model: &Arc<StaticModel>) -> ::ort::Result<Self> {
        let cache = cache::zeros(
            model.kv_shape(),
            model.kv_form(),
            model.graphs.context_length,
            &Allocator::default(),
        )?;
        Self::with_cache(model, cache)
    }

    fn with_cache(model: &Arc<StaticModel>, mut cache: Box<dyn Cache>) -> ::ort::Result<Self> {
        let prefill = Bound::new(model, &mut *cache, Call::Prefill)?;
        let decode = Bound::new(model, &mut *cache, Call::Decode)?;
        Ok(Self { model: Arc::clone(model), cache, prefill, decode })
    }
}

impl Form for FloatForm {
    /// The whole chunk is written into the cache, padding included.
    fn fits(&self, call: Call, cached: usize) -> bool {
        cached + call.tokens(&self.model.graphs) <= self.cache.capacity_tokens()
    }

    fn run(
        &mut self,
        call: Call,
        rows: &[f32],
        cached: usize,
        options: &RunOptions<NoSelectedOutputs>,
        logits: &mut [f32],
    ) -> ::ort::Result<()> {
        let hidden_size = self.model.config.decoder.hidden_size;
        let bound = if call == Call::Prefill { &mut self.prefill } else { &mut self.decode };
        let count = rows.len() / hidden_size;
        let total = number(cached + call.tokens(&self.model.graphs));
        let x = bound.x.extract_tensor_mut().1;
        x[..rows.len()].copy_from_slice(rows);
        pad(x, rows.len(), hidden_size);
        bound.last_position.extract_tensor_mut().1.fill(total - 1);
        bound.total_length.extract_tensor_mut().1.fill(total);
        bound.logits_position.extract_tensor_mut().1.fill(number(count) - 1);
        self.model.run(0, call, &bound.binding, options)?;
        logits.copy_from_slice(bound.logits.extract_tensor().1);
        Ok(())
    }

    fn read(&self, tokens: Range<usize>, bytes: &mut Vec<u8>) -> ::ort::Result<()> {
        self.cache.read(tokens, bytes)
    }

    fn write(&mut self, tokens: Range<usize>, bytes: &[u8]) -> ::ort::Result<()> {
        self.cache.write(tokens, bytes)
    }

    fn copied(&self, len: usize) -> ::ort::Result<Box<dyn Form>> {
        let cache = self.cache.grown(self.cache.capacity_tokens(), len, &Allocator::default())?;
        Ok(Box::new(Self::with_cache(&self.model, cache)?))
    }
}

impl Bound {
    fn new(model: &StaticModel, cache: &mut dyn Cache, call: Call) -> ::ort::Result<Self> {
        let allocator = Allocator::default();
        let config = &model.config;
        let mut bound = Self {
            binding: model.binding(0, call)?,
            x: Tensor::new(&allocator, [1, call.tokens(&model.graphs), config.decoder.hidden_size])?,
            last_position: Tensor::new(&allocator, [1_usize])?,
            total_length: Tensor::new(&allocator, [0_usize; 0])?,
            logits_position: Tensor::new(&allocator, [1_usize])?,
            logits: Tensor::new(&allocator, [1, 1, config.vocab_size])?,
        };
        let binding = &mut bound.binding;
        cache.bind(binding, &GraphNames::of(config))?;
        binding.bind_input(names::X, &bound.x)?;
        binding.bind_input(names::LAST_POSITION, &bound.last_position)?;
        binding.bind_input(names::TOTAL_LENGTH, &bound.total_length)?;
        if call == Call::Prefill {
            binding.bind_input(names::LOGITS_POSITION, &bound.logits_position)?;
        }
        binding.bind_output(LOGITS, &mut bound.logits)?;
        Ok(bound)
    }
}

/// A number of tokens as graphs take it.
fn number(tokens: usize) -> i32 {
    i32::try_from(tokens).expect("a context's tensors fit the memory, so its length fits 31 bits")
}
