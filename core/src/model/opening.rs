//! From a folder to a loaded graph: descriptions read, device chosen, graph verified, then loaded, or the next device
//! tried.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::Arc;

use wheelwork_package::card::KvForm;
use wheelwork_package::graph::Verified;
use wheelwork_package::store::Provenance;
use wheelwork_package::{OpenPackage, OpenVariant};

use super::{ModelFacts, OpenOptions};
use crate::Error;
use crate::decoder::{OnDevice, OrtModel, SessionOptions};
use crate::prepare::{Prepared, Stored, Subject};
use crate::provider::{self, CPU, NotUsedReason, Placement, Refusal, Wish};

/// Chunks of an installed package that an open compares with what was installed: some milliseconds.
const SAMPLED_CHUNKS: usize = 2;

/// Providers that were tried and did not do, with the reason.
type Refused = BTreeMap<String, Refusal>;

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
}

impl Opening {
    /// Opens on the best device that loads the graph and computes it.
    pub(super) fn loaded(path: &Path, options: &OpenOptions) -> Result<(Self, Arc<OrtModel>), Error> {
        let mut refused = Refused::new();
        loop {
            let mut opening = Self::without(path, options, &refused)?;
            if let Some(provenance) = &opening.provenance {
                // Other chunks each time, by the one door that the standard library has to the system's randomness.
                provenance.check_sample(RandomState::new().hash_one(()), SAMPLED_CHUNKS)?;
            }
            let refusal = match opening.load(options) {
                Err(error) if opening.placement.provider == CPU => return Err(error),
                Err(error) => (NotUsedReason::SessionFailed, Some(error.to_string())),
                Ok((graph, prepared)) => {
                    opening.placement.prepared = prepared;
                    opening.placement.kv_cache = graph.kv_form();
                    opening.placement.graphs.push(graph.placement());
                    match opening.placement.computes_elsewhere() {
                        None => return Ok((opening, graph)),
                        elsewhere => (NotUsedReason::TookNoNodes, elsewhere),
                    }
                }
            };
            refused.insert(opening.placement.provider, refusal);
        }
    }

    /// Reads the descriptions, chooses device and graph, verifies the graph.
    pub(crate) fn of(path: &Path, options: &OpenOptions) -> Result<Self, Error> {
        Self::without(path, options, &Refused::new())
    }

    /// As [`Opening::of`], without providers that were tried already.
    fn without(path: &Path, options: &OpenOptions, refused: &Refused) -> Result<Self, Error> {
        let package = wheelwork_package::open(path)?;
        let threads = options.threads.unwrap_or_else(default_threads).max(1);
        let runtime = wheelwork_ort::environment()?;
        let wish = Wish { device: options.device, strict: options.strict, threads };
        let placement = provider::plan(&package, wish, &mut |row| match refused.get(row.ep) {
            Some(refusal) => Err(refusal.clone()),
            None => provider::detect(row, &runtime).map(drop),
        })?;
        let variant = package.variant(&placement.variant)?.clone();
        let graph_file = graph_file(&package, &placement.variant, &variant, options.kv_cache)?;
        let verified = package.verify_graph(&placement.variant, &graph_file)?;
        let facts =
            ModelFacts::of(&package, &placement.variant, options.context_length, &runtime.build_info)?;
        let provenance = package.provenance();
        Ok(Self { package, placement, graph_file, verified, runtime, provenance, facts, variant })
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
            device: provider::row(&self.placement.provider)
                .filter(|row| row.library.is_some())
                .map(|row| OnDevice { provider: row.ep, options: &[], memory: row.memory }),
        }
    }

    /// Loads the prepared form, or the plain one with the reason why.
    fn load(&self, options: &OpenOptions) -> Result<(Arc<OrtModel>, Prepared), Error> {
        let reason = if options.plain || self.placement.provider != CPU {
            Prepared::NotWanted
        } else {
            match Subject::of(self, options.cache_dir.as_deref())?.map(|subject| Stored::find(&subject)) {
                None => Prepared::NoPlace,
                Some(Err(reason)) => reason,
                Some(Ok(stored)) => match self.confirmed(&stored) {
                    Some(graph) => return Ok((graph, Prepared::Used)),
                    None => Prepared::Damaged,
                },
            }
        };
        Ok((self.load_graph(&self.folder().join(&self.graph_file))?, reason))
    }

    /// The prepared form, if it loads and computes what the plain form did.
    pub(crate) fn confirmed(&self, stored: &Stored) -> Option<Arc<OrtModel>> {
        let graph = self.load_graph(&stored.graph()).ok()?;
        stored.is_confirmed_by(&mut graph.decoder().ok()?).then_some(graph)
    }

    fn load_graph(&self, graph: &Path) -> Result<Arc<OrtModel>, Error> {
        let model = &self.variant.config.model;
        Ok(OrtModel::load(&self.runtime.environment, graph, model, self.session_options())?)
    }
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

fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
