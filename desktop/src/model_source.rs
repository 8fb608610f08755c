//! From what stands after `--model` to a package folder.
//!
//! In this order: a folder, the file by which the store names an installed model, a `.wwpkg` file that is installed, the name of an installed model, and without `--model`, or by
//! its name, the small reasoning model that ships inside this program as a checkpoint. That one is quantised at its first
//! use, which takes a second, into the folder for models.

use std::path::{Path, PathBuf};

use wheelwork::{CancelToken, Error, Model, OpenOptions};
use wheelwork_package::container::Head;
use wheelwork_package::files::names;
use wheelwork_package::store::{Installed, Store, followed};

use crate::arguments::ModelArguments;
use crate::failure::Failure;
use crate::{compiling, folders, input_file, origin, output};

/// What the shipped model is called.
pub(crate) const SHIPPED_NAME: &str = "tiny-r1";

/// The shipped checkpoint: every file of `testdata/tiny-r1` that quantising reads.
const SHIPPED: &[(&str, &[u8])] = &[
    ("config.json", include_bytes!("../../testdata/tiny-r1/config.json")),
    ("generation_config.json", include_bytes!("../../testdata/tiny-r1/generation_config.json")),
    ("model.safetensors", include_bytes!("../../testdata/tiny-r1/model.safetensors")),
    ("tokenizer.json", include_bytes!("../../testdata/tiny-r1/tokenizer.json")),
    ("tokenizer_config.json", include_bytes!("../../testdata/tiny-r1/tokenizer_config.json")),
];

/// Opens the model that the arguments name, unless `cancel` ends that.
pub(crate) fn open(arguments: &ModelArguments, cancel: CancelToken) -> Result<Model, Failure> {
    open_with(arguments, None, cancel)
}

/// As [`open`], with a file's chat template where there is one.
pub(crate) fn open_with(
    arguments: &ModelArguments,
    template: Option<&Path>,
    cancel: CancelToken,
) -> Result<Model, Failure> {
    let folder = folder(arguments.model.as_deref(), arguments.models_dir.as_deref())?;
    let chat_template = template.map(input_file::read).transpose()?;
    let options = OpenOptions { cancel, chat_template, ..arguments.open_options() };
    let model = Model::open_with(folder, &options).map_err(|error| match error {
        Error::OpenCancelled => Failure::Interrupted,
        error => error.into(),
    })?;
    compiling::note(&model);
    output::warn_of_fallback(model.placement(), options.device);
    let facts = model.facts();
    if facts.template.is_older_r1(&facts.tokenizer) {
        anstream::eprintln!(
            "the model's chat template is R1's of before February 2025: the model may skip its reasoning"
        );
    }
    Ok(model)
}

/// The folder of installed models.
pub(crate) fn models_dir(given: Option<&Path>) -> Result<PathBuf, Failure> {
    match given {
        Some(folder) => Ok(folder.to_path_buf()),
        None => Ok(folders::data().ok_or(Failure::NoModelsDir)?.join("models")),
    }
}

/// The folder that a name stands for; `None` is the shipped model.
pub(crate) fn folder(name: Option<&str>, given: Option<&Path>) -> Result<PathBuf, Failure> {
    let models_dir = models_dir(given)?;
    let Some(name) = name else { return shipped(&models_dir) };
    let path = Path::new(name);
    if path.is_dir() {
        return checkpoint(path).map_or_else(|| Ok(path.to_owned()), Err);
    }
    if let Some(folder) = followed(path) {
        return Ok(folder);
    }
    if path.is_file() {
        return other_form(path).map_or_else(|| installed_from(path, models_dir), Err);
    }
    let is_plain = !name.contains(['/', '\\']);
    let installed = models_dir.join(format!("{name}.ortpackage"));
    let folder = followed(&installed).or_else(|| installed.is_dir().then_some(installed));
    if let Some(folder) = folder.filter(|_| is_plain) {
        return Ok(folder);
    }
    if name == SHIPPED_NAME {
        return shipped(&models_dir);
    }
    Err(if is_hub_name(name) {
        Failure::HubName { name: name.to_owned() }
    } else if is_plain && path.extension().is_none_or(|extension| extension != "wwpkg" && extension != "gguf")
    {
        Failure::NoSuchModel { name: name.to_owned(), models_dir }
    } else {
        Failure::NoSuchPath { path: path.to_owned() }
    })
}

/// `OWNER/MODEL`, as hubs write it, and no path: those begin with a dot, a slash or a tilde, or have an ending of ours.
fn is_hub_name(name: &str) -> bool {
    let is_word = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_alphanumeric())
            && part.chars().all(|character| character.is_ascii_alphanumeric() || "-_.".contains(character))
    };
    let is_ours = [".ortpackage", ".wwpkg", ".gguf"].iter().any(|ending| name.ends_with(ending));
    let parts = name.split_once('/').filter(|(_, model)| !model.contains('/'));
    !is_ours
        && parts.is_some_and(|(owner, model)| is_word(owner) && is_word(model) && !Path::new(owner).exists())
}

