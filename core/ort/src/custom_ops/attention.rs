//! ```text
//! CachedAttention (query [1, S, queries · dim], key, value [1, S, keys · dim], past key, past value [1, keys, capacity, dim],
//!                  last positions [1] int32, cosines?, sines? [positions, dim / 2])
//!     -> [1, S, queries · dim], present key, present value
//! CachedAttention8: the same with a cache of int8, and scales of keys and of values [1, keys, 1, dim] behind the rest
//!     num_heads, kv_num_heads, scale as GroupQueryAttention has them; all float32 but the positions
//!     frequencies: the bits of float64 numbers, radians a position of each pair, where there are no cosines and sines
//! ```
//!
//! It computes what `GroupQueryAttention` does with rotation, where no bias, window, cap or sink is asked for. Keys and values that
//! are missing stand behind the queries of each token. Past and present may be the same memory, and are in a decoder; otherwise
//! what is cached is copied first. Lengths are checked at each call.

use std::any::type_name;
use std::fmt::{Debug, Display};
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use ort::operator::{
    ComputeContext, Kernel as OrtKernel, KernelContext, Operator, OperatorInput, OperatorOutput,
};
use ort::value::{DynValueTypeMarker, PrimitiveTensorElementType, TensorElementType, ValueRef};
use wheelwork_kernels::{Attention, Element, Heads, Kernel, KernelError, Sums, angles, rotate};

use super::{CACHED_ATTENTION, CACHED_ATTENTION_8, contained, locked, number, refused, share};

/// Tokens of a prompt that are computed together, at least and at most: their rows share the keys that were turned over.
const BLOCK_TOKENS: [usize; 2] = [16, 64];
/// Keys that are worth a task of their own.
const PART_KEYS: usize = 256;
/// Tasks a thread: some more than one, as threads are held up by others.
const TASKS_A_THREAD: usize = 2;
/// So many tokens, as of a draft, are computed one by one: each has what it has in a step of its own, to the bit.
const ALONE_TOKENS: usize = 16;
/// From so many tokens on, heads are rotated by all threads.
const SHARED_TOKENS: usize = 16;

/// An element of the cache.
pub(super) trait Cached: Element + PrimitiveTensorElementType + Debug {
    const NAME: &'static str;
    const TYPE: TensorElementType;

    /// Writes a head; `scales` are those of its channels, empty for floats.
    fn write(from: &[f32], scales: &[f32], to: &mut [Self]);
}

impl Cached for f32 {
    const NAME: &'static str = CACHED_ATTENTION;
    const TYPE: TensorElementType = TensorElementType::Float32;

    fn write(from: &[f32], _: &[f32], to: &mut [Self]) {
        to.iter_mut().zip(from).for_each(|(slot, value)| *slot = *value);
    }
}

impl Cached for i8 {
    const NAME: &'static str = CACHED_ATTENTION_8;
    const TYPE: TensorElementType = TensorElementType::Int8;

    fn write(from: &[f32], scales: &[f32], to: &mut [Self]) {
        for ((slot, value), scale) in to.iter_mut().zip(from).zip(scales) {
            // Saturates; what is no number becomes 0.
            #[allow(clippy::cast_possible_truncation, reason = "it saturates, as the operator does")]
            let code = (value / scale).round_ties_even() as Self;
            *slot = code;
        }
    }
}

pub(super) struct CachedAttention<T> {
    kernel: Kernel,
    threads: usize,
    /// Of whichever node runs: a session computes one at a time.
    scratch: Arc<Mutex<Scratch>>,
    element: PhantomData<fn() -> T>,
}

/// Memory that is used from call to call.
#[derive(Default)]
struct Scratch {
    /// By head of keys: tokens, and for each its query heads, rotated and scaled.
    queries: Vec<f32>,
    /// Of each task.
    sums: Vec<Mutex<Sums>>,
    angles: Angles,
}

