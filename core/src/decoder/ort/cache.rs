//! The key-value cache as ONNX Runtime tensors that are input and output at once.
//!
//! `GroupQueryAttention` writes in place when past and present are the same buffer. Each tensor is bound under
//! both names; the binding holds it by reference count, so nothing is copied between steps.
//!
//! The graph declares the element type: float32, or int8 with the scales in the graph. Here they differ in nothing
//! but their size. Integer static graphs have codes, transposed keys, and the new tokens' in tensors of their own, which
//! the host copies behind the cached ones.
//!
//! A provider may have memory of its own, where a step writes in place too. The host then works on copies, tensor by
//! tensor ([`on_host`]): for session files, forks and growth, which are rare.

use std::fmt::Debug;
use std::ops::Range;

use ::ort::memory::Allocator;
use ::ort::session::IoBinding;
use ::ort::value::{PrimitiveTensorElementType, Tensor};
use wheelwork_package::card::KvForm;
use wheelwork_package::tensors::layer_name;

use super::names::GraphNames;
use super::session::alone;
use crate::decoder::kv::{self, KvRange, KvShape};

/// Keys and values of one sequence, whatever their elements are.
pub(super) trait Cache: Send {
    fn capacity_tokens(&self) -> usize;

    /// The same first `len` tokens in tensors of their own, with zeros behind them; not for transposed keys.
    fn grown(&self, capacity_tokens: usize, len: usize, place: &Allocator) -> ::ort::Result<Box<dyn Cache>>;

    /// Appends keys and values of some tokens: per layer keys, then values; per head, token by token, or channel by
    /// channel for transposed keys.
    fn read(&self, tokens: Range<usize>, bytes: &mut Vec<u8>) -> ::ort::Result<()>;

    /// Puts back what [`Cache::read`] gave for as many tokens, at any place within the capacity.
    fn write(&mut self, tokens: Range<usize>, bytes: &[u8]) -> ::ort::Result<()>;

    /// Binds each tensor as the past and the present of its layer.
    fn bind(&mut self, binding: &mut IoBinding, names: &GraphNames) -> ::ort::Result<()>;

    /// How large the first `len` tokens of each layer are; `None` for integers.
    fn ranges(&self, len: usize) -> ::ort::Result<Option<Vec<KvRange>>>;
}

/// A cache of zeros in the memory that `place` gives.
pub(super) fn zeros(
    shape: KvShape,
    form: KvForm,
    capacity_tokens: usize,
    place: &Allocator,
) -> ::ort::Result<Box<dyn Cache>> {
    Ok(match form {
        KvForm::Float => Box::new(Layers::<f32>::zeros(shape, capacity_tokens, place)?),
        KvForm::Int8 => Box::new(Layers::<i8>::zeros(shape, capacity_tokens, place)?),
    })
}

/// Keys and values in turn, layer by layer, each `[1, num_key_value_heads, capacity, head_dim]`, or
/// `[1, num_key_value_heads, head_dim, capacity]` for transposed keys.
pub(super) struct Layers<T: PrimitiveTensorElementType + Debug> {
    shape: KvShape,
    capacity_tokens: usize,
    transposes_keys: bool,
    tensors: Vec<Tensor<T>>,
}

impl<T: Element> Layers<T> {
    /// A cache of zeros.
    pub(super) fn zeros(shape: KvShape, capacity_tokens: usize, place: &Allocator) -> ::ort::Result<Self> {
        Self::filled(shape, capacity_tokens, place, false, |_| T::default())
    }

    fn filled(
        shape: KvShape,
        capacity_tokens: usize,
        place: &Allocator,
        transposes_keys: bool,
        element: impl Fn(usize) -> T,
    ) -> ::ort::Result<Self> {
        let tensor = |index: usize| {
            let dims = if transposes_keys && index.is_multiple_of(2) {
                [1, shape.num_key_value_heads, shape.head_dim, capacity_tokens]
            } else {
                [1, shape.num_key_value_heads, capacity_tokens, shape.head_dim]
            };
            let mut tensor = {
                let _alone = (!place.memory_info().is_cpu_accessible()).then(alone);
                Tensor::<T>::new(place, dims)?
            };
            edit(&mut tensor, false, |elements| elements.fill(element(index)))?;
            Ok(tensor)
        };
        let tensors = (0..2 * shape.num_hidden_layers).map(tensor).collect::<::ort::Result<_>>()?;
        Ok(Self { shape, capacity_tokens, transposes_keys, tensors })
    }

