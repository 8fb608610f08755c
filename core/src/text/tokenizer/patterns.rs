//! The patterns of one tokenizer, compiled within one limit.

use std::path::Path;

use serde::Deserialize;
use wheelwork_package::budget::{Exhausted, PATTERN_INSTRUCTIONS};

use super::error::TokenizerError;
use super::pattern::{PatternFault, Program};

/// A pattern as it stands in the file.
#[derive(Debug, Clone, Deserialize)]
pub(super) enum PatternText {
    String(String),
    Regex(String),
}

/// Why the steps of a tokenizer can't be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum StepFault {
    /// A step has not the fields that its type has.
    #[error("a step is not valid: {0}")]
    Form(#[from] serde_json::Error),
    /// A pattern can't be used.
    #[error("a pattern of {field} is not usable: {fault}")]
    Pattern {
        /// The field of the file that it stands in.
        field: &'static str,
        /// Why.
        fault: PatternFault,
    },
}

impl StepFault {
    /// As an error that names the file.
    pub(super) fn at(self, path: &Path) -> TokenizerError {
        let (path, detail) = (path.to_path_buf(), self.to_string());
        match self {
            Self::Form(_) | Self::Pattern { fault: PatternFault::Syntax(_), .. } => {
                TokenizerError::Steps { path, detail }
            }
            Self::Pattern { fault: PatternFault::Unsupported(_), .. } => {
                TokenizerError::Pattern { path, detail }
            }
            Self::Pattern { fault: PatternFault::Exhausted(exhausted), .. } => {
                TokenizerError::Exhausted { path, exhausted }
            }
        }
    }
}

/// Compiles the patterns of a tokenizer.
#[derive(Default)]
pub(super) struct Patterns {
    instructions: usize,
}

impl Patterns {
    pub(super) fn compile(&mut self, field: &'static str, text: &PatternText) -> Result<Program, StepFault> {
        let compiled = match text {
            PatternText::String(text) => Program::of_text(text),
            PatternText::Regex(pattern) => Program::of_pattern(pattern),
        };
        let program = compiled.map_err(|fault| StepFault::Pattern { field, fault })?;
        self.instructions = self.instructions.saturating_add(program.len());
        if self.instructions as u64 > PATTERN_INSTRUCTIONS.number {
            let fault = PatternFault::Exhausted(Exhausted::Limit(PATTERN_INSTRUCTIONS));
            return Err(StepFault::Pattern { field, fault });
        }
        Ok(program)
    }
}
