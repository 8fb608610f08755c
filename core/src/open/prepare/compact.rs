//! The compact form of an installed model: weights as our kernels hold them, in place of the package's ([`wheelwork_package::compact`]).

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use wheelwork_package::compact::Compact;
use wheelwork_package::container::Watch;
use wheelwork_package::vfs::{RealVfs, Vfs as _};

use crate::decoder::ort::model::{OrtModel, SessionOptions};
use crate::device::Kernels;
use crate::device::cache::place;
use crate::error::{Error, PrepareError};
use crate::open::described::Described;
use crate::open::options::OpenOptions;
use crate::open::self_check;

/// What [`compact`] did.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CompactReport {
    /// False where the model was compact already.
    pub is_new: bool,
    /// Bytes of the package's file of weights.
    pub package_bytes: u64,
    /// Bytes of the compact form that took its place.
    pub compact_bytes: u64,
    /// Time that it took.
    pub seconds: f64,
}

/// Lets the weights of an installed model, of the variant that [`crate::Model::open_with`] would take on the CPU, give way to their
/// compact form: those that our kernels compute with, in the bits that they use, with scales in half precision. It takes the place of a
/// prepared form, too, and of both key-value caches' graphs. The model then opens on the CPU with our kernels only;
/// verifying, repairing and updating it go on as before, and [`restore`] undoes it.
///
/// Before the package's file is removed, every byte of it is read out of the new form and compared with what was installed, and the
/// logits of the two are compared. The disk holds both until then.
///
/// # Errors
/// [`Error::Prepare`] and the errors of [`crate::Model::open_with`]. The model is as it was.
pub fn compact(
    path: impl AsRef<Path>,
    options: &OpenOptions,
    watch: &mut Watch<'_>,
) -> Result<CompactReport, Error> {
    let start = Instant::now();
    let options = OpenOptions { plain: false, kernels: Kernels::Own, ..options.clone() };
    let described = Described::of(path.as_ref(), &options)?;
    let report = |is_new, package_bytes, compact_bytes| CompactReport {
        is_new,
        package_bytes,
        compact_bytes,
        seconds: start.elapsed().as_secs_f64(),
    };
    if let Some(Compact { record, .. }) = &described.variant.compact {
        return Ok(report(false, record.bytes, record.packed_bytes()));
    }
    let provenance = described.provenance.as_ref().ok_or(PrepareError::NotInstalled)?;
    let variant = described.placement.variant.clone();
    let compacting = provenance.compact(&described.package, &variant, watch).map_err(PrepareError::from)?;
    {
        let located = described.compact_form().located(&compacting.compact)?;
        let load = |options: SessionOptions| -> Result<Arc<OrtModel>, Error> {
            let graph = described.folder().join(&described.graph_file);
            let model = &described.variant.config.model;
            Ok(OrtModel::load(&described.runtime.environment, &graph, model, options)?)
        };
        let ours = load(SessionOptions { located, ..described.session_options() })?;
        let plain = load(described.session_options())?;
        let checked = self_check::against_plain(&ours, &plain, described.facts.context_length);
        checked.map_err(PrepareError::unlike)?;
    }
    let kept = compacting.keep().map_err(PrepareError::from)?;
    // A prepared form repeats what the compact one is.
    if let Ok(Some(place)) = place(&described.package.root, options.own()) {
        for graph in described.package.graphs(&variant)? {
            let _ = RealVfs.remove_dir_all(&place.folder().join(format!("{variant}.{graph}")));
        }
    }
    Ok(report(true, kept.package_bytes, kept.compact_bytes))
}

/// Undoes [`compact`]: the package's own files stand there again, byte for byte. Whether there was anything to undo.
///
/// # Errors
/// [`Error::Package`] and [`Error::Prepare`]. The model is as it was.
pub fn restore(path: impl AsRef<Path>, watch: &mut Watch<'_>) -> Result<bool, Error> {
    let package = wheelwork_package::open(path.as_ref())?;
    let provenance = package.provenance().ok_or(PrepareError::NotInstalled)?;
    Ok(provenance.restore(watch).map_err(PrepareError::from)? > 0)
}
