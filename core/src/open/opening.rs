//! From a folder to a loaded graph: descriptions read, device chosen, graph verified, then loaded, or the next device
//! tried.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::Arc;

use wheelwork_package::card::{KvForm, StaticGraphs};
use wheelwork_package::graph::Verified;
use wheelwork_package::store::Provenance;
use wheelwork_package::{OpenPackage, OpenVariant};

use super::model::OpenOptions;
use super::static_opening::{self, Checked, NotLoaded};
use super::{facts, self_check};
use crate::control::CancelToken;
use crate::decoder::ort::dynamic::OrtDecoder;
use crate::decoder::ort::loaded::Loaded;
use crate::decoder::ort::model::{OrtModel, SessionOptions, Sparing};
use crate::decoder::ort::session::{Located, OnDevice};
use crate::device::cache::DependsOn;
use crate::device::trial::Trial;
use crate::device::{
    self, CPU, DevicePreference, NotUsed, NotUsedReason, Placement, Prepared, Provider, Refusal, Request,
    SelfCheck,
};
use crate::error::Error;
use crate::facts::ModelFacts;
use crate::facts::ModelIdentity;
use crate::open::prepare::form::{Form, Source, Stored};
use crate::sequence::{Compilation, Fallback, Ready};

/// Chunks of an installed package that an open compares with what was installed: some milliseconds.
const SAMPLED_CHUNKS: usize = 2;

/// Providers with the variants that were tried and did not do, with the reason.
type Refused = BTreeMap<(String, String), Refusal>;

/// Everything that is known of a model before its graph is loaded.
pub(crate) struct Opening {
    pub(crate) package: OpenPackage,
    pub(crate) placement: Placement,
    pub(crate) graph_file: String,
    pub(crate) verified: Verified,
    pub(crate) runtime: wheelwork_ort::Runtime,
    pub(super) provenance: Option<Provenance>,
    pub(super) facts: ModelFacts,
    variant: OpenVariant,
    /// Held until the provider has shown that it leaves the process alive.
    pub(super) trial: Option<Trial>,
    /// Ends the loading of graphs.
    cancel: CancelToken,
}

impl Opening {
    /// Opens on the best device that loads the graph and computes it. A better one whose graphs must be compiled first
    /// is compiled for in the background.
    pub(super) fn loaded(
        path: &Path,
        options: &OpenOptions,
        fallback: Option<&Fallback>,
    ) -> Result<(Self, Loaded, Option<Arc<Compilation>>), Error> {
        device::check_options(options.device, &options.provider_options)?;
        let mut refused = Refused::new();
        let mut compilation = None;
        loop {
            let (package, runtime, plan) = Self::planned(path, options, &refused)?;
            let (provider, variant) = (plan.placement.provider.clone(), plan.placement.variant.clone());
            let is_last_resort = provider == CPU;
            let opened = Self::described(package, runtime, plan, options).and_then(|mut opening| {
                let graph = opening.load_any(options)?;
                Ok((opening, graph))
            });
            // What failed because it was ended is no reason to go on elsewhere.
            options.go_on()?;
            let refusal = match opened {
                Ok((mut opening, Ok(graph))) => {
                    // The process has survived.
                    drop(opening.trial.take());
                    return Ok((opening, graph, compilation));
                }
                Ok((_, Err(NotLoaded::Refused(refusal)))) => refusal,
                Ok((opening, Err(NotLoaded::ToCompile { folder, not_taken }))) => {
                    let options = OpenOptions { cancel: CancelToken::new(), ..options.clone() };
                    let fallback = fallback.cloned();
                    compilation = Compilation::start(move || opening.compiled(&options, fallback));
                    let after = not_taken.and_then(|(_, detail)| detail);
                    let after = after.map_or_else(String::new, |detail| format!("; {detail}"));
                    let detail = format!("they will be kept in {}{after}", folder.display());
                    (NotUsedReason::Compiling, Some(detail))
                }
                Err(error) if is_last_resort => return Err(error),
                Err(error) => (NotUsedReason::SessionFailed, Some(error.to_string())),
            };
            refused.insert((provider, variant), refusal);
        }
    }