/// Cosines and sines of the new tokens, computed once for all nodes of a run.
#[derive(Default)]
struct Angles {
    frequencies: Vec<f64>,
    positions: Range<usize>,
    /// `[positions, dim / 2]` each.
    cosines: Vec<f32>,
    sines: Vec<f32>,
}

impl Angles {
    fn of(&mut self, frequencies: &[f64], positions: Range<usize>) -> [&[f32]; 2] {
        if (&*self.frequencies, &self.positions) != (frequencies, &positions) {
            let new = positions.clone().flat_map(|position| angles(frequencies, position));
            (self.cosines, self.sines) = new.unzip();
            self.frequencies = frequencies.to_owned();
            self.positions = positions;
        }
        [&self.cosines, &self.sines]
    }
}

pub(super) struct Node<T> {
    queries: u64,
    keys: u64,
    scale: Option<f32>,
    /// Radians a position; empty where there are tables.
    frequencies: Vec<f64>,
    kernel: Kernel,
    threads: usize,
    scratch: Arc<Mutex<Scratch>>,
    element: PhantomData<fn() -> T>,
}

impl<T> CachedAttention<T> {
    pub(super) fn new(kernel: Kernel, threads: usize) -> Self {
        Self { kernel, threads, scratch: Arc::default(), element: PhantomData }
    }
}

impl<T: Cached> Operator for CachedAttention<T> {
    type Kernel<'attr> = Node<T>;

    fn name(&self) -> &str {
        T::NAME
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        use TensorElementType::{Float32, Int32};
        [
            OperatorInput::required(Float32),
            OperatorInput::optional(Float32),
            OperatorInput::optional(Float32),
            OperatorInput::required(T::TYPE),
            OperatorInput::required(T::TYPE),
            OperatorInput::required(Int32),
            OperatorInput::optional(Float32),
            OperatorInput::optional(Float32),
            OperatorInput::optional(Float32),
            OperatorInput::optional(Float32),
        ]
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        let required = OperatorOutput::required;
        [required(TensorElementType::Float32), required(T::TYPE), required(T::TYPE)]
    }

    fn create_kernel<'attr>(&self, context: &KernelContext<'attr>) -> ort::Result<Node<T>> {
        contained(T::NAME, || {
            let number = |name| number(T::NAME, context, name);
            let (queries, keys) = (number("num_heads")?, number("kv_num_heads")?);
            let scale = context.get::<f32>("scale").filter(|scale| *scale != 0.0);
            let (kernel, threads, scratch) = (self.kernel, self.threads, Arc::clone(&self.scratch));
            let bits = context.get::<Vec<i64>>("frequencies").unwrap_or_default();
            let frequencies = bits.into_iter().map(|bits| f64::from_bits(bits.cast_unsigned())).collect();
            Ok(Node { queries, keys, scale, frequencies, kernel, threads, scratch, element: PhantomData })
        })
    }
}

impl<T: Cached> OrtKernel for Node<T> {
    fn compute(&mut self, context: &ComputeContext) -> ort::Result<()> {
        contained(T::NAME, || self.run(context))
    }
}

/// The floats of a call, and its sizes.
struct Call<'c> {
    heads: Heads,
    /// New tokens.
    tokens: usize,
    /// Cached ones.
    past: usize,
    /// Tokens that the past cache has room for, and the present one.
    old_capacity: usize,
    capacity: usize,
    scale: f32,
    /// Queries, keys and values: where each token's begin in a row, and the row's length.
    inputs: [Input<'c>; 3],
    /// Cosines and sines of the new tokens, where there are tables.
    angles: Option<[&'c [f32]; 2]>,
    /// Of keys and of values; empty for floats.
    scales: [&'c [f32]; 2],
}

/// Heads of all tokens: rows of `stride` floats, the heads from `offset` on.
#[derive(Clone, Copy)]
struct Input<'c> {
    floats: &'c [f32],
    stride: usize,
    offset: usize,
}

impl<'c> Input<'c> {
    fn head(&self, token: usize, head: usize, dim: usize) -> &'c [f32] {
        let start = token * self.stride + self.offset + head * dim;
        self.floats.get(start..start + dim).unwrap_or_default()
    }
}

