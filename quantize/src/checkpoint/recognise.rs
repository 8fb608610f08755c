//! What people give in a checkpoint's place: folders, by what is in them, before anything is read, so that the error
//! says what to do next.

use std::path::Path;

use super::CheckpointError;
use super::files::{Folder, shortened};
use super::formats::other_format;
use super::{config, index, tensors};

/// An adapter's description.
pub(super) const ADAPTER: &str = "adapter_config.json";
/// An adapter's weights.
pub(super) const ADAPTER_WEIGHTS: &str = "adapter_model.safetensors";
/// The same as a pickle.
const ADAPTER_PICKLE: &str = "adapter_model.bin";
/// The longest description of an adapter that is read, in bytes.
pub(super) const ADAPTER_BYTES_LIMIT: u64 = 1 << 20;
/// The folder is a whole checkpoint and nothing more, but for the adapter that is merged.
pub(super) fn check(folder: &Folder, adapter: Option<&Path>) -> Result<(), CheckpointError> {
    let path = folder.path();
    let has_weights = folder.has(tensors::SINGLE) || folder.has(index::NAME);
    let has_adapter = [ADAPTER, ADAPTER_WEIGHTS, ADAPTER_PICKLE].iter().any(|name| folder.has(name));
    let is_this = |adapter: &Path| fs_err::canonicalize(adapter).ok() == fs_err::canonicalize(path).ok();
    if has_adapter && !(has_weights && adapter.is_some_and(is_this)) {
        return Err(if has_weights {
            CheckpointError::AdapterBeside { path: path.join(ADAPTER) }
        } else {
            CheckpointError::AdapterAlone { path: path.into(), base: base_of_adapter(folder) }
        });
    }
    if folder.has(config::NAME) {
        return Ok(());
    }
    let subfolders = subfolders(folder)?;
    if !subfolders.is_empty() {
        return Err(CheckpointError::InSubfolder { path: path.into(), subfolders });
    }
    if !has_weights && let Some(error) = first_of_other_format(folder)? {
        return Err(error);
    }
    Err(CheckpointError::MissingFile { path: path.join(config::NAME) })
}

/// Why a folder without weights under the usual names has none.
pub(super) fn no_weights(folder: &Folder) -> Result<CheckpointError, CheckpointError> {
    let path = folder.path().to_owned();
    let mut names = folder.names()?;
    names.retain(|name| name.ends_with(".safetensors"));
    if !names.is_empty() {
        let names = names.iter().map(|name| shortened(name)).collect();
        return Ok(CheckpointError::OtherNames { path, names });
    }
    Ok(first_of_other_format(folder)?.unwrap_or(CheckpointError::NoWeights { path }))
}

fn first_of_other_format(folder: &Folder) -> Result<Option<CheckpointError>, CheckpointError> {
    let mut names = folder.names()?;
    names.retain(|name| !name.ends_with(".safetensors"));
    Ok(names.iter().find_map(|name| other_format(&folder.path().join(name))))
}

/// What the adapter changes, as its own file says.
fn base_of_adapter(folder: &Folder) -> String {
    let fields: Option<serde_json::Value> = folder.read_json(ADAPTER, ADAPTER_BYTES_LIMIT).ok();
    let base = fields.as_ref().and_then(|fields| fields.get("base_model_name_or_path")?.as_str());
    base.map_or_else(|| "a model that it does not name".into(), |base| format!("`{}`", shortened(base)))
}

/// Folders of this one that are checkpoints: what an archive had as its one folder, what training saved at its steps,
/// revisions in Hugging Face's cache.
fn subfolders(folder: &Folder) -> Result<Vec<String>, CheckpointError> {
    let names = folder.names()?;
    let snapshots = names.iter().any(|name| name == "snapshots").then(|| folder.path().join("snapshots"));
    let revisions = match snapshots.and_then(|path| Folder::open(&path).ok()) {
        Some(snapshots) => snapshots.names()?.iter().map(|name| format!("snapshots/{name}")).collect(),
        None => Vec::new(),
    };
    let all = names.into_iter().chain(revisions);
    Ok(all.filter(|name| folder.path().join(name).join(config::NAME).exists()).take(SHOWN).collect())
}

/// As many folders are named at most.
const SHOWN: usize = 20;
