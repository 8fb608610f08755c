//! What people give in a checkpoint's place: names and files, each recognised by its name or its first bytes.

use std::path::Path;

use super::CheckpointError;

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
/// Bytes that tell what a file is.
pub(super) const START_BYTES: usize = 40;
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

/// What stands for the file of that name, by its first bytes: a file has to be what its name says.
pub(super) fn stand_in(path: &Path, start: &[u8]) -> Option<CheckpointError> {
    let is_checked = path.extension().is_some_and(|end| end == "json" || end == "safetensors");
    let (_, kind) = STAND_INS.iter().find(|(begin, _)| is_checked && start.starts_with(begin))?;
    Some(CheckpointError::NotTheFile { path: path.into(), kind })
}
