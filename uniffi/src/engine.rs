//! An open model.

use std::sync::{Arc, Mutex};

use wheelwork::engine::{self, Engine};
use wheelwork::prefix_cache;
use wheelwork::snapshot::{CacheFate, Restored, SessionFile};
use wheelwork::{CompileWatch, Model, Session};

use crate::chat::session_file;
use crate::compilation::Compiling;
use crate::convert::{count, limit};
use crate::edge::{guarded, lock, safely};
use crate::roster::Roster;
use crate::trust::keys_of;
use crate::{
    ChatHandle, CompilationHandle, CompilationState, Conditions, EngineOptions, FfiError, MemoryPlan,
    OnnxRuntime, OpenOptions, Pace, PackageFacts, Placement,
};

/// An open model with the thread that computes; shared by all its conversations. May be used from any thread. Where no cost
/// is named, a call takes microseconds.
#[derive(uniffi::Object)]
pub struct EngineHandle {
    /// None once it was shut down.
    engine: Mutex<Option<Engine>>,
    roster: Arc<Roster>,
    /// What is compiled for a better device.
    compiling: Arc<Compiling>,
}

/// What is held of prefixes that conversations share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Record)]
pub struct PrefixUsage {
    /// Prefixes.
    pub entries: u32,
    /// Tokens, those that two prefixes share counted once.
    pub tokens: u32,
    /// Bytes of ids, keys and values.
    pub bytes: u64,
    /// The most bytes.
    pub limit_bytes: u64,
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
    /// The byte from which on a damaged file was not read; absent where it was whole.
    pub damaged_at: Option<u64>,
}

#[uniffi::export]
impl EngineHandle {
    /// Opens a package folder, or a model folder of onnxruntime-genai, on the caller's thread: 0.1 to some seconds, more
    /// where graphs are compiled. [`crate::OpenHandle`] tells its steps and can be cancelled.
    ///
    /// # Errors
    /// Each fault of package, device or ONNX Runtime has its code; nothing stays open after one.
    #[uniffi::constructor]
    pub fn open(path: String, options: OpenOptions, engine: EngineOptions) -> Result<Arc<Self>, FfiError> {
        guarded(|| {
            let compiling = Arc::new(Compiling::default());
            let compiles = Arc::clone(&compiling);
            let compile_watch = CompileWatch::new(move |step| compiles.note(step));
            let options = wheelwork::OpenOptions { compile_watch, ..options.into() };
            Self::of(&path, &options, &engine.into(), compiling)
        })
    }

    /// Starts an empty conversation. Some milliseconds, in which its cache gets memory.
    ///
    /// # Errors
    /// `closed`, and where memory for the cache is short.
    pub fn chat(&self) -> Result<Arc<ChatHandle>, FfiError> {
        guarded(|| self.adopt(self.engine()?.model().session()?))
    }

