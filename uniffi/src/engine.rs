//! An open model.

use std::sync::{Arc, Mutex};

use wheelwork::engine::{Engine, EngineOptions};
use wheelwork::snapshot::{CacheFate, Restored, SessionFile};
use wheelwork::{CompilationState, Model, Session};

use crate::chat::session_file;
use crate::convert::count;
use crate::edge::{guarded, lock};
use crate::roster::Roster;
use crate::{ChatHandle, Conditions, FfiError, OpenOptions, Placement};

/// An open model with the thread that computes; shared by all its conversations.
#[derive(uniffi::Object)]
pub struct EngineHandle {
    /// None once it was shut down.
    engine: Mutex<Option<Engine>>,
    roster: Arc<Roster>,
}

/// What a session file gave.
#[derive(uniffi::Record)]
pub struct RestoredChat {
    /// The conversation.
    pub chat: Arc<ChatHandle>,
    /// Tokens whose keys and values are back.
    pub cached_tokens: u32,
    /// Why the next turn computes the whole conversation again, with both sides; absent where it does not.
    pub recomputed_because: Option<String>,
    /// Whether a turn was under way: [`ChatHandle::resume`] goes on with it.
    pub unfinished_turn: bool,
    /// Bytes at the file's end that were no whole record.
    pub dropped_bytes: u64,
    /// Whether another conversation, here or in another process, is kept in the file: this one cannot be.
    pub kept_elsewhere: bool,
}

#[uniffi::export]
impl EngineHandle {
    /// Opens a package folder, or a model folder of onnxruntime-genai. Takes 0.1 to some seconds.
    ///
    /// # Errors
    /// Each fault of package, device or ONNX Runtime has its code; nothing stays open after one.
    #[uniffi::constructor]
    pub fn open(path: String, options: OpenOptions) -> Result<Arc<Self>, FfiError> {
        guarded(|| {
            let model = Model::open_with(path, &options.into())?;
            let engine = Engine::new(model, EngineOptions::default())?;
            Ok(Arc::new(Self { engine: Mutex::new(Some(engine)), roster: Arc::new(Roster::new()) }))
        })
    }

    /// Starts an empty conversation.
    ///
    /// # Errors
    /// Where memory for the cache is short.
    pub fn chat(&self) -> Result<Arc<ChatHandle>, FfiError> {
        guarded(|| self.adopt(self.engine()?.model().session()?))
    }

    /// Starts a conversation where a file says that one stood; `key` where it is encrypted.
    ///
    /// # Errors
    /// For a file that is no session, a wrong key, and as [`EngineHandle::chat`].
    pub fn restore(&self, path: String, key: Option<Vec<u8>>) -> Result<RestoredChat, FfiError> {
        self.restored(session_file(path, key)?)
    }

    /// As [`EngineHandle::restore`] from a damaged file, of which all that is whole is read. The conversation can be kept
    /// in another file only: the damaged one is the only copy of the rest.
    ///
    /// # Errors
    /// As [`EngineHandle::restore`].
    pub fn salvage(&self, path: String, key: Option<Vec<u8>>) -> Result<RestoredChat, FfiError> {
        self.restored(session_file(path, key)?.salvaged())
    }

    /// Where the model runs, and why not on a better device.
    ///
    /// # Errors
    /// `closed`.
    pub fn placement(&self) -> Result<Placement, FfiError> {
        Ok(self.engine()?.model().placement().clone().into())
    }

    /// Whether graphs for a better device are being compiled in the background. Turns that begin after it run there. A
    /// process that returns from its `main` meanwhile may crash within the device's libraries; one that is killed does
    /// not.
    ///
    /// # Errors
    /// `closed`.
    pub fn is_compiling(&self) -> Result<bool, FfiError> {
        let engine = self.engine()?;
        Ok(engine.model().compilation().is_some_and(|it| it.state() == CompilationState::UnderWay))
    }

    /// The package's name.
    ///
    /// # Errors
    /// `closed`.
    pub fn model_name(&self) -> Result<String, FfiError> {
        Ok(self.engine()?.model().facts().name.clone())
    }

    /// The longest sequence in tokens.
    ///
    /// # Errors
    /// `closed`.
    pub fn context_length(&self) -> Result<u32, FfiError> {
        Ok(count(self.engine()?.model().facts().context_length))
    }

    /// Says how the device is: where it is hot, low on battery or in a pocket, the engine rests between steps and lets
    /// turns of low priority wait. Every turn tells [`crate::Event::PaceChanged`].
    ///
    /// # Errors
    /// `closed`.
    pub fn set_conditions(&self, conditions: Conditions) -> Result<(), FfiError> {
        self.engine()?.set_conditions(&conditions.into());
        Ok(())
    }

    /// Cancels every turn and lets go of the model, whatever conversations are still held; every later call is
    /// `closed`.
    pub fn shut_down(&self) {
        self.roster.close();
        // Dropped after the lock: that may wait for a step.
        let engine = lock(&self.engine).take();
        drop(engine);
    }
}

impl EngineHandle {
    fn restored(&self, file: SessionFile) -> Result<RestoredChat, FfiError> {
        guarded(|| {
            let (session, restored) = self.engine()?.model().restore(file)?;
            let Restored {
                messages: _,
                cache,
                unfinished_turn,
                dropped_bytes,
                damaged_at: _,
                kept_elsewhere,
            } = restored;
            let chat = self.adopt(session)?;
            let (cached_tokens, recomputed_because) = match cache {
                CacheFate::Restored { tokens } => (count(tokens), None),
                CacheFate::Recomputed { because } => (0, Some(because)),
            };
            Ok(RestoredChat {
                chat,
                cached_tokens,
                recomputed_because,
                unfinished_turn,
                dropped_bytes,
                kept_elsewhere,
            })
        })
    }

    pub(crate) fn engine(&self) -> Result<Engine, FfiError> {
        lock(&self.engine).clone().ok_or_else(FfiError::closed)
    }

    /// A session as a conversation of this engine.
    pub(crate) fn adopt(&self, session: Session) -> Result<Arc<ChatHandle>, FfiError> {
        ChatHandle::new(self.engine()?.adopt(session), &self.roster)
    }
}