    /// Reads the descriptions and verifies the graph of the processor's variant.
    pub(crate) fn of(path: &Path, options: &OpenOptions) -> Result<Self, Error> {
        let options = OpenOptions { device: DevicePreference::Cpu, strict: true, ..options.clone() };
        let (package, runtime, plan) = Self::planned(path, &options, &Refused::new())?;
        Self::described(package, runtime, plan, &options)
    }

    /// Reads the package's descriptions and chooses device and variant, without those that were tried already.
    fn planned(
        path: &Path,
        options: &OpenOptions,
        refused: &Refused,
    ) -> Result<(OpenPackage, wheelwork_ort::Runtime, Plan), Error> {
        options.go_on()?;
        let package = wheelwork_package::open(path)?;
        if let Some(provenance) = package.provenance() {
            // Other chunks each time, by the one door that the standard library has to the system's randomness.
            provenance.check_sample(RandomState::new().hash_one(()), SAMPLED_CHUNKS)?;
        }
        options.go_on()?;
        let runtime = wheelwork_ort::environment()?;
        let request = Request { device: options.device, strict: options.strict, threads: options.threads() };
        let mut trial = None;
        let placement = device::plan(&package, request, &mut |row, variant| match refused
            .get(&(row.ep.to_owned(), variant.to_owned()))
        {
            Some(refusal) => Err(refusal.clone()),
            None => {
                trial = begin(row, variant, &package, &runtime, options)?;
                device::detect(row, &runtime).map(drop)
            }
        })?;
        Ok((package, runtime, Plan { placement, trial }))
    }

    /// Chooses and verifies the graph of what was planned.
    fn described(
        package: OpenPackage,
        runtime: wheelwork_ort::Runtime,
        Plan { placement, trial }: Plan,
        options: &OpenOptions,
    ) -> Result<Self, Error> {
        let variant = package.variant(&placement.variant)?.clone();
        let graph_file = graph_file(&package, &placement.variant, &variant, options.kv_cache)?;
        let verified = package.verify_graph(&placement.variant, &graph_file)?;
        options.go_on()?;
        let facts = facts::read(&package, &placement.variant, options.context_length, &runtime.build_info)?;
        let provenance = package.provenance();
        let cancel = options.cancel.clone();
        Ok(Self {
            package,
            placement,
            graph_file,
            verified,
            runtime,
            provenance,
            facts,
            variant,
            trial,
            cancel,
        })
    }

    /// Loads static graphs or the one graph, and notes where they are. The inner error is a reason to try elsewhere.
    fn load_any(&mut self, options: &OpenOptions) -> Result<Result<Loaded, NotLoaded>, Error> {
        if self.static_graphs().is_some() {
            // Who has nothing else to run on meanwhile waits.
            let compiles = options.strict || !self.has_variant_of_processor();
            return Ok(self.load_static(options, compiles));
        }
        let (graph, prepared) = self.load(options)?;
        self.spare(&graph, options);
        self.placement.prepared = prepared;
        self.placement.kv_cache = graph.kv_form();
        self.placement.graphs.push(graph.placement(self.verified.weight_bytes));
        if let Some(elsewhere) = self.placement.computes_elsewhere() {
            return Ok(Err(NotLoaded::Refused((NotUsedReason::TookNoNodes, Some(elsewhere)))));
        }
        if self.placement.provider != CPU {
            match self.self_check(&graph, options)? {
                Ok(self_check) => self.placement.self_check = Some(self_check),
                Err(refusal) => return Ok(Err(NotLoaded::Refused(refusal))),
            }
        }
        Ok(Ok(Loaded::Dynamic(graph)))
    }

    fn static_graphs(&self) -> Option<&StaticGraphs> {
        self.package.card.as_ref()?.static_graphs.get(&self.placement.variant)
    }

    fn has_variant_of_processor(&self) -> bool {
        self.package.variants.values().any(|variant| variant.target.ep == CPU)
    }

