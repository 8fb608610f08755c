//! Errors of reading a checkpoint's files.

use std::path::{Path, PathBuf};

use wheelwork_diagnostic::{
    Diagnosis, Diagnostic, check, choose, correct, get, give, retry, unsupported, wait_until,
};

/// Why a checkpoint could not be read.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum CheckpointError {
    /// The operating system refused.
    #[error("cannot read `{path}`: {source}")]
    Io { path: PathBuf, source: std::io::Error },
    /// A checkpoint is a folder.
    #[error("`{path}` is not a folder")]
    NotAFolder { path: PathBuf },
    /// A name that could lead out of the folder.
    #[error("`{folder}` names the file `{name}`, expected a plain file name of the checkpoint's folder")]
    NotAFileName { folder: PathBuf, name: String },
    /// A link, a pipe, a device.
    #[error("`{path}` is {kind}, expected a regular file")]
    NotARegularFile { path: PathBuf, kind: &'static str },
    /// A file that every checkpoint has.
    #[error("`{path}` is missing")]
    MissingFile { path: PathBuf },
    /// Something that a download leaves in a file's place.
    #[error("`{path}` is {kind}, not the file itself")]
    NotTheFile { path: PathBuf, kind: &'static str },
    /// A model's name on a hub.
    #[error("there is no folder `{name}`; it looks like a model's name on a hub")]
    HubName { name: String },
    /// A folder of checkpoints.
    #[error("`{path}` has no config.json, but in it these folders have: {}", listed(subfolders))]
    InSubfolder { path: PathBuf, subfolders: Vec<String> },
    /// An adapter is no model.
    #[error("`{path}` is a LoRA adapter, without the weights of {base}, which it changes")]
    AdapterAlone { path: PathBuf, base: String },
    /// Without the adapter it would be another model.
    #[error("`{path}` stands beside the weights: with this LoRA adapter they are another model than without")]
    AdapterBeside { path: PathBuf },
    /// The adapter of another model, or of another kind.
    #[error(
        "the adapter's tensor `{tensor}` of `{path}` changes no matrix of the checkpoint by two of its rank"
    )]
    AdapterTensor { path: PathBuf, tensor: String },
    /// A model that was saved while an adapter sat on it.
    #[error("`{path}` holds a LoRA adapter that is not merged: it has the tensor `{tensor}`")]
    UnmergedAdapter { path: PathBuf, tensor: String },
    /// Larger than any honest file of its kind.
    #[error("`{path}` has {bytes} bytes, more than the {limit} allowed for this file")]
    TooLarge { path: PathBuf, bytes: u64, limit: u64 },
    /// Not JSON, or without a needed field.
    #[error("`{path}` is not valid: {detail}")]
    Json { path: PathBuf, detail: String },
    /// No weights of any known format.
    #[error("`{path}` has neither model.safetensors nor model.safetensors.index.json")]
    NoWeights { path: PathBuf },
    /// Weights under names that nothing looks for.
    #[error(
        "`{path}` has neither model.safetensors nor model.safetensors.index.json, only {}",
        listed(names)
    )]
    OtherNames { path: PathBuf, names: Vec<String> },
    /// Which of them is the model, no file says.
    #[error(
        "`{path}` has the weights twice: as model.safetensors, and in all files that model.safetensors.index.json names"
    )]
    WeightsTwice { path: PathBuf },
    /// Something else than a folder of safetensors files.
    #[error("`{path}` is {format}, expected a folder with safetensors files; it was not opened")]
    OtherFormat { path: PathBuf, format: &'static str, wanted: &'static str },
    /// Rounding rounded weights again would lose twice.
    #[error("`{path}` is already quantised ({method}), expected floating-point weights")]
    AlreadyQuantized { path: PathBuf, method: String },
    /// A safetensors header breaks a rule of the format.
    #[error("`{path}` is not a valid safetensors file: {fault}")]
    Header { path: PathBuf, fault: HeaderFault },
    /// The index lists a tensor twice.
    #[error("`{path}` lists the tensor `{tensor}` twice")]
    DuplicateInIndex { path: PathBuf, tensor: String },
    /// More shards than any honest checkpoint.
    #[error("`{path}` names {shards} shards, more than the {limit} allowed")]
    TooManyShards { path: PathBuf, shards: usize, limit: usize },
    /// Files that the index names do not exist.
    #[error("`{path}` names files that are missing: {}", missing.join(", "))]
    MissingShards { path: PathBuf, missing: Vec<String> },
    /// The index and the shards disagree.
    #[error(
        "`{path}` and its shards disagree: missing from the shards: {}; not in the index: {}",
        listed(missing),
        listed(extra)
    )]
    ShardMismatch { path: PathBuf, missing: Vec<String>, extra: Vec<String> },
    /// Tensors that the architecture needs.
    #[error("the checkpoint lacks {} tensors: {}", missing.len(), listed(missing))]
    MissingTensors { missing: Vec<String> },
    /// Tensors that the architecture does not know: ignoring them would give another model.
    #[error("the checkpoint has {} tensors that its architecture does not have: {}", extra.len(), listed(extra))]
    UnexpectedTensors { extra: Vec<String> },
    /// A shape that the configuration does not ask for.
    #[error("the tensor `{tensor}` has shape {found:?}, config.json asks for {expected:?}")]
    TensorShape { tensor: String, found: Vec<usize>, expected: Vec<usize> },
    /// What was read first and what was read last may be of two models.
    #[error("`{path}` changed while it was read")]
    Changed { path: PathBuf },
    /// Weights are float32, float16 or bfloat16.
    #[error("the tensor `{tensor}` of `{path}` has type {dtype}, expected F32, F16 or BF16")]
    UnsupportedDtype { path: PathBuf, tensor: String, dtype: &'static str },
    /// One such value would poison its block's scale, and with it the answer.
    #[error("the tensor `{tensor}` of `{path}` is {value} at element {index}, expected finite numbers")]
    NonFinite { path: PathBuf, tensor: String, index: usize, value: f32 },
}

