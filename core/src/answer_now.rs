//! Asking for the answer while the model still thinks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Ends the reasoning of the generation that it was given to, at its next token; cheap to clone, callable from any
/// thread. Without reasoning, or after its end, it does nothing.
#[derive(Debug, Clone, Default)]
pub struct AnswerNow(Arc<AtomicBool>);

impl AnswerNow {
    /// Nothing is wanted yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the reasoning, now or when it starts.
    pub fn request(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether [`AnswerNow::request`] was called.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
