//! Ending a generation from anywhere, for good or for later.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Ends a running call, of a decoder for one, from another thread.
pub trait Interrupt: Send + Sync {
    /// Makes the running call, or the next one, end.
    fn interrupt(&self);
    /// Lets calls run again.
    fn clear(&self);
}

/// Ends a generation within one token, in prefill too; cheap to clone, callable from any thread and from a
/// signal handler's thread.
#[derive(Clone, Default)]
pub struct CancelToken(Arc<State>);

#[derive(Default)]
struct State {
    /// A [`StopRequest`], or 0.
    request: AtomicU8,
    /// The decoder calls that run now, and whoever else is to know.
    attached: Mutex<Vec<Arc<dyn Interrupt>>>,
    parent: Option<CancelToken>,
}

/// How the caller wants a generation to end. Cancelling wins, whichever was asked for first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum StopRequest {
    Suspend = 1,
    Cancel = 2,
}

impl CancelToken {
    /// A token that is not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A token that is cancelled or suspended with this one, while this one is not with it.
    #[must_use]
    pub fn child(&self) -> Self {
        Self(Arc::new(State { parent: Some(self.clone()), ..State::default() }))
    }

    /// Ends the generation that uses this token, now or when it starts. What it wrote is its answer.
    pub fn cancel(&self) {
        self.want(StopRequest::Cancel);
    }

    /// Ends the generation that uses this token, now or when it starts, and leaves its turn unfinished:
    /// [`crate::Session::resume`] goes on with it, in this process or, where the session is kept in a file, in another.
    /// What an app does when it goes to the background.
    pub fn suspend(&self) {
        self.want(StopRequest::Suspend);
    }

    /// Whether [`CancelToken::cancel`] was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.request() == Some(StopRequest::Cancel)
    }

    /// What is wanted of this token or one that it is a child of.
    pub(crate) fn request(&self) -> Option<StopRequest> {
        self.and_parents().filter_map(Self::own_request).max()
    }

    fn own_request(&self) -> Option<StopRequest> {
        match self.0.request.load(Ordering::SeqCst) {
            0 => None,
            1 => Some(StopRequest::Suspend),
            _ => Some(StopRequest::Cancel),
        }
    }

    fn want(&self, request: StopRequest) {
        self.0.request.fetch_max(request as u8, Ordering::SeqCst);
        for attached in self.attached().iter() {
            attached.interrupt();
        }
    }

    /// Names what the token shall interrupt, until the guard is dropped.
    pub(crate) fn attach(&self, interrupt: Arc<dyn Interrupt>) -> Attached {
        interrupt.clear();
        for token in self.and_parents() {
            let mut attached = token.attached();
            // Under the lock, so that a request comes either before this check or finds it below.
            if token.own_request().is_some() {
                interrupt.interrupt();
            }
            attached.push(Arc::clone(&interrupt));
        }
        Attached { token: self.clone(), interrupt }
    }

    fn and_parents(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |token| token.0.parent.as_ref())
    }

    fn attached(&self) -> MutexGuard<'_, Vec<Arc<dyn Interrupt>>> {
        self.0.attached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for CancelToken {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("CancelToken").field("request", &self.request()).finish()
    }
}

/// Takes a decoder back from its token and lets it run again.
pub(crate) struct Attached {
    token: CancelToken,
    interrupt: Arc<dyn Interrupt>,
}

impl Drop for Attached {
    fn drop(&mut self) {
        for token in self.token.and_parents() {
            token.attached().retain(|attached| !Arc::ptr_eq(attached, &self.interrupt));
        }
        self.interrupt.clear();
    }
}
