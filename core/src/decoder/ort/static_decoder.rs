//! One sequence on static graphs ([`StaticModel`]): prompts in padded chunks, then token by token, with the cache on the
//! host.

use std::ops::Range;
use std::sync::Arc;

use super::errors;
use super::run_modes::RunModes;
use super::static_float::FloatForm;
use super::static_graphs::{Form, StaticModel};
use super::static_int::IntForm;
use super::static_io::Call;
use crate::control::Interrupt;
use crate::decoder::effort::Effort;
use crate::decoder::error::DecoderError;
use crate::decoder::logits;
use crate::decoder::traits::Decoder;

/// One sequence on loaded static graphs.
pub(crate) struct StaticDecoder {
    model: Arc<StaticModel>,
    form: Box<dyn Form>,
    len: usize,
    logits: Vec<f32>,
    /// Embedding rows of a call, reused.
    rows: Vec<f32>,
    modes: RunModes,
}

impl StaticDecoder {
    /// Starts an empty sequence.
    pub(crate) fn start(model: &Arc<StaticModel>) -> Result<Self, DecoderError> {
        Self::new(model, || {
            Ok(match &model.codes {
                None => Box::new(FloatForm::new(model)?),
                Some(codes) => Box::new(IntForm::new(model, codes)?),
            })
        })
    }

    fn new(
        model: &Arc<StaticModel>,
        form: impl FnOnce() -> ::ort::Result<Box<dyn Form>>,
    ) -> Result<Self, DecoderError> {
        let context = model.graphs.context_length;
        let failed = |error: ::ort::Error| errors::no_cache(&error, model.kv_shape(), context, context, 0);
        Ok(Self {
            form: form().map_err(failed)?,
            modes: RunModes::new(model.performance).map_err(failed)?,
            len: 0,
            logits: vec![0.0; model.vocab_size()],
            rows: Vec::new(),
            model: Arc::clone(model),
        })
    }

    /// Runs some tokens; `self.len` is as it was after an error.
    fn advance(&mut self, tokens: &[u32]) -> Result<(), DecoderError> {
        self.model.limits.check_chunk(tokens, self.len)?;
        let before = self.len;
        // One token is cheaper in the small graph; near the end of the context a padded chunk has no room.
        let call = if tokens.len() > 1 && self.form.fits(Call::Prefill, self.len) {
            Call::Prefill
        } else {
            Call::Decode
        };
        for tokens in tokens.chunks(call.tokens(&self.model.graphs)) {
            if let Err(error) = self.call(call, tokens) {
                self.len = before;
                return Err(error);
            }
            self.len += tokens.len();
        }
        Ok(())
    }

    fn call(&mut self, call: Call, tokens: &[u32]) -> Result<(), DecoderError> {
        let (count, cached) = (tokens.len(), self.len);
        let failed = |message| DecoderError::Run { tokens: count, cached, message };
        let hidden_size = self.model.config.decoder.hidden_size;
        self.rows.resize(count * hidden_size, 0.0);
        for (&token, row) in tokens.iter().zip(self.rows.chunks_exact_mut(hidden_size)) {
            self.model.embedding.row(token, row).map_err(|error| failed(error.to_string()))?;
        }
        let result = self.form.run(call, &self.rows, cached, self.modes.options(call), &mut self.logits);
        result.map_err(|error| errors::run(&error, count, cached))?;
        if logits::are_valid(&self.logits) {
            Ok(())
        } else {
            Err(failed("its logits are no numbers".to_owned()))
        }
    }
}

impl Decoder for StaticDecoder {
    fn len(&self) -> usize {
        self.len
    }

    fn chunk_tokens(&self) -> usize {
        self.model.limits.chunk_tokens
    }

    fn prefill(&mut self, tokens: &[u32]) -> Result<(), DecoderError> {
        self.advance(tokens)
    }

    fn verify(&mut self, tokens: &[u32], rows: &mut Vec<f32>) -> Result<bool, DecoderError> {
        self.model.limits.check_chunk(tokens, self.len)?;
        if !self.form.gives_every_row() || !self.form.fits(Call::Prefill, self.len) {
            return Ok(false);
        }
        self.call(Call::Prefill, tokens)?;
        self.len += tokens.len();
        self.form.rows(tokens.len(), rows);
        Ok(true)
    }

    fn decode(&mut self, token: u32) -> Result<(), DecoderError> {
        self.advance(&[token])
    }

    fn rewind(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    fn logits(&mut self) -> &mut [f32] {
        &mut self.logits
    }

    fn kv_bytes_per_token(&self) -> usize {
        self.model.limits.kv_bytes_per_token
    }

    fn read_kv(&self, tokens: Range<usize>, bytes: &mut Vec<u8>) -> Result<(), DecoderError> {
        let tokens = tokens.start..tokens.end.min(self.len);
        self.form.read(tokens, bytes).map_err(|error| errors::run(&error, 0, self.len))
    }

    fn write_kv(&mut self, tokens: &[u32], bytes: &[u8]) -> Result<(), DecoderError> {
        self.model.limits.check_kv(tokens, self.len, bytes)?;
        let place = self.len..self.len + tokens.len();
        self.form.write(place, bytes).map_err(|error| errors::run(&error, tokens.len(), self.len))?;
        self.len += tokens.len();
        Ok(())
    }

    fn fork(&self) -> Result<Box<dyn Decoder>, DecoderError> {
        let fork = Self::new(&self.model, || self.form.copied(self.len))?;
        Ok(Box::new(Self { len: self.len, logits: self.logits.clone(), ..fork }))
    }

    fn set_effort(&mut self, effort: Effort) {
        self.modes.effort = effort;
    }

    fn interrupt(&self) -> Arc<dyn Interrupt> {
        self.modes.interrupt()
    }
}
