//! Opening a model step by step, and ending that.

use std::sync::Arc;

use wheelwork::{CancelToken, CompileStep, CompileWatch, OpenStep, OpenWatch};

use crate::compilation::Compiling;
use crate::convert::count;
use crate::edge::{guarded, safely};
use crate::job::{Item, Job};
use crate::{Device, EngineHandle, EngineOptions, FfiError, OpenOptions};

/// A model that is being opened. It goes on whether somebody reads or not; let go of, it is cancelled, and an engine that
/// nobody took is shut down.
#[derive(uniffi::Object)]
pub struct OpenHandle {
    job: Job<OpenEvent>,
}

/// What an opening tells: its steps, then the open engine. `Describe` and `Load` come again where a device is refused and
/// the next one is tried.
#[derive(uniffi::Enum)]
pub enum OpenEvent {
    /// Descriptions and tokenizer are read, a device is chosen, the graph is verified.
    Describe,
    /// The graph is loaded with its weights: most of the time.
    Load {
        /// ONNX Runtime's name of the execution provider.
        provider: String,
        /// The device.
        device: Device,
    },
    /// A graph is compiled for this device, once, because nothing else can run the model meanwhile.
    Compile {
        /// The graph's file.
        graph: String,
        /// Which one it is, from 1.
        number: u32,
        /// How many there are.
        graphs: u32,
    },
    /// What the device computes is compared with what it should, at its first use.
    SelfCheck {
        /// ONNX Runtime's name of the execution provider.
        provider: String,
    },
    /// The end; nothing follows.
    Opened {
        /// The open model. Whoever takes it shuts it down.
        engine: Arc<EngineHandle>,
    },
}

#[uniffi::export]
impl OpenHandle {
    /// Begins to open a package folder, or a model folder of onnxruntime-genai. Returns at once; opening takes 0.1 to some
    /// seconds, more where graphs are compiled.
    ///
    /// # Errors
    /// `no_thread`; all others come from [`OpenHandle::next`].
    #[uniffi::constructor]
    pub fn begin(path: String, options: OpenOptions, engine: EngineOptions) -> Result<Arc<Self>, FfiError> {
        guarded(|| {
            let cancel = CancelToken::new();
            let job = Job::start(cancel.clone(), move |teller| {
                let (told, compiled) = (teller.clone(), teller.clone());
                let compiling = Arc::new(Compiling::default());
                let compiles = Arc::clone(&compiling);
                let options = wheelwork::OpenOptions {
                    cancel,
                    watch: OpenWatch::new(move |step| told.tell(step.clone().into())),
                    compile_watch: CompileWatch::new(move |step| {
                        compiles.note(step);
                        compiled.tell(step.clone().into());
                    }),
                    ..options.into()
                };
                let engine = EngineHandle::of(&path, &options, &engine.into(), compiling)?;
                Ok(Some(OpenEvent::Opened { engine }))
            })?;
            Ok(Arc::new(Self { job }))
        })
    }

    /// The next event; nothing after the last one. Waits without a thread. One reader at a time.
    ///
    /// # Errors
    /// Each fault of package, device or ONNX Runtime has its code; `open_cancelled` after a cancel. Nothing stays open and
    /// nothing follows after one. `busy` for a second reader.
    pub async fn next(&self) -> Result<Option<OpenEvent>, FfiError> {
        self.job.next().await
    }

    /// Ends it, while the graph is loaded too. The end, `open_cancelled`, can still be read. Microseconds, on any thread.
    pub fn cancel(&self) {
        safely("OpenHandle.cancel", || (), || self.job.cancel());
    }
}

impl Item for OpenEvent {
    fn replaces(&self, _: &Self) -> bool {
        false
    }
}

impl From<OpenStep> for OpenEvent {
    fn from(step: OpenStep) -> Self {
        match step {
            OpenStep::Describe => Self::Describe,
            OpenStep::Load { provider, device } => Self::Load { provider, device: device.into() },
            OpenStep::SelfCheck { provider } => Self::SelfCheck { provider },
        }
    }
}

impl From<CompileStep> for OpenEvent {
    fn from(step: CompileStep) -> Self {
        let CompileStep { graph, number, graphs } = step;
        Self::Compile { graph, number: count(number), graphs: count(graphs) }
    }
}
