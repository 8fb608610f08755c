//! From ONNX Runtime's errors to ours.

use std::fmt::Display;
use std::path::Path;

use crate::decoder::error::DecoderError;
use crate::decoder::kv::KvShape;

/// Why a run of `tokens` behind `cached` ones failed: ONNX Runtime tells it in words alone.
pub(super) fn run(error: &impl Display, tokens: usize, cached: usize) -> DecoderError {
    let message = error.to_string();
    let tells = |words: &&str| message.contains(*words);
    if message.contains("terminate flag") {
        DecoderError::Interrupted
    } else if ["Failed to allocate memory", "bad_alloc", "bad allocation"].iter().any(tells) {
        DecoderError::OutOfMemory { tokens, cached, message }
    } else {
        DecoderError::Run { tokens, cached, message }
    }
}

/// Why a sequence of that capacity could not be made: nothing but memory is asked for.
pub(super) fn no_cache(
    error: &impl Display,
    shape: KvShape,
    capacity: usize,
    tokens: usize,
    cached: usize,
) -> DecoderError {
    let bytes = shape.bytes(capacity);
    DecoderError::OutOfMemory {
        tokens,
        cached,
        message: format!("{bytes} bytes of keys and values: {error}"),
    }
}

/// Why a graph was not loaded.
pub(super) fn load(graph: &Path, message: &impl Display) -> DecoderError {
    DecoderError::Load { graph: graph.display().to_string(), message: message.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_onnx_runtime_become_variants() {
        let of = |words: &str| run(&words, 3, 5);
        assert!(matches!(of("Exiting due to terminate flag being set to true."), DecoderError::Interrupted));
        for words in ["Failed to allocate memory for requested buffer", "std::bad_alloc", "bad allocation"] {
            assert!(matches!(of(words), DecoderError::OutOfMemory { tokens: 3, cached: 5, .. }), "{words}");
        }
        assert!(matches!(of("the driver is gone"), DecoderError::Run { tokens: 3, cached: 5, .. }));
    }
}
