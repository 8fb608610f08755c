//! From a folder of static graphs to a variant of a package: descriptions, tokenizer, card, manifest.

use std::path::Path;

use wheelwork_package::card::StaticGraphs;
use wheelwork_package::files::names;
use wheelwork_package::manifest::{self, Manifest};
use wheelwork_package::{Card, PackageError, json};

use crate::error::{QuantizeError, RequestError};
use crate::variant::{records, write_json};
use crate::{CPU, disk};

/// The name of the variant of quantised static graphs, and of its folder.
pub const VARIANT: &str = "qnn-htp";
const EP: &str = "QNNExecutionProvider";
const DEVICE: &str = "npu";

/// Makes `folder`, on the same file system as the package, its variant [`VARIANT`]. What the variants have in common is linked,
/// not copied, where the file system can. An older variant of that name gives way.
///
/// The package is complete before, between and after the steps.
///
/// # Errors
/// [`QuantizeError::Request`] for a folder without a card, [`QuantizeError::Package`] for one without a CPU variant,
/// [`QuantizeError::Write`].
pub fn add_to(package: &Path, folder: &Path, graphs: StaticGraphs) -> Result<Card, QuantizeError> {
    let open = wheelwork_package::open(package)?;
    let cpu = open.variant(CPU)?;
    let mut config = cpu.config.clone();
    let shared: Vec<_> = shared_names(&cpu.folder, open.card.as_ref());
    let Some(mut card) = open.card.clone() else {
        return Err(RequestError::NotAPackage { path: package.into() }.into());
    };
    for name in &shared {
        let (from, to) = (cpu.folder.join(name), folder.join(name));
        fs_err::hard_link(&from, &to)
            .or_else(|_| fs_err::copy(&from, &to).map(drop))
            .map_err(QuantizeError::write(&to))?;
    }
    config.model.context_length = graphs.context_length;
    config.search.max_length = graphs.context_length;
    if let Some(part) = graphs.parts.first() {
        config.model.decoder.filename.clone_from(&part.decode);
    }
    write_json(&folder.join(names::GENAI_CONFIG), &config)?;
    let files = records(folder)?;

    let target = package.join(VARIANT);
    let manifest_path = package.join(names::MANIFEST);
    let mut manifest: Manifest = json::read(&manifest_path)?;
    if target.exists() {
        manifest.components.model.variants.remove(VARIANT);
        json::replace(&manifest_path, &manifest)?;
        fs_err::remove_dir_all(&target).map_err(QuantizeError::write(&target))?;
    }
    disk::sync_folder(folder).map_err(QuantizeError::write(folder))?;
    disk::rename(folder, &target).map_err(QuantizeError::write(&target))?;
    card.variants.insert(VARIANT.to_owned(), files);
    card.static_graphs.insert(VARIANT.to_owned(), graphs);
    save(package, &card)?;
    let variant =
        manifest::Variant { ep: EP.to_owned(), device: DEVICE.to_owned(), compatibility_string: None };
    manifest.components.model.variants.insert(VARIANT.to_owned(), variant);
    json::replace(&manifest_path, &manifest)?;
    Ok(card)
}

fn save(package: &Path, card: &Card) -> Result<(), PackageError> {
    json::replace(&package.join(names::CARD), card)
}

/// Files of the CPU variant that have nothing to do with its graph.
fn shared_names(folder: &Path, card: Option<&Card>) -> Vec<String> {
    let own = [names::GRAPH, names::INT8_KV_GRAPH, names::WEIGHTS, names::GENAI_CONFIG];
    let files = card.and_then(|card| card.variants.get(CPU)).into_iter().flatten();
    let names = files.map(|file| file.name.clone());
    names.filter(|name| !own.contains(&name.as_str()) && folder.join(name).is_file()).collect()
}