/// Which rule of the safetensors format a file breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum HeaderFault {
    /// The length in the first eight bytes leads out of the file.
    #[error("the header's length is {length}, the file has {file} bytes")]
    InvalidHeaderLength { length: u64, file: u64 },
    /// Longer than any honest header.
    #[error("the header has {length} bytes, more than the {limit} allowed")]
    HeaderTooLarge { length: u64, limit: u64 },
    /// Not JSON, or not of the header's form.
    #[error("the header does not parse: {detail}")]
    NotAHeader { detail: String },
    /// More tensors than any honest file.
    #[error("the header lists {tensors} tensors, more than the {limit} allowed")]
    TooManyTensors { tensors: usize, limit: usize },
    /// One name for two tensors.
    #[error("the tensor `{tensor}` is listed twice")]
    DuplicateTensor { tensor: String },
    /// An element type that the format does not know.
    #[error("the tensor `{tensor}` has the unknown type `{dtype}`")]
    UnknownDtype { tensor: String, dtype: String },
    /// A size that does not fit 64 bits, or this machine's addresses.
    #[error("the size of tensor `{tensor}` with shape {shape:?} overflows")]
    ValidationOverflow { tensor: String, shape: Vec<u64> },
    /// The data ends after the file.
    #[error("the tensor `{tensor}` ends at byte {end} of the data, which has {data}")]
    PastEnd { tensor: String, end: u64, data: u64 },
    /// The data ends before it begins.
    #[error("the tensor `{tensor}` begins at byte {begin} and ends at {end}")]
    BackwardOffsets { tensor: String, begin: u64, end: u64 },
    /// Shape and type need another number of bytes than the offsets give.
    #[error(
        "the tensor `{tensor}` of type {dtype} and shape {shape:?} needs {needed} bytes, its offsets give {present}"
    )]
    ShapeMismatch { tensor: String, dtype: &'static str, shape: Vec<u64>, needed: u64, present: u64 },
    /// Two tensors share bytes.
    #[error(
        "the tensor `{tensor}` begins at byte {begin}, inside the tensor before it, which ends at {filled}"
    )]
    OverlappingOffsets { tensor: String, begin: u64, filled: u64 },
    /// Bytes that belong to no tensor.
    #[error("the bytes from {from} to {to} of the data belong to no tensor")]
    IncompleteBuffer { from: u64, to: u64 },
}

impl CheckpointError {
    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.into(), source }
    }
}

