//! What a call may ask of a decoder: checked before anything runs, in the same way by every decoder.

use super::error::DecoderError;

/// The limits of one model's decoders.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Rows of the embedding table.
    pub(super) vocab_size: usize,
    /// The longest sequence in tokens.
    pub(super) context_length: usize,
    /// The most tokens of a call.
    pub(super) chunk_tokens: usize,
    /// Bytes of one token's keys and values.
    pub(super) kv_bytes_per_token: usize,
}

impl Limits {
    /// Checks tokens that are to be computed behind `cached` ones.
    pub(super) fn check_chunk(&self, tokens: &[u32], cached: usize) -> Result<(), DecoderError> {
        let limit = self.chunk_tokens;
        if tokens.is_empty() || tokens.len() > limit {
            return Err(DecoderError::ChunkSize { tokens: tokens.len(), limit });
        }
        self.check_tokens(tokens, cached)
    }

    /// Checks tokens whose keys and values are `bytes`.
    pub(super) fn check_kv(&self, tokens: &[u32], cached: usize, bytes: &[u8]) -> Result<(), DecoderError> {
        self.check_tokens(tokens, cached)?;
        let expected = self.kv_bytes_per_token.saturating_mul(tokens.len());
        if bytes.len() == expected {
            Ok(())
        } else {
            Err(DecoderError::KvBytes { bytes: bytes.len(), tokens: tokens.len(), expected })
        }
    }

    fn check_tokens(&self, tokens: &[u32], cached: usize) -> Result<(), DecoderError> {
        let Self { vocab_size, context_length: limit, .. } = *self;
        if let Some(&token) = tokens.iter().find(|&&token| token as usize >= vocab_size) {
            return Err(DecoderError::UnknownToken { token, vocab_size });
        }
        if tokens.len() > limit.saturating_sub(cached) {
            return Err(DecoderError::ContextFull { cached, tokens: tokens.len(), limit });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_is_a_variant_of_its_own() {
        let limits = Limits { vocab_size: 10, context_length: 5, chunk_tokens: 3, kv_bytes_per_token: 2 };
        assert!(limits.check_chunk(&[0, 9, 1], 2).is_ok());
        assert!(matches!(limits.check_chunk(&[], 0), Err(DecoderError::ChunkSize { tokens: 0, limit: 3 })));
        assert!(matches!(limits.check_chunk(&[0; 4], 0), Err(DecoderError::ChunkSize { tokens: 4, .. })));
        assert!(matches!(limits.check_chunk(&[1, 10], 0), Err(DecoderError::UnknownToken { token: 10, .. })));
        assert!(matches!(limits.check_chunk(&[1; 3], 3), Err(DecoderError::ContextFull { limit: 5, .. })));
        // Stored tokens need not be as few as those of a call.
        assert!(limits.check_kv(&[1; 5], 0, &[0; 10]).is_ok());
        assert!(matches!(
            limits.check_kv(&[1; 2], 0, &[0; 3]),
            Err(DecoderError::KvBytes { expected: 4, .. })
        ));
        assert!(matches!(limits.check_kv(&[1; 2], 4, &[0; 4]), Err(DecoderError::ContextFull { .. })));
    }
}