/// An input that must be there.
fn floats<'v, T: Cached>(
    input: &'v Option<ValueRef<'_, DynValueTypeMarker>>,
    what: &str,
) -> ort::Result<(Vec<usize>, &'v [f32])> {
    tensor::<f32>(input.as_ref().ok_or_else(|| refused(T::NAME, &format!("no {what}")))?)
}

/// A tensor's dimensions and elements.
fn tensor<'v, T: PrimitiveTensorElementType + Debug>(
    value: &'v ValueRef<'_, DynValueTypeMarker>,
) -> ort::Result<(Vec<usize>, &'v [T])> {
    let (dims, elements) = value.try_extract_tensor::<T>()?;
    let dims = dims.iter().map(|&dim| usize::try_from(dim).unwrap_or(0)).collect();
    Ok((dims, elements))
}

/// The inputs of a call, in their order; those that are not given are `None`.
struct Inputs<'c>([Option<ValueRef<'c, DynValueTypeMarker>>; 10]);

/// A cache tensor of a call: `[1, heads, capacity, elements]`.
type Cache<'v, 'c> = &'v ValueRef<'c, DynValueTypeMarker>;

impl<'c> Inputs<'c> {
    fn of(context: &'c ComputeContext) -> ort::Result<Self> {
        let mut inputs = [const { None }; 10];
        for (index, input) in inputs.iter_mut().enumerate() {
            *input = context.input(index)?;
        }
        Ok(Self(inputs))
    }

    /// Past keys and values.
    fn past<T: Cached>(&self) -> ort::Result<[Cache<'_, 'c>; 2]> {
        match &self.0 {
            [_, _, _, Some(keys), Some(values), ..] => Ok([keys, values]),
            _ => Err(refused(T::NAME, &"no cache")),
        }
    }
}

impl<T: Cached> Node<T> {
    fn run(&self, context: &ComputeContext) -> ort::Result<()> {
        let inputs = Inputs::of(context)?;
        let call = self.call(&inputs)?;
        let refuse = |what: &dyn Display| refused(T::NAME, what);
        let size = |size: usize| i64::try_from(size).map_err(|error| refuse(&error));
        let Heads { queries, keys, dim } = call.heads;
        let present = [1, size(keys)?, size(call.capacity)?, size(dim)?];
        let missing = || refuse(&"an output is missing");
        let mut y = context.output(0, [1, size(call.tokens)?, size(queries * dim)?])?.ok_or_else(missing)?;
        let mut present_keys = context.output(1, present)?.ok_or_else(missing)?;
        let mut present_values = context.output(2, present)?.ok_or_else(missing)?;
        // Where past and present are one memory, only the second is looked at from here on.
        let [past_keys, past_values] = inputs.past::<T>()?;
        let keys = with_past::<T>(past_keys, &mut present_keys, &call)?;
        let values = with_past::<T>(past_values, &mut present_values, &call)?;
        if call.tokens == 0 {
            return Ok(());
        }
        let mut scratch = locked(&self.scratch);
        let Scratch { queries, sums, angles } = &mut *scratch;
        let positions = call.past..call.past + call.tokens;
        let angles = call.angles.unwrap_or_else(|| angles.of(&self.frequencies, positions));
        self.rotate(context, &call, angles, queries, [keys, values])?;
        let y = y.try_extract_tensor_mut::<f32>()?.1;
        let alone = if call.tokens <= ALONE_TOKENS { 1 } else { call.tokens };
        for first in (0..call.tokens).step_by(alone) {
            let tokens = first..first + alone;
            self.attend(context, &call, (tokens, queries), sums, [&*keys, &*values], y)?;
        }
        Ok(())
    }