impl Diagnostic for CheckpointError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Io { path, .. } => {
                retry("checkpoint_io", check("that the file exists and can be read")).file(path)
            }
            Self::NotAFolder { path } => retry("checkpoint_not_a_folder", give(FOLDER)).file(path),
            Self::NotAFileName { folder, .. } => retry("checkpoint_file_name", get(AGAIN)).file(folder),
            Self::NotARegularFile { path, .. } => {
                retry("checkpoint_not_a_regular_file", give(COPY)).file(path)
            }
            Self::MissingFile { path } => {
                retry("checkpoint_missing_file", get("it from where the model is from")).file(path)
            }
            Self::NotTheFile { path, .. } => retry(
                "checkpoint_not_the_file",
                get("the file itself: with `git lfs pull` in its folder, or by downloading it again"),
            )
            .file(path),
            Self::HubName { name } => retry(
                "checkpoint_hub_name",
                get(format!(
                    "the model first, such as with `hf download {name} --local-dir FOLDER`, and give that folder"
                )),
            ),
            Self::InSubfolder { path, .. } => {
                retry("checkpoint_in_subfolder", give("one of these folders")).file(path)
            }
            Self::AdapterAlone { path, .. } => retry(
                "checkpoint_adapter_alone",
                give(format!("the base model's folder, and this one as the adapter to merge; or {MERGE}")),
            )
            .file(path),
            Self::AdapterBeside { path } => retry(
                "checkpoint_adapter_beside",
                give("the folder as the adapter to merge too, or move the adapter's files out of it"),
            )
            .file(path),
            Self::AdapterTensor { path, .. } => retry(
                "checkpoint_adapter_tensor",
                give(format!("the adapter of this very checkpoint, of matrices A and B alone; or {MERGE}")),
            )
            .file(path),
            Self::UnmergedAdapter { path, .. } => {
                retry("checkpoint_unmerged_adapter", give(format!("the merged model: {MERGE}"))).file(path)
            }
            Self::TooLarge { path, .. } => retry("checkpoint_file_too_large", get(AGAIN)).file(path),
            Self::Json { path, .. } => retry(
                "checkpoint_json",
                correct("it, if you have edited it, or get it again from its source"),
            )
            .file(path),
            Self::NoWeights { path } => retry("checkpoint_no_weights", give(FOLDER)).file(path),
            Self::OtherNames { path, .. } => retry(
                "checkpoint_other_names",
                get("model.safetensors.index.json, or call the one file with all weights model.safetensors"),
            )
            .file(path),
            Self::WeightsTwice { path } => {
                retry("checkpoint_weights_twice", choose("one of them, and move the other out of the folder"))
                    .file(path)
            }
            Self::OtherFormat { path, wanted, .. } => {
                unsupported("checkpoint_other_format", give(*wanted)).file(path)
            }
            Self::AlreadyQuantized { path, .. } => {
                unsupported("checkpoint_already_quantized", give(ORIGINAL)).file(path)
            }
            Self::Header { path, .. } => retry("checkpoint_header", get(AGAIN)).file(path),
            Self::DuplicateInIndex { path, .. } => {
                retry("checkpoint_duplicate_in_index", get(AGAIN)).file(path)
            }
            Self::TooManyShards { path, .. } => retry("checkpoint_too_many_shards", get(AGAIN)).file(path),
            Self::MissingShards { path, .. } => retry("checkpoint_missing_shards", get(MISSING)).file(path),
            Self::ShardMismatch { path, .. } => retry("checkpoint_shard_mismatch", get(MISSING)).file(path),
            Self::MissingTensors { .. } => retry("checkpoint_missing_tensors", get(MISSING)),
            Self::UnexpectedTensors { .. } => retry("checkpoint_unexpected_tensors", check(SAME_MODEL)),
            Self::TensorShape { tensor, .. } => {
                retry("checkpoint_tensor_shape", check(SAME_MODEL)).at(tensor)
            }
            Self::Changed { path } => {
                retry("checkpoint_changed", wait_until("nothing writes the checkpoint")).file(path)
            }
            Self::UnsupportedDtype { path, .. } => unsupported("checkpoint_dtype", give(ORIGINAL)).file(path),
            Self::NonFinite { path, .. } => retry(
                "checkpoint_non_finite",
                get("the weights again: these are damaged, or were trained with an overflow"),
            )
            .file(path),
        }
    }
}

const FOLDER: &str = "the checkpoint's folder, with config.json and its safetensors files";
const COPY: &str = "a copy of the checkpoint with its links resolved";
/// How an adapter and its base become one.
const MERGE: &str = "load both with peft, then `merge_and_unload()` and `save_pretrained(FOLDER)`";
const ORIGINAL: &str = "the original checkpoint in bfloat16, float16 or float32";
const MISSING: &str = "the checkpoint's missing files";
const AGAIN: &str = "the file again from its source: it is damaged or hostile";
const SAME_MODEL: &str = "that config.json and the weights come from the same model";

/// Names for a message: all of them, unless a hostile file made them up by the thousand.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 1000;
    match names.len() {
        0 => "none".into(),
        count if count <= SHOWN => names.join(", "),
        count => format!("{} and {} more", names.get(..SHOWN).unwrap_or_default().join(", "), count - SHOWN),
    }
}
