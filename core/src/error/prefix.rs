//! Why a prefix could not be shared.

use wheelwork_diagnostic::{Diagnosis, Diagnostic, Remedy, bug, give, retry, unsupported};

use crate::decoder::DecoderError;

/// Why a prefix could not be shared.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum PrefixError {
    /// The model was opened without room for it.
    #[error("the model was opened without a prefix cache")]
    Off,
    /// The messages do not begin every conversation that goes on from them.
    #[error("the last message is the user's: a shared prefix ends before the user's turn")]
    EndsWithUser,
    /// It would not fit even alone.
    #[error("a prefix of {tokens} tokens takes {bytes} bytes, the prefix cache has {limit_bytes}")]
    TooLarge { tokens: usize, bytes: u64, limit_bytes: u64 },
    /// The system gave no memory for a copy.
    #[error("no memory for {bytes} bytes of the prefix cache")]
    OutOfMemory { bytes: u64 },
    /// The decoder does not give its keys and values.
    #[error(transparent)]
    Decoder(#[from] DecoderError),
}

impl Diagnostic for PrefixError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Off => bug("prefix_cache_off", give("the prefix cache room when the model is opened")),
            Self::EndsWithUser => bug("prefix_ends_with_user", give("messages that end before the user's")),
            Self::TooLarge { .. } => {
                unsupported("prefix_too_large", give("the prefix cache more bytes, or share less"))
            }
            Self::OutOfMemory { .. } => retry("out_of_memory", Remedy::FreeMemory),
            Self::Decoder(error) => error.diagnosis(),
        }
    }
}
