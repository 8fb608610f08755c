//! Names of tensors under a prefix that a tool has left: the rest is a checkpoint like any other.
//!
//! Where the embedding table stands tells the prefix. It is taken from all names that have it, and what comes out is
//! checked as ever, by name and shape: nothing else can be meant by it.

use super::CheckpointError;
use super::files::{Folder, shortened};
use super::tensors::Tensors;
use crate::architecture::names;

const TABLE: &str = "embed_tokens.weight";
const MODEL: &str = "model.";
/// Who leaves which prefix.
const TOOLS: [(&str, &str); 6] = [
    ("_orig_mod.", "torch.compile"),
    ("module.", "a parallel training"),
    ("_fsdp_wrapped_module.", "a parallel training"),
    ("base_model.model.", "peft"),
    ("language_model.", "a model with vision"),
    ("model.language_model.", "a model with vision"),
];
/// In names of layers that an adapter still sits on.
const UNMERGED: [&str; 5] =
    [".base_layer.", ".lora_A.", ".lora_B.", ".original_module.", ".modules_to_save."];

/// Takes a prefix away, and says so.
pub(super) fn remove(folder: &Folder, tensors: &mut Tensors) -> Result<Option<String>, CheckpointError> {
    let present = tensors.names();
    if let Some(name) = present.iter().find(|name| UNMERGED.iter().any(|mark| name.contains(mark))) {
        let tensor = shortened(name);
        return Err(CheckpointError::UnmergedAdapter { path: folder.path().into(), tensor });
    }
    let mut tables = present.iter().filter_map(|name| name.strip_suffix(TABLE));
    let (Some(head), None) = (tables.next(), tables.next()) else { return Ok(None) };
    if head == MODEL || !(head.is_empty() || head.ends_with('.')) {
        return Ok(None);
    }
    let head = head.to_owned();
    // Of `_orig_mod.model.`, what stands before `model.` stands before the output projection too.
    let outer = head.strip_suffix(MODEL).filter(|outer| outer.ends_with('.')).unwrap_or(&head);
    let renamed = |name: &str| {
        if let Some(rest) = name.strip_prefix(&head)
            && name != names::LM_HEAD
        {
            format!("{MODEL}{rest}")
        } else {
            name.strip_prefix(outer).unwrap_or(name).to_owned()
        }
    };
    if !tensors.rename(renamed) {
        return Ok(None);
    }
    if head.is_empty() {
        return Ok(Some(format!(
            "the names of the tensors lack `{MODEL}`, as where a model is saved without its head"
        )));
    }
    let tool = TOOLS.iter().find(|(prefix, _)| *prefix == outer);
    let tool = tool.map_or_else(String::new, |(_, tool)| format!(", as {tool} leaves it"));
    Ok(Some(format!(
        "the names of the tensors begin with `{}`{tool}; they are read without it",
        shortened(outer)
    )))
}
