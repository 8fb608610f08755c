//! The key-value cache as ONNX Runtime tensors that are input and output at once.
//!
//! `GroupQueryAttention` writes in place when past and present are the same buffer. Each tensor is bound under
//! both names; the binding holds it by reference count, so nothing is copied between steps.

use ::ort::memory::Allocator;
use ::ort::session::IoBinding;
use ::ort::value::Tensor;

use super::ort_decoder::GraphNames;
use crate::kv_cache::KvShape;

/// Keys and values of one sequence.
pub(super) struct OrtCache {
    shape: KvShape,
    capacity_tokens: usize,
    /// Keys and values in turn, layer by layer, each `[1, num_key_value_heads, capacity, head_dim]`.
    tensors: Vec<Tensor<f32>>,
}

impl OrtCache {
    /// A cache of zeros.
    pub(super) fn new(shape: KvShape, capacity_tokens: usize) -> ::ort::Result<Self> {
        let dims = [1, shape.num_key_value_heads, capacity_tokens, shape.head_dim];
        let tensors = (0..2 * shape.num_hidden_layers)
            .map(|_| {
                let mut tensor = Tensor::<f32>::new(&Allocator::default(), dims)?;
                tensor.extract_tensor_mut().1.fill(0.0);
                Ok(tensor)
            })
            .collect::<::ort::Result<_>>()?;
        Ok(Self { shape, capacity_tokens, tensors })
    }

    pub(super) fn capacity_tokens(&self) -> usize {
        self.capacity_tokens
    }

    /// The same first `len` tokens with more room behind them.
    pub(super) fn grown(&self, capacity_tokens: usize, len: usize) -> ::ort::Result<Self> {
        let mut grown = Self::new(self.shape, capacity_tokens)?;
        let (old_row, new_row) =
            (self.capacity_tokens * self.shape.head_dim, capacity_tokens * self.shape.head_dim);
        let used = len * self.shape.head_dim;
        for (old, new) in self.tensors.iter().zip(&mut grown.tensors) {
            let (old, new) = (old.extract_tensor().1, new.extract_tensor_mut().1);
            for (old_head, new_head) in old.chunks_exact(old_row).zip(new.chunks_exact_mut(new_row)) {
                new_head[..used].copy_from_slice(&old_head[..used]);
            }
        }
        Ok(grown)
    }

    /// Binds each tensor as the past and the present of its layer.
    pub(super) fn bind(&mut self, binding: &mut IoBinding, names: &GraphNames) -> ::ort::Result<()> {
        let names = names.past.iter().zip(&names.present);
        for (tensor, (past, present)) in self.tensors.iter_mut().zip(names) {
            binding.bind_input(past.as_str(), &*tensor)?;
            binding.bind_output(present.as_str(), tensor)?;
        }
        Ok(())
    }
}
