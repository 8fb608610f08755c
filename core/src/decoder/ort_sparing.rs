//! A second session of the same graph, with fewer threads, for times when the device is to be spared: ONNX Runtime fixes
//! the number of threads when it loads a graph.
//!
//! It is loaded when it is first wanted. Caches stand in the host's memory, so a sequence goes from one session to the
//! other between two calls, and only binds its buffers anew.

use std::sync::{Arc, OnceLock};

use super::DecoderError;
use super::ort_model::OrtModel;

/// How to load the second session, and the session once it was loaded.
pub(crate) struct Sparing {
    load: Box<dyn Fn() -> Result<Arc<OrtModel>, DecoderError> + Send + Sync>,
    loaded: OnceLock<Option<Arc<OrtModel>>>,
}

impl Sparing {
    pub(crate) fn new(
        load: impl Fn() -> Result<Arc<OrtModel>, DecoderError> + Send + Sync + 'static,
    ) -> Self {
        Self { load: Box::new(load), loaded: OnceLock::new() }
    }

    /// None where it cannot be loaded, which is tried once: all threads go on computing, as the placement tells.
    pub(super) fn model(&self) -> Option<&Arc<OrtModel>> {
        self.loaded.get_or_init(|| (self.load)().ok()).as_ref()
    }
}
