//! What goes with each run of static graphs: the mode of power, and the flag that ends the run.

use std::sync::Arc;

use ::ort::session::{NoSelectedOutputs, RunOptions};

use super::Interrupt;
use super::effort::Effort;
use super::ort_decoder::Terminate;
use super::ort_static::Call;

/// The options of each kind of run.
pub(super) struct Modes {
    pub(super) effort: Effort,
    /// For prefill and for decode.
    full: [Arc<RunOptions<NoSelectedOutputs>>; 2],
    sparing: [Arc<RunOptions<NoSelectedOutputs>>; 2],
}

impl Modes {
    /// Without names of modes where the device has none.
    pub(super) fn new(are_told: bool) -> ::ort::Result<Self> {
        let options = |mode: &str| {
            let mut options = RunOptions::new()?;
            if are_told {
                options.set("qnn.htp_perf_mode", mode)?;
            }
            Ok::<_, ::ort::Error>(Arc::new(options))
        };
        let both = |effort: Effort| {
            let [prefill, decode] = effort.modes().map(options);
            Ok::<_, ::ort::Error>([prefill?, decode?])
        };
        Ok(Self { effort: Effort::Full, full: both(Effort::Full)?, sparing: both(Effort::Sparing)? })
    }

    /// The options of a run.
    pub(super) fn options(&self, call: Call) -> &Arc<RunOptions<NoSelectedOutputs>> {
        let [prefill, decode] = if self.effort == Effort::Full { &self.full } else { &self.sparing };
        if call == Call::Prefill { prefill } else { decode }
    }

    /// Ends runs of every kind. A neural processor runs a graph as one node, so a running call ends first.
    pub(super) fn interrupt(&self) -> Arc<dyn Interrupt> {
        let kinds = self.full.iter().chain(&self.sparing);
        Arc::new(Every(kinds.cloned().map(Terminate).collect()))
    }
}

struct Every(Vec<Terminate>);

impl Interrupt for Every {
    fn interrupt(&self) {
        self.0.iter().for_each(Interrupt::interrupt);
    }

    fn clear(&self) {
        self.0.iter().for_each(Interrupt::clear);
    }
}
