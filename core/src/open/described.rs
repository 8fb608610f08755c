//! What is known of a model before its graph is loaded: descriptions read, device chosen, graph verified.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::Arc;

use wheelwork_ort::version::INT8_KV_CACHE;
use wheelwork_ort::{Runtime, Version};
use wheelwork_package::card::{KvForm, StaticGraphs};
use wheelwork_package::files::names;
use wheelwork_package::graph::Verified;
use wheelwork_package::store::Provenance;
use wheelwork_package::vfs::file_bytes;
use wheelwork_package::{OpenPackage, OpenVariant, PackageError};

use super::facts::Reading;
use super::memory::{Counted, Fit, Footprint, MemoryPlan, Packed, Subject, free};
use super::options::{MemoryCheck, OpenOptions};
use super::prepare::compact_form::CompactForm;
use super::prepare::form::{Form, Source, Stored};
use crate::control::CancelToken;
use crate::decoder::kv::{FIRST_CAPACITY_TOKENS, KvShape};
use crate::decoder::ort::model::SessionOptions;
use crate::decoder::ort::session::{Located, OnDevice};
use crate::device::cache::DependsOn;
use crate::device::trial::Trial;
use crate::device::{
    self, CPU, Device, DevicePreference, Kernels, NotUsedReason, Placement, Prepared, Provider, Refusal,
    Request,
};
use crate::error::Error;
use crate::facts::{ModelFacts, ModelIdentity};

/// Chunks of an installed package that an open compares with what was installed: some milliseconds.
const SAMPLED_CHUNKS: usize = 2;

/// Providers with the variants that were tried and did not do, with the reason.
pub(super) type Refused = BTreeMap<(String, String), Refusal>;

/// Where a model is to run.
pub(super) struct Planned {
    package: OpenPackage,
    runtime: Runtime,
    pub(super) placement: Placement,
    /// Held until the provider has shown that it leaves the process alive.
    pub(super) trial: Option<Trial>,
}

/// Everything that is known of a model before its graph is loaded.
pub(crate) struct Described {
    pub(super) package: OpenPackage,
    pub(super) placement: Placement,
    pub(super) graph_file: String,
    pub(super) verified: Verified,
    /// The bytes that were verified.
    pub(super) located: Arc<Located>,
    pub(super) runtime: Runtime,
    pub(super) provenance: Option<Provenance>,
    pub(super) facts: Reading,
    pub(super) variant: OpenVariant,
    /// Where the packed weights of the graph that was loaded are.
    pub(super) packed: Packed,
    /// Ends the loading of graphs.
    cancel: CancelToken,
}

impl Planned {
    /// Reads the package's descriptions and chooses device and variant, without those that were tried already.
    pub(super) fn new(path: &Path, options: &OpenOptions, refused: &Refused) -> Result<Self, Error> {
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
        Ok(Self { package, runtime, placement, trial })
    }
}

impl Described {
    /// Reads the descriptions and verifies the graph of the CPU's variant.
    pub(crate) fn of(path: &Path, options: &OpenOptions) -> Result<Self, Error> {
        let options = OpenOptions { device: DevicePreference::Cpu, strict: true, ..options.clone() };
        let (mut described, _) = Self::new(Planned::new(path, &options, &Refused::new())?, &options)?;
        // Who goes by a description counts on a package that opens.
        described.facts()?;
        Ok(described)
    }

    /// All facts of the chosen variant, with what was noted of its runtime.
    pub(super) fn facts(&mut self) -> Result<ModelFacts, Error> {
        self.facts.finish(&self.package, &self.placement.variant)
    }

