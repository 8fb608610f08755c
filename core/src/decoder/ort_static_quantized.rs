//! The quantised form of static graphs: integers at the border, tables and mask made here, new keys and values put into
//! the cache here.
//!
//! ```text
//! number = (code - zero_point) * scale           code = round(number / scale) + zero_point
//! ```
//!
//! The cache tensors are inputs of both graphs and bound once: between two runs the host writes the columns of the new
//! tokens in place. Several parts hand `hidden` on through one tensor, output of one and input of the next.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use ::ort::memory::Allocator;
use ::ort::session::{IoBinding, NoSelectedOutputs, RunOptions, Session};
use ::ort::value::{Tensor, TensorElementType};
use wheelwork_package::card::{Encoding, Encodings, LmHead, StaticGraphs};
use wheelwork_package::genai_config::Model;
use wheelwork_package::tensors::{LOGITS, layer_name, static_graph as names};

use super::codes::{dequantize, quantize};
use super::ort_static::{Call, StaticModel};
use super::ort_static_form::Form;
use super::ort_static_session::Expected;

const CODE: TensorElementType = TensorElementType::Uint16;

/// Inputs and outputs of a part's graph.
pub(super) fn border(
    graphs: &StaticGraphs,
    config: &Model,
    part: usize,
    call: Call,
) -> (Vec<Expected>, Vec<Expected>) {
    let decoder = &config.decoder;
    let (heads, head_dim, context) = (decoder.num_key_value_heads, decoder.head_size, graphs.context_length);
    let tokens = if call == Call::Prefill { graphs.prefill_tokens } else { 1 };
    let layers = graphs.parts.get(part).map_or(0..0, |part| part.first_layer..part.first_layer + part.layers);
    let caches = |key: &str, key_shape: [usize; 4], value: &str, value_shape: [usize; 4]| {
        let pairs = layers.clone().map(|layer| {
            [
                Expected::new(layer_name(key, layer), TensorElementType::Uint8, &key_shape),
                Expected::new(layer_name(value, layer), TensorElementType::Uint8, &value_shape),
            ]
        });
        pairs.flatten().collect::<Vec<_>>()
    };
    let mut inputs = vec![
        Expected::new(names::X, CODE, &[1, tokens, decoder.hidden_size]),
        Expected::new(names::COS, CODE, &[1, 1, tokens, head_dim / 2]),
        Expected::new(names::SIN, CODE, &[1, 1, tokens, head_dim / 2]),
        Expected::new(names::MASK, CODE, &[1, 1, tokens, context + tokens]),
    ];
    inputs.extend(caches(
        names::PAST_KEY_PATTERN,
        [1, heads, head_dim, context],
        names::PAST_VALUE_PATTERN,
        [1, heads, context, head_dim],
    ));
    let (name, columns) = output(graphs, config, part);
    let mut outputs = vec![Expected::new(name, CODE, &[1, tokens, columns])];
    outputs.extend(caches(
        names::NEW_KEY_PATTERN,
        [1, heads, head_dim, tokens],
        names::NEW_VALUE_PATTERN,
        [1, heads, tokens, head_dim],
    ));
    (inputs, outputs)
}

/// Inputs and outputs of an output projection of its own.
pub(super) fn head_border(config: &Model) -> (Vec<Expected>, Vec<Expected>) {
    let hidden = Expected::new(names::HIDDEN, CODE, &[1, 1, config.decoder.hidden_size]);
    (vec![hidden], vec![Expected::new(LOGITS, CODE, &[1, 1, config.vocab_size])])
}

/// What a part ends in, and its columns.
fn output(graphs: &StaticGraphs, config: &Model, part: usize) -> (&'static str, usize) {
    if part + 1 == graphs.parts.len() && graphs.lm_head == LmHead::Graph {
        (LOGITS, config.vocab_size)
    } else {
        (names::HIDDEN, config.decoder.hidden_size)
    }
}

/// Tensors of one sequence.
pub(super) struct QuantizedForm {
    model: Arc<StaticModel>,
    encodings: Encodings,
    cache: Cache,
    prefill: Bound,
    decode: Bound,
    head: Option<Head>,
}

