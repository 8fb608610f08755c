//! A LoRA adapter, merged into the weights while they are read.
//!
//! ```text
//! adapter_config.json         s = lora_alpha / r, or lora_alpha / sqrt(r) with use_rslora
//! adapter_model.safetensors   base_model.model.NAME.lora_A.weight   A [r, columns]
//!                             base_model.model.NAME.lora_B.weight   B [rows, r]
//! merged                      W + s B A, in float32
//! ```
//!
//! As `merge_and_unload` of peft does it, but for the rounding to the precision of the weights. What an adapter may have
//! beside the two matrices is refused by the field's or the tensor's name.

use std::collections::BTreeSet;
use std::path::Path;

use super::config_error::ConfigError;
use super::error::CheckpointError;
use super::fields::Fields;
use super::files::{Folder, shortened};
use super::generation;
use super::low_rank::LowRank;
use super::open_error::OpenError;
use super::recognise::{ADAPTER, ADAPTER_BYTES_LIMIT, ADAPTER_WEIGHTS};
use super::tensors::{ReadBuffer, Tensors};

/// Before the base's names.
const PREFIX: &str = "base_model.model.";
/// Settings that change what is merged.
const UNSUPPORTED: [&str; 10] = [
    "use_dora",
    "fan_in_fan_out",
    "lora_bias",
    "rank_pattern",
    "alpha_pattern",
    "modules_to_save",
    "layer_replication",
    "target_parameters",
    "trainable_token_indices",
    "use_qalora",
];

/// Adds an adapter to the tensors of its base; a sentence for a person.
///
/// # Errors
/// [`ConfigError`] for a description of another kind, [`CheckpointError::AdapterTensor`] for a tensor that does not fit,
/// those of reading.
pub(super) fn merge(path: &Path, tensors: &mut Tensors) -> Result<String, OpenError> {
    let folder = Folder::open(path)?;
    let values = folder.read_json(ADAPTER, ADAPTER_BYTES_LIMIT)?;
    let config_path = folder.path().join(ADAPTER);
    let scale = scale(&Fields::of(&config_path, &values))?;
    let adapter = Tensors::of_file(folder.file(ADAPTER_WEIGHTS)?)?;
    let misfit = |name: &str| {
        let path = folder.path().join(ADAPTER_WEIGHTS);
        CheckpointError::AdapterTensor { path, tensor: shortened(name) }
    };
    let mut stems = BTreeSet::new();
    for name in adapter.names() {
        stems.insert(stem(name).ok_or_else(|| misfit(name))?);
    }
    for (stem, ending) in &stems {
        let [a, b] = ["lora_A", "lora_B"].map(|part| format!("{PREFIX}{stem}.{part}.{ending}"));
        let (Some(&[rank, columns]), Some(&[rows, other])) = (adapter.shape(&a), adapter.shape(&b)) else {
            return Err(misfit(&a).into());
        };
        let target = format!("{stem}.weight");
        if rank == 0 || rank != other || tensors.shape(&target) != Some([rows, columns].as_slice()) {
            return Err(misfit(&a).into());
        }
        let [a, b] = [numbers(&adapter, &a)?, numbers(&adapter, &b)?];
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
        // ranks are small; float32 is the purpose
        let scale = scale.of(rank as f64) as f32;
        tensors.add_low_rank(&target, LowRank { a, b, rank, columns, scale });
    }
    let merged = format!("a LoRA adapter is merged into {} matrices", stems.len());
    tensors.depend_on(adapter.into_files());
    tensors.depend_on([folder.file(ADAPTER)?]);
    Ok(merged)
}

/// `lora_alpha`, and what it is divided by.
#[derive(Clone, Copy)]
struct Scale {
    alpha: f64,
    by_root: bool,
}

impl Scale {
    fn of(self, rank: f64) -> f64 {
        self.alpha / if self.by_root { rank.sqrt() } else { rank }
    }
}

fn scale(fields: &Fields<'_>) -> Result<Scale, ConfigError> {
    let unsupported = |field: &str, found: &str, supported| ConfigError::Unsupported {
        path: fields.path().into(),
        field: field.into(),
        found: shortened(found),
        supported,
    };
    match fields.text("peft_type")?.unwrap_or("LORA") {
        "LORA" => {}
        other => return Err(unsupported("peft_type", other, "LORA")),
    }
    match fields.text("bias")?.unwrap_or("none") {
        "none" => {}
        other => return Err(unsupported("bias", other, "none")),
    }
    for field in UNSUPPORTED {
        fields.typed(field, "a value that changes nothing, such as null", |value| {
            generation::is_neutral(value, f64::NAN)
        })?;
    }
    let missing = || ConfigError::Missing { path: fields.path().into(), field: "lora_alpha".into() };
    let alpha = fields.number("lora_alpha")?.ok_or_else(missing)?;
    Ok(Scale { alpha, by_root: fields.flag("use_rslora")?.unwrap_or(false) })
}

/// The matrix that a tensor of an adapter belongs to, and how its name ends.
fn stem(name: &str) -> Option<(&str, &str)> {
    let name = name.strip_prefix(PREFIX)?;
    let (stem, ending) = name.split_once(".lora_A.").or_else(|| name.split_once(".lora_B."))?;
    matches!(ending, "weight" | "default.weight").then_some((stem, ending))
}

fn numbers(adapter: &Tensors, name: &str) -> Result<Vec<f32>, CheckpointError> {
    let tensor = adapter.get(name)?;
    let mut buffer = ReadBuffer::default();
    tensor.read(0, tensor.elements(), &mut buffer)?;
    Ok(buffer.weights)
}