    /// The inputs with their lengths compared.
    fn call<'v>(&self, inputs: &'v Inputs<'_>) -> ort::Result<Call<'v>> {
        let refuse = |what: &dyn Display| refused(T::NAME, what);
        let [query, key, value, _, _, last, cosines, sines, key_scales, value_scales] = &inputs.0;
        let [past_keys, past_values] = inputs.past::<T>()?;
        let (cache, _) = tensor::<T>(past_keys)?;
        let &[1, keys, old_capacity, dim] = &cache[..] else {
            return Err(refuse(&format!("a cache of {cache:?}, expected [1, heads, capacity, elements]")));
        };
        if tensor::<T>(past_values)?.0 != cache || u64::try_from(keys) != Ok(self.keys) {
            return Err(refuse(&format!("a cache of {cache:?}, expected {} heads twice", self.keys)));
        }
        let dim_of_heads = u64::try_from(dim).map_err(|error| refuse(&error))?;
        let heads = Heads::new(self.queries, self.keys, dim_of_heads).map_err(|error| refuse(&error))?;

        let (dims, query) = floats::<T>(query, "queries")?;
        let &[1, tokens, width] = &dims[..] else {
            return Err(refuse(&format!("queries of {dims:?}, expected [1, tokens, elements]")));
        };
        let (own, theirs) = (heads.queries * dim, heads.keys * dim);
        let inputs = match (key, value) {
            (None, None) if width == own + 2 * theirs => {
                [0, own, own + theirs].map(|offset| Input { floats: query, stride: width, offset })
            }
            (Some(key), Some(value)) if width == own => {
                let (keys, values) = (tensor::<f32>(key)?, tensor::<f32>(value)?);
                if keys.0 != [1, tokens, theirs] || values.0 != keys.0 {
                    return Err(refuse(&format!("keys of {:?} beside queries of {dims:?}", keys.0)));
                }
                [(query, own), (keys.1, theirs), (values.1, theirs)].map(|(floats, stride)| Input {
                    floats,
                    stride,
                    offset: 0,
                })
            }
            _ => return Err(refuse(&format!("queries of {width} elements a token"))),
        };

        let last = last.as_ref().ok_or_else(|| refuse(&"no positions"))?;
        let (_, &[last]) = tensor::<i32>(last)? else { return Err(refuse(&"positions of several rows")) };
        let total = usize::try_from(i64::from(last) + 1).map_err(|error| refuse(&error))?;
        let past = total.checked_sub(tokens).filter(|past| *past <= old_capacity);
        let past = past.ok_or_else(|| {
            refuse(&format!("{tokens} of {total} tokens are new, and the cache holds {old_capacity}"))
        })?;
        let angles = match (cosines, sines) {
            (None, None) if self.frequencies.len() == dim / 2 => None,
            _ => Some(new_angles::<T>([cosines, sines], past..total, dim)?),
        };
        let scales = match T::TYPE {
            TensorElementType::Int8 => {
                let scales = [(key_scales, "scales of keys"), (value_scales, "scales of values")];
                let [keys, values] =
                    scales.map(|(input, what)| Ok::<_, ort::Error>(floats::<T>(input, what)?.1));
                [keys?, values?]
            }
            _ => [&[][..]; 2],
        };
        if T::TYPE == TensorElementType::Int8 && scales.iter().any(|scales| scales.len() != theirs) {
            return Err(refuse(&format!("scales that are not {theirs}")));
        }
        let scale = self.scale.unwrap_or_else(|| 1.0 / (dim as f32).sqrt());
        let capacity = old_capacity.max(total);
        Ok(Call { heads, tokens, past, old_capacity, capacity, scale, inputs, angles, scales })
    }

