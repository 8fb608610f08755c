//! What people give in a checkpoint's place: each kind is recognised by its names or its first bytes, before anything
//! is read, so that the error says what to do next.

use std::path::Path;

use super::CheckpointError;
use super::files::{Folder, RegularFile, shortened};
use super::{config, index, tensors};

/// Files that are refused by name, with what they are and what to do. They are never opened: a pickle is a program.
const OTHER_FORMATS: [(&[&str], &str, &str); 6] = [
    (
        &[".bin", ".pt", ".pth", ".ckpt", ".pkl"],
        "a PyTorch pickle",
        "the checkpoint as safetensors: load it where its program may run, and save it with \
         `save_pretrained(FOLDER, safe_serialization=True)` of transformers",
    ),
    (
        &[".gguf"],
        "a GGUF file",
        "the folder that the GGUF file was made from, with config.json and safetensors files: most GGUF files are \
         quantised already",
    ),
    (&[".h5", ".msgpack", ".npz"], "a file of another framework", "the checkpoint as safetensors"),
    (&[".onnx", ".tflite", ".mlmodel"], "a converted model", "the checkpoint that it was converted from"),
    (&[".zip", ".tar", ".gz", ".tgz", ".zst", ".7z"], "an archive", "the folder that it unpacks to"),
    (&[".safetensors"], "one file of a checkpoint", "the folder that holds it"),
];
/// What training leaves beside weights, and holds none.
const TRAINING_STATE: [&str; 6] =
    ["training_args.bin", "optimizer.", "scheduler.", "scaler.", "rng_state", "trainer_state"];
const ADAPTER: &str = "adapter_config.json";
const ADAPTER_WEIGHTS: [&str; 2] = ["adapter_model.safetensors", "adapter_model.bin"];
const ADAPTER_BYTES_LIMIT: u64 = 1 << 20;
/// Bytes that tell what a file is.
const START_BYTES: usize = 40;
/// How files begin that stand for the file that was wanted.
const STAND_INS: [(&[u8], &str); 4] = [
    (b"version https://git-lfs.github.com/spec", "a pointer of Git LFS"),
    (b"<!DOCTYPE", "a web page"),
    (b"<!doctype", "a web page"),
    (b"<html", "a web page"),
];

/// A path that was meant as a model's name on a hub: `ORGANISATION/NAME`.
pub(super) fn is_hub_name(path: &Path) -> bool {
    let parts: Vec<_> = path.to_str().unwrap_or_default().split('/').collect();
    let is_name = |part: &&str| {
        part.starts_with(|first: char| first.is_ascii_alphanumeric())
            && part.chars().all(|char| char.is_ascii_alphanumeric() || "-_.".contains(char))
    };
    parts.len() == 2 && parts.iter().all(is_name)
}

/// A format that is refused, by the file's name.
pub(super) fn other_format(path: &Path) -> Option<CheckpointError> {
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    if TRAINING_STATE.iter().any(|prefix| name.starts_with(prefix)) {
        return None;
    }
    let is_one = |(suffixes, ..): &&(&[&str], _, _)| suffixes.iter().any(|suffix| name.ends_with(suffix));
    let (_, format, wanted) = OTHER_FORMATS.iter().find(is_one)?;
    Some(CheckpointError::OtherFormat { path: path.into(), format, wanted })
}

/// The file is what its name says and not what stands for it.
pub(super) fn check_content(file: &RegularFile) -> Result<(), CheckpointError> {
    let is_checked = file.path().extension().is_some_and(|end| end == "json" || end == "safetensors");
    let bytes = usize::try_from(file.bytes()).unwrap_or(START_BYTES).min(START_BYTES);
    if !is_checked || bytes < START_BYTES {
        return Ok(());
    }
    let mut start = [0; START_BYTES];
    file.read_at(&mut start, 0)?;
    match STAND_INS.iter().find(|(begin, _)| start.starts_with(begin)) {
        Some((_, kind)) => Err(CheckpointError::NotTheFile { path: file.path().into(), kind }),
        None => Ok(()),
    }
}

/// The folder is a whole checkpoint and nothing more.
pub(super) fn check(folder: &Folder) -> Result<(), CheckpointError> {
    let path = folder.path();
    let has_weights = folder.has(tensors::SINGLE) || folder.has(index::NAME);
    if folder.has(ADAPTER) || ADAPTER_WEIGHTS.iter().any(|name| folder.has(name)) {
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
