//! What an opening tells while it runs.

use std::sync::Arc;

use crate::device::Device;

/// A step of an opening, told before it is taken. The first two come again where a device is refused and the next one is
/// tried. Graphs that are compiled are told apart: [`crate::CompileWatch`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenStep {
    /// Descriptions, tokenizer and template are read, a device is chosen, the graph is verified: no weights yet.
    Describe,
    /// The graph is loaded with its weights: most of the time.
    Load {
        /// ONNX Runtime's name of the execution provider.
        provider: String,
        /// The device.
        device: Device,
    },
    /// What the device computes is compared with what it should, at its first use.
    SelfCheck {
        /// ONNX Runtime's name of the execution provider.
        provider: String,
    },
}

/// Who is told of the steps of an opening.
#[derive(Clone, Default)]
pub struct OpenWatch(Option<Arc<Watch>>);

type Watch = dyn Fn(&OpenStep) + Send + Sync;

impl OpenWatch {
    /// `watch` is called before each step, on the thread that opens.
    pub fn new(watch: impl Fn(&OpenStep) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(watch)))
    }

    pub(super) fn tell(&self, step: &OpenStep) {
        if let Some(watch) = &self.0 {
            watch(step);
        }
    }
}

impl std::fmt::Debug for OpenWatch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "OpenWatch({})", if self.0.is_some() { "set" } else { "none" })
    }
}