/// Keys and values of one sequence, a tensor a layer.
struct Cache {
    /// `[1, heads, head_dim, context]`
    keys: Vec<Tensor<u8>>,
    /// `[1, heads, context, head_dim]`
    values: Vec<Tensor<u8>>,
    heads: usize,
    head_dim: usize,
    context: usize,
}

/// The graphs of one call with the tensors that they read and write, except the cache.
struct Bound {
    call: Call,
    bindings: Vec<IoBinding>,
    x: Tensor<u16>,
    cos: Tensor<u16>,
    sin: Tensor<u16>,
    mask: Tensor<u16>,
    /// One a part.
    outputs: Vec<Tensor<u16>>,
    /// As the cache, of this call's tokens.
    new_keys: Vec<Tensor<u8>>,
    new_values: Vec<Tensor<u8>>,
}

/// The output projection of its own.
struct Head {
    binding: IoBinding,
    hidden: Tensor<u16>,
    logits: Tensor<u16>,
}

impl QuantizedForm {
    pub(super) fn new(model: &Arc<StaticModel>) -> ::ort::Result<Self> {
        let encodings = model.graphs.encodings.clone().ok_or_else(|| ::ort::Error::new("no encodings"))?;
        let cache = Cache::new(model, &encodings)?;
        let prefill = Bound::new(model, &cache, Call::Prefill)?;
        let decode = Bound::new(model, &cache, Call::Decode)?;
        let head = model.head().map(|session| Head::new(model, session)).transpose()?;
        Ok(Self { model: Arc::clone(model), encodings, cache, prefill, decode, head })
    }
}

impl Form for QuantizedForm {
    /// The call's tokens have places of their own behind the cache; only real ones are put into it.
    fn fits(&self, _: Call, _: usize) -> bool {
        true
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
        let count = rows.len() / hidden_size;
        let bound = if call == Call::Prefill { &mut self.prefill } else { &mut self.decode };
        bound.write(&self.model, &self.encodings, rows, cached);
        for (part, binding) in bound.bindings.iter().enumerate() {
            self.model.run(part, call, binding, options)?;
        }
        let columns = bound.outputs.last().map_or(&[][..], |output| output.extract_tensor().1);
        match (&mut self.head, self.model.head()) {
            (Some(head), Some(session)) => {
                let row = columns.chunks_exact(hidden_size).nth(count - 1).unwrap_or_default();
                head.hidden.extract_tensor_mut().1.copy_from_slice(row);
                let mut session = session.lock().unwrap_or_else(PoisonError::into_inner);
                session.run_binding_with_options(&head.binding, options).map(drop)?;
                if let Some(encoding) = &self.encodings.logits {
                    dequantize(head.logits.extract_tensor().1, encoding, logits);
                }
            }
            _ => {
                let row = columns.chunks_exact(logits.len()).nth(count - 1).unwrap_or_default();
                if let Some(encoding) = self.encodings.outputs.last() {
                    dequantize(row, encoding, logits);
                }
            }
        }
        self.cache.put(bound, cached, count, self.model.tokens(call));
        Ok(())
    }

    fn gives_every_row(&self) -> bool {
        self.head.is_none()
    }

    fn rows(&self, count: usize, rows: &mut Vec<f32>) {
        let vocab_size = self.model.vocab_size();
        let codes = self.prefill.outputs.last().map_or(&[][..], |output| output.extract_tensor().1);
        if let (Some(encoding), Some(codes)) =
            (self.encodings.outputs.last(), codes.get(..count * vocab_size))
        {
            let before = rows.len();
            rows.resize(before + codes.len(), 0.0);
            dequantize(codes, encoding, rows.get_mut(before..).unwrap_or_default());
        }
    }

    fn read(&self, tokens: Range<usize>, bytes: &mut Vec<u8>) -> ::ort::Result<()> {
        let Cache { head_dim, context, .. } = self.cache;
        for (keys, values) in self.cache.keys.iter().zip(&self.cache.values) {
            for row in keys.extract_tensor().1.chunks_exact(context) {
                bytes.extend_from_slice(&row[tokens.clone()]);
            }
            for head in values.extract_tensor().1.chunks_exact(context * head_dim) {
                bytes.extend_from_slice(&head[tokens.start * head_dim..tokens.end * head_dim]);
            }
        }
        Ok(())
    }

