//! A long call as something to pull from: a thread of its own works, what it tells waits here for its reader.
//!
//! ```text
//! Job::start  -> a thread: work(teller), then its result as the last item
//! Job::next   -> the oldest item that waits; nothing after the last
//! Job::cancel -> the work ends within a step, and its error is the last item
//! ```
//!
//! Progress is not history: what nobody has read is replaced by what follows it of the same step, so that a reader that
//! takes its time holds nothing up and gathers nothing.

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use wheelwork::CancelToken;
use wheelwork::engine::EngineError;

use crate::FfiError;
use crate::edge::{guarded, lock, safely};

/// How often who waits for another job looks whether it is to go on.
const LOOK: Duration = Duration::from_millis(20);

/// Something that a job tells.
pub(crate) trait Item: Send + 'static {
    /// Whether it says all that `earlier` says.
    fn replaces(&self, earlier: &Self) -> bool;
}

/// A long call under way. Dropped, it is cancelled.
pub(crate) struct Job<I> {
    queue: Arc<Queue<I>>,
    handle: JobHandle,
    has_reader: AtomicBool,
}

/// What others may know of a job.
#[derive(Clone)]
pub(crate) struct JobHandle {
    cancel: CancelToken,
    ending: Arc<Ending>,
}

#[derive(Default)]
struct Ending {
    is_over: Mutex<bool>,
    over: Condvar,
}

struct Queue<I>(Mutex<State<I>>);

struct State<I> {
    waiting: VecDeque<Result<I, FfiError>>,
    is_over: bool,
    waker: Option<Waker>,
}

/// By which the work tells how far it is.
pub(crate) struct Teller<I> {
    queue: Arc<Queue<I>>,
    cancel: CancelToken,
}

impl<I> Clone for Teller<I> {
    fn clone(&self) -> Self {
        Self { queue: Arc::clone(&self.queue), cancel: self.cancel.clone() }
    }
}

impl<I: Item> Job<I> {
    /// Has a thread do `work`, whose result is the last item; none where it has nothing to say at its end.
    ///
    /// # Errors
    /// `no_thread`.
    pub(crate) fn start(
        cancel: CancelToken,
        work: impl FnOnce(&Teller<I>) -> Result<Option<I>, FfiError> + Send + 'static,
    ) -> Result<Self, FfiError> {
        let state = State { waiting: VecDeque::new(), is_over: false, waker: None };
        let queue = Arc::new(Queue(Mutex::new(state)));
        let handle = JobHandle { cancel: cancel.clone(), ending: Arc::default() };
        let teller = Teller { queue: Arc::clone(&queue), cancel };
        let ending = Arc::clone(&handle.ending);
        let run = move || {
            let last = guarded(|| work(&teller));
            // Whoever waits for the end may do what this work would have been in the way of.
            ending.tell();
            teller.queue.end(last.transpose());
        };
        let thread = thread::Builder::new().name("wheelwork-job".into());
        thread.spawn(run).map_err(|error| wheelwork::Error::from(EngineError::Thread(error)))?;
        Ok(Self { queue, handle, has_reader: AtomicBool::new(false) })
    }

    /// The next item; nothing after the last.
    ///
    /// # Errors
    /// Why the work failed, once, and `busy` for a second reader.
    pub(crate) async fn next(&self) -> Result<Option<I>, FfiError> {
        if self.has_reader.swap(true, Ordering::SeqCst) {
            return Err(FfiError::second_reader());
        }
        let _reader = Reader(&self.has_reader);
        let item = poll_fn(|context| match guarded(|| Ok(self.queue.poll(context))) {
            Ok(poll) => poll,
            Err(panicked) => Poll::Ready(Some(Err(panicked))),
        });
        item.await.transpose()
    }

    /// Ends the work within a step.
    pub(crate) fn cancel(&self) {
        self.handle.cancel();
    }

    pub(crate) fn handle(&self) -> &JobHandle {
        &self.handle
    }
}

