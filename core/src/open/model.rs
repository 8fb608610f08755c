//! An open model: immutable, shared by all its sessions, cheap to clone.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use wheelwork_package::Card;
use wheelwork_package::card::KvForm;
use wheelwork_package::store::Provenance;

use super::opening::Opening;
use super::static_opening;
use crate::control::CancelToken;

use crate::decoder::kv::KvShape;
use crate::decoder::ort::dynamic::OrtDecoder;
use crate::decoder::ort::loaded::Loaded;
use crate::decoder::traits::Decoder;
use crate::device::compiled::CompileWatch;
use crate::device::{CPU, DevicePreference, NotUsed, NotUsedReason, Placement};
use crate::error::Error;
use crate::facts::ModelFacts;
use crate::open::plan::{Footprint, MemoryCheck};
use crate::sequence::prefix_cache::PrefixCache;
use crate::sequence::{Compilation, Fallback};
use crate::session::Session;
use crate::session::snapshot::{Restored, SessionFile};

/// How a model is opened. `default()` suits most.
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    /// The device to run on.
    pub device: DevicePreference,
    /// Fail where the wanted device can't be used, instead of taking another and saying so.
    pub strict: bool,
    /// CPU threads provider; `None` takes one a core.
    pub threads: Option<usize>,
    /// CPU threads provider for turns in the background and at any pace of an engine but the full one, fewer than
    /// [`OpenOptions::threads`](field@OpenOptions::threads); `None`: as many as ever. It takes a second session of the graph, loaded when it is first
    /// wanted: in the prepared form that maps the same weights, in the plain one it packs them a second time.
    pub power_saving_threads: Option<usize>,
    /// The longest sequence in tokens; `None` takes the package's.
    pub context_length: Option<usize>,
    /// How keys and values are cached; `None` takes the package's default.
    pub kv_cache: Option<KvForm>,
    /// Leave a prepared form ([`crate::prepare()`]) alone. Without this it is used where there is one.
    pub plain: bool,
    /// Where prepared forms of models that are not installed stand, and their graphs that were compiled on this machine;
    /// must be on the models' file system. `None`: nowhere, each open of such a model compiles anew and waits for it.
    pub cache_dir: Option<PathBuf>,
    /// Told of each graph that is compiled for a device. Opens that are `strict` wait for it, and opens of packages that
    /// have nothing for the CPU; others go on in the background ([`Model::compilation`]).
    pub compile_watch: CompileWatch,
    /// Room for prefixes that sessions share ([`crate::Session::share_prefix`]), in bytes; 0: they share nothing.
    pub prefix_cache_bytes: u64,
    /// Options of the device's execution provider, by the names that [`crate::provider::PROVIDERS`] lists; used only
    /// where that provider is.
    pub provider_options: Vec<(String, String)>,
    /// Where it is noted which providers were tried on this machine, so that one that took the process down is not
    /// tried again, and one that passed its self-check need not repeat it. `None`: nowhere, each open tries anew.
    pub trials_dir: Option<PathBuf>,
    /// Take a device as it is, without comparing what it computes for a fixed prompt at its first use.
    pub skip_self_check: bool,
    /// What the model's need of memory is held against before its weights are read.
    pub memory: MemoryCheck,
    /// Ends the opening from another thread, by [`CancelToken::cancel`] or [`CancelToken::suspend`]:
    /// [`Error::OpenCancelled`]. What is compiled in the background goes on.
    pub cancel: CancelToken,
}

/// An open model.
#[derive(Clone)]
pub struct Model {
    facts: Arc<ModelFacts>,
    placement: Placement,
    card: Option<Card>,
    provenance: Option<Provenance>,
    graph: Loaded,
    runtime: wheelwork_ort::Runtime,
    /// What goes on where the device fails in the middle; `None` where it must not.
    fallback: Option<Fallback>,
    /// A better device whose graphs are compiled in the background.
    compilation: Option<Arc<Compilation>>,
    prefix_cache: Option<Arc<PrefixCache>>,
    pub(crate) footprint: Footprint,
}

