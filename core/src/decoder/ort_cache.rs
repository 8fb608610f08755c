//! The key-value cache as ONNX Runtime tensors that are input and output at once.
//!
//! `GroupQueryAttention` writes in place when past and present are the same buffer. Each tensor is bound under
//! both names; the binding holds it by reference count, so nothing is copied between steps.
//!
//! The graph declares the element type: float32, or int8 with the scales in the graph. Here they differ in nothing
//! but their size.
//!
//! A provider may have memory of its own, where a step writes in place too. The host then works on copies, tensor by
//! tensor ([`on_host`]): for session files, forks and growth, which are rare.

use std::fmt::Debug;
use std::ops::Range;

use ::ort::memory::Allocator;
use ::ort::session::IoBinding;
use ::ort::value::{PrimitiveTensorElementType, Tensor};
use wheelwork_package::card::KvForm;

use super::ort_device::alone;
use super::ort_model::GraphNames;
use crate::decoder::kv::{self, KvRange, KvShape};

/// Keys and values of one sequence.
pub(super) enum OrtCache {
    Float(Layers<f32>),
    Int8(Layers<i8>),
}

impl OrtCache {
    /// A cache of zeros in the memory that `place` gives.
    pub(super) fn new(
        shape: KvShape,
        form: KvForm,
        capacity_tokens: usize,
        place: &Allocator,
    ) -> ::ort::Result<Self> {
        Ok(match form {
            KvForm::Float => Self::Float(Layers::zeros(shape, capacity_tokens, place)?),
            KvForm::Int8 => Self::Int8(Layers::zeros(shape, capacity_tokens, place)?),
        })
    }

    pub(super) fn capacity_tokens(&self) -> usize {
        match self {
            Self::Float(layers) => layers.capacity_tokens,
            Self::Int8(layers) => layers.capacity_tokens,
        }
    }

    /// The same first `len` tokens with more room behind them.
    pub(super) fn grown(&self, capacity_tokens: usize, len: usize, place: &Allocator) -> ::ort::Result<Self> {
        Ok(match self {
            Self::Float(layers) => Self::Float(layers.grown(capacity_tokens, len, place)?),
            Self::Int8(layers) => Self::Int8(layers.grown(capacity_tokens, len, place)?),
        })
    }

    /// Appends keys and values of some tokens: per layer keys, then values; per head, token by token.
    pub(super) fn read(&self, tokens: Range<usize>, bytes: &mut Vec<u8>) -> ::ort::Result<()> {
        match self {
            Self::Float(layers) => layers.read(tokens, bytes),
            Self::Int8(layers) => layers.read(tokens, bytes),
        }
    }

    /// Puts back what [`OrtCache::read`] gave, at any place within the capacity.
    pub(super) fn write(&mut self, tokens: Range<usize>, bytes: &[u8]) -> ::ort::Result<()> {
        if tokens.is_empty() {
            return Ok(());
        }
        match self {
            Self::Float(layers) => layers.write(tokens, bytes),
            Self::Int8(layers) => layers.write(tokens, bytes),
        }
    }

    /// Binds each tensor as the past and the present of its layer.
    pub(super) fn bind(&mut self, binding: &mut IoBinding, names: &GraphNames) -> ::ort::Result<()> {
        match self {
            Self::Float(layers) => layers.bind(binding, names),
            Self::Int8(layers) => layers.bind(binding, names),
        }
    }

    /// How large the first `len` tokens of each layer are; `None` for an int8 cache.
    pub(super) fn ranges(&self, len: usize) -> ::ort::Result<Option<Vec<KvRange>>> {
        match self {
            Self::Float(layers) => layers.ranges(len).map(Some),
            Self::Int8(_) => Ok(None),
        }
    }
}

/// Keys and values in turn, layer by layer, each `[1, num_key_value_heads, capacity, head_dim]`.
pub(super) struct Layers<T: PrimitiveTensorElementType + Debug> {
    shape: KvShape,
    capacity_tokens: usize,
    tensors: Vec<Tensor<T>>,
}

impl<T: Element> Layers<T> {
    fn zeros(shape: KvShape, capacity_tokens: usize, place: &Allocator) -> ::ort::Result<Self> {
        let dims = [1, shape.num_key_value_heads, capacity_tokens, shape.head_dim];
        let tensor = |_| {
            let mut tensor = {
                let _alone = (!place.memory_info().is_cpu_accessible()).then(alone);
                Tensor::<T>::new(place, dims)?
            };
            overwrite(&mut tensor, |elements| elements.fill(T::default()))?;
            Ok(tensor)
        };
        let tensors = (0..2 * shape.num_hidden_layers).map(tensor).collect::<::ort::Result<_>>()?;
        Ok(Self { shape, capacity_tokens, tensors })
    }

