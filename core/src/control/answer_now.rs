//! Asking for the answer while the model still thinks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Ends the reasoning of the generation that it was given to, at its next token; cheap to clone, callable from any
/// thread. Without reasoning, or after its end, it does nothing.
#[derive(Debug, Clone, Default)]
pub struct AnswerNow(Arc<State>);

#[derive(Debug, Default)]
struct State {
    wanted: AtomicBool,
    parent: Option<AnswerNow>,
}

impl AnswerNow {
    /// Nothing is wanted yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One that is requested with this one, while this one is not requested with it.
    #[must_use]
    pub fn child(&self) -> Self {
        Self(Arc::new(State { parent: Some(self.clone()), ..State::default() }))
    }

    /// Ends the reasoning, now or when it starts.
    pub fn request(&self) {
        self.0.wanted.store(true, Ordering::SeqCst);
    }

    /// Whether [`AnswerNow::request`] was called.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.0.wanted.load(Ordering::SeqCst) || self.0.parent.as_ref().is_some_and(Self::is_wanted)
    }
}
