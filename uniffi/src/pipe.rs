//! Bytes of a package that an app fetches itself, on their way to the installation.
//!
//! ```text
//! the app: PackagePipe::push(at, bytes) -> the next position that is wanted ... finish
//! the installation's thread: PipeReader as a Source; what is here already is skipped
//! ```

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, Read};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use wheelwork::diagnostic::{Diagnosis, Diagnostic, Remedy, bug, give, retry};
use wheelwork_package::container::Source;

use crate::FfiError;
use crate::edge::{guarded, lock, safely};

/// Bytes that may wait for the installation before a push has to.
const WAITING_BYTES: usize = 4 << 20;

/// A package that the app fetches itself: it pushes the bytes of the `.wwpkg` file, the installation takes them. For one
/// installation; from any thread, one push at a time.
#[derive(uniffi::Object)]
pub struct PackagePipe {
    shared: Arc<Shared>,
}

/// What can go wrong with pushed bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PipeError {
    /// The app said so, or let go of the pipe.
    #[error("the app ended its transfer before the end of the package")]
    Abandoned,
    /// Pushed bytes that begin behind what is wanted next.
    #[error("bytes were pushed from {found} on, wanted next are those from {expected} on")]
    Gap { found: u64, expected: u64 },
    /// Nobody reads: the installation is over, or never began.
    #[error("no installation takes the bytes any more")]
    NoReader,
    /// A second installation, or a second push at once.
    #[error("the pipe is in use")]
    InUse,
    /// Bytes after the end.
    #[error("bytes were pushed after the end")]
    Ended,
}

struct Shared {
    state: Mutex<State>,
    /// Bytes, or the end.
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Vec<u8>>,
    /// Bytes of the first piece that were read.
    read: usize,
    waiting_bytes: usize,
    /// The position behind the last byte that was pushed.
    pushed_to: u64,
    /// The position of the next byte that the installation reads.
    read_from: u64,
    end: Option<Result<(), PipeError>>,
    reader: Reader,
    waker: Option<Waker>,
    is_pushing: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Reader {
    #[default]
    NotYet,
    There,
    Gone,
}

#[uniffi::export]
impl PackagePipe {
    /// A pipe without an installation.
    ///
    /// # Errors
    /// None in practice.
    #[uniffi::constructor]
    pub fn open() -> Result<Arc<Self>, FfiError> {
        guarded(|| {
            let shared = Arc::new(Shared { state: Mutex::default(), arrived: Condvar::new() });
            Ok(Arc::new(Self { shared }))
        })
    }

    /// Hands over bytes that stand at the position `at` of the package file, and tells the position of the next ones that
    /// are wanted. Waits, without a thread, while 4 MiB wait for the installation.
    ///
    /// Bytes before the wanted position are taken and dropped, so that a download from the start may go on as it is. A
    /// wanted position beyond the end of what was pushed is what the device has already, from an earlier try or an
    /// earlier version: a download that can ask for a range goes on there.
    ///
    /// # Errors
    /// `pipe_gap` for bytes behind the wanted position, `pipe_no_reader` once the installation is over: its own handle
    /// tells why; `pipe_in_use` for a second push at once, `pipe_ended` after [`PackagePipe::finish`].
    pub async fn push(&self, at: u64, bytes: Vec<u8>) -> Result<u64, FfiError> {
        {
            let mut state = lock(&self.shared.state);
            if std::mem::replace(&mut state.is_pushing, true) {
                return Err(PipeError::InUse.into());
            }
        }
        let _pushing = Pushing(&self.shared);
        let mut bytes = Some(bytes);
        poll_fn(|context| match guarded(|| Ok(self.shared.poll_push(at, &mut bytes, context))) {
            Ok(poll) => poll.map(|result| result.map_err(FfiError::from)),
            Err(panicked) => Poll::Ready(Err(panicked)),
        })
        .await
    }

    /// The position of the next byte that is wanted: where a download that is broken off goes on. Microseconds, on any
    /// thread.
    ///
    /// # Errors
    /// None in practice.
    pub fn wanted_from(&self) -> Result<u64, FfiError> {
        guarded(|| Ok(lock(&self.shared.state).wanted_from()))
    }

    /// Says that all bytes were pushed. Microseconds, on any thread; more than once is fine.
    pub fn finish(&self) {
        safely("PackagePipe.finish", || (), || self.shared.end(Ok(())));
    }

    /// Says that no more bytes will come: the installation ends with `pipe_abandoned`, and what has arrived is kept for the
    /// next one. So does letting go of the pipe. Microseconds, on any thread.
    pub fn abandon(&self) {
        safely("PackagePipe.abandon", || (), || self.shared.end(Err(PipeError::Abandoned)));
    }
}

impl PackagePipe {
    /// The installation's end.
    ///
    /// # Errors
    /// [`PipeError::InUse`].
    pub(crate) fn reader(&self) -> Result<PipeReader, PipeError> {
        let mut state = lock(&self.shared.state);
        match state.reader {
            Reader::NotYet => state.reader = Reader::There,
            Reader::There | Reader::Gone => return Err(PipeError::InUse),
        }
        Ok(PipeReader(Arc::clone(&self.shared)))
    }

