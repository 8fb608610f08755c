//! What goes with each run of static graphs: how hard the device works, and the flag that ends the run.

use std::sync::Arc;

use ::ort::session::{NoSelectedOutputs, RunOptions};

use super::static_io::Call;
use crate::control::Interrupt;
use crate::decoder::effort::{Effort, PerformanceModes};

/// The options of each kind of run: for prefill and for decode.
pub(super) struct RunModes {
    pub(super) effort: Effort,
    full: [Arc<RunOptions<NoSelectedOutputs>>; 2],
    power_saving: [Arc<RunOptions<NoSelectedOutputs>>; 2],
}

impl RunModes {
    /// Without modes where the provider has none.
    pub(super) fn new(modes: Option<&PerformanceModes>) -> ::ort::Result<Self> {
        let options = |told: Option<(&str, &str)>| {
            let mut options = RunOptions::new()?;
            if let Some((option, value)) = told {
                options.set(option, value)?;
            }
            Ok::<_, ::ort::Error>(Arc::new(options))
        };
        let both = |values: fn(&PerformanceModes) -> [&'static str; 2]| {
            let told = |call: usize| modes.map(|modes| (modes.option, values(modes)[call]));
            Ok::<_, ::ort::Error>([options(told(0))?, options(told(1))?])
        };
        Ok(Self {
            effort: Effort::Full,
            full: both(|modes| modes.full)?,
            power_saving: both(|modes| modes.power_saving)?,
        })
    }

    /// The options of a run.
    pub(super) fn options(&self, call: Call) -> &RunOptions<NoSelectedOutputs> {
        let [prefill, decode] = if self.effort == Effort::Full { &self.full } else { &self.power_saving };
        if call == Call::Prefill { prefill } else { decode }
    }

    /// Ends runs of every kind. An NPU runs a graph as one node, so a running call ends first.
    pub(super) fn interrupt(&self) -> Arc<dyn Interrupt> {
        Arc::new(Terminate(self.full.iter().chain(&self.power_saving).cloned().collect()))
    }
}

/// Ends runs through ONNX Runtime's terminate flag, which is read between two nodes of the graph.
pub(super) struct Terminate(pub(super) Vec<Arc<RunOptions<NoSelectedOutputs>>>);

impl Interrupt for Terminate {
    fn interrupt(&self) {
        // Setting a flag cannot fail in a way that anyone could act on.
        self.0.iter().for_each(|options| drop(options.terminate()));
    }

    fn clear(&self) {
        self.0.iter().for_each(|options| drop(options.unterminate()));
    }
}