    fn write(&mut self, tokens: Range<usize>, bytes: &[u8]) -> ::ort::Result<()> {
        let Cache { head_dim, context, .. } = self.cache;
        let mut bytes = bytes;
        let mut take = |place: &mut [u8]| {
            let (part, rest) = bytes.split_at(place.len().min(bytes.len()));
            place[..part.len()].copy_from_slice(part);
            bytes = rest;
        };
        for (keys, values) in self.cache.keys.iter_mut().zip(&mut self.cache.values) {
            for row in keys.extract_tensor_mut().1.chunks_exact_mut(context) {
                take(&mut row[tokens.clone()]);
            }
            for head in values.extract_tensor_mut().1.chunks_exact_mut(context * head_dim) {
                take(&mut head[tokens.start * head_dim..tokens.end * head_dim]);
            }
        }
        Ok(())
    }

    fn copied(&self, _: usize) -> ::ort::Result<Box<dyn Form>> {
        let mut copy = Self::new(&self.model)?;
        let pairs = self.cache.keys.iter().zip(&mut copy.cache.keys);
        for (from, to) in pairs.chain(self.cache.values.iter().zip(&mut copy.cache.values)) {
            to.extract_tensor_mut().1.copy_from_slice(from.extract_tensor().1);
        }
        Ok(Box::new(copy))
    }
}

impl Cache {
    /// A cache of zeros, as codes.
    fn new(model: &StaticModel, encodings: &Encodings) -> ::ort::Result<Self> {
        let decoder = &model.config.decoder;
        let (heads, head_dim, context) =
            (decoder.num_key_value_heads, decoder.head_size, model.graphs.context_length);
        let filled = |encodings: &[Encoding], shape: [usize; 4]| {
            let tensors = encodings.iter().map(|encoding| {
                let mut tensor = Tensor::<u8>::new(&Allocator::default(), shape)?;
                let zero = u8::try_from(encoding.zero_point).unwrap_or(u8::MAX);
                tensor.extract_tensor_mut().1.fill(zero);
                Ok(tensor)
            });
            tensors.collect::<::ort::Result<Vec<_>>>()
        };
        Ok(Self {
            keys: filled(&encodings.keys, [1, heads, head_dim, context])?,
            values: filled(&encodings.values, [1, heads, context, head_dim])?,
            heads,
            head_dim,
            context,
        })
    }

    /// Puts the first `count` of a call's `tokens` behind `cached` ones.
    fn put(&mut self, bound: &Bound, cached: usize, count: usize, tokens: usize) {
        let Self { head_dim, context, heads, .. } = *self;
        for (new, keys) in bound.new_keys.iter().zip(&mut self.keys) {
            let rows = new.extract_tensor().1.chunks_exact(tokens);
            for (new, row) in rows.zip(keys.extract_tensor_mut().1.chunks_exact_mut(context)) {
                row[cached..cached + count].copy_from_slice(&new[..count]);
            }
        }
        for (new, values) in bound.new_values.iter().zip(&mut self.values) {
            let (new, values) = (new.extract_tensor().1, values.extract_tensor_mut().1);
            for head in 0..heads {
                let from = head * tokens * head_dim;
                let to = (head * context + cached) * head_dim;
                values[to..to + count * head_dim].copy_from_slice(&new[from..from + count * head_dim]);
            }
        }
    }
}

