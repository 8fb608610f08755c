//! From a folder to a loaded graph on the best device that takes it: descriptions read, device chosen, graph verified, then
//! loaded, or the next device tried.

use std::path::Path;
use std::sync::Arc;

use super::described::{Described, Planned, Refused};
use super::dynamic_opening;
use super::not_loaded::NotLoaded;
use super::options::OpenOptions;
use super::static_opening::{self, Checked};
use super::watch::{OpenStep, OpenWatch};
use crate::control::CancelToken;
use crate::decoder::ort::loaded::Loaded;
use crate::device::trial::Trial;
use crate::device::{self, CPU, NotUsedReason, Refusal};
use crate::error::Error;
use crate::facts::ModelFacts;
use crate::sequence::{Compilation, Fallback, Ready};

/// A model whose graph is loaded.
pub(super) struct Opened {
    pub(super) described: Described,
    pub(super) facts: ModelFacts,
    pub(super) graph: Loaded,
}

/// A model that is opened on one device.
pub(super) struct Opening {
    pub(super) described: Described,
    /// Held until the provider has shown that it leaves the process alive.
    trial: Option<Trial>,
}

impl Opening {
    /// Opens on the best device that loads the graph and computes it. A better one whose graphs must be compiled first
    /// is compiled for in the background.
    pub(super) fn loaded(
        path: &Path,
        options: &OpenOptions,
        fallback: Option<&Fallback>,
    ) -> Result<(Opened, Option<Arc<Compilation>>), Error> {
        device::check_options(options.device, &options.provider_options)?;
        let mut refused = Refused::new();
        let mut compilation = None;
        loop {
            options.watch.tell(&OpenStep::Describe);
            let planned = Planned::new(path, options, &refused)?;
            let (provider, variant) = (planned.placement.provider.clone(), planned.placement.variant.clone());
            let opened = Described::new(planned, options).map_err(NotLoaded::Failed);
            let opened =
                opened.map(|(described, trial)| Self { described, trial }).and_then(|mut opening| {
                    match opening.load(options) {
                        Ok(graph) => {
                            let facts = opening.described.facts().map_err(NotLoaded::Failed)?;
                            Ok(Opened { described: opening.described, facts, graph })
                        }
                        Err(not_loaded) => {
                            if matches!(not_loaded, NotLoaded::ToCompile { .. }) {
                                let (cancel, watch) = (CancelToken::new(), OpenWatch::default());
                                let options = OpenOptions { cancel, watch, ..options.clone() };
                                let fallback = fallback.cloned();
                                compilation =
                                    Compilation::start(move || opening.compiled(&options, fallback));
                            }
                            Err(not_loaded)
                        }
                    }
                });
            // What failed because it was ended is no reason to go on elsewhere.
            options.go_on()?;
            let not_loaded = match opened {
                Ok(opened) => return Ok((opened, compilation)),
                Err(NotLoaded::Failed(error)) if provider == CPU => return Err(error),
                Err(not_loaded) => not_loaded,
            };
            refused.insert((provider, variant), not_loaded.into_refusal());
        }
    }

    /// Loads static graphs or the one graph, and notes where they are.
    fn load(&mut self, options: &OpenOptions) -> Result<Loaded, NotLoaded> {
        let placement = &self.described.placement;
        options
            .watch
            .tell(&OpenStep::Load { provider: placement.provider.clone(), device: placement.device });
        if self.described.static_graphs().is_some() {
            // Who has nothing else to run on meanwhile waits.
            let compiles = options.strict || !self.described.has_cpu_variant();
            return self.load_static(options, compiles);
        }
        dynamic_opening::load(&mut self.described, options, self.trial.as_ref()).map(Loaded::Dynamic)
    }

    /// Loads static graphs, compiled here and now if need be and `compiles`, and notes where they are.
    fn load_static(&mut self, options: &OpenOptions, compiles: bool) -> Result<Loaded, NotLoaded> {
        let Self { described, trial } = self;
        let Checked { model, self_check, simulator, not_taken } =
            static_opening::load(described, options, compiles, trial)?;
        let placement = &mut described.placement;
        let row = not_taken.map(|(reason, detail)| placement.row(reason, detail));
        placement.not_used.splice(0..0, row);
        placement.kv_cache = model.kv_form();
        placement.graphs = model.placed().to_vec();
        placement.self_check = Some(self_check);
        placement.simulator = simulator;
        Ok(Loaded::Static(model))
    }

    /// Compiles static graphs, loads and checks them.
    fn compiled(mut self, options: &OpenOptions, fallback: Option<Fallback>) -> Result<Ready, Refusal> {
        // Compiling takes minutes: nothing that is known sooner may fail behind it.
        let facts = self.described.facts().map_err(|error| NotLoaded::Failed(error).into_refusal())?;
        let graph = self.load_static(options, true).map_err(|not_loaded| match not_loaded {
            NotLoaded::ToCompile { .. } => (NotUsedReason::CompileFailed, None),
            other => other.into_refusal(),
        })?;
        Ok(Ready {
            facts: Arc::new(facts),
            placement: self.described.placement,
            fallback,
            decoder: Box::new(move || graph.decoder()),
        })
    }
}
