//! Checkpoints that must be refused: rows CK-01 to CK-22 of the reliability reference, each test by its row's id.
//! [`Tiny::refusal`] also holds that nothing is left behind.

use wheelwork_diagnostic::Diagnostic;
use wheelwork_quantize::QuantizeError;
use wheelwork_quantize::checkpoint::{CheckpointError, ConfigError, HeaderFault};

use crate::checkpoint::{Tiny, raw_safetensors};

mod files;
mod header;
mod settings;
mod values;

/// The rule of the format that a file with this header and data breaks.
pub(crate) fn header_fault(header: &str, data: &[u8]) -> HeaderFault {
    let tiny = Tiny::qwen2().written();
    raw_safetensors(&tiny.file("model.safetensors"), header, data);
    fault_of(tiny.refusal())
}

pub(crate) fn fault_of(error: QuantizeError) -> HeaderFault {
    match error {
        QuantizeError::Checkpoint(CheckpointError::Header { path, fault }) => {
            assert!(path.ends_with("model.safetensors"));
            fault
        }
        other => panic!("expected a header fault, got {other:?}"),
    }
}

/// What a checkpoint is refused for.
pub(crate) fn checkpoint_refusal(tiny: Tiny) -> CheckpointError {
    checkpoint_error(tiny.written().refusal())
}

/// What a checkpoint is refused for.
pub(crate) fn config_refusal(tiny: Tiny) -> ConfigError {
    config_error(tiny.written().refusal())
}

pub(crate) fn checkpoint_error(error: QuantizeError) -> CheckpointError {
    assert!(!error.remedy().to_string().is_empty());
    match error {
        QuantizeError::Checkpoint(error) => error,
        other => panic!("expected a checkpoint error, got {other:?}"),
    }
}

pub(crate) fn config_error(error: QuantizeError) -> ConfigError {
    assert!(!error.remedy().to_string().is_empty());
    match error {
        QuantizeError::Config(error) => error,
        other => panic!("expected a configuration error, got {other:?}"),
    }
}
