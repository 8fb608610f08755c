//! Asking for a running turn to be saved.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Has the generation that it was given to saved at its next token, apart from what [`crate::Autosave`] does; cheap to
/// clone, callable from any thread. A session that is kept in no file saves nothing.
#[derive(Debug, Clone, Default)]
pub struct SaveNow(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    requests: Mutex<Requests>,
    served: Condvar,
}

/// Counted, so that a request made while one is served is not taken for served.
#[derive(Debug, Default)]
struct Requests {
    made: u64,
    served: u64,
}

impl SaveNow {
    /// Nothing is wanted yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for a save.
    pub fn request(&self) {
        self.requests().made += 1;
    }

    /// Waits until all that was asked for has reached the disk, at most so long. False where it has not: nobody reads the
    /// generation's events, a token takes longer, or the session is kept in no file.
    #[must_use]
    pub fn wait(&self, at_most: Duration) -> bool {
        let requests = self.requests();
        let made = requests.made;
        let pending = |requests: &mut Requests| requests.served < made;
        let result = self.0.served.wait_timeout_while(requests, at_most, pending);
        let (requests, _) = result.unwrap_or_else(PoisonError::into_inner);
        requests.served >= made
    }

    /// The last request, unless it was served.
    pub(crate) fn pending(&self) -> Option<u64> {
        let requests = self.requests();
        (requests.served < requests.made).then_some(requests.made)
    }

    /// Says that everything up to a request is served.
    pub(crate) fn served(&self, request: u64) {
        let mut requests = self.requests();
        requests.served = requests.served.max(request);
        self.0.served.notify_all();
    }

    fn requests(&self) -> std::sync::MutexGuard<'_, Requests> {
        self.0.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
