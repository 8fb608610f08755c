//! What a model gives for texts that exist: logits after each token, and how large keys and values get.
//!
//! For evaluation and calibration. Both run the package as a generation would: the same graph, cache and kernels.

use crate::control::CancelToken;
use crate::decoder::Decoder;
use crate::decoder::kv::KvRange;
use crate::error::Error;
use crate::open::Model;

impl Model {
    /// Feeds `ids` (1 to the context length) to an empty sequence and calls `visit(position, logits)` for each position
    /// from `first` on: `logits`, `[vocab_size]`, are those after `ids[position]`, so they predict `ids[position + 1]`.
    ///
    /// The graph gives the logits of its last token only, so these positions run one by one, as in a generation;
    /// those before `first` run in chunks, as a prompt does.
    ///
    /// # Errors
    /// [`Error::EmptyPrompt`], or [`Error::Decoder`]: a cancelled call is
    /// [`crate::decoder::DecoderError::Interrupted`].
    pub fn score(
        &self,
        ids: &[u32],
        first: usize,
        cancel: &CancelToken,
        visit: &mut dyn FnMut(usize, &[f32]),
    ) -> Result<(), Error> {
        if ids.is_empty() {
            return Err(Error::EmptyPrompt);
        }
        let mut decoder = self.decoder()?;
        let _attached = cancel.attach(decoder.interrupt());
        let (prompt, steps) = ids.split_at(first.min(ids.len()));
        for chunk in prompt.chunks(decoder.chunk_tokens()) {
            decoder.prefill(chunk)?;
        }
        for (position, &id) in (first..).zip(steps) {
            decoder.decode(id)?;
            visit(position, decoder.logits());
        }
        Ok(())
    }

    /// How large keys and values of each layer get while `ids` is read; `None` for a model with an int8 cache.
    ///
    /// # Errors
    /// As [`Model::score`].
    pub fn kv_ranges(&self, ids: &[u32], cancel: &CancelToken) -> Result<Option<Vec<KvRange>>, Error> {
        if ids.is_empty() {
            return Err(Error::EmptyPrompt);
        }
        let mut decoder = self.ort_decoder()?;
        let _attached = cancel.attach(decoder.interrupt());
        for chunk in ids.chunks(decoder.chunk_tokens()) {
            decoder.prefill(chunk)?;
        }
        Ok(decoder.kv_ranges()?)
    }
}
