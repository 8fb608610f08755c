//! The key-value cache as ONNX Runtime tensors that are input and output at once.
//!
//! `GroupQueryAttention` writes in place when past and present are the same buffer. Each tensor is bound under
//! both names; the binding holds it by reference count, so nothing is copied between steps.
//!
//! The graph declares the element type: float32, or int8 with the scales in the graph. Here they differ in nothing
//! but their size.

use std::fmt::Debug;
use std::ops::Range;

use ::ort::memory::Allocator;
use ::ort::session::IoBinding;
use ::ort::value::{PrimitiveTensorElementType, Tensor};
use wheelwork_package::card::KvForm;

use super::ort_decoder::GraphNames;
use crate::kv_cache::{self, KvRange, KvShape};

/// Keys and values of one sequence.
pub(super) struct OrtCache {
    shape: KvShape,
    capacity_tokens: usize,
    tensors: Tensors,
}

/// Keys and values in turn, layer by layer, each `[1, num_key_value_heads, capacity, head_dim]`.
enum Tensors {
    Float(Vec<Tensor<f32>>),
    Int8(Vec<Tensor<i8>>),
}

impl OrtCache {
    /// A cache of zeros.
    pub(super) fn new(shape: KvShape, form: KvForm, capacity_tokens: usize) -> ::ort::Result<Self> {
        let tensors = match form {
            KvForm::Float => Tensors::Float(zeros(shape, capacity_tokens)?),
            KvForm::Int8 => Tensors::Int8(zeros(shape, capacity_tokens)?),
        };
        Ok(Self { shape, capacity_tokens, tensors })
    }

    pub(super) fn capacity_tokens(&self) -> usize {
        self.capacity_tokens
    }

    /// The same first `len` tokens with more room behind them.
    pub(super) fn grown(&self, capacity_tokens: usize, len: usize) -> ::ort::Result<Self> {
        let (shape, old_capacity) = (self.shape, self.capacity_tokens);
        let tensors = match &self.tensors {
            Tensors::Float(old) => Tensors::Float(copied(old, shape, old_capacity, capacity_tokens, len)?),
            Tensors::Int8(old) => Tensors::Int8(copied(old, shape, old_capacity, capacity_tokens, len)?),
        };
        Ok(Self { shape, capacity_tokens, tensors })
    }

    /// Appends keys and values of some tokens: per layer keys, then values; per head, token by token.
    pub(super) fn read(&self, tokens: Range<usize>, bytes: &mut Vec<u8>) {
        let (head, elements) = self.elements(tokens);
        match &self.tensors {
            Tensors::Float(tensors) => put(tensors, head, elements, bytes),
            Tensors::Int8(tensors) => put(tensors, head, elements, bytes),
        }
    }

    /// Puts back what [`OrtCache::read`] gave, at any place within the capacity.
    pub(super) fn write(&mut self, tokens: Range<usize>, bytes: &[u8]) {
        if tokens.is_empty() {
            return;
        }
        let (head, elements) = self.elements(tokens);
        match &mut self.tensors {
            Tensors::Float(tensors) => take(tensors, head, &elements, bytes),
            Tensors::Int8(tensors) => take(tensors, head, &elements, bytes),
        }
    }

    /// Elements of one head of a tensor, and where in it some tokens stand.
    fn elements(&self, tokens: Range<usize>) -> (usize, Range<usize>) {
        let head_dim = self.shape.head_dim;
        (self.capacity_tokens * head_dim, tokens.start * head_dim..tokens.end * head_dim)
    }

    /// Binds each tensor as the past and the present of its layer.
    pub(super) fn bind(&mut self, binding: &mut IoBinding, names: &GraphNames) -> ::ort::Result<()> {
        match &mut self.tensors {
            Tensors::Float(tensors) => bind(tensors, binding, names),
            Tensors::Int8(tensors) => bind(tensors, binding, names),
        }
    }

