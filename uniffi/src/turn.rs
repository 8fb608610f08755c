//! A turn: its events, one by one.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use wheelwork::SaveNow;
use wheelwork::engine::Turn;

use crate::edge::{guarded, lock, safely};
use crate::{Event, FfiError};

/// A turn and what was read of it too early.
struct Read {
    /// None once nothing holds the handle any more.
    turn: Option<Turn>,
    /// What ended the turn, behind events that were read with it.
    failure: Option<wheelwork::Error>,
    /// Who waits in [`TurnHandle::gathered`].
    gathering: Option<Waker>,
    /// Whether that one has waited long enough.
    is_enough: bool,
}

/// A turn under way. Its events wait for their reader; once as many do as [`crate::EngineOptions`] say, the turn does not go
/// on. When nothing holds it any more, the turn is cancelled. May be used from any thread; what cannot fail takes
/// microseconds.
#[derive(uniffi::Object)]
pub struct TurnHandle {
    /// Locked for a look at the queue, never while something computes.
    turn: Mutex<Read>,
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
        let _reader = self.reader()?;
        let event = poll_fn(|context| match guarded(|| Ok(lock(&self.turn).poll_next(context))) {
            Ok(poll) => poll.map(|event| Ok(event.transpose()?)),
            Err(panicked) => Poll::Ready(Err(panicked)),
        });
        Ok(event.await?.map(Event::from))
    }

    /// The events that wait, at most so many; none where none waits yet, and after the last one. Microseconds: a reader that
    /// comes again by itself pays less than one that is woken for each event. One reader at a time.
    ///
    /// # Errors
    /// As [`TurnHandle::next`], once the events before it were read.
    pub fn waiting(&self, most: u32) -> Result<Vec<Event>, FfiError> {
        guarded(|| {
            let _reader = self.reader()?;
            let mut turn = lock(&self.turn);
            let mut events = Vec::new();
            while events.len() < most as usize {
                match turn.poll_next(&mut Context::from_waker(Waker::noop())) {
                    Poll::Ready(Some(Ok(event))) => events.push(event.into()),
                    Poll::Ready(Some(Err(error))) if events.is_empty() => return Err(error.into()),
                    Poll::Ready(Some(Err(error))) => {
                        turn.failure = Some(error);
                        break;
                    }
                    Poll::Ready(None) | Poll::Pending => break,
                }
            }
            Ok(events)
        })
    }

    /// Waits until so many events wait, or as many as may, or the last one does. It takes none: a reader that waits here for
    /// some milliseconds at most, and then asks for [`TurnHandle::waiting`], is not woken for each event. Waits without a thread.
    /// One reader at a time.
    ///
    /// # Errors
    /// `busy` for a second reader.
    pub async fn gathered(&self, events: u32) -> Result<(), FfiError> {
        let _reader = self.reader()?;
        poll_fn(|context| match guarded(|| Ok(lock(&self.turn).poll_gathered(events, context))) {
            Ok(poll) => poll.map(Ok),
            Err(panicked) => Poll::Ready(Err(panicked)),
        })
        .await
    }

    /// Has who waits in [`TurnHandle::gathered`] come back, or the next one who comes there: for a language whose waiting can't
    /// be given up. Microseconds, on any thread.
    pub fn stop_gathering(&self) {
        let stop = || {
            let mut turn = lock(&self.turn);
            turn.is_enough = true;
            let waker = turn.gathering.take();
            drop(turn);
            waker.into_iter().for_each(Waker::wake);
        };
        safely("TurnHandle.stop_gathering", || (), stop);
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
    fn reader(&self) -> Result<Reader<'_>, FfiError> {
        if self.has_reader.swap(true, Ordering::SeqCst) {
            return Err(FfiError::second_reader());
        }
        Ok(Reader(&self.has_reader))
    }

    fn with(&self, call: impl FnOnce(&Turn)) {
        if let Some(turn) = &lock(&self.turn).turn {
            call(turn);
        }
    }

    /// `save_now` is what the turn was begun with.
    pub(crate) fn new(turn: Turn, save_now: SaveNow) -> Arc<Self> {
        let turn = Mutex::new(Read { turn: Some(turn), failure: None, gathering: None, is_enough: false });
        let (has_reader, is_suspended) = (AtomicBool::new(false), AtomicBool::new(false));
        Arc::new(Self { turn, has_reader, is_suspended, save_now })
    }

    /// Has the turn saved at its next token and waits for that, at most so long.
    pub(crate) fn save_now(&self, at_most: Duration) -> bool {
        self.save_now.request();
        self.save_now.wait(at_most)
    }
}

impl Read {
    fn poll_next(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<wheelwork::Event, wheelwork::Error>>> {
        match (self.failure.take(), &mut self.turn) {
            (Some(failure), _) => Poll::Ready(Some(Err(failure))),
            (None, Some(turn)) => turn.poll_next(context),
            (None, None) => Poll::Ready(None),
        }
    }

    fn poll_gathered(&mut self, events: u32, context: &mut Context<'_>) -> Poll<()> {
        let poll = match (&self.failure, &mut self.turn) {
            (None, Some(turn)) if !self.is_enough => turn.poll_gathered(events as usize, context),
            _ => Poll::Ready(()),
        };
        self.gathering = poll.is_pending().then(|| context.waker().clone());
        self.is_enough = false;
        poll
    }
}

impl Drop for TurnHandle {
    fn drop(&mut self) {
        safely("TurnHandle.free", || (), || drop(lock(&self.turn).turn.take()));
    }
}

/// Somebody waits for an event; when it is dropped, nobody does.
struct Reader<'t>(&'t AtomicBool);

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}