/// A checkpoint that is not quantised yet.
fn checkpoint(folder: &Path) -> Option<Failure> {
    let has = |name: &str| folder.join(name).is_file();
    let is_checkpoint = has("config.json")
        && (has("model.safetensors") || has("model.safetensors.index.json"))
        && !has(names::GENAI_CONFIG)
        && !has(names::MANIFEST);
    is_checkpoint.then(|| {
        let name =
            folder.file_name().map_or_else(|| "model".into(), |name| name.to_string_lossy().into_owned());
        Failure::OtherForm {
            path: folder.to_owned(),
            what: "a checkpoint, which is not quantised yet",
            remedy: format!(
                "`wheelwork quantize {} --out {name}.ortpackage`, then give that",
                folder.display()
            ),
        }
    })
}

/// A file that holds a model, and not in our form.
fn other_form(file: &Path) -> Option<Failure> {
    let extension = file.extension()?.to_str()?.to_ascii_lowercase();
    let (what, remedy) = match extension.as_str() {
        "gguf" => (
            "llama.cpp's form of a model, already quantised for that",
            "take the original checkpoint, a folder with config.json and *.safetensors, and `wheelwork quantize` it",
        ),
        "safetensors" => (
            "the weights of a checkpoint without their folder",
            "give the folder that it stands in to `wheelwork quantize`",
        ),
        "onnx" => ("a graph without its package", "give the folder that it stands in"),
        _ => return None,
    };
    Some(Failure::OtherForm { path: file.to_owned(), what, remedy: remedy.to_owned() })
}

/// The model that was installed from this very package file. Installing it here would ask for disk and trust in the
/// middle of another command, so that stays a command of its own.
fn installed_from(file: &Path, models_dir: PathBuf) -> Result<PathBuf, Failure> {
    let head = Head::read(origin::open_file(file)?.as_mut())?;
    let installed = Store::new(models_dir).list()?.models;
    let is_it = |model: &&Installed| model.package.as_ref().is_some_and(|package| package.id == head.id);
    match installed.iter().find(is_it) {
        Some(model) => Ok(model.path.clone()),
        None => Err(Failure::NotInstalled { path: file.to_owned() }),
    }
}

/// The bytes of the shipped checkpoint.
pub(crate) fn shipped_bytes() -> u64 {
    SHIPPED.iter().map(|(_, bytes)| bytes.len() as u64).sum()
}

/// Where the shipped model stands as a package. The version is in the name so that a newer program makes its own.
pub(crate) fn shipped_package(models_dir: &Path) -> PathBuf {
    models_dir.join(format!("{SHIPPED_NAME}-{}.ortpackage", env!("CARGO_PKG_VERSION")))
}

/// The shipped model as a package, made at its first use.
fn shipped(models_dir: &Path) -> Result<PathBuf, Failure> {
    let package = shipped_package(models_dir);
    let fingerprint = package.join(names::CARD);
    if fingerprint.is_file() && wheelwork_package::open(&package).is_ok() {
        return Ok(package);
    }
    anstream::eprintln!("preparing the model that ships with wheelwork (once) ...");
    fs_err::create_dir_all(models_dir)?;
    let checkpoint = tempfile::Builder::new().prefix("tiny-r1-").tempdir_in(models_dir)?;
    let folder = checkpoint.path().join(SHIPPED_NAME);
    fs_err::create_dir(&folder)?;
    for (name, bytes) in SHIPPED {
        fs_err::write(folder.join(name), bytes)?;
    }
    let options = wheelwork_quantize::Options { overwrite: true, ..Default::default() };
    wheelwork_quantize::quantize(&folder, &package, &options, &())?;
    Ok(package)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hubs_name_is_told_from_a_path() {
        for name in ["deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", "a/b"] {
            assert!(is_hub_name(name), "{name}");
        }
        for path in
            ["tiny", "./a/b", "/a/b", "~/a", "a/b/c", "models/r1.ortpackage", "a/", "a/b.gguf", "src/b"]
        {
            assert!(!is_hub_name(path), "{path}");
        }
    }

    #[test]
    fn other_forms_of_models_lead_on() {
        assert!(other_form(Path::new("model.Q4.GGUF")).is_some());
        assert!(other_form(Path::new("r1.wwpkg")).is_none());
        let told = checkpoint(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/tiny-r1"));
        assert!(told.is_some_and(|failure| failure.to_string().contains("not quantised yet")));
        assert!(checkpoint(Path::new(env!("CARGO_MANIFEST_DIR"))).is_none());
    }
}
