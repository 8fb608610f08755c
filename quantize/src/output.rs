//! The output folder: complete under its final name, or not there at all.
//!
//! Everything is written into `NAME.partial-PID` beside the output; [`Output::commit`] moves it into place with one
//! rename, after all of it has reached the disk. An output that is dropped before that removes its folder.

use std::path::{Path, PathBuf};

use wheelwork_package::files::names;

use crate::error::{QuantizeError, RequestError};

/// A folder on its way to its final name.
#[derive(Debug)]
pub(crate) struct Output {
    target: PathBuf,
    partial: PathBuf,
    overwrite: bool,
}

impl Output {
    /// Checks the target and creates the partial folder.
    ///
    /// # Errors
    /// [`RequestError`] or [`QuantizeError::Write`].
    pub(crate) fn create(target: &Path, checkpoint: &Path, overwrite: bool) -> Result<Self, QuantizeError> {
        let target = absolute(target)?;
        check_apart(&target, checkpoint)?;
        check_target(&target, overwrite)?;
        let partial = beside(&target, "partial");
        remove(&partial)?;
        fs_err::create_dir(&partial).map_err(QuantizeError::write(&partial))?;
        Ok(Self { target, partial, overwrite })
    }

    /// Where the content goes.
    pub(crate) fn folder(&self) -> &Path {
        &self.partial
    }

    /// Moves the folder to its final name.
    ///
    /// # Errors
    /// [`RequestError::Exists`] if something has appeared there since, or [`QuantizeError::Write`].
    pub(crate) fn commit(self) -> Result<PathBuf, QuantizeError> {
        let write = |path: &Path, result: std::io::Result<()>| result.map_err(QuantizeError::write(path));
        check_target(&self.target, self.overwrite)?;
        let replaced = beside(&self.target, "replaced");
        let replacing = self.target.exists();
        if replacing {
            write(&self.target, fs_err::rename(&self.target, &replaced))?;
        }
        if let Err(error) = fs_err::rename(&self.partial, &self.target) {
            if replacing {
                write(&self.target, fs_err::rename(&replaced, &self.target))?;
            }
            return Err(QuantizeError::write(&self.target)(error));
        }
        if let Some(parent) = self.target.parent() {
            write(parent, sync_folder(parent))?;
        }
        if replacing {
            remove(&replaced)?;
        }
        Ok(self.target.clone())
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // After a commit there is nothing to remove; otherwise the first error is on its way already.
        let _ = remove(&self.partial);
    }
}

/// Writes a new file and returns when it has reached the disk.
///
/// # Errors
/// [`QuantizeError::Write`].
pub(crate) fn write_file(path: &Path, content: &[u8]) -> Result<(), QuantizeError> {
    let write = || {
        let mut file = fs_err::OpenOptions::new().write(true).create_new(true).open(path)?;
        std::io::Write::write_all(&mut file, content)?;
        file.sync_all()
    };
    write().map_err(QuantizeError::write(path))
}

/// Returns when the folder's list of names has reached the disk.
pub(crate) fn sync_folder(path: &Path) -> std::io::Result<()> {
    // Only Unix lets a folder be opened like a file; elsewhere renaming is as durable as the file system makes it.
    if cfg!(unix) { fs_err::File::open(path)?.sync_all() } else { Ok(()) }
}

/// The target with its links resolved, so that it can be compared; its folder exists.
fn absolute(target: &Path) -> Result<PathBuf, QuantizeError> {
    let name = target.file_name().ok_or_else(|| RequestError::NoName { path: target.into() })?;
    let parent = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    Ok(fs_err::canonicalize(parent).map_err(QuantizeError::write(parent))?.join(name))
}

fn check_apart(target: &Path, checkpoint: &Path) -> Result<(), QuantizeError> {
    let checkpoint = fs_err::canonicalize(checkpoint).map_err(QuantizeError::write(checkpoint))?;
    // An existing target may itself be a link to the checkpoint.
    let resolved = fs_err::canonicalize(target).unwrap_or_else(|_| target.into());
    if [target, &resolved]
        .iter()
        .any(|target| target.starts_with(&checkpoint) || checkpoint.starts_with(target))
    {
        return Err(RequestError::OverlapsCheckpoint { output: target.into(), checkpoint }.into());
    }
    Ok(())
}

/// Nothing is there, or a package that may be replaced: a typing error must not delete somebody's folder.
fn check_target(target: &Path, overwrite: bool) -> Result<(), RequestError> {
    if fs_err::symlink_metadata(target).is_err() {
        return Ok(());
    }
    if !overwrite {
        return Err(RequestError::Exists { path: target.into() });
    }
    let is_package = [names::MANIFEST, names::CARD].iter().all(|name| target.join(name).is_file());
    if is_package && !target.is_symlink() {
        Ok(())
    } else {
        Err(RequestError::NotAPackage { path: target.into() })
    }
}

/// A name beside the target that no other run uses.
fn beside(target: &Path, purpose: &str) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{purpose}-{}", std::process::id()));
    target.with_file_name(name)
}

fn remove(folder: &Path) -> Result<(), QuantizeError> {
    match fs_err::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(QuantizeError::write(folder)(error))
        }
        _ => Ok(()),
    }
}
