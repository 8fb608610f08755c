//! The tensors of a run, bound once and written in place.

use ::ort::memory::Allocator;
use ::ort::session::{IoBinding, NoSelectedOutputs, RunOptions};
use ::ort::value::Tensor;

use super::cache::Cache;
use super::model::OrtModel;
use super::names::GraphNames;
use super::session::alone;

/// A binding with the tensors that it reads and writes, except the cache.
pub(super) struct Bound {
    binding: IoBinding,
    /// `[1, S]`
    input_ids: Tensor<i64>,
    /// `[1, T]` for a prompt, `[1, capacity]` for a step.
    attention_mask: Tensor<i64>,
    /// `[1, S]`, for graphs that ask for it.
    position_ids: Option<Tensor<i64>>,
    /// `[rows]`, for graphs that ask which tokens get logits: the last ones.
    logits_rows: Option<Tensor<i64>>,
    /// `[1, rows, vocab_size]`, or `[1, S, vocab_size]` for graphs that give every token's logits.
    logits: Tensor<f32>,
}

impl Bound {
    /// Binds the cache and new tensors for `tokens` new tokens, the logits of the last `rows` of them, and a mask over `mask_tokens`.
    pub(super) fn new(
        model: &OrtModel,
        cache: &mut dyn Cache,
        (tokens, rows): (usize, usize),
        mask_tokens: usize,
    ) -> ::ort::Result<Self> {
        let allocator = Allocator::default();
        let names = &model.names;
        let position_ids =
            names.position_ids.as_ref().map(|_| Tensor::new(&allocator, [1, tokens])).transpose()?;
        let logits_rows = names.logits_rows.as_ref().map(|_| Tensor::new(&allocator, [rows])).transpose()?;
        let mut bound = Self {
            binding: model.create_binding()?,
            input_ids: Tensor::new(&allocator, [1, tokens])?,
            attention_mask: Tensor::new(&allocator, [1, mask_tokens])?,
            position_ids,
            logits_rows,
            logits: Tensor::new(&allocator, [1, model.logits_rows(tokens, rows), model.vocab_size()])?,
        };
        bound.attention_mask.extract_tensor_mut().1.fill(0);
        if let Some(logits_rows) = &mut bound.logits_rows {
            // Counted from the end.
            let from_end = (1..=rows).rev().map(|row| -i64::try_from(row).expect("a call has few tokens"));
            logits_rows.extract_tensor_mut().1.iter_mut().zip(from_end).for_each(|(slot, row)| *slot = row);
        }
        let _alone = model.device_memory.map(|_| alone());
        cache.bind(&mut bound.binding, names)?;
        bound.bind_inputs(names)?;
        bound.binding.bind_output(names.logits.as_str(), &mut bound.logits)?;
        Ok(bound)
    }

    /// Binds all but the cache.
    fn bind_inputs(&mut self, names: &GraphNames) -> ::ort::Result<()> {
        self.binding.bind_input(names.input_ids.as_str(), &self.input_ids)?;
        self.binding.bind_input(names.attention_mask.as_str(), &self.attention_mask)?;
        if let (Some(name), Some(tensor)) = (&names.position_ids, &self.position_ids) {
            self.binding.bind_input(name.as_str(), tensor)?;
        }
        if let (Some(name), Some(tensor)) = (&names.logits_rows, &self.logits_rows) {
            self.binding.bind_input(name.as_str(), tensor)?;
        }
        Ok(())
    }

    /// Puts the new tokens behind `cached` ones.
    pub(super) fn write(&mut self, tokens: &[u32], cached: usize) {
        for (slot, &token) in self.input_ids.extract_tensor_mut().1.iter_mut().zip(tokens) {
            *slot = i64::from(token);
        }
        if let Some(position_ids) = &mut self.position_ids {
            for (slot, position) in position_ids.extract_tensor_mut().1.iter_mut().zip(cached..) {
                *slot = i64::try_from(position).expect("a position is below the context's length");
            }
        }
        let (ones, zeros) = self.attention_mask.extract_tensor_mut().1.split_at_mut(cached + tokens.len());
        ones.fill(1);
        // After a rewind, ones of forgotten tokens stand here.
        zeros.fill(0);
    }

    pub(super) fn run(
        &mut self,
        model: &OrtModel,
        options: &RunOptions<NoSelectedOutputs>,
    ) -> ::ort::Result<()> {
        let alone = model.device_memory.map(|_| alone());
        if alone.is_some() {
            // What the host wrote reaches a device when it is bound, not later.
            self.bind_inputs(&model.names)?;
        }
        model.run(&self.binding, options)
    }

    /// All logits: the last token's for a step.
    pub(super) fn logits_mut(&mut self) -> &mut [f32] {
        self.logits.extract_tensor_mut().1
    }

    pub(super) fn last_logits(&self, vocab_size: usize) -> &[f32] {
        let (_, logits) = self.logits.extract_tensor();
        logits.rchunks_exact(vocab_size).next().expect("the tensor has a row for the last token")
    }
}
