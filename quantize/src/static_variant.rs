//! From a folder of static graphs to a variant of a package that has the variant `cpu`: shared files, descriptions, card,
//! manifest.

use std::path::Path;

use wheelwork_package::card::StaticGraphs;
use wheelwork_package::files::{FileRecord, names};
use wheelwork_package::manifest::{self, Manifest};
use wheelwork_package::{Card, json};

use crate::error::{QuantizeError, RequestError};
use crate::variant::{records, write_json};
use crate::{CPU, disk};

/// ONNX Runtime's name of Qualcomm's provider.
const EP: &str = "QNNExecutionProvider";
const DEVICE: &str = "npu";

/// Whether a variant has weights of its own, or those of the CPU variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weights {
    Own,
    OfCpu,
}

/// Makes `folder`, on the same file system as the package, its variant `name`. What the variants have in common is
/// linked, not copied, where the file system can. An older variant of that name gives way.
///
/// The package is complete before, between and after the steps.
///
/// # Errors
/// [`QuantizeError::Request`] for a folder without a card, [`QuantizeError::Package`] for one without a CPU variant,
/// [`QuantizeError::Write`].
pub(crate) fn add(
    package: &Path,
    name: &str,
    folder: &Path,
    weights: Weights,
    graphs: StaticGraphs,
) -> Result<Card, QuantizeError> {
    let open = wheelwork_package::open(package)?;
    let cpu = open.variant(CPU)?;
    let mut config = cpu.config.clone();
    let Some(mut card) = open.card.clone() else {
        return Err(RequestError::NotAPackage { path: package.into() }.into());
    };
    config.model.context_length = graphs.context_length;
    config.search.max_length = graphs.context_length;
    if let Some(part) = graphs.parts.first() {
        config.model.decoder.filename.clone_from(&part.decode);
    }
    write_json(&folder.join(names::GENAI_CONFIG), &config)?;
    let mut files = records(folder)?;
    for record in shared(&card, weights) {
        let (from, to) = (cpu.folder.join(&record.name), folder.join(&record.name));
        fs_err::hard_link(&from, &to)
            .or_else(|_| fs_err::copy(&from, &to).map(drop))
            .map_err(QuantizeError::write(&to))?;
        files.push(record);
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));

    let target = package.join(name);
    let manifest_path = package.join(names::MANIFEST);
    let mut manifest: Manifest = json::read(&manifest_path)?;
    if target.exists() {
        manifest.components.model.variants.remove(name);
        json::replace(&manifest_path, &manifest)?;
        fs_err::remove_dir_all(&target).map_err(QuantizeError::write(&target))?;
    }
    disk::sync_folder(folder).map_err(QuantizeError::write(folder))?;
    disk::rename(folder, &target).map_err(QuantizeError::write(&target))?;
    disk::sync_folder(package).map_err(QuantizeError::write(package))?;
    card.variants.insert(name.to_owned(), files);
    card.static_graphs.insert(name.to_owned(), graphs);
    json::replace(&package.join(names::CARD), &card)?;
    let variant =
        manifest::Variant { ep: EP.to_owned(), device: DEVICE.to_owned(), compatibility_string: None };
    manifest.components.model.variants.insert(name.to_owned(), variant);
    json::replace(&manifest_path, &manifest)?;
    Ok(card)
}

/// Files of the CPU variant that have nothing to do with its graph, and its weights if they are asked for.
fn shared(card: &Card, weights: Weights) -> Vec<FileRecord> {
    let is_shared = |record: &&FileRecord| match record.name.as_str() {
        names::GRAPH | names::INT8_KV_GRAPH | names::GENAI_CONFIG => false,
        names::WEIGHTS => weights == Weights::OfCpu,
        _ => true,
    };
    card.variants.get(CPU).into_iter().flatten().filter(is_shared).cloned().collect()
}
