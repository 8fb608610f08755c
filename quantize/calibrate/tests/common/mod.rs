//! What an app's host does around static graphs, without a chat: embedding rows, angles, mask, cache.
//!
//! One prefill graph or decode graph at a time, whatever runs it. Chunks are padded to the graph's tokens; what the
//! padding leaves is never copied into the cache.

use std::path::{Path, PathBuf};

use ort::session::{Session, SessionInputValue};
use ort::value::Tensor;
use wheelwork_calibrate::CalibrateError;
use wheelwork_kernels::angles;
use wheelwork_package::card::{Architecture, EmbeddingType, Encoding, Encodings, StaticGraphs};
use wheelwork_package::tensors::{self, static_graph as graph_io};

/// The graphs of all parts for calls of one size, with a cache of their own.
pub(crate) struct StaticHost<'a> {
    graphs: &'a StaticGraphs,
    encodings: &'a Encodings,
    architecture: &'a Architecture,
    folder: PathBuf,
    sessions: Vec<Session>,
    /// Tokens of a call.
    call: usize,
    /// Tokens in the cache.
    length: usize,
    /// `[key heads, head_dim, context]` of each layer.
    keys: Vec<Vec<u8>>,
    /// `[key heads, context, head_dim]` of each layer.
    values: Vec<Vec<u8>>,
}

impl<'a> StaticHost<'a> {
    /// A host of the variant in `folder`; `load` makes a session of each part's graph file.
    ///
    /// # Errors
    /// What `load` returns; [`CalibrateError::Run`] for a variant that is not of the quantised form.
    pub(crate) fn new(
        folder: &Path,
        graphs: &'a StaticGraphs,
        architecture: &'a Architecture,
        call: usize,
        load: impl FnMut(&Path) -> Result<Session, CalibrateError>,
    ) -> Result<Self, CalibrateError> {
        let encodings = graphs.encodings.as_ref().ok_or_else(|| failed("the variant has no encodings"))?;
        let file = |part: &wheelwork_package::card::GraphPart| {
            folder.join(if call == 1 { &part.decode } else { &part.prefill })
        };
        let sessions = graphs.parts.iter().map(file).map({
            let mut load = load;
            move |path| load(&path)
        });
        let sessions = sessions.collect::<Result<_, _>>()?;
        let cache = architecture.num_key_value_heads * architecture.head_dim * graphs.context_length;
        let empty =
            |encodings: &[Encoding]| encodings.iter().map(|e| vec![low_byte(e.zero_point); cache]).collect();
        Ok(Self {
            graphs,
            encodings,
            architecture,
            folder: folder.into(),
            sessions,
            call,
            length: 0,
            keys: empty(&encodings.keys),
            values: empty(&encodings.values),
        })
    }

    /// Reads up to a call's tokens, puts them into the cache, and gives the logits behind each: `[tokens, vocab_size]`.
    ///
    /// # Errors
    /// [`CalibrateError::Run`], also for more tokens than a call or the cache takes.
    pub(crate) fn read(&mut self, tokens: &[u32]) -> Result<Vec<f32>, CalibrateError> {
        if tokens.is_empty()
            || tokens.len() > self.call
            || self.length + tokens.len() > self.graphs.context_length
        {
            return Err(failed("the tokens do not fit"));
        }
        let mut x = self.embed(tokens)?;
        let (cos, sin) = self.angles();
        let mask = self.mask();
        let mut sessions = std::mem::take(&mut self.sessions);
        for (part, session) in sessions.iter_mut().enumerate() {
            x = self.run(part, session, x, &[&cos, &sin, &mask], tokens.len())?;
        }
        self.sessions = sessions;
        self.length += tokens.len();
        let last = self.encodings.outputs.last().copied();
        let encoding = last.ok_or_else(|| failed("the variant has no parts"))?;
        let wanted = tokens.len() * self.architecture.vocab_size;
        Ok(x.iter().take(wanted).map(|&code| number(encoding, code)).collect())
    }

