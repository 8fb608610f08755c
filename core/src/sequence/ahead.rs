//! Tokens computed ahead of the turn: they stand in the decoder behind what the sequence counts as cached, with the logits
//! after each, until the turn reaches them or goes elsewhere.

use crate::decoder::error::DecoderError;
use crate::decoder::logits;
use crate::decoder::traits::Decoder;

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

impl Ahead {
    /// Computes one token and a draft of those behind it in one call; the decoder's logits are then those after `token`.
    /// False, and nothing counts as computed, where the decoder cannot or the call failed for another reason than an
    /// interrupt: the step of one token that follows tells what is wrong, or goes on elsewhere.
    pub(super) fn compute(
        &mut self,
        decoder: &mut dyn Decoder,
        token: u32,
        draft: &[u32],
    ) -> Result<bool, DecoderError> {
        self.rows.clear();
        match decoder.verify(&[&[token], draft].concat(), &mut self.rows) {
            Ok(true) => {}
            Err(DecoderError::Interrupted) => return Err(DecoderError::Interrupted),
            Ok(false) | Err(_) => return Ok(false),
        }
        let logits = decoder.logits();
        if self.rows.len() != (1 + draft.len()) * logits.len() || !logits::are_valid(&self.rows) {
            return Ok(false);
        }
        logits.copy_from_slice(&self.rows[..logits.len()]);
        self.rows.drain(..logits.len());
        self.drafted = draft.len();
        self.tokens.extend(draft.iter().rev());
        Ok(true)
    }

    /// Whether a token was computed ahead; its logits are then the decoder's.
    pub(super) fn take(&mut self, decoder: &mut dyn Decoder, token: u32) -> bool {
        if self.tokens.last() != Some(&token) {
            return false;
        }
        let row = self.drafted - self.tokens.len();
        self.tokens.pop();
        let logits = decoder.logits();
        let mut rows = self.rows.chunks_exact(logits.len());
        logits.copy_from_slice(rows.nth(row).expect("`compute` keeps a row for each token of the draft"));
        true
    }

    pub(super) fn clear(&mut self) {
        self.tokens.clear();
    }
}