    /// Starts a conversation where a file says that one stood; `key` where it is encrypted. Reads the file, which may have
    /// some hundred megabytes.
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
        self.of_model(|model| Ok(model.placement().clone().into()))
    }

    /// How far the graphs are that are compiled for a better device in the background; absent where none are. Turns that
    /// begin after it run there. A process that returns from its `main` meanwhile may crash within the device's libraries;
    /// one that is killed does not.
    ///
    /// # Errors
    /// `closed`.
    pub fn compilation_state(&self) -> Result<Option<CompilationState>, FfiError> {
        self.of_model(|model| Ok(model.compilation().map(|compilation| compilation.state().into())))
    }

    /// Waits for the graphs that are compiled in the background; absent where none are. Returns at once:
    /// [`CompilationHandle`] tells the rest.
    ///
    /// # Errors
    /// `closed`, `no_thread`.
    pub fn compilation(&self) -> Result<Option<Arc<CompilationHandle>>, FfiError> {
        self.of_model(|model| {
            let compilation = model.compilation().map(Arc::clone);
            let begin = |compilation| CompilationHandle::begin(compilation, Arc::clone(&self.compiling));
            compilation.map(begin).transpose()
        })
    }

    /// The package's name.
    ///
    /// # Errors
    /// `closed`.
    pub fn model_name(&self) -> Result<String, FfiError> {
        self.of_model(|model| Ok(model.facts().name.clone()))
    }

    /// The longest sequence in tokens.
    ///
    /// # Errors
    /// `closed`.
    pub fn context_length(&self) -> Result<u32, FfiError> {
        self.of_model(|model| Ok(count(model.facts().context_length)))
    }

    /// Whether the model reasons. If not, limits of reasoning change nothing.
    ///
    /// # Errors
    /// `closed`.
    pub fn reasons(&self) -> Result<bool, FfiError> {
        self.of_model(|model| Ok(model.facts().reasons()))
    }

    /// What the package says of itself, as it was when it was opened; `keys` are the texts of public keys in PEM, by which
    /// its signature is told. Reads licence files and a tokenizer: some tenths of a second.
    ///
    /// # Errors
    /// `closed`, `not_a_key`, and a licence file that is not what the package's card says.
    pub fn package_facts(&self, keys: Vec<String>) -> Result<PackageFacts, FfiError> {
        self.of_model(|model| PackageFacts::of(model.package(), model.provenance(), &keys_of(&keys)?))
    }

    /// The ONNX Runtime that the model runs on.
    ///
    /// # Errors
    /// `closed`.
    pub fn onnx_runtime(&self) -> Result<OnnxRuntime, FfiError> {
        self.of_model(|model| Ok(model.runtime().into()))
    }

    /// What one more conversation of so many tokens takes of the memory, the model's own aside. Asks the system what is
    /// free: below a millisecond.
    ///
    /// # Errors
    /// `closed`.
    pub fn memory_plan(&self, context_tokens: u32) -> Result<MemoryPlan, FfiError> {
        self.of_model(|model| Ok(model.plan(limit(context_tokens)).into()))
    }

    /// Tokens of a text in which nothing is a control token, without what a template puts around it; see
    /// [`ChatHandle::prompt_tokens`]. Some milliseconds for a long text.
    ///
    /// # Errors
    /// `closed`, and a text that is too long.
    pub fn count_tokens(&self, text: String) -> Result<u32, FfiError> {
        self.of_model(|model| {
            let ids = model.facts().tokenizer.encode_plain(&text).map_err(wheelwork::Error::from)?;
            Ok(count(ids.len()))
        })
    }

    /// What is held of prefixes that conversations share; absent where the engine was opened without room for them.
    ///
    /// # Errors
    /// `closed`.
    pub fn prefix_usage(&self) -> Result<Option<PrefixUsage>, FfiError> {
        self.of_model(|model| Ok(model.prefix_cache().map(|cache| cache.usage().into())))
    }

    /// Forgets the prefixes that conversations share, for instance when the system runs short of memory.
    ///
    /// # Errors
    /// `closed`.
    pub fn clear_prefixes(&self) -> Result<(), FfiError> {
        self.of_model(|model| {
            model.prefix_cache().into_iter().for_each(|cache| cache.clear());
            Ok(())
        })
    }

    /// How fast the engine computes now, by the conditions that it was told last.
    ///
    /// # Errors
    /// `closed`.
    pub fn pace(&self) -> Result<Pace, FfiError> {
        guarded(|| Ok(self.engine()?.pace().into()))
    }

    /// Says how the device is: where it is hot, low on battery or in a pocket, the engine rests between steps and lets
    /// turns of low priority wait. Every turn tells [`crate::Event::PaceChanged`].
    ///
    /// # Errors
    /// `closed`.
    pub fn set_conditions(&self, conditions: Conditions) -> Result<(), FfiError> {
        guarded(|| {
            self.engine()?.set_conditions(&conditions.into());
            Ok(())
        })
    }

    /// Cancels every turn and lets go of the model, whatever conversations are still held, which waits for a step and frees
    /// memory; every later call is `closed`. More than once is fine.
    pub fn shut_down(&self) {
        safely("EngineHandle.shut_down", || (), || self.end());
    }
}

impl EngineHandle {
    /// Opens a model and starts the engine's thread.
    pub(crate) fn of(
        path: &str,
        options: &wheelwork::OpenOptions,
        engine: &engine::EngineOptions,
        compiling: Arc<Compiling>,
    ) -> Result<Arc<Self>, FfiError> {
        let model = Model::open_with(path, options)?;
        log_opened(&model);
        let engine = Mutex::new(Some(Engine::new(model, engine.clone())?));
        Ok(Arc::new(Self { engine, roster: Arc::new(Roster::new()), compiling }))
    }

    fn of_model<R>(&self, call: impl FnOnce(&Model) -> Result<R, FfiError>) -> Result<R, FfiError> {
        guarded(|| call(self.engine()?.model()))
    }

    fn end(&self) {
        self.roster.close();
        // Dropped after the lock: that may wait for a step.
        let engine = lock(&self.engine).take();
        if engine.is_some() {
            log::info!("the engine is shut down");
        }
        drop(engine);
    }

    fn restored(&self, file: SessionFile) -> Result<RestoredChat, FfiError> {
        guarded(|| {
            let (session, restored) = self.engine()?.model().restore(file)?;
            let Restored { messages: _, cache, unfinished_turn, dropped_bytes, damaged_at, kept_elsewhere } =
                restored;
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
                damaged_at,
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

/// Versions and placement; nothing that a person wrote.
fn log_opened(model: &Model) {
    let placement = Placement::from(model.placement().clone());
    log::info!(
        "opened on {:?} by {} of ONNX Runtime {}: kernels {:?}, threads {}, cache {:?}, prepared form {:?}",
        placement.device,
        placement.provider,
        model.runtime().version,
        placement.kernels,
        placement.threads,
        placement.kv_cache,
        placement.prepared,
    );
    for device in &placement.not_used {
        log::info!("not used: {} ({:?})", device.provider, device.kind);
    }
}

impl Drop for EngineHandle {
    fn drop(&mut self) {
        // Conversations that are still held keep the engine's thread, as they do in Rust.
        safely("EngineHandle.free", || (), || drop(lock(&self.engine).take()));
    }
}

impl From<prefix_cache::PrefixUsage> for PrefixUsage {
    fn from(usage: prefix_cache::PrefixUsage) -> Self {
        let prefix_cache::PrefixUsage { entries, tokens, bytes, limit_bytes } = usage;
        Self { entries: count(entries), tokens: count(tokens), bytes, limit_bytes }
    }
}