    /// Chooses and verifies the graph of what was planned.
    pub(super) fn new(planned: Planned, options: &OpenOptions) -> Result<(Self, Option<Trial>), Error> {
        let Planned { package, runtime, mut placement, trial } = planned;
        let variant = package.variant(&placement.variant)?.clone();
        let wanted = options.kv_cache;
        let facts = Reading::of(&package, &placement.variant, options, &runtime.build_info)?.ahead();
        let graph_file = graph_file(&package, &mut placement, &variant, wanted, runtime.version)?;
        let (verified, graph) = package.verified_graph(&placement.variant, &graph_file)?;
        let located = Located::beside(&variant.folder.join(&graph_file), graph)?;
        options.go_on()?;
        let (provenance, cancel) = (package.provenance(), options.cancel.clone());
        let described = Self {
            package,
            placement,
            graph_file,
            verified,
            located,
            runtime,
            provenance,
            facts,
            variant,
            packed: Packed::InMemory,
            cancel,
        };
        Ok((described, trial))
    }

    pub(super) fn static_graphs(&self) -> Option<&StaticGraphs> {
        self.package.card.as_ref()?.static_graphs.get(&self.placement.variant)
    }

    pub(super) fn has_cpu_variant(&self) -> bool {
        self.package.variants.values().any(|variant| variant.target.ep == CPU)
    }

    /// The folder of the graph.
    pub(super) fn folder(&self) -> &Path {
        &self.variant.folder
    }

    pub(super) fn session_options(&self) -> SessionOptions {
        SessionOptions {
            threads: self.placement.threads,
            context_length: self.facts.context_length,
            cancel: self.cancel.clone(),
            located: Arc::clone(&self.located),
            device: device::row(&self.placement.provider)
                .filter(|row| row.library.is_some())
                .map(|row| OnDevice { provider: row.ep, memory: row.memory }),
        }
    }

    /// The prepared form where there is one to use, and how it stands.
    pub(crate) fn prepared(&self, options: &OpenOptions) -> Result<(Prepared, Option<Stored>), Error> {
        if let Some(stored) = self.compact(options)? {
            return Ok((Prepared::Used, Some(stored)));
        }
        if options.plain || self.placement.provider != CPU {
            return Ok((Prepared::NotWanted, None));
        }
        let Some(form) = self.form(options)? else { return Ok((Prepared::NoPlace, None)) };
        Ok(match form.find() {
            Ok(stored) => (Prepared::Used, Some(stored)),
            Err(reason) => (reason, None),
        })
    }

    /// The compact form, where it stands for the package's weights: then there is no other one.
    pub(crate) fn compact(&self, options: &OpenOptions) -> Result<Option<Stored>, Error> {
        let Some(compact) = &self.variant.compact else { return Ok(None) };
        let wanted = match options {
            _ if self.placement.provider != CPU => self.placement.provider.as_str(),
            OpenOptions { plain: true, .. } => "the plain form",
            OpenOptions { kernels: Kernels::Off, .. } => "ONNX Runtime's kernels",
            _ => return Ok(Some(self.compact_form().stored(compact)?)),
        };
        let variant = self.placement.variant.clone();
        Err(Error::CompactOnly { variant, wanted: wanted.to_owned() })
    }