    /// Rotates queries and keys and writes the cache.
    fn rotate(
        &self,
        context: &ComputeContext,
        call: &Call<'_>,
        [cosines, sines]: [&[f32]; 2],
        queries: &mut Vec<f32>,
        [keys, values]: [&mut [T]; 2],
    ) -> ort::Result<()> {
        let Call { heads: Heads { dim, .. }, tokens, past, capacity, scale, ref inputs, ref scales, .. } =
            *call;
        let group = call.heads.group();
        queries.resize(call.heads.queries * tokens * dim, 0.0);
        let rows = queries.chunks_exact_mut((group * tokens * dim).max(1));
        let cache = keys.chunks_exact_mut(capacity * dim).zip(values.chunks_exact_mut(capacity * dim));
        let parts: Vec<_> = rows.zip(cache).map(Mutex::new).collect();
        let one = |head: usize| -> Result<(), KernelError> {
            let Some(part) = parts.get(head) else { return Ok(()) };
            let mut part = locked(part);
            let (queries, (keys, values)) = &mut *part;
            let [key_scales, value_scales] =
                scales.map(|scales| scales.chunks_exact(dim).nth(head).unwrap_or_default());
            let mut turned = vec![0.0; dim];
            let new = keys.chunks_exact_mut(dim).zip(values.chunks_exact_mut(dim)).skip(past);
            let queries = queries.chunks_exact_mut(group * dim);
            for ((token, (key, value)), queries) in new.take(tokens).enumerate().zip(queries) {
                let angles = token * (dim / 2)..(token + 1) * (dim / 2);
                let (cosines, sines) = (cosines.get(angles.clone()), sines.get(angles));
                let (cosines, sines) = (cosines.unwrap_or_default(), sines.unwrap_or_default());
                turned.copy_from_slice(inputs[1].head(token, head, dim));
                rotate(&mut turned, cosines, sines);
                T::write(&turned, key_scales, key);
                T::write(inputs[2].head(token, head, dim), value_scales, value);
                for (index, query) in queries.chunks_exact_mut(dim).enumerate() {
                    query.copy_from_slice(inputs[0].head(token, head * group + index, dim));
                    rotate(query, cosines, sines);
                    query.iter_mut().for_each(|element| *element *= scale);
                    // Codes are multiplied as they are: their scales are the queries'.
                    query.iter_mut().zip(key_scales).for_each(|(element, scale)| *element *= scale);
                }
            }
            Ok(())
        };
        match tokens {
            ..SHARED_TOKENS => (0..parts.len()).try_for_each(one).map_err(|error| refused(T::NAME, &error)),
            _ => share(T::NAME, context, parts.len(), one),
        }
    }

