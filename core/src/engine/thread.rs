//! The thread on which turns take their steps. It ends with the last handle on it.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use super::run_queue::RunQueue;
use super::worker::{self, Item, Job};
use crate::error::EngineError;

/// A thread and the queue of the turns that it computes.
pub(super) struct Thread {
    pub(super) run_queue: Arc<RunQueue<Job, Item>>,
    /// `None` once it was joined.
    handle: Option<JoinHandle<()>>,
}

impl Thread {
    /// `prefill_tokens` are the most tokens of a prompt in one step; `waiting_events` those that may wait for a reader.
    pub(super) fn start(waiting_events: usize, prefill_tokens: usize) -> Result<Arc<Self>, EngineError> {
        let run_queue = Arc::new(RunQueue::new(waiting_events));
        let its_queue = Arc::clone(&run_queue);
        let handle = thread::Builder::new()
            .name("wheelwork".into())
            .spawn(move || worker::work(&its_queue, prefill_tokens.max(1)))
            .map_err(EngineError::Thread)?;
        Ok(Arc::new(Self { run_queue, handle: Some(handle) }))
    }

    /// Whether the caller runs on it.
    pub(super) fn is_this(&self) -> bool {
        self.handle.as_ref().is_some_and(|handle| handle.thread().id() == thread::current().id())
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.run_queue.close();
        if self.is_this() {
            // A waker dropped the last handle; the thread ends by itself.
            return;
        }
        if let Some(handle) = self.handle.take() {
            // It catches every panic of a step; there is nobody left to tell of another.
            let _ = handle.join();
        }
    }
}