impl Bound {
    fn new(model: &StaticModel, cache: &Cache, call: Call) -> ::ort::Result<Self> {
        let allocator = Allocator::default();
        let (tokens, decoder) = (model.tokens(call), &model.config.decoder);
        let Cache { heads, head_dim, context, .. } = *cache;
        let codes = |shape: &[usize]| Tensor::<u16>::new(&allocator, shape.to_vec());
        let bytes = |shape: [usize; 4]| {
            let tensors = (0..cache.keys.len()).map(|_| Tensor::<u8>::new(&allocator, shape));
            tensors.collect::<::ort::Result<Vec<_>>>()
        };
        let angles = [1, 1, tokens, head_dim / 2];
        let mut bound = Self {
            call,
            bindings: Vec::new(),
            x: codes(&[1, tokens, decoder.hidden_size])?,
            cos: codes(&angles)?,
            sin: codes(&angles)?,
            mask: codes(&[1, 1, tokens, context + tokens])?,
            outputs: Vec::new(),
            new_keys: bytes([1, heads, head_dim, tokens])?,
            new_values: bytes([1, heads, tokens, head_dim])?,
        };
        for (index, part) in model.graphs.parts.iter().enumerate() {
            let mut binding = model.binding(index, call)?;
            let (name, columns) = output(&model.graphs, &model.config, index);
            let mut output = codes(&[1, tokens, columns])?;
            binding.bind_input(names::X, bound.outputs.last().unwrap_or(&bound.x))?;
            binding.bind_input(names::COS, &bound.cos)?;
            binding.bind_input(names::SIN, &bound.sin)?;
            binding.bind_input(names::MASK, &bound.mask)?;
            binding.bind_output(name, &mut output)?;
            bound.outputs.push(output);
            let caches = cache.keys.iter().zip(&cache.values);
            let new = bound.new_keys.iter_mut().zip(&mut bound.new_values);
            let layers = caches.zip(new).enumerate().skip(part.first_layer).take(part.layers);
            for (layer, ((key, value), (new_key, new_value))) in layers {
                binding.bind_input(layer_name(names::PAST_KEY_PATTERN, layer), key)?;
                binding.bind_input(layer_name(names::PAST_VALUE_PATTERN, layer), value)?;
                binding.bind_output(layer_name(names::NEW_KEY_PATTERN, layer), new_key)?;
                binding.bind_output(layer_name(names::NEW_VALUE_PATTERN, layer), new_value)?;
            }
            bound.bindings.push(binding);
        }
        Ok(bound)
    }

    /// Embedding rows, angles of the positions from `cached` on, and who may look where.
    fn write(&mut self, model: &StaticModel, encodings: &Encodings, rows: &[f32], cached: usize) {
        let hidden_size = model.config.decoder.hidden_size;
        let (tokens, context) = (model.tokens(self.call), model.graphs.context_length);
        let (given, padding) = self.x.extract_tensor_mut().1.split_at_mut(rows.len());
        for (code, &number) in given.iter_mut().zip(rows) {
            *code = quantize(number, &encodings.x);
        }
        let last = given.rchunks_exact(hidden_size).next().unwrap_or_default();
        padding.chunks_exact_mut(hidden_size).for_each(|row| row.copy_from_slice(last));

        let frequencies = &model.graphs.inverse_frequencies;
        let angles = (cached..cached + tokens).flat_map(|position| {
            #[allow(clippy::cast_precision_loss)] // positions are small
            frequencies.iter().map(move |frequency| position as f64 * frequency)
        });
        let tables = self.cos.extract_tensor_mut().1.iter_mut().zip(self.sin.extract_tensor_mut().1);
        for ((cos, sin), angle) in tables.zip(angles) {
            #[allow(clippy::cast_possible_truncation)] // both are at most 1
            let [cosine, sine] = [angle.cos() as f32, angle.sin() as f32];
            *cos = quantize(cosine, &encodings.rotary);
            *sin = quantize(sine, &encodings.rotary);
        }

        let [seen, hidden] = [0.0, encodings.mask_minimum].map(|number| quantize(number, &encodings.mask));
        for (token, row) in self.mask.extract_tensor_mut().1.chunks_exact_mut(context + tokens).enumerate() {
            row.fill(hidden);
            row[..cached.min(context)].fill(seen);
            row[context..=context + token].fill(seen);
        }
    }
}

impl Head {
    fn new(model: &StaticModel, session: &Mutex<Session>) -> ::ort::Result<Self> {
        let allocator = Allocator::default();
        let hidden = Tensor::<u16>::new(&allocator, [1, 1, model.config.decoder.hidden_size])?;
        let mut logits = Tensor::<u16>::new(&allocator, [1, 1, model.config.vocab_size])?;
        let mut binding = session.lock().unwrap_or_else(PoisonError::into_inner).create_binding()?;
        binding.bind_input(names::HIDDEN, &hidden)?;
        binding.bind_output(LOGITS, &mut logits)?;
        Ok(Self { binding, hidden, logits })
    }
}
