//! An open model: immutable, shared by all its sessions, cheap to clone.

use std::path::Path;
use std::sync::Arc;

use wheelwork_package::store::Provenance;
use wheelwork_package::{Card, OpenPackage};

use super::described::Described;
use super::memory::{Counted, Footprint, MemoryPlan, free};
use super::opening::{Opened, Opening};
use super::options::{MemoryCheck, OpenOptions};
use super::static_opening;
use super::watch::OpenWatch;
use crate::control::CancelToken;
use crate::decoder::kv::KvShape;
use crate::decoder::ort::dynamic::OrtDecoder;
use crate::decoder::ort::loaded::Loaded;
use crate::decoder::traits::Decoder;
use crate::device::{CPU, DevicePreference, NotUsedReason, Placement};
use crate::error::Error;
use crate::facts::{ModelFacts, RuntimeFacts};
use crate::sequence::prefix_cache::PrefixCache;
use crate::sequence::{Compilation, Fallback};
use crate::session::Session;
use crate::session::snapshot::{Restored, SessionFile};

/// An open model.
#[derive(Clone)]
pub struct Model {
    facts: Arc<ModelFacts>,
    placement: Placement,
    package: Arc<OpenPackage>,
    provenance: Option<Provenance>,
    graph: Loaded,
    runtime: wheelwork_ort::Runtime,
    /// What goes on where the device fails in the middle; `None` where it must not.
    fallback: Option<Fallback>,
    /// A better device whose graphs are compiled in the background.
    compilation: Option<Arc<Compilation>>,
    prefix_cache: Option<Arc<PrefixCache>>,
    footprint: Footprint,
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
        let (opened, compilation) = Opening::loaded(path, options, fallback.as_ref())?;
        let Opened { described, facts, graph } = opened;
        let footprint = described.footprint(described.packed)?;
        let Described { package, placement, runtime, provenance, .. } = described;
        let prefix_cache_bytes = Some(options.prefix_cache_bytes).filter(|bytes| *bytes > 0);
        Ok(Self {
            facts: Arc::new(facts),
            fallback: fallback.filter(|_| placement.provider != CPU),
            placement,
            package: Arc::new(package),
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
        self.package.card.as_ref()
    }

    /// What the package's files say of it, as they were when it was opened.
    #[must_use]
    pub fn package(&self) -> &OpenPackage {
        &self.package
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

    /// What one more session of so many tokens takes, the model's own memory aside.
    #[must_use]
    pub fn plan(&self, context_tokens: usize) -> MemoryPlan {
        let open = Footprint { packed_bytes: 0, runtime_bytes: 0, ..self.footprint.clone() };
        let placement = self.placement();
        let counted = Counted {
            context_tokens: context_tokens.min(self.facts().context_length),
            context_limit: self.facts().context_length,
            kv_cache: placement.kv_cache,
            prepared: placement.prepared,
            prefix_cache_bytes: 0,
        };
        counted.plan(&open, free(MemoryCheck::System, placement.device))
    }

    /// The ONNX Runtime that the model runs on.
    #[must_use]
    pub fn runtime(&self) -> RuntimeFacts {
        RuntimeFacts::of(&self.runtime)
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
        watch: OpenWatch::default(),
        ..options.clone()
    };
    Fallback::new(move |failed, detail| {
        let model = Model::open_with(&path, &options)?;
        let mut placement = model.placement.clone();
        placement.not_used.retain(|row| row.provider != failed.provider);
        placement.not_used.insert(0, failed.row(NotUsedReason::RunFailed, Some(detail)));
        Ok((placement, model.decoder()?))
    })
}
