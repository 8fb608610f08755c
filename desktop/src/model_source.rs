//! From what stands after `--model` to a package folder.
//!
//! In this order: a folder, a `.wwpkg` file that is installed, the name of an installed model, and without `--model` the small reasoning model
//! that ships inside this program as a checkpoint. That one is quantised at its first use, which takes a
//! second, into the folder for models.

use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use wheelwork::{CancelToken, Error, Model, OpenOptions};
use wheelwork_package::container::Head;
use wheelwork_package::files::names;
use wheelwork_package::store::{Installed, Store};

use crate::arguments::ModelArguments;
use crate::failure::Failure;
use crate::{compiling, input_file, origin, output};

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
        None => {
            let strategy = etcetera::choose_base_strategy().map_err(|_| Failure::NoModelsDir)?;
            Ok(strategy.data_dir().join("wheelwork").join("models"))
        }
    }
}

/// The folder that a name stands for; `None` is the shipped model.
pub(crate) fn folder(name: Option<&str>, given: Option<&Path>) -> Result<PathBuf, Failure> {
    let models_dir = models_dir(given)?;
    match name {
        None => shipped(&models_dir),
        Some(name) if Path::new(name).is_dir() => Ok(PathBuf::from(name)),
        Some(name) if Path::new(name).is_file() => installed_from(Path::new(name), models_dir),
        Some(name) => {
            let installed = models_dir.join(format!("{name}.ortpackage"));
            let plain = !name.contains(['/', '\\']);
            if plain && installed.is_dir() {
                Ok(installed)
            } else {
                Err(Failure::NoSuchModel { name: name.to_owned(), models_dir })
            }
        }
    }
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

/// The shipped model as a package, made at its first use.
fn shipped(models_dir: &Path) -> Result<PathBuf, Failure> {
    // The version is in the name so that a newer program makes its own.
    let package = models_dir.join(format!("tiny-r1-{}.ortpackage", env!("CARGO_PKG_VERSION")));
    let fingerprint = package.join(names::CARD);
    if fingerprint.is_file() && wheelwork_package::open(&package).is_ok() {
        return Ok(package);
    }
    anstream::eprintln!("preparing the model that ships with wheelwork (once) ...");
    fs_err::create_dir_all(models_dir)?;
    let checkpoint = tempfile::Builder::new().prefix("tiny-r1-").tempdir_in(models_dir)?;
    let folder = checkpoint.path().join("tiny-r1");
    fs_err::create_dir(&folder)?;
    for (name, bytes) in SHIPPED {
        fs_err::write(folder.join(name), bytes)?;
    }
    let options = wheelwork_quantize::Options { overwrite: true, ..Default::default() };
    wheelwork_quantize::quantize(&folder, &package, &options, &())?;
    Ok(package)
}
