//! Opening a variant of static graphs on a plugin provider.
//!
//! ```text
//! files verified -> graphs loaded, no node on the CPU -> self-check
//! ```
//!
//! Of the graphs, the first of these that there is: the package's compiled ones for this system-on-chip, those that were
//! compiled here ([`crate::compiled`]), or the plain ones, which the provider compiles.
//!
//! Whatever does not work on the way is a reason not to use the provider, told as it is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wheelwork_package::card::{ContextBinary, GraphForm, GraphPart, Packing, StaticGraphs};
use wheelwork_package::{OpenPackage, OpenVariant, PackageError};

use super::described::Described;
use super::not_loaded::NotLoaded;
use super::options::OpenOptions;
use super::self_check;
use super::watch::OpenStep;
use crate::control::CancelToken;
use crate::decoder::error::DecoderError;
use crate::decoder::ort::static_decoder::StaticDecoder;
use crate::decoder::ort::static_graphs::{StaticModel, StaticSource};
use crate::decoder::ort::static_session::{Plugin, Target, compile};
use crate::decoder::traits::Decoder;
use crate::device::cache::{Entry, NotFound, place};
use crate::device::compiled::{self, MakeError, Making};
use crate::device::trial::Trial;
use crate::device::{self, NotUsedReason, Prepared, Provider, Refusal, SelfCheck, StaticDriver};
use crate::error::Error;

/// Static graphs that a provider has loaded and computed.
pub(super) struct Checked {
    pub(super) model: Arc<StaticModel>,
    pub(super) self_check: SelfCheck,
    pub(super) simulator: bool,
    /// Why compiled graphs that are for this system-on-chip were not taken, and others compiled now.
    pub(super) not_taken: Option<Refusal>,
}

/// Loads the static graphs of what is being opened, and compares what they compute. Where they must be compiled for
/// that and `compiles` is false, nothing is loaded.
pub(super) fn load(
    described: &Described,
    options: &OpenOptions,
    compiles: bool,
    trial: &mut Option<Trial>,
) -> Result<Checked, NotLoaded> {
    let no_graphs = NotLoaded::Refused((NotUsedReason::NoVariant, None));
    let graphs = described.static_graphs().ok_or(no_graphs)?;
    let driven = device::row(&described.placement.provider).and_then(|row| Some((row, row.static_driver?)));
    let (row, driver) = driven.ok_or(NotLoaded::Refused((NotUsedReason::NoDevice, None)))?;
    let library = row.library.and_then(|library| library.find(&described.runtime.path).ok());
    let backend =
        library.as_ref().and_then(|path| row.library.and_then(|library| library.backend_beside(path)));
    let attempt = Attempt { described, graphs, options, row, driver, library, backend };
    let (model, not_taken) = attempt.load(compiles, trial)?;
    let self_check = attempt.self_check(&model, trial.as_ref()).map_err(NotLoaded::Refused)?;
    Ok(Checked { model, self_check, simulator: row.is_simulated_here(), not_taken })
}

/// The graphs of a variant on the CPU.
pub(super) fn reference(path: &Path, variant: &str) -> Result<Box<dyn Decoder>, Error> {
    let package = wheelwork_package::open(path)?;
    let (description, graphs) = described(&package, variant).ok_or_else(|| PackageError::NoSuchVariant {
        wanted: variant.to_owned(),
        present: static_variants(&package),
    })?;
    let bytes = verified(&package, variant, &graphs.parts)?;
    let model = StaticModel::load(
        &wheelwork_ort::environment()?.environment,
        &StaticSource {
            folder: &description.folder,
            config: &description.config.model,
            graphs,
            parts: &graphs.parts,
            parts_folder: &description.folder,
            shares_weights: false,
            bytes: &bytes,
            target: &Target::Cpu { threads: OpenOptions::default().threads() },
            context_length: graphs.context_length,
            cancel: &CancelToken::new(),
        },
    )?;
    Ok(Box::new(StaticDecoder::start(&model)?))
}

fn refusal(reason: NotUsedReason, detail: &impl ToString) -> Refusal {
    (reason, Some(detail.to_string()))
}

/// A refusal that says what was refused.
fn about((reason, detail): Refusal, what: &str) -> Refusal {
    let detail = detail.unwrap_or_else(|| reason.describe().to_owned());
    (reason, Some(format!("{what}: {detail}")))
}

