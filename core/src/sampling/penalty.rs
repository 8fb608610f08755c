//! The repetition penalty: each token counts once, however often it was seen.

/// Which tokens of this step's history are done; one bit a token, reused.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    words: Vec<u64>,
}

impl Seen {
    /// Divides positive logits of the tokens in `history` by `penalty`, and multiplies the others.
    pub(super) fn penalize(&mut self, logits: &mut [f32], history: &[u32], penalty: f32) {
        if penalty == 1.0 {
            return;
        }
        self.words.clear();
        self.words.resize(logits.len().div_ceil(64), 0);
        for &id in history {
            let index = id as usize;
            let Some(logit) = logits.get_mut(index) else { continue };
            let Some(word) = self.words.get_mut(index / 64) else { continue };
            let bit = 1 << (index % 64);
            if *word & bit == 0 {
                *word |= bit;
                *logit = if *logit > 0.0 { *logit / penalty } else { *logit * penalty };
            }
        }
    }
}
