//! The quantised form of static graphs: integer inputs and outputs, tables and mask made here, new keys and values put into
//! the cache here.
//!
//! ```text
//! number = (code - zero_point) * scale           code = round(number / scale) + zero_point
//! ```
//!
//! The cache tensors are inputs of both graphs and bound once: between two runs the host writes the columns of the new
//! tokens in place. Several parts hand `hidden` on through one tensor, output of one and input of the next.

use std::ops::Range;
use std::sync::Arc;

use ::ort::memory::Allocator;
use ::ort::session::{IoBinding, NoSelectedOutputs, RunOptions};
use ::ort::value::Tensor;
use wheelwork_kernels::angles;
use wheelwork_package::card::Encodings;
use wheelwork_package::tensors::static_graph as names;

use super::cache::{Cache as _, Layers};
use super::codes::{dequantize, quantize};
use super::static_graphs::{Codes, Form, StaticModel, pad};
use super::static_io::{Call, output};

/// Tensors of one sequence.
pub(super) struct IntForm {
    model: Arc<StaticModel>,
    codes: Codes,
    cache: Layers<u8>,
    prefill: Bound,
    decode: Bound,
}

/// The graphs of one call with the tensors that they read and write, except the cache.
struct Bound {
    call: Call,
    bindings: Vec<IoBinding>,
    x: Tensor<u16>,
    cos: Tensor<u16>,
    sin: Tensor<u16>,
    mask: Tensor<u16>,
    /// What each part but the last hands on.
    hidden: Vec<Tensor<u16>>,
    /// `[1, S, vocab_size]`
    logits: Tensor<u16>,
    /// As the cache, of this call's tokens.
    new: Layers<u8>,
}

impl IntForm {
    pub(super) fn new(model: &Arc<StaticModel>, codes: &Codes) -> ::ort::Result<Self> {
        let cache = Layers::codes(model.kv_shape(), model.graphs.context_length, &codes.cache_zeros)?;
        Self::with_cache(model, codes, cache)
    }

    fn with_cache(model: &Arc<StaticModel>, codes: &Codes, cache: Layers<u8>) -> ::ort::Result<Self> {
        Ok(Self {
            prefill: Bound::new(model, codes, &cache, Call::Prefill)?,
            decode: Bound::new(model, codes, &cache, Call::Decode)?,
            model: Arc::clone(model),
            codes: codes.clone(),
            cache,
        })
    }
}

impl Form for IntForm {
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
        let count = rows.len() / self.model.config.decoder.hidden_size;
        let bound = if call == Call::Prefill { &mut self.prefill } else { &mut self.decode };
        bound.write(&self.model, &self.codes.encodings, rows, cached);
        for (part, binding) in bound.bindings.iter().enumerate() {
            self.model.run(part, call, binding, options)?;
        }
        let last = (count - 1) * logits.len()..count * logits.len();
        dequantize(&bound.logits.extract_tensor().1[last], &self.codes.logits, logits);
        self.cache.put(&bound.new, cached, count);
        Ok(())
    }

    fn gives_every_row(&self) -> bool {
        true
    }

    fn rows(&self, count: usize, rows: &mut Vec<f32>) {
        let codes = &self.prefill.logits.extract_tensor().1[..count * self.model.vocab_size()];
        let before = rows.len();
        rows.resize(before + codes.len(), 0.0);
        dequantize(codes, &self.codes.logits, &mut rows[before..]);
    }

    fn read(&self, tokens: Range<usize>, bytes: &mut Vec<u8>) -> ::ort::Result<()> {
        self.cache.read(tokens, bytes)
    }

    fn write(&mut self, tokens: Range<usize>, bytes: &[u8]) -> ::ort::Result<()> {
        self.cache.write(tokens, bytes)
    }

    fn copied(&self, _: usize) -> ::ort::Result<Box<dyn Form>> {
        Ok(Box::new(Self::with_cache(&self.model, &self.codes, self.cache.copied()?)?))
    }
}

impl Bound {
    fn new(model: &StaticModel, codes: &Codes, cache: &Layers<u8>, call: Call) -> ::ort::Result<Self> {
        let (graphs, decoder) = (&model.graphs, &model.config.decoder);
        let tokens = call.tokens(graphs);
        let tensor = |shape: &[usize]| Tensor::<u16>::new(&Allocator::default(), shape.to_vec());
        let angles = [1, 1, tokens, decoder.head_size / 2];
        let mut bound = Self {
            call,
            bindings: Vec::new(),
            x: tensor(&[1, tokens, decoder.hidden_size])?,
            cos: tensor(&angles)?,
            sin: tensor(&angles)?,
            mask: tensor(&[1, 1, tokens, graphs.context_length + tokens])?,
            hidden: Vec::new(),
            logits: tensor(&[1, tokens, model.vocab_size()])?,
            new: Layers::codes(model.kv_shape(), tokens, &codes.cache_zeros)?,
        };
        for (index, part) in graphs.parts.iter().enumerate() {
            let mut binding = model.binding(index, call)?;
            binding.bind_input(names::X, bound.hidden.last().unwrap_or(&bound.x))?;
            binding.bind_input(names::COS, &bound.cos)?;
            binding.bind_input(names::SIN, &bound.sin)?;
            binding.bind_input(names::MASK, &bound.mask)?;
            let (name, columns) = output(graphs, &model.config, index);
            if index + 1 == graphs.parts.len() {
                binding.bind_output(name, &mut bound.logits)?;
            } else {
                let mut hidden = tensor(&[1, tokens, columns])?;
                binding.bind_output(name, &mut hidden)?;
                bound.hidden.push(hidden);
            }
            let past = [names::PAST_KEY_PATTERN, names::PAST_VALUE_PATTERN];
            cache.bind_inputs(&mut binding, part.range(), past)?;
            let new = [names::NEW_KEY_PATTERN, names::NEW_VALUE_PATTERN];
            bound.new.bind_outputs(&mut binding, part.range(), new)?;
            bound.bindings.push(binding);
        }
        Ok(bound)
    }

    /// Embedding rows, angles of the positions from `cached` on, and who may look where.
    fn write(&mut self, model: &StaticModel, encodings: &Encodings, rows: &[f32], cached: usize) {
        let (tokens, context) = (self.call.tokens(&model.graphs), model.graphs.context_length);
        let x = self.x.extract_tensor_mut().1;
        for (code, &number) in x.iter_mut().zip(rows) {
            *code = quantize(number, &encodings.x);
        }
        pad(x, rows.len(), model.config.decoder.hidden_size);

        let frequencies = &model.graphs.inverse_frequencies;
        let angles = (cached..cached + tokens).flat_map(|position| angles(frequencies, position));
        let tables = self.cos.extract_tensor_mut().1.iter_mut().zip(self.sin.extract_tensor_mut().1);
        for ((cos, sin), (cosine, sine)) in tables.zip(angles) {
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
