//! Ending a generation from anywhere, for good or for later.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::decoder::Interrupt;

/// Ends a generation within one token, in prefill too; cheap to clone, callable from any thread and from a
/// signal handler's thread.
#[derive(Clone, Default)]
pub struct CancelToken(Arc<State>);

#[derive(Default)]
struct State {
    /// A [`Wish`], or 0.
    wish: AtomicU8,
    /// The decoder call that runs now, if any.
    running: Mutex<Option<Arc<dyn Interrupt>>>,
}

/// How the caller wants a generation to end. Cancelling wins, whichever was asked for first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    Suspend = 1,
    Cancel = 2,
}

impl CancelToken {
    /// A token that is not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the generation that uses this token, now or when it starts. What it wrote is its answer.
    pub fn cancel(&self) {
        self.want(Wish::Cancel);
    }

    /// Ends the generation that uses this token, now or when it starts, and leaves its turn unfinished:
    /// [`crate::Session::resume`] goes on with it, in this process or, where the session is kept in a file, in another.
    /// What an app does when it goes to the background.
    pub fn suspend(&self) {
        self.want(Wish::Suspend);
    }

    /// Whether [`CancelToken::cancel`] was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.wish() == Some(Wish::Cancel)
    }

    pub(crate) fn wish(&self) -> Option<Wish> {
        match self.0.wish.load(Ordering::SeqCst) {
            0 => None,
            1 => Some(Wish::Suspend),
            _ => Some(Wish::Cancel),
        }
    }

    fn want(&self, wish: Wish) {
        self.0.wish.fetch_max(wish as u8, Ordering::SeqCst);
        if let Some(running) = self.0.running.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            running.interrupt();
        }
    }

    /// Names the decoder that the token shall interrupt, until the guard is dropped.
    pub(crate) fn attach(&self, interrupt: Arc<dyn Interrupt>) -> Attached {
        interrupt.clear();
        let mut running = self.0.running.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock, so that a wish comes either before this check or finds the decoder below.
        if self.wish().is_some() {
            interrupt.interrupt();
        }
        *running = Some(interrupt);
        Attached(self.clone())
    }
}

impl std::fmt::Debug for CancelToken {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("CancelToken").field("wish", &self.wish()).finish()
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
