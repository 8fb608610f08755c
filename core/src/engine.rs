//! Several conversations on one model, from any thread.
//!
//! ```no_run
//! use wheelwork::engine::{Engine, EngineOptions, Priority};
//! use wheelwork::{Event, Model, Options};
//!
//! fn main() -> Result<(), wheelwork::Error> {
//!     let engine = Engine::new(Model::open("tiny-r1.ortpackage")?, EngineOptions::default())?;
//!     let (chat, titles) = (engine.session()?, engine.session()?);
//!     let mut title = titles.ask("A title for: 478 + 256 = ?", &Options::default(), Priority::Background)?;
//!     for event in chat.ask("478 + 256 = ?", &Options::default(), Priority::Interactive)? {
//!         if let Event::AnswerDelta { text } = event? {
//!             print!("{text}");
//!         }
//!     }
//!     title.try_for_each(|event| event.map(drop))
//! }
//! ```
//!
//! 1. [`Engine`] is an open model with one thread that computes; [`Queue`] is that thread alone, for sessions of
//!    several models.
//! 2. [`Chat`] is a conversation's handle: one turn at a time, otherwise [`EngineError::Busy`].
//! 3. [`Turn`] is where the events of a turn wait for their reader.
//!
//! # Fairness
//!
//! The thread computes a step of one turn (one token, or a piece of a prompt), then a step of the next. The highest
//! [`Priority`] that has a turn which can go on comes first; turns of the same priority take steps in rotation. A lower
//! priority that was passed over for some steps gets one nevertheless: normal turns after 8, background turns after 32.
//!
//! # Readers
//!
//! Events wait for their reader. A reader that takes its time holds up its own turn only, once
//! [`EngineOptions::waiting_events`] wait for it; one that panics or goes away ends its own turn. No code of a reader
//! runs under a lock of the engine, and of its code only wakers run on the engine's thread; a call out of a waker that
//! would have to wait for that thread is [`EngineError::Busy`].
//!
//! # Pace
//!
//! An app that learns that the device is hot, low on battery or in a pocket says so with [`Queue::set_conditions`]. The
//! engine then rests between steps and lets turns of low priority wait, as the tables of [`pace`] say, and every turn
//! tells [`Event::PaceChanged`].
//!
//! # Panics
//!
//! A panic in a step ends at the step: its turn ends with [`EngineError::Panicked`], its session is discarded, and the
//! next call on the conversation is [`EngineError::SessionLost`]. The other conversations go on.

mod chat;
mod run_queue;
mod schedule;
mod slot;
mod sync;
mod thread;
mod turn;
mod worker;

use std::sync::Arc;

use crate::error::Error;
use crate::event::Event;
use crate::open::Model;
use crate::session::Session;
use crate::session::snapshot::{Restored, SessionFile};
pub use chat::Chat;
use thread::Thread;
pub use turn::Turn;
use worker::Item;

pub use crate::control::pace::{self, Conditions, Pace, Priority};
pub use crate::error::EngineError;

/// How an engine works. `default()` suits most.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Events that may wait for a reader before its turn has to, at least 1. A step brings few, so that at most a
    /// handful more wait.
    pub waiting_events: usize,
    /// The most tokens of a prompt in one step, at least 1: how long other turns wait for a long prompt.
    pub prefill_tokens: usize,
}

impl Default for EngineOptions {
    /// 64 events and 128 tokens.
    fn default() -> Self {
        Self { waiting_events: 64, prefill_tokens: 128 }
    }
}

/// An open model that several conversations share: cheap to clone, usable from any thread.
#[derive(Clone)]
pub struct Engine {
    model: Model,
    queue: Queue,
}

impl Engine {
    /// Starts the thread that computes.
    ///
    /// # Errors
    /// [`EngineError::Thread`].
    pub fn new(model: Model, options: EngineOptions) -> Result<Self, Error> {
        Ok(Self { model, queue: Queue::new(options)? })
    }

    /// An engine whose turns share the thread of other engines' turns.
    #[must_use]
    pub fn on(queue: &Queue, model: Model) -> Self {
        Self { model, queue: queue.clone() }
    }

    /// Starts an empty conversation.
    ///
    /// # Errors
    /// As [`Model::session`].
    pub fn session(&self) -> Result<Chat, Error> {
        Ok(self.adopt(self.model.session()?))
    }

    /// Starts a conversation where a file says that one stood.
    ///
    /// # Errors
    /// As [`Model::restore`].
    pub fn restore(&self, file: impl Into<SessionFile>) -> Result<(Chat, Restored), Error> {
        let (session, restored) = self.model.restore(file)?;
        Ok((self.adopt(session), restored))
    }

    /// Lets a session take its turns here.
    #[must_use]
    pub fn adopt(&self, session: Session) -> Chat {
        self.queue.adopt(session)
    }

    /// How fast it computes now.
    #[must_use]
    pub fn pace(&self) -> Pace {
        self.queue.pace()
    }

    /// Says how the device is; see [`Queue::set_conditions`].
    pub fn set_conditions(&self, conditions: &Conditions) {
        self.queue.set_conditions(conditions);
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The thread that computes.
    #[must_use]
    pub fn queue(&self) -> &Queue {
        &self.queue
    }
}

/// One thread on which the turns of sessions take steps, whatever models they are of. It ends with the last handle:
/// queue, engine, conversation or turn; dropping that one waits for the step under way, which is interrupted.
#[derive(Clone)]
pub struct Queue(Arc<Thread>);

impl Queue {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`EngineError::Thread`].
    pub fn new(options: EngineOptions) -> Result<Self, Error> {
        Ok(Self(Thread::start(options.waiting_events, options.prefill_tokens)?))
    }

    /// Lets a session take its turns here.
    #[must_use]
    pub fn adopt(&self, session: Session) -> Chat {
        Chat::new(Arc::clone(&self.0), session)
    }

    /// How fast it computes now, by the conditions that it was told last.
    #[must_use]
    pub fn pace(&self) -> Pace {
        self.0.run_queue.pace()
    }

    /// Says how the device is; callable from any thread, as often as it changes. The turns tell what follows from it.
    pub fn set_conditions(&self, conditions: &Conditions) {
        let pace = conditions.pace();
        let outdated = |item: &Item| matches!(item, Ok(Event::PaceChanged { .. }));
        self.0.run_queue.set_pace(pace, || Ok(Event::PaceChanged { pace }), outdated);
    }
}