    /// Ends the reader's waiting, from another thread.
    pub(crate) fn stopper(&self) -> PipeStopper {
        PipeStopper(Arc::clone(&self.shared))
    }
}

impl Drop for PackagePipe {
    fn drop(&mut self) {
        safely("PackagePipe.free", || (), || self.shared.end(Err(PipeError::Abandoned)));
    }
}

/// Ends the reader's waiting.
pub(crate) struct PipeStopper(Arc<Shared>);

impl PipeStopper {
    pub(crate) fn stop(&self) {
        self.0.end(Err(PipeError::Abandoned));
    }
}

/// The end of the pipe that an installation reads from.
pub(crate) struct PipeReader(Arc<Shared>);

impl Shared {
    fn end(&self, end: Result<(), PipeError>) {
        let mut state = lock(&self.state);
        state.end.get_or_insert(end);
        self.arrived.notify_all();
        wake(state);
    }

    fn poll_push(
        &self,
        at: u64,
        bytes: &mut Option<Vec<u8>>,
        context: &Context<'_>,
    ) -> Poll<Result<u64, PipeError>> {
        let mut state = lock(&self.state);
        if state.reader == Reader::Gone || matches!(state.end, Some(Err(_))) {
            return Poll::Ready(Err(PipeError::NoReader));
        }
        if state.end.is_some() {
            return Poll::Ready(Err(PipeError::Ended));
        }
        let expected = state.wanted_from();
        if at > expected {
            return Poll::Ready(Err(PipeError::Gap { found: at, expected }));
        }
        if state.waiting_bytes >= WAITING_BYTES {
            state.waker = Some(context.waker().clone());
            return Poll::Pending;
        }
        let Some(mut bytes) = bytes.take() else { return Poll::Ready(Ok(expected)) };
        let end = at.saturating_add(bytes.len() as u64);
        // What was pushed before, and what is not wanted.
        let known = usize::try_from(expected - at).map_or(bytes.len(), |known| known.min(bytes.len()));
        state.pushed_to = end.max(state.pushed_to);
        if known < bytes.len() {
            bytes.drain(..known);
            state.waiting_bytes += bytes.len();
            state.waiting.push_back(bytes);
            self.arrived.notify_all();
        }
        Poll::Ready(Ok(state.wanted_from()))
    }
}

impl State {
    /// The position of the next byte that is to be pushed.
    fn wanted_from(&self) -> u64 {
        self.pushed_to.max(self.read_from)
    }

    /// Takes up to `most` bytes that wait; into `buffer` where there is one.
    fn take(&mut self, most: usize, mut buffer: Option<&mut [u8]>) -> usize {
        let mut taken = 0;
        while let Some(piece) = self.waiting.front().filter(|_| taken < most) {
            let rest = piece.get(self.read..).unwrap_or_default();
            let part = rest.get(..(most - taken).min(rest.len())).unwrap_or_default();
            if let Some(room) =
                buffer.as_deref_mut().and_then(|buffer| buffer.get_mut(taken..taken + part.len()))
            {
                room.copy_from_slice(part);
            }
            (taken, self.read) = (taken + part.len(), self.read + part.len());
            if self.read == piece.len() {
                self.waiting.pop_front();
                self.read = 0;
            }
        }
        self.waiting_bytes -= taken;
        self.read_from += taken as u64;
        taken
    }
}

impl Read for PipeReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let mut state = lock(&self.0.state);
        while state.waiting_bytes == 0 {
            match &state.end {
                Some(Ok(())) => return Ok(0),
                Some(Err(error)) => return Err(io::Error::other(error.clone())),
                None => {}
            }
            state = self.0.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let read = state.take(buffer.len(), Some(buffer));
        wake(state);
        Ok(read)
    }
}

impl Source for PipeReader {
    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        let mut state = lock(&self.0.state);
        let most = usize::try_from(bytes).unwrap_or(usize::MAX);
        let dropped = state.take(most, None);
        // The rest is not even waited for: the next push learns of it.
        state.read_from += bytes - dropped as u64;
        wake(state);
        Ok(())
    }
}

impl Drop for PipeReader {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.reader = Reader::Gone;
        state.waiting.clear();
        (state.waiting_bytes, state.read) = (0, 0);
        wake(state);
    }
}

/// Wakes who waits to push, when the lock is gone: the waker is somebody else's code.
fn wake(mut state: std::sync::MutexGuard<'_, State>) {
    let waker = state.waker.take();
    drop(state);
    if let Some(waker) = waker {
        let _ = guarded(|| {
            waker.wake();
            Ok(())
        });
    }
}

/// A push under way; when it is dropped, there is none.
struct Pushing<'p>(&'p Shared);

impl Drop for Pushing<'_> {
    fn drop(&mut self) {
        lock(&self.0.state).is_pushing = false;
    }
}

impl Diagnostic for PipeError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Abandoned => retry("pipe_abandoned", Remedy::Continue),
            Self::Gap { .. } => bug("pipe_gap", give("the bytes from the wanted position on")),
            Self::NoReader => retry("pipe_no_reader", Remedy::Retry),
            Self::InUse => {
                bug("pipe_in_use", give("each installation a pipe of its own, and one push at a time"))
            }
            Self::Ended => bug("pipe_ended", give("all bytes before the end")),
        }
    }
}