    /// Loads static graphs, compiled here and now if need be and `compiles`, and notes where they are.
    pub(super) fn load_static(&mut self, options: &OpenOptions, compiles: bool) -> Result<Loaded, NotLoaded> {
        let mut trial = self.trial.take();
        let no_graphs = NotLoaded::Refused((NotUsedReason::NoVariant, None));
        let graphs = self.static_graphs().ok_or(no_graphs)?;
        let checked = static_opening::load(self, graphs, options, compiles, &mut trial);
        self.trial = trial;
        let Checked { model, self_check, simulator, not_taken } = checked?;
        let row = not_taken.map(|(reason, detail)| NotUsed {
            provider: self.placement.provider.clone(),
            device: self.placement.device,
            reason,
            detail,
        });
        self.placement.not_used.splice(0..0, row);
        self.placement.kv_cache = model.kv_form();
        self.placement.graphs = model.placed().to_vec();
        self.placement.self_check = Some(self_check);
        self.placement.simulator = simulator;
        Ok(Loaded::Static(model))
    }

    /// Compiles static graphs, loads and checks them.
    fn compiled(mut self, options: &OpenOptions, fallback: Option<Fallback>) -> Result<Ready, Refusal> {
        let graph = self.load_static(options, true).map_err(|error| match error {
            NotLoaded::Refused(refusal) => refusal,
            NotLoaded::ToCompile { .. } => (NotUsedReason::CompileFailed, None),
        })?;
        // The process has survived.
        drop(self.trial.take());
        Ok(Ready {
            facts: Arc::new(self.facts),
            placement: self.placement,
            fallback,
            decoder: Box::new(move || graph.decoder()),
        })
    }

    /// Compares a graph on its device with the same file on the processor, once for each device and package.
    fn self_check(
        &self,
        graph: &Arc<OrtModel>,
        options: &OpenOptions,
    ) -> Result<Result<SelfCheck, Refusal>, Error> {
        if options.skip_self_check {
            return Ok(Ok(SelfCheck::Skipped));
        }
        if self.trial.as_ref().is_some_and(Trial::has_passed_before) {
            return Ok(Ok(SelfCheck::PassedBefore));
        }
        if !self.fits_on_the_processor(options)? {
            return Ok(Ok(SelfCheck::NoMemory));
        }
        let on_processor = SessionOptions { device: None, ..self.session_options() };
        let (model, path) = (&self.variant.config.model, self.folder().join(&self.graph_file));
        let processor = OrtModel::load(&self.runtime.environment, &path, model, on_processor)?;
        let outcome = self_check::of_processor(graph, &processor, self.facts.context_length);
        if let (Ok(_), Some(trial)) = (&outcome, &self.trial) {
            trial.remember_pass();
        }
        Ok(outcome)
    }

    pub(crate) fn variant(&self) -> &OpenVariant {
        &self.variant
    }

    /// The folder of the graph.
    pub(crate) fn folder(&self) -> &Path {
        &self.variant.folder
    }

    pub(crate) fn session_options(&self) -> SessionOptions {
        SessionOptions {
            threads: self.placement.threads,
            context_length: self.facts.context_length,
            cancel: self.cancel.clone(),
            located: None,
            device: device::row(&self.placement.provider)
                .filter(|row| row.library.is_some())
                .map(|row| OnDevice { provider: row.ep, memory: row.memory }),
        }
    }

    /// The prepared form, or why there is none to use.
    pub(crate) fn prepared(&self, options: &OpenOptions) -> Result<Result<Stored, Prepared>, Error> {
        if options.plain || self.placement.provider != CPU {
            return Ok(Err(Prepared::NotWanted));
        }
        Ok(self.form(options)?.map_or(Err(Prepared::NoPlace), |form| form.find()))
    }

    /// The graph's prepared form; `None` where there is no place for one.
    pub(crate) fn form(&self, options: &OpenOptions) -> Result<Option<Form>, Error> {
        let source = Source {
            package: &self.package,
            identity: self.facts.identity(&self.placement.variant),
            folder: self.folder(),
            file: &self.graph_file,
            verified: &self.verified,
        };
        Ok(Form::of(source, options.cache_dir.as_deref())?)
    }

    /// Loads the prepared form, or the plain one with the reason why; neither where memory is short for it.
    fn load(&self, options: &OpenOptions) -> Result<(Arc<OrtModel>, Prepared), Error> {
        let reason = match self.prepared(options)? {
            Err(reason) => reason,
            Ok(stored) => {
                self.check_memory(options, Prepared::Used)?;
                match self.confirmed(&stored) {
                    Some(graph) => return Ok((graph, Prepared::Used)),
                    None => {
                        options.go_on()?;
                        Prepared::Damaged
                    }
                }
            }
        };
        self.check_memory(options, reason)?;
        Ok((self.load_graph(&self.folder().join(&self.graph_file), None)?, reason))
    }

