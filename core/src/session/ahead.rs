//! Tokens that were computed ahead of the turn: they stand in the decoder behind what the session counts as cached, with
//! the logits after each, until the turn reaches them or goes elsewhere.

use super::Session;
use crate::control::CancelToken;
use crate::decoder::DecoderError;
use crate::error::Error;

/// What is computed ahead.
#[derive(Default)]
pub(super) struct Ahead {
    /// The last one first.
    tokens: Vec<u32>,
    /// `[tokens, vocab_size]`, of the draft's tokens in order.
    rows: Vec<f32>,
    /// Tokens of the draft.
    drafted: usize,
}

impl Session {
    /// Computes one token and a draft of those behind it in one call; false, and nothing is done, where the decoder
    /// cannot or the call failed for another reason than an interrupt.
    pub(crate) fn decode_ahead(
        &mut self,
        token: u32,
        draft: &[u32],
        cancel: &CancelToken,
    ) -> Result<bool, Error> {
        self.drop_ahead();
        let tokens = [&[token], draft].concat();
        let mut rows = std::mem::take(&mut self.ahead.rows);
        rows.clear();
        let verified = {
            let _attached = cancel.attach(self.decoder.interrupt());
            self.decoder.verify(&tokens, &mut rows)
        };
        match verified {
            Ok(true) => {}
            Err(error @ DecoderError::Interrupted) => return Err(error.into()),
            // The step of one token that follows tells what is wrong, or goes on elsewhere.
            Ok(false) | Err(_) => return Ok(false),
        }
        let vocab_size = self.decoder.logits().len();
        let (first, behind) = rows.split_at(vocab_size.min(rows.len()));
        if !rows.iter().all(|logit| logit.is_finite()) || behind.len() != draft.len() * vocab_size {
            self.drop_ahead();
            return Ok(false);
        }
        self.decoder.logits().copy_from_slice(first);
        self.cached.push(token);
        self.ahead.drafted = draft.len();
        self.ahead.tokens.extend(draft.iter().rev());
        rows.drain(..vocab_size);
        self.ahead.rows = rows;
        Ok(true)
    }

    /// Whether a token was computed ahead; its logits are then the decoder's.
    pub(crate) fn take_ahead(&mut self, token: u32) -> bool {
        if self.ahead.tokens.last() != Some(&token) {
            self.drop_ahead();
            return false;
        }
        let place = self.ahead.drafted - self.ahead.tokens.len();
        self.ahead.tokens.pop();
        let logits = self.decoder.logits();
        if let Some(row) = self.ahead.rows.chunks_exact(logits.len()).nth(place) {
            logits.copy_from_slice(row);
        }
        self.cached.push(token);
        true
    }

    /// Has the decoder hold what is cached and no more.
    pub(super) fn drop_ahead(&mut self) {
        self.ahead.tokens.clear();
        let cached = self.cached.len();
        if self.decoder.len() > cached {
            self.decoder.rewind(cached);
        }
    }
}