    /// Where in a tensor some tokens stand: the elements of a row, and those of the tokens in each row.
    fn place(&self, index: usize, tokens: &Range<usize>) -> (usize, Range<usize>) {
        let width = self.width(index);
        (self.capacity_tokens * width, tokens.start * width..tokens.end * width)
    }

    /// Elements of a token in a row, which is a head, or a channel of one for transposed keys.
    fn width(&self, index: usize) -> usize {
        if self.transposes_keys && index.is_multiple_of(2) { 1 } else { self.shape.head_dim }
    }
}

impl<T: Element> Cache for Layers<T> {
    fn capacity_tokens(&self) -> usize {
        self.capacity_tokens
    }

    fn grown(&self, capacity_tokens: usize, len: usize, place: &Allocator) -> ::ort::Result<Box<dyn Cache>> {
        let mut grown = Self::zeros(self.shape, capacity_tokens, place)?;
        let ((old_row, elements), (new_row, _)) = (self.place(0, &(0..len)), grown.place(0, &(0..len)));
        for (old, new) in self.tensors.iter().zip(&mut grown.tensors) {
            on_host(old, |old| {
                edit(new, false, |new| copy(old, old_row, elements.clone(), new, new_row, elements.clone()))
            })??;
        }
        Ok(Box::new(grown))
    }

    fn read(&self, tokens: Range<usize>, bytes: &mut Vec<u8>) -> ::ort::Result<()> {
        let before = bytes.len();
        for (index, tensor) in self.tensors.iter().enumerate() {
            let (row, elements) = self.place(index, &tokens);
            let put = |all: &[T]| {
                all.chunks_exact(row).for_each(|row| T::put(&row[elements.clone()], bytes));
            };
            if let Err(error) = on_host(tensor, put) {
                bytes.truncate(before);
                return Err(error);
            }
        }
        Ok(())
    }

