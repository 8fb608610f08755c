//! A prepared form on the disk: what it depends on, and whether it can be used.

use std::io;
use std::path::{MAIN_SEPARATOR, Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use wheelwork_package::OpenPackage;
use wheelwork_package::container::Digest;
use wheelwork_package::graph::Verified;
use wheelwork_package::graph::codes::Stated;
use wheelwork_package::graph::limits::GRAPH_BYTES;
use wheelwork_package::graph::prepacked::{is_plan_of, with_places};
use wheelwork_package::vfs::{DiskError, Links, read_file};

use super::attention::AttentionChoice;
use super::choice::ProductChoice;
use super::our_record::{OURS, Ours, PACKED_LOCATION};
use crate::decoder::error::DecoderError;
use crate::decoder::ort::session::Located;
use crate::decoder::traits::Decoder;
use crate::device::cache::{CacheError, DependsOn, Entry, NotFound, Own, place};
use crate::device::{Kernels, Prepared};
use crate::error::PrepareError;
use crate::facts::ModelIdentity;
use crate::open::memory::{Packed, packed_bytes};

pub(super) const GRAPH: &str = "model.onnx";
pub(super) const PACKED: &str = "packed.bin";
/// The fact of the record that holds the SHA-256 over the plain form's logits after [`PROBE_TOKEN`], little-endian
/// float32.
pub(super) const PROBE: &str = "probe";
/// The token whose logits are compared: any will do, one token passes through every matrix.
const PROBE_TOKEN: u32 = 0;
/// Raised when the files of a prepared form change.
const LAYOUT: u32 = 3;

/// A graph of a package.
pub(crate) struct Source<'a> {
    pub(crate) package: &'a OpenPackage,
    pub(crate) identity: ModelIdentity,
    /// The variant's folder, and the graph's file in it.
    pub(crate) folder: &'a Path,
    pub(crate) file: &'a str,
    pub(crate) verified: &'a Verified,
}

/// A graph, and where its prepared form stands.
pub(crate) struct Form {
    pub(super) entry: Entry,
    pub(super) package_folder: PathBuf,
    pub(super) graph: PathBuf,
    /// The graph's bytes.
    pub(super) original: Vec<u8>,
    pub(super) verified: Verified,
    /// Bits of codes and scales, as the package's card states them.
    pub(super) stated: Stated,
    /// Whose kernels are wanted.
    pub(super) kernels: Kernels,
}

/// A prepared form that looks usable: everything but the content of the packed ranges was compared.
pub(crate) struct Stored {
    /// The graph's file, and the graph to load.
    pub(crate) graph: PathBuf,
    pub(crate) located: Arc<Located>,
    /// Of the plain form; `None` of a compact form, which comes without one.
    pub(super) probe: Option<String>,
    pub(super) kernels: OurKernels,
    /// Where the packed weights are.
    pub(crate) packed: Packed,
    /// Bytes that the prepared form takes beside the package.
    pub(super) disk_bytes: u64,
}

/// Who computes what in a form with kernels of ours; nothing of a form without.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct OurKernels {
    /// The products of each shape.
    pub products: Vec<ProductChoice>,
    /// The attentions, where ours can compute them.
    pub attention: Option<AttentionChoice>,
}

impl Form {
    /// `None` where there is no place for a prepared form.
    ///
    /// Threads are not in its key: the packed bytes do not depend on them, and the logits of the probe are compared at
    /// every open.
    pub(crate) fn of(
        source: Source<'_>,
        own: Own<'_>,
        kernels: Kernels,
    ) -> Result<Option<Self>, PrepareError> {
        let Source { package, identity, folder, file, verified } = source;
        let Some(place) = place(&package.root, own).map_err(CacheError::from)? else { return Ok(None) };
        let graph = folder.join(file);
        let bytes = read(&graph)?;
        let stated = package.stated(&identity.variant);
        let key = DependsOn::new("prepared", LAYOUT)
            .and_model(&identity)
            .and("optimization", "all")
            .and("graph", Digest::of(&bytes))
            .and("bits of codes", format!("{:?}", stated.codes))
            .and("bits of scales", format!("{:?}", stated.scales))
            .and("kernels", kernels.name())
            .and("kernels' version", wheelwork_kernels::VERSION)
            .and_cpu()
            .key();
        let entry = Entry::new(place, &format!("{}.{file}", identity.variant), key);
        let (package_folder, verified) = (folder.to_owned(), verified.clone());
        Ok(Some(Self { entry, package_folder, graph, original: bytes, verified, stated, kernels }))
    }