impl Model {
    /// Opens a package folder or a genai model folder with default options.
    ///
    /// Takes 0.1 to some seconds and reads the weights: call it away from a UI thread.
    ///
    /// # Errors
    /// [`Error`]; nothing stays open after one.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::open_with(path, &OpenOptions::default())
    }

    /// Opens a package folder or a genai model folder.
    ///
    /// # Errors
    /// As [`Model::open`], [`Error::NoUsableDevice`] for a strict request that can't be met, and
    /// [`Error::NoInt8KvCache`] where an int8 cache is asked of a variant that has none, [`Error::NotEnoughMemory`] where
    /// the model does not fit into what [`OpenOptions::memory`] says is free, [`Error::OpenCancelled`]. Of an installed package, sizes
    /// and two chunks are compared with what was installed: [`wheelwork_package::PackageError::Damaged`].
    pub fn open_with(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Self, Error> {
        let path = path.as_ref();
        let fallback = (!options.strict).then(|| fallback(path, options));
        let (opening, graph, compilation) = Opening::loaded(path, options, fallback.as_ref())?;
        let footprint = opening.footprint(opening.placement.prepared)?;
        let Opening { package, placement, facts, runtime, provenance, .. } = opening;
        let prefix_cache_bytes = Some(options.prefix_cache_bytes).filter(|bytes| *bytes > 0);
        Ok(Self {
            facts: Arc::new(facts),
            fallback: fallback.filter(|_| placement.provider != CPU),
            placement,
            card: package.card,
            provenance,
            graph,
            runtime,
            compilation,
            prefix_cache: prefix_cache_bytes.map(|bytes| Arc::new(PrefixCache::new(bytes))),
            footprint,
        })
    }

    /// The static graphs of a variant on the CPU, without a conversation around them: the yardstick for what a
    /// NPU computes.
    ///
    /// # Errors
    /// [`Error::Package`] where the package has no such variant of static graphs, and as [`Model::open_with`].
    pub fn static_reference(path: impl AsRef<Path>, variant: &str) -> Result<Box<dyn Decoder>, Error> {
        static_opening::reference(path.as_ref(), variant)
    }

    /// Starts an empty session.
    ///
    /// # Errors
    /// [`Error::Decoder`] where memory for the cache is short.
    pub fn session(&self) -> Result<Session, Error> {
        self.session_through(|decoder| decoder)
    }

    /// Starts an empty session whose decoder goes through `wrap` first: one of your own around it may count or log.
    ///
    /// # Errors
    /// As [`Model::session`].
    pub fn session_through(
        &self,
        wrap: impl FnOnce(Box<dyn Decoder>) -> Box<dyn Decoder>,
    ) -> Result<Session, Error> {
        let decoder = wrap(self.decoder()?);
        let session = Session::with_decoder(Arc::clone(&self.facts), self.placement.clone(), decoder);
        Ok(self.equipped(session))
    }

    /// Starts a session where a file says that one stood; see [`crate::snapshot`]. Keep it in the same file with
    /// [`Session::keep_in`], go on with an unfinished turn by [`Session::resume`].
    ///
    /// # Errors
    /// [`Error::Snapshot`] for a file that is no session, and as [`Model::session`].
    pub fn restore(&self, file: impl Into<SessionFile>) -> Result<(Session, Restored), Error> {
        let (facts, placement) = (Arc::clone(&self.facts), self.placement.clone());
        let (session, restored) = Session::restore_with_decoder(facts, placement, self.decoder()?, file)?;
        Ok((self.equipped(session), restored))
    }

    fn equipped(&self, mut session: Session) -> Session {
        let (fallback, compilation) = (self.fallback.clone(), self.compilation.clone());
        session.sequence_mut().equip(fallback, compilation, self.prefix_cache.clone());
        session
    }

    /// An empty sequence without a conversation around it, for measurements and evaluation.
    ///
    /// # Errors
    /// As [`Model::session`].
    pub fn decoder(&self) -> Result<Box<dyn Decoder>, Error> {
        Ok(self.graph.decoder()?)
    }

    /// A decoder whose cache can be measured.
    pub(crate) fn ort_decoder(&self) -> Result<OrtDecoder, Error> {
        match &self.graph {
            Loaded::Dynamic(graph) => Ok(OrtDecoder::start(graph)?),
            Loaded::Static(_) => Err(Error::NotOnThisDevice { provider: self.placement.provider.clone() }),
        }
    }

    /// Tokenizer, template, ids and defaults.
    #[must_use]
    pub fn facts(&self) -> &Arc<ModelFacts> {
        &self.facts
    }

    /// Where the model runs, and why not on a better device.
    #[must_use]
    pub fn placement(&self) -> &Placement {
        &self.placement
    }

    /// The compiling for a better device that this open has begun in the background, if any: sessions run on the
    /// CPU meanwhile, and on the device from the first turn on that begins after it.
    #[must_use]
    pub fn compilation(&self) -> Option<&Arc<Compilation>> {
        self.compilation.as_ref()
    }

    /// The package's card; absent in folders of other makers.
    #[must_use]
    pub fn card(&self) -> Option<&Card> {
        self.card.as_ref()
    }

    /// How the signature stood when the package was installed; absent for folders that were not installed.
    #[must_use]
    pub fn provenance(&self) -> Option<&Provenance> {
        self.provenance.as_ref()
    }

    /// What sessions share; `None` where [`OpenOptions::prefix_cache_bytes`] is 0.
    #[must_use]
    pub fn prefix_cache(&self) -> Option<&Arc<PrefixCache>> {
        self.prefix_cache.as_ref()
    }

    /// The shapes of a session's cache.
    #[must_use]
    pub fn kv_shape(&self) -> KvShape {
        self.graph.kv_shape()
    }

    /// Rows of the embedding table and of the logits.
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        self.graph.vocab_size()
    }

    /// What ONNX Runtime says of its build, version included.
    #[must_use]
    pub fn runtime_info(&self) -> &str {
        &self.runtime.build_info
    }
}

/// The same model on the CPU, opened when it is needed.
fn fallback(path: &Path, options: &OpenOptions) -> Fallback {
    let path = path.to_path_buf();
    let options = OpenOptions {
        device: DevicePreference::Cpu,
        strict: true,
        provider_options: Vec::new(),
        cancel: CancelToken::new(),
        ..options.clone()
    };
    Fallback::new(move |failed, detail| {
        let model = Model::open_with(&path, &options)?;
        let mut placement = model.placement.clone();
        placement.not_used.retain(|row| row.provider != failed.provider);
        let row = NotUsed {
            provider: failed.provider.clone(),
            device: failed.device,
            reason: NotUsedReason::RunFailed,
            detail: Some(detail),
        };
        placement.not_used.insert(0, row);
        Ok((placement, model.decoder()?))
    })
}