    fn grown(&self, capacity_tokens: usize, len: usize, place: &Allocator) -> ::ort::Result<Self> {
        let mut grown = Self::zeros(self.shape, capacity_tokens, place)?;
        let used = len * self.shape.head_dim;
        let (old_head, new_head) = (self.head_elements(), grown.head_elements());
        for (old, new) in self.tensors.iter().zip(&mut grown.tensors) {
            on_host(old, |old| {
                overwrite(new, |new| {
                    for (old, new) in old.chunks_exact(old_head).zip(new.chunks_exact_mut(new_head)) {
                        new[..used].copy_from_slice(&old[..used]);
                    }
                })
            })??;
        }
        Ok(grown)
    }

    fn read(&self, tokens: Range<usize>, bytes: &mut Vec<u8>) -> ::ort::Result<()> {
        let (head, elements) = (self.head_elements(), self.elements(tokens));
        let before = bytes.len();
        for tensor in &self.tensors {
            let put = |all: &[T]| {
                all.chunks_exact(head).for_each(|head| T::put(&head[elements.clone()], bytes));
            };
            if let Err(error) = on_host(tensor, put) {
                bytes.truncate(before);
                return Err(error);
            }
        }
        Ok(())
    }

    fn write(&mut self, tokens: Range<usize>, bytes: &[u8]) -> ::ort::Result<()> {
        let (head, elements) = (self.head_elements(), self.elements(tokens));
        let mut parts = bytes.chunks_exact(elements.len() * T::BYTES);
        for tensor in &mut self.tensors {
            edit(tensor, |all| {
                for (head, part) in all.chunks_exact_mut(head).zip(&mut parts) {
                    T::take(part, &mut head[elements.clone()]);
                }
            })?;
        }
        Ok(())
    }

    fn bind(&mut self, binding: &mut IoBinding, names: &GraphNames) -> ::ort::Result<()> {
        let names = names.past.iter().zip(&names.present);
        for (tensor, (past, present)) in self.tensors.iter_mut().zip(names) {
            binding.bind_input(past.as_str(), &*tensor)?;
            binding.bind_output(present.as_str(), tensor)?;
        }
        Ok(())
    }

    /// Elements of one head of a tensor.
    fn head_elements(&self) -> usize {
        self.capacity_tokens * self.shape.head_dim
    }

    /// Where in a head some tokens stand.
    fn elements(&self, tokens: Range<usize>) -> Range<usize> {
        tokens.start * self.shape.head_dim..tokens.end * self.shape.head_dim
    }
}

impl Layers<f32> {
    fn ranges(&self, len: usize) -> ::ort::Result<Vec<KvRange>> {
        let head_dim = self.shape.head_dim;
        let range = |tensor: &Tensor<f32>, largest: fn(&[f32], usize) -> Vec<f32>| {
            on_host(tensor, |all| {
                let heads = all.chunks_exact(self.head_elements());
                heads.flat_map(|head| largest(&head[..len * head_dim], head_dim)).collect()
            })
        };
        let layer = |layer: &[Tensor<f32>]| {
            Ok(KvRange {
                keys: range(&layer[0], kv::largest_rotated)?,
                values: range(&layer[1], kv::largest)?,
            })
        };
        self.tensors.chunks_exact(2).map(layer).collect()
    }
}

/// An element as the bytes that stand in a session file.
pub(super) trait Element: PrimitiveTensorElementType + Debug + Copy + Default {
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

/// Shows a tensor's elements, or a copy of them where they stand on a device.
fn on_host<T: Element, R>(tensor: &Tensor<T>, see: impl FnOnce(&[T]) -> R) -> ::ort::Result<R> {
    if tensor.memory_info().is_cpu_accessible() {
        return Ok(see(tensor.extract_tensor().1));
    }
    let mut copy = host_tensor(tensor)?;
    transfer(tensor, &mut copy)?;
    Ok(see(copy.extract_tensor().1))
}

/// Changes a tensor's elements, wherever they stand.
fn edit<T: Element>(tensor: &mut Tensor<T>, change: impl FnOnce(&mut [T])) -> ::ort::Result<()> {
    if tensor.memory_info().is_cpu_accessible() {
        change(tensor.extract_tensor_mut().1);
        return Ok(());
    }
    let mut copy = host_tensor(tensor)?;
    transfer(tensor, &mut copy)?;
    change(copy.extract_tensor_mut().1);
    transfer(&copy, tensor)
}

/// As [`edit`], for a tensor whose elements may be anything before; what `write` leaves out becomes zero.
fn overwrite<T: Element>(tensor: &mut Tensor<T>, write: impl FnOnce(&mut [T])) -> ::ort::Result<()> {
    if tensor.memory_info().is_cpu_accessible() {
        write(tensor.extract_tensor_mut().1);
        return Ok(());
    }
    let mut copy = host_tensor(tensor)?;
    copy.extract_tensor_mut().1.fill(T::default());
    write(copy.extract_tensor_mut().1);
    transfer(&copy, tensor)
}

fn transfer<T: Element>(source: &Tensor<T>, target: &mut Tensor<T>) -> ::ort::Result<()> {
    let _alone = alone();
    wheelwork_ort::copy(source, target)
}

fn host_tensor<T: Element>(like: &Tensor<T>) -> ::ort::Result<Tensor<T>> {
    Tensor::new(&Allocator::default(), like.shape().clone())
}