    /// How large the first `len` tokens of each layer are; `None` for an int8 cache.
    pub(super) fn ranges(&self, len: usize) -> Option<Vec<KvRange>> {
        let Tensors::Float(tensors) = &self.tensors else { return None };
        let head_dim = self.shape.head_dim;
        let head = self.capacity_tokens * head_dim;
        let range = |tensor: &Tensor<f32>, largest: fn(&[f32], usize) -> Vec<f32>| {
            let heads = tensor.extract_tensor().1.chunks_exact(head);
            heads.flat_map(|head| largest(&head[..len * head_dim], head_dim)).collect()
        };
        let layers = tensors.chunks_exact(2).map(|layer| KvRange {
            keys: range(&layer[0], kv_cache::largest_rotated),
            values: range(&layer[1], kv_cache::largest),
        });
        Some(layers.collect())
    }
}

/// An element as the bytes that stand in a session file.
trait Element: PrimitiveTensorElementType + Debug + Copy + Default {
    const BYTES: usize;
    fn put(values: &[Self], bytes: &mut Vec<u8>);
    fn take(bytes: &[u8], values: &mut [Self]);
}

impl Element for f32 {
    const BYTES: usize = 4;

    fn put(values: &[Self], bytes: &mut Vec<u8>) {
        bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }

    fn take(bytes: &[u8], values: &mut [Self]) {
        for (value, bytes) in values.iter_mut().zip(bytes.as_chunks().0) {
            *value = Self::from_le_bytes(*bytes);
        }
    }
}

impl Element for i8 {
    const BYTES: usize = 1;

    fn put(values: &[Self], bytes: &mut Vec<u8>) {
        bytes.extend(values.iter().map(|value| value.cast_unsigned()));
    }

    fn take(bytes: &[u8], values: &mut [Self]) {
        for (value, byte) in values.iter_mut().zip(bytes) {
            *value = byte.cast_signed();
        }
    }
}

/// Per tensor, per head, the elements of the tokens.
fn put<T: Element>(tensors: &[Tensor<T>], head: usize, elements: Range<usize>, bytes: &mut Vec<u8>) {
    for tensor in tensors {
        for head in tensor.extract_tensor().1.chunks_exact(head) {
            T::put(&head[elements.clone()], bytes);
        }
    }
}

fn take<T: Element>(tensors: &mut [Tensor<T>], head: usize, elements: &Range<usize>, bytes: &[u8]) {
    let mut parts = bytes.chunks_exact(elements.len() * T::BYTES);
    for tensor in tensors {
        for (head, part) in tensor.extract_tensor_mut().1.chunks_exact_mut(head).zip(&mut parts) {
            T::take(part, &mut head[elements.clone()]);
        }
    }
}

fn zeros<T>(shape: KvShape, capacity_tokens: usize) -> ::ort::Result<Vec<Tensor<T>>>
where
    T: PrimitiveTensorElementType + Debug + Copy + Default,
{
    let dims = [1, shape.num_key_value_heads, capacity_tokens, shape.head_dim];
    let tensor = |_| {
        let mut tensor = Tensor::<T>::new(&Allocator::default(), dims)?;
        tensor.extract_tensor_mut().1.fill(T::default());
        Ok(tensor)
    };
    (0..2 * shape.num_hidden_layers).map(tensor).collect()
}

fn copied<T>(
    tensors: &[Tensor<T>],
    shape: KvShape,
    old_capacity: usize,
    new_capacity: usize,
    len: usize,
) -> ::ort::Result<Vec<Tensor<T>>>
where
    T: PrimitiveTensorElementType + Debug + Copy + Default,
{
    let mut grown = zeros(shape, new_capacity)?;
    let (old_head, new_head) = (old_capacity * shape.head_dim, new_capacity * shape.head_dim);
    let used = len * shape.head_dim;
    for (old, new) in tensors.iter().zip(&mut grown) {
        let (old, new) = (old.extract_tensor().1, new.extract_tensor_mut().1);
        for (old, new) in old.chunks_exact(old_head).zip(new.chunks_exact_mut(new_head)) {
            new[..used].copy_from_slice(&old[..used]);
        }
    }
    Ok(grown)
}

fn bind<T>(tensors: &mut [Tensor<T>], binding: &mut IoBinding, names: &GraphNames) -> ::ort::Result<()>
where
    T: PrimitiveTensorElementType + Debug,
{
    let names = names.past.iter().zip(&names.present);
    for (tensor, (past, present)) in tensors.iter_mut().zip(names) {
        binding.bind_input(past.as_str(), &*tensor)?;
        binding.bind_output(present.as_str(), tensor)?;
    }
    Ok(())
}