    /// Computes some tokens together.
    fn attend(
        &self,
        context: &ComputeContext,
        call: &Call<'_>,
        (of, queries): (Range<usize>, &[f32]),
        sums: &mut Vec<Mutex<Sums>>,
        [keys, values]: [&[T]; 2],
        y: &mut [f32],
    ) -> ort::Result<()> {
        let Call { heads, tokens: all_tokens, capacity, ref scales, .. } = *call;
        let (dim, group) = (heads.dim, heads.group());
        let (tokens, past) = (of.len(), call.past + of.start);
        let tasks = self.threads * TASKS_A_THREAD;
        let block_tokens = (tokens * heads.keys).div_ceil(tasks).clamp(BLOCK_TOKENS[0], BLOCK_TOKENS[1]);
        let blocks = tokens.div_ceil(block_tokens);
        // A prompt has tasks enough; a token's context is cut into parts.
        let wanted = tasks.div_ceil(heads.keys * blocks);
        let parts = if self.threads == 1 { 1 } else { wanted.clamp(1, ((past + tokens) / PART_KEYS).max(1)) };
        let tasks = heads.keys * blocks * parts;
        if sums.len() < tasks {
            sums.resize_with(tasks, Mutex::default);
        }
        let of_block = |block: usize| block * block_tokens..((block + 1) * block_tokens).min(tokens);
        let one = |task: usize| {
            let (head, block, part) = (task / (blocks * parts), task / parts % blocks, task % parts);
            let Some(sums) = sums.get(task) else { return Ok(()) };
            let mut sums = locked(sums);
            let block = of_block(block);
            let row = |token: usize| (head * all_tokens + of.start + token) * group * dim;
            let rows = row(block.start)..row(block.end);
            let cached = head * capacity * dim..(head + 1) * capacity * dim;
            let seen = past + block.end;
            sums.begin(block.len() * group, dim);
            let attention = Attention {
                dim,
                queries: queries.get(rows).unwrap_or_default(),
                group,
                seen: past + block.start + 1,
                keys: keys.get(cached.clone()).unwrap_or_default(),
                values: values.get(cached).unwrap_or_default(),
                range: seen * part / parts..seen * (part + 1) / parts,
            };
            self.kernel.attend(&attention, &mut sums)
        };
        share(T::NAME, context, tasks, one)?;
        for head in 0..heads.keys {
            let scales = scales[1].chunks_exact(dim).nth(head).unwrap_or_default();
            for block in 0..blocks {
                let first = (head * blocks + block) * parts;
                let Some([all, others @ ..]) = sums.get_mut(first..first + parts) else { continue };
                let mut all = locked(all);
                others.iter().for_each(|other| all.merge(&locked(other)));
                let tokens = y.chunks_exact_mut(heads.queries * dim).skip(of.start + of_block(block).start);
                let slots = tokens.flat_map(|token| {
                    let of_head = token.chunks_exact_mut(group * dim).nth(head).unwrap_or_default();
                    of_head.chunks_exact_mut(dim)
                });
                for (slot, row) in slots.zip(all.results()) {
                    slot.copy_from_slice(row);
                    slot.iter_mut().zip(scales).for_each(|(element, scale)| *element *= scale);
                }
            }
        }
        Ok(())
    }
}

/// The rows of the tables at these positions.
fn new_angles<'v, T: Cached>(
    [cosines, sines]: [&'v Option<ValueRef<'_, DynValueTypeMarker>>; 2],
    positions: Range<usize>,
    dim: usize,
) -> ort::Result<[&'v [f32]; 2]> {
    let ((dims, cosines), (sine_dims, sines)) =
        (floats::<T>(cosines, "cosines")?, floats::<T>(sines, "sines")?);
    let (half, total) = (dim / 2, positions.end);
    let fit = matches!(dims[..], [positions, pairs] if positions >= total && pairs == half);
    if !fit || sine_dims != dims {
        let what = format!("angles of {dims:?} for {total} positions of {dim} elements");
        return Err(refused(T::NAME, &what));
    }
    let rows = positions.start * half..total * half;
    Ok([cosines, sines].map(|table| table.get(rows.clone()).unwrap_or_default()))
}

/// The present cache with what the past one holds.
fn with_past<'v, T: Cached>(
    past: &ValueRef<'_, DynValueTypeMarker>,
    present: &'v mut ort::value::ValueRefMut<'_, DynValueTypeMarker>,
    call: &Call<'_>,
) -> ort::Result<&'v mut [T]> {
    let dim = call.heads.dim;
    let expected = call.heads.keys * call.capacity * dim;
    let source = tensor::<T>(past)?.1.as_ptr();
    let (_, present) = present.try_extract_tensor_mut::<T>()?;
    if present.len() != expected {
        let what = format!(
            "a present cache of {} elements of {}, expected {expected}",
            present.len(),
            type_name::<T>()
        );
        return Err(refused(T::NAME, &what));
    }
    if source != present.as_ptr() {
        let (_, past) = tensor::<T>(past)?;
        let old = past.chunks_exact((call.old_capacity * dim).max(1));
        for (new, old) in present.chunks_exact_mut((call.capacity * dim).max(1)).zip(old) {
            let cached = call.past * dim;
            if let (Some(new), Some(old)) = (new.get_mut(..cached), old.get(..cached)) {
                new.copy_from_slice(old);
            }
        }
    }
    Ok(present)
}
