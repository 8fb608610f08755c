//! Whether our attention is used: by what a whole step of the model takes with it and with ONNX Runtime's.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::choice::{PROMPT_ROWS, ProductTime, is_faster};
use crate::decoder::error::DecoderError;
use crate::decoder::ort::dynamic::OrtDecoder;
use crate::decoder::traits::Decoder;

/// Tokens that are cached when steps are timed, at most.
const CONTEXT_TOKENS: usize = 1024;
/// Takes of each.
const TAKES: usize = 5;

/// The attentions of a graph, and who computes them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttentionChoice {
    /// How many the graph has.
    pub nodes: usize,
    /// Tokens that were cached when they were timed.
    pub context: usize,
    /// What a whole step takes with ONNX Runtime's; `None` where it was not asked.
    pub onnxruntime: Option<ProductTime>,
    /// What a whole step takes with ours; `None` where it was not asked.
    pub ours: Option<ProductTime>,
    /// Whether ours computes them.
    pub is_ours: bool,
}

impl AttentionChoice {
    /// Ours, unasked.
    pub(super) fn ours(nodes: usize) -> Self {
        Self { nodes, context: 0, onnxruntime: None, ours: None, is_ours: true }
    }

    /// By what steps take, in turns: of ONNX Runtime's and of ours.
    pub(super) fn measured(
        nodes: usize,
        mut decoders: [OrtDecoder; 2],
        context_length: usize,
    ) -> Result<Self, DecoderError> {
        let context = CONTEXT_TOKENS.min(context_length.saturating_sub(PROMPT_ROWS) / 2);
        for decoder in &mut decoders {
            // Which keys and values are read does not matter.
            let zeros = vec![0; decoder.kv_bytes_per_token() * context];
            decoder.write_kv(&vec![0; context], &zeros)?;
        }
        let mut best = [ProductTime { token_us: f64::INFINITY, prompt_us: f64::INFINITY }; 2];
        for take in 0..=TAKES {
            for (decoder, best) in decoders.iter_mut().zip(&mut best) {
                decoder.rewind(context);
                let token_us = micros(|| decoder.decode(0))?;
                decoder.rewind(context);
                let chunk = vec![0; PROMPT_ROWS.min(decoder.chunk_tokens())];
                let prompt_us = micros(|| decoder.prefill(&chunk))?;
                // The first ones touch memory that is new.
                if take > 0 {
                    best.token_us = best.token_us.min(token_us);
                    best.prompt_us = best.prompt_us.min(prompt_us);
                }
            }
        }
        let [theirs, ours] = best;
        let is_ours = is_faster(ours, theirs);
        Ok(Self { nodes, context, onnxruntime: Some(theirs), ours: Some(ours), is_ours })
    }
}

fn micros(work: impl FnOnce() -> Result<(), DecoderError>) -> Result<f64, DecoderError> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_secs_f64() * 1e6)
}
