//! Packages for the tests to install: two versions of the shipped model that differ in their weights, signed.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command;
use crate::package_story::change_one_tensor;
use crate::task_error::TaskError;

/// The name of the key's files, before `.key.pem` and `.pub.pem`.
const KEY: &str = "test";

/// Packs `model` into `1.wwpkg` and another form of it into `2.wwpkg`, unless they are made of it already; the folder.
pub(crate) fn make(wheelwork: &Path, model: &Path, folder: &Path) -> Result<PathBuf, TaskError> {
    let manifest = model.join("manifest.json");
    let marker = folder.join("made-from.json");
    if marker.is_file() && fs_err::read(&marker)? == fs_err::read(&manifest)? {
        return Ok(folder.to_path_buf());
    }
    if folder.exists() {
        fs_err::remove_dir_all(folder)?;
    }
    fs_err::create_dir_all(folder)?;
    let changed = folder.join("changed");
    change_one_tensor(model, &changed)?;
    let run = |arguments: &[&str]| command::run(Command::new(wheelwork).args(arguments).current_dir(folder));
    run(&["key", KEY])?;
    for (version, source) in [("1", model), ("2", &changed)] {
        let (source, out) = (source.to_string_lossy().into_owned(), format!("{version}.wwpkg"));
        let key = format!("{KEY}.key.pem");
        run(&[
            "pack",
            &source,
            "--out",
            &out,
            "--name",
            "story",
            "--version",
            version,
            "--level",
            "3",
            "--key",
            &key,
        ])?;
    }
    fs_err::copy(&manifest, marker)?;
    Ok(folder.to_path_buf())
}