impl<I> Drop for Job<I> {
    fn drop(&mut self) {
        safely("job.free", || (), || self.handle.cancel());
    }
}

impl JobHandle {
    pub(crate) fn cancel(&self) {
        self.cancel.cancel();
    }

    /// Waits for its end if it was cancelled, which is a step, unless `cancel` is cancelled, too.
    pub(crate) fn wait_if_leaving(&self, cancel: &CancelToken) {
        let mut is_over = lock(&self.ending.is_over);
        while !*is_over && self.cancel.is_cancelled() && !cancel.is_cancelled() {
            let waited = self.ending.over.wait_timeout(is_over, LOOK);
            is_over = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn is_over(&self) -> bool {
        *lock(&self.ending.is_over)
    }
}

impl Ending {
    fn tell(&self) {
        *lock(&self.is_over) = true;
        self.over.notify_all();
    }
}

impl<I: Item> Teller<I> {
    /// Lets the reader know.
    pub(crate) fn tell(&self, item: I) {
        self.queue.push(item);
    }

    /// Whether the reader wants no more.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    pub(crate) fn cancel_token(&self) -> &CancelToken {
        &self.cancel
    }
}

impl<I: Item> Queue<I> {
    fn push(&self, item: I) {
        let mut state = lock(&self.0);
        if state.waiting.back().is_some_and(|last| last.as_ref().is_ok_and(|last| item.replaces(last))) {
            state.waiting.pop_back();
        }
        state.waiting.push_back(Ok(item));
        wake(state);
    }

    fn end(&self, last: Option<Result<I, FfiError>>) {
        let mut state = lock(&self.0);
        state.waiting.extend(last);
        state.is_over = true;
        wake(state);
    }

    fn poll(&self, context: &Context<'_>) -> Poll<Option<Result<I, FfiError>>> {
        let mut state = lock(&self.0);
        match state.waiting.pop_front() {
            Some(item) => Poll::Ready(Some(item)),
            None if state.is_over => Poll::Ready(None),
            None => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Wakes the reader when the lock is gone: its waker is somebody else's code.
fn wake<I>(mut state: MutexGuard<'_, State<I>>) {
    let waker = state.waker.take();
    drop(state);
    if let Some(waker) = waker {
        let _ = guarded(|| {
            waker.wake();
            Ok(())
        });
    }
}

/// Somebody waits for an item; when it is dropped, nobody does.
struct Reader<'j>(&'j AtomicBool);

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

/// The jobs that work on one thing, which takes one at a time. One that was cancelled is waited for: who cancels and
/// begins again must not be told that it is busy. Others are not: the thing itself says that it is.
#[derive(Default)]
pub(crate) struct Jobs(Mutex<Vec<JobHandle>>);

impl Jobs {
    /// Waits for those that are leaving, unless `cancel` is cancelled.
    pub(crate) fn wait_for_leaving(&self, cancel: &CancelToken) {
        let jobs = lock(&self.0).clone();
        jobs.iter().for_each(|job| job.wait_if_leaving(cancel));
    }

    pub(crate) fn add(&self, job: &JobHandle) {
        let mut jobs = lock(&self.0);
        jobs.retain(|job| !job.is_over());
        jobs.push(job.clone());
    }

    /// Cancels all of them.
    pub(crate) fn cancel(&self) {
        let jobs = lock(&self.0).clone();
        jobs.iter().for_each(JobHandle::cancel);
    }
}

/// The jobs of this process at a folder: its lock is the process's, whoever asks.
pub(crate) fn jobs_at(folder: &Path) -> Arc<Jobs> {
    static JOBS: Mutex<BTreeMap<PathBuf, Weak<Jobs>>> = Mutex::new(BTreeMap::new());
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let mut known = lock(&JOBS);
    known.retain(|_, jobs| jobs.strong_count() > 0);
    let jobs = known.get(&folder).and_then(Weak::upgrade).unwrap_or_default();
    known.insert(folder, Arc::downgrade(&jobs));
    jobs
}