struct Attempt<'a> {
    described: &'a Described,
    graphs: &'a StaticGraphs,
    options: &'a OpenOptions,
    row: &'static Provider,
    driver: &'static StaticDriver,
    /// The provider's file.
    library: Option<PathBuf>,
    /// What the provider loads by path.
    backend: Option<PathBuf>,
}

/// Graph files to load.
struct Source<'a> {
    parts: &'a [GraphPart],
    folder: &'a Path,
    bytes: BTreeMap<String, u64>,
    /// Where they are a package's compiled ones.
    binary: Option<&'a ContextBinary>,
}

impl Attempt<'_> {
    /// Loads what there is, with the reason why compiled graphs that are for this machine were not taken.
    fn load(
        &self,
        compiles: bool,
        trial: &mut Option<Trial>,
    ) -> Result<(Arc<StaticModel>, Option<Refusal>), NotLoaded> {
        let mut not_taken = None;
        if let Some(binary) = self.binary() {
            match self.of_package(binary) {
                Ok(model) => return Ok((model, None)),
                Err(refusal) => {
                    not_taken = Some(about(refusal, &format!("its graphs compiled for {}", binary.soc)));
                }
            }
        }
        let entry = self.entry().map_err(NotLoaded::Refused)?;
        if let Some(entry) = &entry {
            match self.kept(entry) {
                Ok(None) => {}
                Ok(Some(model)) => return Ok((model, not_taken)),
                Err(refusal) => not_taken = Some(about(refusal, "its graphs compiled here")),
            }
        }
        if !self.can_compile() {
            let have: Vec<_> =
                self.graphs.context_binaries.iter().map(|binary| binary.soc.as_str()).collect();
            let have = if have.is_empty() { "none".to_owned() } else { have.join(", ") };
            return Err(NotLoaded::Refused(not_taken.unwrap_or_else(|| {
                refusal(NotUsedReason::NoMatchingBinary, &format!("the package has {have}"))
            })));
        }
        let model = match entry {
            None => self.plain(),
            Some(entry) if compiles => self.compiled(&entry, trial),
            Some(entry) => {
                self.can_begin(trial).map_err(NotLoaded::Refused)?;
                return Err(NotLoaded::ToCompile { folder: entry.folder(), not_taken });
            }
        };
        Ok((model.map_err(NotLoaded::Refused)?, not_taken))
    }

    /// The package's own compiled graphs.
    fn of_package(&self, binary: &ContextBinary) -> Result<Arc<StaticModel>, Refusal> {
        // Its loader jumps to nowhere (QAIRT 2.51), which would end this process.
        if binary.packing == Packing::SharedWeights && self.row.is_simulated_here() {
            let why = "the simulator does not load binaries that share weights";
            return Err(refusal(NotUsedReason::NoMatchingBinary, &why));
        }
        let compiled = self.graphs.parts.iter().zip(&binary.parts).map(|(part, compiled)| GraphPart {
            prefill: compiled.prefill.clone(),
            decode: compiled.decode.clone(),
            ..part.clone()
        });
        let parts: Vec<_> = compiled.collect();
        let bytes = self.verified(&parts)?;
        // The provider loads binaries with flipped bits without a word.
        for file in binary.parts.iter().flat_map(|part| &part.binaries) {
            self.check_content(file)?;
        }
        let folder = self.described.folder();
        self.load_graphs(Source { parts: &parts, folder, bytes, binary: Some(binary) })
    }

    /// The package's graphs as they are: the provider compiles them, for this process only.
    fn plain(&self) -> Result<Arc<StaticModel>, Refusal> {
        let parts = &self.graphs.parts;
        let bytes = self.verified(parts)?;
        self.load_graphs(Source { parts, folder: self.described.folder(), bytes, binary: None })
    }

    /// What was compiled here earlier. What cannot be used is removed.
    fn kept(&self, entry: &Entry) -> Result<Option<Arc<StaticModel>>, Refusal> {
        let loaded = match compiled::find(entry, &self.files()) {
            Err(NotFound::Missing | NotFound::Stale) => return Ok(None),
            Err(NotFound::Damaged(why)) => Err((NotUsedReason::Damaged, Some(why))),
            Err(NotFound::NotMadeHere) => {
                Err(refusal(NotUsedReason::Damaged, &Prepared::NotMadeHere.describe()))
            }
            Ok(bytes) => {
                let (parts, folder) = (&self.graphs.parts, entry.folder());
                self.load_graphs(Source { parts, folder: &folder, bytes, binary: None }).map(Some)
            }
        };
        if loaded.is_err() && self.options.cancel.request().is_none() {
            entry.remove();
        }
        loaded
    }

    /// Verifies what is to be compiled and notes that it is about to be; gives the bytes that each graph reads.
    fn can_begin(&self, trial: &mut Option<Trial>) -> Result<BTreeMap<String, u64>, Refusal> {
        let bytes = self.verified(&self.graphs.parts)?;
        trial.as_mut().map_or(Ok(()), Trial::begin_compiling)?;
        Ok(bytes)
    }

    /// Compiles the graphs, keeps them and loads what was kept.
    fn compiled(&self, entry: &Entry, trial: &mut Option<Trial>) -> Result<Arc<StaticModel>, Refusal> {
        let bytes = self.can_begin(trial)?;
        let plugin = self.plugin(None);
        let environment = &self.described.runtime.environment;
        let making = Making {
            folder: self.described.folder(),
            graphs: &self.files(),
            weight_bytes: bytes.values().sum(),
            compile: &|graph, out| compile(environment, &plugin, graph, out),
            watch: &|step| self.options.compile_watch.tell(step),
        };
        compiled::make(entry, &making).map_err(|error| {
            if let (MakeError::Refused(words), Some(trial)) = (&error, &trial) {
                trial.remember_failure(words);
            }
            refusal(error.reason(), &error)
        })?;
        let missing = || refusal(NotUsedReason::Damaged, &"what was just compiled is not there");
        self.kept(entry)?.ok_or_else(missing)
    }

    /// Where this machine's compiled form stands; `None` where there is no place for one.
    fn entry(&self) -> Result<Option<Entry>, Refusal> {
        let place = place(&self.described.package.root, self.options.own())
            .map_err(|error| refusal(NotUsedReason::SessionFailed, &error))?;
        let Some(place) = place else { return Ok(None) };
        let variant = &self.described.placement.variant;
        let Plugin { options, .. } = self.plugin(None);
        let key = compiled::depends_on()
            .and_model(&self.described.facts.identity(variant))
            .and("provider", self.row.ep)
            .and("chip", self.row.system_on_chip().unwrap_or_default())
            .and_options(&options)
            .and_libraries(self.libraries())
            .key();
        Ok(Some(Entry::new(place, &format!("{variant}.compiled"), key)))
    }

    /// The graph files, in the order in which they are compiled.
    fn files(&self) -> Vec<&str> {
        let files = self.graphs.parts.iter().flat_map(|part| [&part.prefill, &part.decode]);
        files.map(String::as_str).collect()
    }

    /// Verifies graphs of the package and what goes with them, down to their content.
    fn verified(&self, parts: &[GraphPart]) -> Result<BTreeMap<String, u64>, Refusal> {
        let (package, variant) = (&self.described.package, &self.described.placement.variant);
        let bytes =
            verified(package, variant, parts).map_err(|error| refusal(NotUsedReason::Damaged, &error))?;
        for part in parts {
            self.check_content(&part.prefill)?;
            self.check_content(&part.decode)?;
        }
        Ok(bytes)
    }

    fn check_content(&self, file: &str) -> Result<(), Refusal> {
        let (package, variant) = (&self.described.package, &self.described.placement.variant);
        package.check_content(variant, file).map_err(|error| refusal(NotUsedReason::Damaged, &error))
    }

    fn load_graphs(&self, source: Source<'_>) -> Result<Arc<StaticModel>, Refusal> {
        let Self { described, graphs, .. } = *self;
        if graphs.form == GraphForm::Float {
            self.check_content(self.driver.float_file.0)?;
        }
        let target = Target::Plugin(self.plugin(source.binary));
        let source = StaticSource {
            folder: described.folder(),
            config: &described.variant.config.model,
            graphs,
            parts: source.parts,
            parts_folder: source.folder,
            shares_weights: source.binary.is_some_and(|binary| binary.packing == Packing::SharedWeights),
            bytes: &source.bytes,
            target: &target,
            context_length: self.options.context_length.unwrap_or(graphs.context_length),
            cancel: &self.options.cancel,
        };
        StaticModel::load(&described.runtime.environment, &source).map_err(|error| match error {
            DecoderError::Placement { .. } => refusal(NotUsedReason::TookNoNodes, &error),
            error => refusal(NotUsedReason::SessionFailed, &error),
        })
    }

    /// Compares what the graphs compute with what the package holds, at the first use.
    fn self_check(&self, model: &Arc<StaticModel>, trial: Option<&Trial>) -> Result<SelfCheck, Refusal> {
        let check = match &self.graphs.self_check {
            None => return Ok(SelfCheck::NotInPackage),
            Some(_) if self.options.skip_self_check => return Ok(SelfCheck::Skipped),
            Some(_) if trial.is_some_and(Trial::has_passed_before) => return Ok(SelfCheck::PassedBefore),
            Some(check) => check,
        };
        self.options.watch.tell(&OpenStep::SelfCheck { provider: self.row.ep.to_owned() });
        let mut decoder =
            StaticDecoder::start(model).map_err(|error| refusal(NotUsedReason::SelfCheckFailed, &error))?;
        let passed = self_check::of_package(&mut decoder, check)?;
        if let Some(trial) = trial {
            trial.remember_pass();
        }
        Ok(passed)
    }

    /// What the provider is told: ours first, so that the caller's win.
    fn plugin(&self, binary: Option<&ContextBinary>) -> Plugin {
        let driver = self.driver;
        let mut options: BTreeMap<&str, String> = BTreeMap::new();
        if let Some(backend) = &self.backend {
            options.insert(driver.backend_option, backend.display().to_string());
        }
        if self.row.is_simulated_here() {
            options.extend(driver.simulated.iter().map(|(name, value)| (*name, (*value).to_owned())));
        }
        options.extend(binary.map(driver.binary_options).into_iter().flatten());
        if self.graphs.form == GraphForm::Float {
            let (file, option) = driver.float_file;
            options.insert(option, self.described.folder().join(file).display().to_string());
        }
        options
            .extend(self.options.provider_options.iter().map(|(name, value)| (name.as_str(), value.clone())));
        Plugin {
            provider: self.row.ep,
            options: options.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            performance: Some(&driver.performance),
        }
    }

    /// Whether the provider has its compiler: the simulator is one; on devices it is a library beside the backend.
    fn can_compile(&self) -> bool {
        self.row.is_simulated_here() || self.backend.is_none() || self.compilers().next().is_some()
    }

    /// The provider's files that a compiled form depends on.
    fn libraries(&self) -> impl Iterator<Item = PathBuf> {
        self.library.iter().chain(&self.backend).cloned().chain(self.compilers())
    }

    fn compilers(&self) -> impl Iterator<Item = PathBuf> {
        let beside = self.backend.as_ref().and_then(|backend| backend.parent());
        let names =
            beside.into_iter().flat_map(|folder| self.driver.compilers.iter().map(|name| folder.join(name)));
        names.filter(|path| path.is_file())
    }

    /// Compiled graphs for the system-on-chip that the caller names or the system tells.
    fn binary(&self) -> Option<&ContextBinary> {
        let here = self.row.system_on_chip();
        (self.driver.binary)(&self.graphs.context_binaries, &self.options.provider_options, here.as_deref())
    }
}

fn described<'p>(package: &'p OpenPackage, variant: &str) -> Option<(&'p OpenVariant, &'p StaticGraphs)> {
    let graphs = package.card.as_ref()?.static_graphs.get(variant)?;
    Some((package.variant(variant).ok()?, graphs))
}

fn static_variants(package: &OpenPackage) -> String {
    let names = package.card.iter().flat_map(|card| card.static_graphs.keys());
    names.map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// Verifies every graph file and tells how many bytes each reads.
fn verified(
    package: &OpenPackage,
    variant: &str,
    parts: &[GraphPart],
) -> Result<BTreeMap<String, u64>, PackageError> {
    let files = parts.iter().flat_map(|part| [&part.prefill, &part.decode]);
    files.map(|file| Ok((file.clone(), package.verify_graph(variant, file)?.weight_bytes))).collect()
}
