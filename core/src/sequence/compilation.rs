//! Compiling for a better device in the background, while sequences run on the CPU.
//!
//! [`Compilation::start`] -> a thread compiles, keeps, loads and checks -> [`Compilation::ready`] gives what sequences go on
//! with, each when its next turn begins.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::fallback::Fallback;
use crate::decoder::{Decoder, DecoderError};
use crate::device::{NotUsedReason, Placement, Refusal};
use crate::facts::ModelFacts;

/// Graphs that are compiled in the background, until they are loaded or cannot be.
///
/// The thread goes on when nobody has this any more, so that the next open finds the result. A process that returns
/// from `main` meanwhile should [`Compilation::wait`]: the provider's libraries are taken down under a thread that is in
/// them.
pub struct Compilation {
    state: Mutex<State>,
    changed: Condvar,
}

/// How far graphs are that are compiled in the background.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CompilationState {
    /// They are being compiled, loaded or checked.
    UnderWay,
    /// The turns that begin from now on run on the device.
    Ready,
    /// The device is not used; why.
    Failed {
        /// The kind of reason.
        reason: NotUsedReason,
        /// What was said, where something was said.
        detail: Option<String>,
    },
}

enum State {
    UnderWay,
    Ready(Arc<Ready>),
    Failed(Refusal),
}

/// A device that can be used now.
pub(crate) struct Ready {
    pub(crate) facts: Arc<ModelFacts>,
    pub(crate) placement: Placement,
    pub(crate) fallback: Option<Fallback>,
    pub(crate) decoder: Box<dyn Fn() -> Result<Box<dyn Decoder>, DecoderError> + Send + Sync>,
}

impl Compilation {
    /// Has a thread compile; `None` where there is no thread for it.
    pub(crate) fn start(
        compile: impl FnOnce() -> Result<Ready, Refusal> + Send + 'static,
    ) -> Option<Arc<Self>> {
        let compilation = Arc::new(Self::under_way());
        let its_own = Arc::clone(&compilation);
        let work = move || {
            let outcome = catch_unwind(AssertUnwindSafe(compile));
            // Whoever waits must not wait for ever.
            let panicked = |_| Err((NotUsedReason::CompileFailed, Some("a panic ended it".to_owned())));
            its_own.settle(outcome.unwrap_or_else(panicked));
        };
        let thread = thread::Builder::new().name("wheelwork-compile".into());
        thread.spawn(work).ok().map(|_| compilation)
    }

    pub(crate) fn under_way() -> Self {
        Self { state: Mutex::new(State::UnderWay), changed: Condvar::new() }
    }

    pub(crate) fn settle(&self, outcome: Result<Ready, Refusal>) {
        *self.lock() = match outcome {
            Ok(ready) => State::Ready(Arc::new(ready)),
            Err(refusal) => State::Failed(refusal),
        };
        self.changed.notify_all();
    }

    /// How far it is.
    #[must_use]
    pub fn state(&self) -> CompilationState {
        match &*self.lock() {
            State::UnderWay => CompilationState::UnderWay,
            State::Ready(_) => CompilationState::Ready,
            State::Failed((reason, detail)) => {
                CompilationState::Failed { reason: *reason, detail: detail.clone() }
            }
        }
    }

    /// Waits until it is over, at most so long; tells how far it is then.
    #[must_use]
    pub fn wait(&self, limit: Duration) -> CompilationState {
        let start = Instant::now();
        let mut state = self.lock();
        while let (State::UnderWay, Some(left)) = (&*state, limit.checked_sub(start.elapsed())) {
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(state);
        self.state()
    }

    /// What to go on with; `None` while it is not there.
    pub(crate) fn ready(&self) -> Option<Result<Arc<Ready>, Refusal>> {
        match &*self.lock() {
            State::UnderWay => None,
            State::Ready(ready) => Some(Ok(Arc::clone(ready))),
            State::Failed(refusal) => Some(Err(refusal.clone())),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Under the lock, things are only moved.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_is_told_of_the_end_and_not_kept_beyond_the_limit() {
        let compilation = Arc::new(Compilation::under_way());
        assert_eq!(compilation.wait(Duration::from_millis(1)), CompilationState::UnderWay);
        let waiting = Arc::clone(&compilation);
        let thread = thread::spawn(move || waiting.wait(Duration::from_secs(20)));
        compilation.settle(Err((NotUsedReason::CompileFailed, None)));
        let failed = CompilationState::Failed { reason: NotUsedReason::CompileFailed, detail: None };
        assert_eq!(thread.join().unwrap(), failed);
    }
}
