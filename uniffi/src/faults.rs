//! Faults on demand, and a look at what was computed, for the tests of the language boundary. Behind the feature
//! `faults`, which no library that ships has.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use wheelwork::{CompilationState, CompileStep};
use wheelwork_testing::{HookedDecoder, Run};

use crate::compilation::Compiling;
use crate::edge::safely;
use crate::{ChatHandle, CompilationHandle, EngineHandle, FfiError, OpenOptions, PrepareHandle, trip};

/// Has the next call of an export without a result panic, by its name as in `TurnHandle.cancel`, whatever thread it is on.
///
/// # Errors
/// None in practice.
#[uniffi::export]
pub fn panic_in_export(name: String) -> Result<(), FfiError> {
    trip::want(name);
    Ok(())
}

/// Whether the panic that was wanted last has come.
///
/// # Errors
/// None in practice.
#[uniffi::export]
pub fn has_panicked() -> Result<bool, FfiError> {
    Ok(!trip::is_wanted())
}

/// Counts the tokens that the conversations it makes compute, and breaks them.
#[derive(uniffi::Object, Default)]
pub struct Probe {
    decoded: Arc<AtomicU32>,
}

#[uniffi::export]
impl Probe {
    /// Nothing computed yet.
    ///
    /// # Errors
    /// None in practice.
    #[uniffi::constructor]
    pub fn new() -> Result<Arc<Self>, FfiError> {
        Ok(Arc::default())
    }

    /// A conversation whose decoder is counted and, where `panic_at` is given, panics instead of computing that token.
    ///
    /// # Errors
    /// As [`EngineHandle::chat`].
    pub fn chat(&self, engine: &EngineHandle, panic_at: Option<u32>) -> Result<Arc<ChatHandle>, FfiError> {
        let model = engine.engine()?.model().clone();
        let decoded = Arc::clone(&self.decoded);
        let count = move |run| {
            if run == Run::Decode {
                let count = decoded.fetch_add(1, Ordering::SeqCst) + 1;
                assert_ne!(Some(count), panic_at, "a fault on demand");
            }
            Ok(())
        };
        engine.adopt(model.session_through(|decoder| Box::new(HookedDecoder::new(decoder, count)))?)
    }

    /// Waits for graphs that nobody compiles: one is told, and after so many milliseconds the device is ready; never, where
    /// there is no number.
    ///
    /// # Errors
    /// As [`EngineHandle::compilation`].
    pub fn compilation(&self, ready_after_ms: Option<u64>) -> Result<Arc<CompilationHandle>, FfiError> {
        let (start, compiling) = (Instant::now(), Arc::new(Compiling::default()));
        compiling.note(&CompileStep { graph: "model.onnx".into(), number: 1, graphs: 1 });
        let ready_after = ready_after_ms.map(Duration::from_millis);
        let wait = move |limit| {
            std::thread::sleep(limit);
            match ready_after {
                Some(after) if start.elapsed() >= after => CompilationState::Ready,
                _ => CompilationState::UnderWay,
            }
        };
        CompilationHandle::waiting(wait, compiling)
    }

    /// A preparation that waits at its first step until it is cancelled.
    ///
    /// # Errors
    /// As [`PrepareHandle::begin`].
    pub fn preparation(&self, path: String, options: OpenOptions) -> Result<Arc<PrepareHandle>, FfiError> {
        PrepareHandle::start(path, options, |cancel| {
            while !cancel.is_cancelled() {
                std::thread::sleep(Duration::from_millis(1));
            }
        })
    }

    /// Tokens computed one by one, in all conversations.
    #[must_use]
    pub fn decoded_tokens(&self) -> u32 {
        safely("Probe.decoded_tokens", || 0, || self.decoded.load(Ordering::SeqCst))
    }

    /// Panics in a call on a conversation.
    ///
    /// # Errors
    /// `panicked`.
    #[allow(clippy::panic, reason = "it is the fault that is wanted")]
    pub fn panic_in(&self, chat: &ChatHandle) -> Result<(), FfiError> {
        chat.with(|_| panic!("a fault on demand"))
    }
}
