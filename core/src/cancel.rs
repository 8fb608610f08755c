//! Cancelling a generation from anywhere.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::decoder::Interrupt;

/// Ends a generation within one token, in prefill too; cheap to clone, callable from any thread and from a
/// signal handler's thread.
#[derive(Clone, Default)]
pub struct CancelToken(Arc<State>);

#[derive(Default)]
struct State {
    cancelled: AtomicBool,
    /// The decoder call that runs now, if any.
    running: Mutex<Option<Arc<dyn Interrupt>>>,
}

impl CancelToken {
    /// A token that is not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the generation that uses this token, now or when it starts.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::SeqCst);
        if let Some(running) = self.0.running.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            running.interrupt();
        }
    }

    /// Whether [`CancelToken::cancel`] was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::SeqCst)
    }

    /// Names the decoder that [`CancelToken::cancel`] shall interrupt, until the guard is dropped.
    pub(crate) fn attach(&self, interrupt: Arc<dyn Interrupt>) -> Attached {
        interrupt.clear();
        let mut running = self.0.running.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock, so that a cancel comes either before this check or finds the decoder below.
        if self.is_cancelled() {
            interrupt.interrupt();
        }
        *running = Some(interrupt);
        Attached(self.clone())
    }
}

impl std::fmt::Debug for CancelToken {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("CancelToken").field("cancelled", &self.is_cancelled()).finish()
    }
}

/// Takes the decoder back from the token and lets it run again.
pub(crate) struct Attached(CancelToken);

impl Drop for Attached {
    fn drop(&mut self) {
        if let Some(interrupt) = self.0.0.running.lock().unwrap_or_else(PoisonError::into_inner).take() {
            interrupt.clear();
        }
    }
}