    fn run(
        &mut self,
        part: usize,
        session: &mut Session,
        x: Vec<u16>,
        shared: &[&[u16]; 3],
        fresh: usize,
    ) -> Result<Vec<u16>, CalibrateError> {
        let Architecture { num_key_value_heads: heads, head_dim, hidden_size, .. } = *self.architecture;
        let (call, context) = (self.call, self.graphs.context_length);
        let range = self.graphs.parts.get(part).ok_or_else(|| failed("a part is missing"))?;
        let layers = range.first_layer..range.first_layer + range.layers;
        let step = || |error: ort::Error| failed(&error.to_string());
        let wide = |shape: Vec<usize>, codes: Vec<u16>| Tensor::from_array((shape, codes)).map_err(step());
        let narrow = |shape: Vec<usize>, codes: Vec<u8>| Tensor::from_array((shape, codes)).map_err(step());
        let mut inputs: Vec<(String, SessionInputValue<'_>)> =
            vec![(graph_io::X.to_owned(), wide(vec![1, call, hidden_size], x)?.into())];
        let widths =
            [(graph_io::COS, head_dim / 2), (graph_io::SIN, head_dim / 2), (graph_io::MASK, context + call)];
        for ((name, width), codes) in widths.into_iter().zip(shared) {
            inputs.push((name.to_owned(), wide(vec![1, 1, call, width], codes.to_vec())?.into()));
        }
        for layer in layers.clone() {
            let (keys, values) = (self.keys.get(layer), self.values.get(layer));
            let (Some(keys), Some(values)) = (keys, values) else { return Err(failed("a layer is missing")) };
            let name = |pattern| tensors::layer_name(pattern, layer);
            let keys = narrow(vec![1, heads, head_dim, context], keys.clone())?;
            let values = narrow(vec![1, heads, context, head_dim], values.clone())?;
            inputs.push((name(graph_io::PAST_KEY_PATTERN), keys.into()));
            inputs.push((name(graph_io::PAST_VALUE_PATTERN), values.into()));
        }
        let outputs = session.run(inputs).map_err(step())?;
        let codes = |name: &str| {
            let value = outputs.get(name).ok_or_else(|| failed("an output is missing"))?;
            value.try_extract_tensor::<u8>().map(|(_, codes)| codes).map_err(step())
        };
        for layer in layers {
            let name = |pattern| tensors::layer_name(pattern, layer);
            let (new_keys, new_values) =
                (codes(&name(graph_io::NEW_KEY_PATTERN))?, codes(&name(graph_io::NEW_VALUE_PATTERN))?);
            let (Some(keys), Some(values)) = (self.keys.get_mut(layer), self.values.get_mut(layer)) else {
                return Err(failed("a layer is missing"));
            };
            for (cached, new) in keys.chunks_exact_mut(context).zip(new_keys.chunks_exact(call)) {
                let slots = cached.iter_mut().skip(self.length).take(fresh);
                slots.zip(new).for_each(|(slot, code)| *slot = *code);
            }
            let heads =
                values.chunks_exact_mut(context * head_dim).zip(new_values.chunks_exact(call * head_dim));
            for (cached, new) in heads {
                let slots = cached.iter_mut().skip(self.length * head_dim).take(fresh * head_dim);
                slots.zip(new).for_each(|(slot, code)| *slot = *code);
            }
        }
        let is_last = part + 1 == self.graphs.parts.len();
        let name = if is_last { tensors::LOGITS } else { graph_io::HIDDEN };
        let result = outputs.get(name).ok_or_else(|| failed("an output is missing"))?;
        let (_, codes) = result.try_extract_tensor::<u16>().map_err(step())?;
        Ok(codes.to_vec())
    }

    /// Rows of the embedding file, in the graphs' encoding; padding is token 0.
    fn embed(&self, tokens: &[u32]) -> Result<Vec<u16>, CalibrateError> {
        let Architecture { vocab_size, hidden_size, .. } = *self.architecture;
        if self.graphs.embedding.dtype != EmbeddingType::Int8 {
            return Err(failed("the embedding table is not of signed bytes"));
        }
        let bytes = fs_err::read(self.folder.join(&self.graphs.embedding.file))
            .map_err(|error| failed(&error.to_string()))?;
        let (codes, scales) = bytes
            .split_at_checked(vocab_size * hidden_size)
            .ok_or_else(|| failed("the embedding table is short"))?;
        let (scales, _) = scales.as_chunks();
        let mut x = Vec::with_capacity(self.call * hidden_size);
        for token in (0..self.call).map(|at| tokens.get(at).map_or(0, |&token| token as usize)) {
            let row = codes.chunks_exact(hidden_size).nth(token);
            let (Some(row), Some(scale)) = (row, scales.get(token)) else {
                return Err(failed("a token is outside the vocabulary"));
            };
            let scale = f32::from_le_bytes(*scale);
            x.extend(
                row.iter().map(|code| self::code(self.encodings.x, f32::from(code.cast_signed()) * scale)),
            );
        }
        Ok(x)
    }

    fn angles(&self) -> (Vec<u16>, Vec<u16>) {
        let positions = self.length..self.length + self.call;
        let angles = positions.flat_map(|position| angles(&self.graphs.inverse_frequencies, position));
        angles.map(|(cos, sin)| (code(self.encodings.rotary, cos), code(self.encodings.rotary, sin))).unzip()
    }

    /// Every token sees the cache's tokens, itself, and those before it in this call.
    fn mask(&self) -> Vec<u16> {
        let context = self.graphs.context_length;
        let (open, shut) =
            (code(self.encodings.mask, 0.0), code(self.encodings.mask, self.encodings.mask_minimum));
        let row = |token: usize| {
            (0..context + self.call).map(move |slot| {
                let is_open = if slot < context { slot < self.length } else { slot - context <= token };
                if is_open { open } else { shut }
            })
        };
        (0..self.call).flat_map(row).collect()
    }
}

fn failed(message: &str) -> CalibrateError {
    CalibrateError::Run { step: "running a static graph".into(), message: message.into() }
}

fn code(encoding: Encoding, number: f32) -> u16 {
    let code = (number / encoding.scale).round_ties_even() + f32::from(encoding.zero_point);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // in range by the clamp
    let code = code.clamp(0.0, f32::from(u16::MAX)) as u16;
    code
}

fn number(encoding: Encoding, code: u16) -> f32 {
    (f32::from(code) - f32::from(encoding.zero_point)) * encoding.scale
}

fn low_byte(code: u16) -> u8 {
    u8::try_from(code).unwrap_or(u8::MAX)
}
