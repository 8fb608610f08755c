//! Graphs that are compiled for a better device in the background.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use wheelwork::{CancelToken, Compilation, CompileStep};

use crate::convert::count;
use crate::edge::{lock, safely};
use crate::job::{Item, Job};
use crate::{FfiError, NotUsedReason};

/// How often is looked whether there is something new: compiling takes seconds to minutes.
const LOOK: Duration = Duration::from_millis(100);

/// How far the graphs are that are compiled in the background.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum CompilationState {
    /// They are being compiled, loaded or checked.
    UnderWay,
    /// The turns that begin from now on run on the device.
    Ready,
    /// The device is not used.
    Failed {
        /// The kind of reason.
        reason: NotUsedReason,
        /// The same for a person, after "because".
        words: String,
        /// What was said, where something was said.
        detail: Option<String>,
    },
}

/// Somebody who waits for graphs that are compiled in the background. Letting go of it, or cancelling it, ends the waiting
/// and nothing else.
#[derive(uniffi::Object)]
pub struct CompilationHandle {
    job: Job<CompilationEvent>,
}

/// What is told of graphs that are compiled in the background.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum CompilationEvent {
    /// A graph is being compiled.
    Graph {
        /// The graph's file.
        graph: String,
        /// Which one it is, from 1.
        number: u32,
        /// How many there are.
        graphs: u32,
    },
    /// The end; nothing follows.
    Finished {
        /// `Ready` or `Failed`.
        state: CompilationState,
    },
}

#[uniffi::export]
impl CompilationHandle {
    /// The next event; nothing after the last one, and nothing after a cancel. Waits without a thread. One reader at a time.
    ///
    /// # Errors
    /// `busy` for a second reader.
    pub async fn next(&self) -> Result<Option<CompilationEvent>, FfiError> {
        self.job.next().await
    }

    /// Ends the waiting within 100 ms; the compiling goes on. Microseconds, on any thread.
    pub fn cancel(&self) {
        safely("CompilationHandle.cancel", || (), || self.job.cancel());
    }
}

/// The graph that is being compiled for an engine.
#[derive(Default)]
pub(crate) struct Compiling(Mutex<Option<CompileStep>>);

impl Compiling {
    pub(crate) fn note(&self, step: &CompileStep) {
        *lock(&self.0) = Some(step.clone());
    }

    fn step(&self) -> Option<CompileStep> {
        lock(&self.0).clone()
    }
}

impl CompilationHandle {
    /// Waits for `compilation`, whose steps are noted in `compiling`.
    pub(crate) fn begin(
        compilation: Arc<Compilation>,
        compiling: Arc<Compiling>,
    ) -> Result<Arc<Self>, FfiError> {
        Self::waiting(move |limit| compilation.wait(limit), compiling)
    }

    /// Waits by `wait`, which takes at most as long as it is told and tells how far it is then.
    pub(crate) fn waiting(
        wait: impl Fn(Duration) -> wheelwork::CompilationState + Send + 'static,
        compiling: Arc<Compiling>,
    ) -> Result<Arc<Self>, FfiError> {
        let job = Job::start(CancelToken::new(), move |teller| {
            let mut told = None;
            while !teller.is_cancelled() {
                let state = wait(LOOK);
                let step = compiling.step();
                if step != told {
                    told.clone_from(&step);
                    step.into_iter().for_each(|step| teller.tell(step.into()));
                }
                if state != wheelwork::CompilationState::UnderWay {
                    return Ok(Some(CompilationEvent::Finished { state: state.into() }));
                }
            }
            Ok(None)
        })?;
        Ok(Arc::new(Self { job }))
    }
}

impl Item for CompilationEvent {
    fn replaces(&self, earlier: &Self) -> bool {
        matches!((self, earlier), (Self::Graph { .. }, Self::Graph { .. }))
    }
}

impl From<CompileStep> for CompilationEvent {
    fn from(step: CompileStep) -> Self {
        let CompileStep { graph, number, graphs } = step;
        Self::Graph { graph, number: count(number), graphs: count(graphs) }
    }
}

impl From<wheelwork::CompilationState> for CompilationState {
    fn from(state: wheelwork::CompilationState) -> Self {
        use wheelwork::CompilationState as Core;
        match state {
            Core::UnderWay => Self::UnderWay,
            Core::Ready => Self::Ready,
            Core::Failed { reason, detail } => {
                Self::Failed { reason: reason.into(), words: reason.describe().to_owned(), detail }
            }
        }
    }
}