    fn write(&mut self, tokens: Range<usize>, bytes: &[u8]) -> ::ort::Result<()> {
        if bytes.len() != self.shape.token_bytes().saturating_mul(tokens.len()) {
            return Err(::ort::Error::new("the keys and values are not those of so many tokens"));
        }
        let mut rest = bytes;
        for index in 0..self.tensors.len() {
            let (row, elements) = self.place(index, &tokens);
            edit(&mut self.tensors[index], true, |all| {
                for row in all.chunks_exact_mut(row) {
                    // There are bytes for every row, as was compared above.
                    let (part, behind) = rest.split_at(elements.len() * size_of::<T>());
                    T::take(part, &mut row[elements.clone()]);
                    rest = behind;
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

    fn ranges(&self, len: usize) -> ::ort::Result<Option<Vec<KvRange>>> {
        let head_dim = self.shape.head_dim;
        let (head, elements) = self.place(0, &(0..len));
        let range = |tensor: &Tensor<T>, largest: fn(&[f32], usize) -> Vec<f32>| {
            on_host(tensor, |all| {
                let heads = all.chunks_exact(head).map(|head| T::floats(&head[elements.clone()]));
                heads.map(|head| Some(largest(head?, head_dim))).collect::<Option<Vec<_>>>()
            })
        };
        let layer = |layer: &[Tensor<T>]| {
            let keys = range(&layer[0], kv::largest_rotated)?;
            let values = range(&layer[1], kv::largest)?;
            Ok(keys
                .zip(values)
                .map(|(keys, values)| KvRange { keys: keys.concat(), values: values.concat() }))
        };
        self.tensors.chunks_exact(2).map(layer).collect()
    }
}

impl Layers<u8> {
    /// A cache of codes with transposed keys; `zeros` are the codes of zero, one a tensor.
    pub(super) fn codes(shape: KvShape, capacity_tokens: usize, zeros: &[u8]) -> ::ort::Result<Self> {
        Self::filled(shape, capacity_tokens, &Allocator::default(), true, |index| zeros[index])
    }

    /// A copy in tensors of its own.
    pub(super) fn copied(&self) -> ::ort::Result<Self> {
        let mut copy = Self::codes(self.shape, self.capacity_tokens, &vec![0; self.tensors.len()])?;
        copy.put(self, 0, self.capacity_tokens);
        Ok(copy)
    }

    /// Copies the first `count` tokens of another cache behind `cached` ones.
    pub(super) fn put(&mut self, from: &Self, cached: usize, count: usize) {
        for index in 0..self.tensors.len() {
            let (old_row, elements) = from.place(index, &(0..count));
            let (new_row, place) = self.place(index, &(cached..cached + count));
            let old = from.tensors[index].extract_tensor().1;
            copy(old, old_row, elements, self.tensors[index].extract_tensor_mut().1, new_row, place);
        }
    }

    /// Binds the tensors of some layers as inputs; `patterns` name keys and values.
    pub(super) fn bind_inputs(
        &self,
        binding: &mut IoBinding,
        layers: Range<usize>,
        patterns: [&str; 2],
    ) -> ::ort::Result<()> {
        (layers.start * 2..layers.end * 2).try_for_each(|index| {
            binding.bind_input(layer_name(patterns[index % 2], index / 2), &self.tensors[index])
        })
    }

    /// As [`Layers::bind_inputs`], as outputs.
    pub(super) fn bind_outputs(
        &mut self,
        binding: &mut IoBinding,
        layers: Range<usize>,
        patterns: [&str; 2],
    ) -> ::ort::Result<()> {
        (layers.start * 2..layers.end * 2).try_for_each(|index| {
            binding.bind_output(layer_name(patterns[index % 2], index / 2), &mut self.tensors[index])
        })
    }
}

/// An element as the bytes that stand in a session file.
pub(super) trait Element: 'static + PrimitiveTensorElementType + Debug + Copy + Default {
    fn put(values: &[Self], bytes: &mut Vec<u8>);
    fn take(bytes: &[u8], values: &mut [Self]);

    /// The elements themselves, where they are floats.
    fn floats(_: &[Self]) -> Option<&[f32]> {
        None
    }
}

impl Element for f32 {
    fn put(values: &[Self], bytes: &mut Vec<u8>) {
        bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }

    fn take(bytes: &[u8], values: &mut [Self]) {
        for (value, bytes) in values.iter_mut().zip(bytes.as_chunks().0) {
            *value = Self::from_le_bytes(*bytes);
        }
    }

    fn floats(values: &[Self]) -> Option<&[f32]> {
        Some(values)
    }
}

impl Element for i8 {
    fn put(values: &[Self], bytes: &mut Vec<u8>) {
        bytes.extend(values.iter().map(|value| value.cast_unsigned()));
    }

    fn take(bytes: &[u8], values: &mut [Self]) {
        for (value, byte) in values.iter_mut().zip(bytes) {
            *value = byte.cast_signed();
        }
    }
}

impl Element for u8 {
    fn put(values: &[Self], bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(values);
    }

    fn take(bytes: &[u8], values: &mut [Self]) {
        values.copy_from_slice(bytes);
    }
}

/// Copies elements of each row to a place in each row of another tensor.
fn copy<T: Copy>(
    old: &[T],
    old_row: usize,
    elements: Range<usize>,
    new: &mut [T],
    new_row: usize,
    place: Range<usize>,
) {
    for (old, new) in old.chunks_exact(old_row).zip(new.chunks_exact_mut(new_row)) {
        new[place.clone()].copy_from_slice(&old[elements.clone()]);
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

/// Changes a tensor's elements, wherever they stand; `change` sees zeros where it need not see what is there.
fn edit<T: Element>(tensor: &mut Tensor<T>, sees: bool, change: impl FnOnce(&mut [T])) -> ::ort::Result<()> {
    if tensor.memory_info().is_cpu_accessible() {
        change(tensor.extract_tensor_mut().1);
        return Ok(());
    }
    let mut copy = host_tensor(tensor)?;
    if sees {
        transfer(tensor, &mut copy)?;
    } else {
        copy.extract_tensor_mut().1.fill(T::default());
    }
    change(copy.extract_tensor_mut().1);
    transfer(&copy, tensor)
}

fn transfer<T: Element>(source: &Tensor<T>, target: &mut Tensor<T>) -> ::ort::Result<()> {
    let _alone = alone();
    wheelwork_ort::copy(source, target)
}

fn host_tensor<T: Element>(like: &Tensor<T>) -> ::ort::Result<Tensor<T>> {
    Tensor::new(&Allocator::default(), like.shape().clone())
}
