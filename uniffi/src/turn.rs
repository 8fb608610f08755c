//! A turn: its events, one by one.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use wheelwork::SaveNow;
use wheelwork::engine::Turn;

use crate::edge::{guarded, lock, safely};
use crate::{Event, FfiError};

/// A turn under way. Its events wait for their reader; once as many do as [`crate::EngineOptions`] say, the turn does not go
/// on. When nothing holds it any more, the turn is cancelled. May be used from any thread; what cannot fail takes
/// microseconds.
#[derive(uniffi::Object)]
pub struct TurnHandle {
    /// Locked for a look at the queue, never while something computes. None once nothing holds the handle any more.
    turn: Mutex<Option<Turn>>,
    has_reader: AtomicBool,
    is_suspended: AtomicBool,
    save_now: SaveNow,
}

#[uniffi::export]
impl TurnHandle {
    /// The next event; nothing after the last one. Waits without a thread. One reader at a time.
    ///
    /// # Errors
    /// What ends the turn, and `busy` for a second reader.
    pub async fn next(&self) -> Result<Option<Event>, FfiError> {
        if self.has_reader.swap(true, Ordering::SeqCst) {
            return Err(FfiError::second_reader());
        }
        let _reader = Reader(&self.has_reader);
        let event = poll_fn(|context| match guarded(|| Ok(self.poll_next(context))) {
            Ok(poll) => poll.map(|event| Ok(event.transpose()?)),
            Err(panicked) => Poll::Ready(Err(panicked)),
        });
        Ok(event.await?.map(Event::from))
    }

    /// Ends the turn within a token, in prefill too. What was computed so far, and [`Event::Finished`], can still be
    /// read.
    pub fn cancel(&self) {
        safely("TurnHandle.cancel", || (), || self.with(Turn::cancel));
    }

    /// Ends the turn within a token and leaves it unfinished: [`crate::ChatHandle::resume`] goes on with it, in this
    /// process or, where the conversation is kept in a file, in another.
    pub fn suspend(&self) {
        let suspend = || {
            self.is_suspended.store(true, Ordering::SeqCst);
            self.with(Turn::suspend);
        };
        safely("TurnHandle.suspend", || (), suspend);
    }

    /// What a reader says that goes away: the turn is cancelled, unless it was suspended.
    pub fn leave(&self) {
        let leave = || {
            if !self.is_suspended.load(Ordering::SeqCst) {
                self.with(Turn::cancel);
            }
        };
        safely("TurnHandle.leave", || (), leave);
    }

    /// Ends the reasoning at its next token, so that the answer comes.
    pub fn answer_now(&self) {
        safely("TurnHandle.answer_now", || (), || self.with(Turn::answer_now));
    }
}

impl TurnHandle {
    fn with(&self, call: impl FnOnce(&Turn)) {
        if let Some(turn) = &*lock(&self.turn) {
            call(turn);
        }
    }

    fn poll_next(
        &self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<wheelwork::Event, wheelwork::Error>>> {
        match &mut *lock(&self.turn) {
            Some(turn) => turn.poll_next(context),
            None => Poll::Ready(None),
        }
    }

    /// `save_now` is what the turn was begun with.
    pub(crate) fn new(turn: Turn, save_now: SaveNow) -> Arc<Self> {
        let (turn, has_reader, is_suspended) =
            (Mutex::new(Some(turn)), AtomicBool::new(false), AtomicBool::new(false));
        Arc::new(Self { turn, has_reader, is_suspended, save_now })
    }

    /// Has the turn saved at its next token and waits for that, at most so long.
    pub(crate) fn save_now(&self, at_most: Duration) -> bool {
        self.save_now.request();
        self.save_now.wait(at_most)
    }
}

impl Drop for TurnHandle {
    fn drop(&mut self) {
        safely("TurnHandle.free", || (), || drop(lock(&self.turn).take()));
    }
}

/// Somebody waits for an event; when it is dropped, nobody does.
struct Reader<'t>(&'t AtomicBool);

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}