    /// The graph, as far as a compact form is made for it.
    pub(super) fn compact_form(&self) -> CompactForm<'_> {
        CompactForm {
            folder: self.folder(),
            file: &self.graph_file,
            original: &self.located.graph,
            verified: &self.verified,
            stated: self.package.stated(&self.placement.variant),
        }
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
        Ok(Form::of(source, options.own(), options.kernels)?)
    }

    /// What opening in this form takes.
    pub(crate) fn memory_plan(
        &self,
        options: &OpenOptions,
        prepared: Prepared,
        stored: Option<&Stored>,
    ) -> Result<MemoryPlan, Error> {
        let packed = stored.map_or(Packed::InMemory, |stored| stored.packed);
        self.memory_plan_on(options, prepared, packed, self.placement.device)
    }

    /// Whether the plain graph fits on the CPU, too.
    pub(crate) fn fits_on_cpu(&self, options: &OpenOptions) -> Result<bool, Error> {
        let plan = self.memory_plan_on(options, Prepared::NotWanted, Packed::InMemory, Device::Cpu)?;
        Ok(options.memory == MemoryCheck::Off || plan.fit != Fit::TooLarge)
    }

    fn memory_plan_on(
        &self,
        options: &OpenOptions,
        prepared: Prepared,
        packed: Packed,
        device: Device,
    ) -> Result<MemoryPlan, Error> {
        let mut footprint = self.footprint(packed)?;
        if options.power_saving_threads.is_some() && device == Device::Cpu {
            footprint.packed_bytes = footprint.packed_bytes.saturating_mul(2);
        }
        let context_limit = self.session_options().context_length;
        let counted = Counted {
            context_tokens: options.context_length.unwrap_or(FIRST_CAPACITY_TOKENS).min(context_limit),
            context_limit,
            kv_cache: self.kv_form(),
            prepared,
            prefix_cache_bytes: options.prefix_cache_bytes,
        };
        Ok(counted.plan(&footprint, free(options.memory, device)))
    }

    /// What the graph takes with its packed weights there.
    pub(crate) fn footprint(&self, packed: Packed) -> Result<Footprint, Error> {
        let model = &self.variant.config.model;
        let tokenizer_bytes =
            file_bytes(&self.folder().join(names::TOKENIZER)).map_err(PackageError::from)?;
        Ok(Footprint::of(&Subject {
            model,
            graph: &self.verified,
            tokenizer_bytes,
            kv: KvShape::of(&model.decoder, self.kv_form()),
            // Ours give the last token's alone; of others it is known when they are loaded.
            all_logits: self.package.card.is_none(),
            packed,
        }))
    }

    /// How the chosen graph caches keys and values.
    fn kv_form(&self) -> KvForm {
        let caches = self.package.card.as_ref().and_then(|card| card.kv_cache.get(&self.placement.variant));
        match caches {
            Some(caches) if caches.int8_graph == self.graph_file => KvForm::Int8,
            _ => KvForm::Float,
        }
    }

    /// Refuses what does not fit.
    pub(crate) fn check_memory(
        &self,
        options: &OpenOptions,
        prepared: Prepared,
        stored: Option<&Stored>,
    ) -> Result<(), Error> {
        if options.memory == MemoryCheck::Off {
            return Ok(());
        }
        let plan = self.memory_plan(options, prepared, stored)?;
        match plan.available {
            Some(available) if plan.fit == Fit::TooLarge => Err(Error::NotEnoughMemory {
                need_bytes: plan.need_bytes,
                have_bytes: available.bytes,
                told_by: available.told_by,
                context_tokens: plan.context_tokens,
                largest_context_tokens: plan.largest_context_tokens.unwrap_or(0),
            }),
            _ => Ok(()),
        }
    }
}

/// Notes that a provider's library is about to be loaded.
fn begin(
    row: &Provider,
    variant: &str,
    package: &OpenPackage,
    runtime: &Runtime,
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

/// The file of the graph with the wanted cache: the card's default where nothing is wanted, or the float one where this ONNX
/// Runtime does not load the default, which the placement then says.
fn graph_file(
    package: &OpenPackage,
    placement: &mut Placement,
    variant: &OpenVariant,
    wanted: Option<KvForm>,
    found: Version,
) -> Result<String, Error> {
    let float = || Ok(variant.config.model.decoder.filename.clone());
    let cache = package.card.as_ref().and_then(|card| card.kv_cache.get(&placement.variant));
    let Some(cache) = cache else {
        return match wanted {
            Some(KvForm::Int8) => Err(Error::NoInt8KvCache { variant: placement.variant.clone() }),
            _ => float(),
        };
    };
    if wanted.unwrap_or(cache.default) == KvForm::Float {
        return float();
    }
    let needed = INT8_KV_CACHE;
    if found >= needed {
        return Ok(cache.int8_graph.clone());
    }
    if wanted.is_some() {
        return Err(Error::RuntimeTooOld { what: "the int8 key-value cache", needed, found });
    }
    let detail = format!("{} needs {needed}, this is {found}", cache.int8_graph);
    placement.not_used.push(placement.row(NotUsedReason::RuntimeTooOld, Some(detail)));
    float()
}
