//! What the two forms of static graphs have in common: tensors and cache of one sequence.

use std::ops::Range;

use ::ort::session::{NoSelectedOutputs, RunOptions};

use super::ort_static::Call;

/// Tensors and cache of one sequence, in one of the two forms.
pub(super) trait Form: Send {
    /// Whether a call of so many tokens has room behind `cached` ones.
    fn fits(&self, call: Call, cached: usize) -> bool;

    /// Runs the graphs over embedding rows `[count, hidden_size]` behind `cached` tokens, puts their keys and values
    /// into the cache and the logits after the last one into `logits`.
    fn run(
        &mut self,
        call: Call,
        rows: &[f32],
        cached: usize,
        options: &RunOptions<NoSelectedOutputs>,
        logits: &mut [f32],
    ) -> ::ort::Result<()>;

    /// Whether [`Form::rows`] gives any.
    fn gives_every_row(&self) -> bool {
        false
    }

    /// Appends the logits after each of the `count` tokens of the last prefill call.
    fn rows(&self, count: usize, rows: &mut Vec<f32>) {
        let _ = (count, rows);
    }

    /// As [`Decoder::read_kv`].
    fn read(&self, tokens: Range<usize>, bytes: &mut Vec<u8>) -> ::ort::Result<()>;

    /// Puts back what [`Form::read`] gave for as many tokens.
    fn write(&mut self, tokens: Range<usize>, bytes: &[u8]) -> ::ort::Result<()>;

    /// The same first `len` tokens in tensors of its own.
    fn copied(&self, len: usize) -> ::ort::Result<Box<dyn Form>>;
}