    /// The prepared form, or why there is none.
    pub(crate) fn find(&self) -> Result<Stored, Prepared> {
        let record = self.entry.find().map_err(|reason| match reason {
            NotFound::Missing => Prepared::Missing,
            NotFound::Stale => Prepared::Stale,
            NotFound::NotMadeHere => Prepared::NotMadeHere,
            NotFound::Damaged(_) => Prepared::Damaged,
        })?;
        let folder = self.entry.folder();
        let file = |name| record.file(name).filter(|file| record.holds(&folder, file));
        if let Some(ours) = record.facts.get(OURS) {
            let packed = file(PACKED).ok_or(Prepared::Damaged)?;
            let probe = Some(record.facts.get(PROBE).cloned().ok_or(Prepared::Damaged)?);
            let ours: Ours = serde_json::from_str(ours).map_err(|_| Prepared::Damaged)?;
            let (graph, file_bytes) = ours.graph(&self.original, &self.stated).ok_or(Prepared::Damaged)?;
            if packed.bytes != file_bytes {
                return Err(Prepared::Damaged);
            }
            let located = self.located(&graph, &folder, true).map_err(|_| Prepared::Damaged)?;
            let all = packed_bytes(&self.verified.products);
            let left_bytes = all.saturating_sub(packed_bytes(&ours.products()));
            let (graph, disk_bytes) = (self.graph.clone(), packed.bytes);
            let packed = Packed::Ours { file_bytes, left_bytes };
            let kernels = OurKernels { products: ours.choices, attention: ours.attention };
            return Ok(Stored { graph, located, probe, kernels, packed, disk_bytes });
        }
        let (graph, packed) = file(GRAPH).zip(file(PACKED)).ok_or(Prepared::Damaged)?;
        let probe = Some(record.facts.get(PROBE).cloned().ok_or(Prepared::Damaged)?);
        let path = folder.join(GRAPH);
        let bytes = read(&path).map_err(|_| Prepared::Damaged)?;
        // Whatever its record says: it is the verified graph, and its packed ranges lie in their file.
        match is_plan_of(&self.original, &bytes, PACKED_LOCATION, packed.bytes) {
            Ok(true) if Digest::of(&bytes).to_string() == graph.sha256 => {}
            _ => return Err(Prepared::Damaged),
        }
        let located = self.located(&bytes, &folder, false).map_err(|_| Prepared::Damaged)?;
        Ok(Stored {
            graph: path,
            located,
            probe,
            kernels: OurKernels::default(),
            packed: Packed::InFile,
            disk_bytes: graph.bytes + packed.bytes,
        })
    }

    /// The graph of the prepared form in `folder`, with its files named from a folder that holds this one and the package's.
    pub(super) fn located(
        &self,
        graph: &[u8],
        folder: &Path,
        is_ours: bool,
    ) -> Result<Arc<Located>, PrepareError> {
        let Above { folder, form, package } = Above::of(folder, &self.package_folder)?;
        let graph = with_places(graph, |name, offset| match name {
            PACKED_LOCATION => (format!("{form}{PACKED}"), offset),
            _ => (format!("{package}{name}"), offset),
        })?;
        Ok(Arc::new(Located { graph, folder, is_ours }))
    }
}

impl Stored {
    /// Whether a decoder on the prepared form computes what the plain form did.
    pub(crate) fn is_confirmed_by(&self, decoder: &mut dyn Decoder) -> bool {
        let is_same = |probe: &String| self::probe(decoder).is_ok_and(|found| found == *probe);
        self.probe.as_ref().is_none_or(is_same)
    }
}

/// One folder above those of a form and of its package: ONNX Runtime follows no name out of the folder that it is given.
pub(super) struct Above {
    pub(super) folder: String,
    /// What names of files begin with, from there.
    pub(super) form: String,
    pub(super) package: String,
}

impl Above {
    pub(super) fn of(form: &Path, package: &Path) -> Result<Self, PrepareError> {
        let resolved = |path: &Path| {
            let resolved = fs_err::canonicalize(path).map_err(DiskError::of("find", path));
            resolved.map_err(CacheError::from)
        };
        let (form, package) = (resolved(form)?, resolved(package)?);
        let shared = form.components().zip(package.components()).take_while(|(one, other)| one == other);
        let root: PathBuf = shared.map(|(one, _)| one).collect();
        let below = |folder: &Path| {
            let names = folder.strip_prefix(&root).ok()?.components();
            names
                .map(|name| Some(format!("{}{MAIN_SEPARATOR}", name.as_os_str().to_str()?)))
                .collect::<Option<String>>()
        };
        let apart = || PrepareError::Apart { form: form.clone(), package: package.clone() };
        let folder = root.to_str().filter(|root| !root.is_empty()).ok_or_else(apart)?.to_owned();
        let (form, package) = below(&form).zip(below(&package)).ok_or_else(apart)?;
        Ok(Self { folder, form, package })
    }
}

/// The digest of the logits after [`PROBE_TOKEN`].
pub(super) fn probe(decoder: &mut dyn Decoder) -> Result<String, DecoderError> {
    decoder.prefill(&[PROBE_TOKEN])?;
    let bytes: Vec<u8> = decoder.logits().iter().flat_map(|logit| logit.to_le_bytes()).collect();
    Ok(Digest::of(&bytes).to_string())
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, PrepareError> {
    let read = read_file(path, Links::Refused, GRAPH_BYTES).map_err(io::Error::from);
    Ok(read.map_err(DiskError::of("read", path)).map_err(CacheError::from)?)
}