    /// The prepared form, if it loads and computes what the plain form did.
    pub(crate) fn confirmed(&self, stored: &Stored) -> Option<Arc<OrtModel>> {
        let located = Some(Arc::clone(&stored.located));
        let graph = self.load_graph(&stored.graph, located).ok()?;
        stored.is_confirmed_by(&mut OrtDecoder::start(&graph).ok()?).then_some(graph)
    }

    /// Lets sequences on the processor compute with fewer threads, where that is wanted.
    fn spare(&self, graph: &OrtModel, options: &OpenOptions) {
        let all = self.session_options();
        let Some(threads) = options.sparing_threads.filter(|_| all.device.is_none()) else { return };
        // The opening is over by then.
        let cancel = CancelToken::new();
        let threads = threads.clamp(1, all.threads);
        let few = SessionOptions { threads, cancel, located: graph.located().cloned(), ..all };
        let (environment, path) = (self.runtime.environment.clone(), graph.path().to_path_buf());
        let model = self.variant.config.model.clone();
        graph.spare_with(Sparing::new(move || OrtModel::load(&environment, &path, &model, few.clone())));
    }

    fn load_graph(&self, graph: &Path, located: Option<Arc<Located>>) -> Result<Arc<OrtModel>, Error> {
        let (model, options) = (&self.variant.config.model, self.session_options());
        let options = SessionOptions { located, ..options };
        Ok(OrtModel::load(&self.runtime.environment, graph, model, options)?)
    }
}

/// Where a model is to run, and the trial of the provider there.
struct Plan {
    placement: Placement,
    trial: Option<Trial>,
}

/// Notes that a provider's library is about to be loaded.
fn begin(
    row: &Provider,
    variant: &str,
    package: &OpenPackage,
    runtime: &wheelwork_ort::Runtime,
    options: &OpenOptions,
) -> Result<Option<Trial>, Refusal> {
    let Some(files) = &row.library else { return Ok(None) };
    let library =
        files.find(&runtime.path).map_err(|detail| (NotUsedReason::LibraryMissing, Some(detail)))?;
    if row.is_simulated_here() && !options.device.names(row.device) {
        return Err((NotUsedReason::SimulatorOnly, None));
    }
    let fingerprint =
        package.fingerprint(variant).map_err(|error| (NotUsedReason::Damaged, Some(error.to_string())))?;
    let model = ModelIdentity {
        model: fingerprint,
        variant: variant.to_owned(),
        runtime: runtime.build_info.clone(),
        adapters: Vec::new(),
    };
    let backend = files.backend_beside(&library);
    let list = DependsOn::new("trial", 2)
        .and_model(&model)
        .and_libraries([Some(&library), backend.as_ref()].into_iter().flatten())
        .and_options(&options.provider_options);
    let folder = options.trials_dir.as_deref();
    let trial = Trial::begin(folder, row.ep, &list.key());
    trial.map(Some).map_err(|reason| (reason, folder.map(|folder| folder.display().to_string())))
}

/// The file of the graph with the wanted cache: the card's default where nothing is wanted.
fn graph_file(
    package: &OpenPackage,
    name: &str,
    variant: &OpenVariant,
    wanted: Option<KvForm>,
) -> Result<String, Error> {
    let int8 = package.card.as_ref().and_then(|card| card.kv_cache.get(name));
    match (wanted, int8) {
        (Some(KvForm::Int8), None) => Err(Error::NoInt8KvCache { variant: name.to_owned() }),
        (None, Some(cache)) if cache.default == KvForm::Int8 => Ok(cache.int8_graph.clone()),
        (Some(KvForm::Int8), Some(cache)) => Ok(cache.int8_graph.clone()),
        _ => Ok(variant.config.model.decoder.filename.clone()),
    }
}

impl OpenOptions {
    /// # Errors
    /// [`Error::OpenCancelled`].
    fn go_on(&self) -> Result<(), Error> {
        self.cancel.wish().map_or(Ok(()), |_| Err(Error::OpenCancelled))
    }

    pub(super) fn threads(&self) -> usize {
        let default = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.unwrap_or_else(default).max(1)
    }
}
