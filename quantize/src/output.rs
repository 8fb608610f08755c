//! The output folder: complete under its final name, or not there at all.
//!
//! Everything is written into `NAME.partial` beside the output:
//!
//! ```text
//! NAME.partial/lock            held while a run works here
//! NAME.partial/journal.jsonl   what is finished: see journal
//! NAME.partial/package/        the package
//! NAME.partial/replaced/       for a moment: the package that gives way
//! ```
//!
//! [`Output::commit`] moves the package into place with one rename, after all of it has reached the disk, and removes
//! the rest. A run that is killed leaves the folder, and a run that resumes goes on in it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use wheelwork_package::disk::{FileLock, folder_of};
use wheelwork_package::files::names;
use wheelwork_package::vfs::{self, RealVfs, Vfs as _};

use crate::CPU;
use crate::disk;
use crate::error::{QuantizeError, RequestError};
use crate::journal::{Finished, Journal, Key};

const LOCK: &str = "lock";
const JOURNAL: &str = "journal.jsonl";
const PACKAGE: &str = "package";
const REPLACED: &str = "replaced";

/// What may happen to what stands there already.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    /// A package is replaced, an unfinished one started over.
    pub overwrite: bool,
    /// An unfinished one is continued.
    pub resume: bool,
}

/// A folder on its way to its final name.
#[derive(Debug)]
pub(crate) struct Output {
    target: PathBuf,
    partial: PathBuf,
    overwrite: bool,
    /// Released by the system however the run ends.
    lock: FileLock,
}

/// Where a run begins.
pub(crate) struct Begun {
    pub output: Output,
    pub journal: Journal,
    /// What an earlier run has finished.
    pub finished: Vec<Finished>,
}

impl Output {
    /// Checks the target; creates the partial folder, or takes up one that an earlier run of the same key has left.
    pub(crate) fn begin(
        target: &Path,
        checkpoint: &Path,
        standing: Standing,
        key: &Key,
    ) -> Result<Begun, QuantizeError> {
        let target = absolute(target)?;
        check_apart(&target, checkpoint)?;
        check_target(&target, standing.overwrite)?;
        let partial = partial(&target);
        let found = !create_folder(&partial)?;
        if found && !is_ours(&partial)? {
            return Err(RequestError::NotOurs { path: partial }.into());
        }
        let lock = lock(&partial)?;
        let output = Self { target, partial, overwrite: standing.overwrite, lock };
        let journal = output.partial.join(JOURNAL);
        if found && standing.resume {
            output.clear(&[LOCK, JOURNAL, PACKAGE])?;
            if let Some((journal, finished)) = Journal::resume(&journal, key)? {
                output.clear_around_weights()?;
                return Ok(Begun { output, journal, finished });
            }
        } else if found && !standing.overwrite {
            return Err(RequestError::Unfinished { path: output.partial }.into());
        }
        output.clear(&[LOCK])?;
        let variant = output.folder().join(CPU);
        fs_err::create_dir_all(&variant).map_err(QuantizeError::write(&variant))?;
        let journal = Journal::create(&journal, key)?;
        Ok(Begun { output, journal, finished: Vec::new() })
    }

    /// Where the package goes.
    pub(crate) fn folder(&self) -> PathBuf {
        self.partial.join(PACKAGE)
    }

    /// Removes everything: there is nothing to go on with.
    pub(crate) fn discard(self) {
        // The error that brought us here is on its way already.
        let _ = self.remove_partial();
    }

    /// Moves the package to its final name.
    ///
    /// # Errors
    /// [`RequestError::Exists`] if something has appeared there since, or [`QuantizeError::Write`].
    pub(crate) fn commit(self) -> Result<PathBuf, QuantizeError> {
        let write = |path: &Path, result: std::io::Result<()>| result.map_err(QuantizeError::write(path));
        let package = self.folder();
        for folder in [&package.join(CPU), &package] {
            write(folder, disk::sync_folder(folder))?;
        }
        check_target(&self.target, self.overwrite)?;
        let replaced = self.partial.join(REPLACED);
        let replacing = self.target.exists();
        if replacing {
            write(&self.target, disk::rename(&self.target, &replaced))?;
        }
        if let Err(error) = disk::rename(&package, &self.target) {
            if replacing {
                write(&self.target, fs_err::rename(&replaced, &self.target))?;
            }
            return Err(QuantizeError::write(&self.target)(error));
        }
        if let Some(parent) = self.target.parent() {
            write(parent, disk::sync_folder(parent))?;
        }
        let target = self.target.clone();
        self.remove_partial()?;
        Ok(target)
    }

    /// Removes the partial folder, under its lock where the system removes a file that is open; Windows does not.
    fn remove_partial(self) -> Result<(), QuantizeError> {
        let Self { partial, lock, .. } = self;
        if remove(&partial).is_ok() {
            return Ok(());
        }
        drop(lock);
        remove(&partial)
    }

    /// Removes all of the partial folder but the names to keep. A package that was moved here to give way, by a run
    /// that was killed before the new one stood in its place, goes back first.
    fn clear(&self, keep: &[&str]) -> Result<(), QuantizeError> {
        let replaced = self.partial.join(REPLACED);
        if replaced.exists() && !self.target.exists() {
            fs_err::rename(&replaced, &self.target).map_err(QuantizeError::write(&self.target))?;
            check_target(&self.target, self.overwrite)?;
        }
        clear(&self.partial, keep)
    }

    /// Leaves only the weight file, which alone holds work worth keeping.
    fn clear_around_weights(&self) -> Result<(), QuantizeError> {
        let package = self.folder();
        clear(&package, &[CPU])?;
        create_folder(&package)?;
        let variant = package.join(CPU);
        create_folder(&variant)?;
        clear(&variant, &[names::WEIGHTS])
    }
}

/// Creates a folder; false if it was there.
fn create_folder(path: &Path) -> Result<bool, QuantizeError> {
    match fs_err::create_dir(path) {
        Ok(()) => Ok(true),
        Err(error)
            if error.kind() == std::io::ErrorKind::AlreadyExists && path.is_dir() && !path.is_symlink() =>
        {
            Ok(false)
        }
        Err(error) => Err(QuantizeError::write(path)(error)),
    }
}

/// Whether a run made that folder: an empty lock, and nothing else that a run does not write.
fn is_ours(partial: &Path) -> Result<bool, QuantizeError> {
    let is_lock = vfs::file_bytes(&partial.join(LOCK)).is_ok_and(|bytes| bytes == 0);
    let entries = fs_err::read_dir(partial).map_err(QuantizeError::write(partial))?;
    let names: Result<Vec<_>, _> = entries.map(|entry| Ok(entry?.file_name())).collect();
    let names = names.map_err(QuantizeError::write(partial))?;
    let is_known = |name: &OsString| [LOCK, JOURNAL, PACKAGE, REPLACED].iter().any(|known| name == *known);
    Ok(is_lock && names.iter().all(is_known))
}

fn lock(partial: &Path) -> Result<FileLock, QuantizeError> {
    let path = partial.join(LOCK);
    let lock = FileLock::try_take_at(&path, 0o644).map_err(QuantizeError::write(&path))?;
    lock.ok_or_else(|| RequestError::Busy { path: partial.into() }.into())
}

/// The target with its links resolved, so that it can be compared; its folder exists. Without the `\\?\` that Windows puts
/// before such paths, because people read it.
fn absolute(target: &Path) -> Result<PathBuf, QuantizeError> {
    let name = target.file_name().ok_or_else(|| RequestError::NoName { path: target.into() })?;
    let parent = folder_of(target);
    Ok(dunce::canonicalize(parent).map_err(QuantizeError::write(parent))?.join(name))
}

fn check_apart(target: &Path, checkpoint: &Path) -> Result<(), QuantizeError> {
    let checkpoint = dunce::canonicalize(checkpoint).map_err(QuantizeError::write(checkpoint))?;
    // An existing target may itself be a link to the checkpoint.
    let resolved = dunce::canonicalize(target).unwrap_or_else(|_| target.into());
    if [target, &resolved]
        .iter()
        .any(|target| target.starts_with(&checkpoint) || checkpoint.starts_with(target))
        || checkpoint.starts_with(partial(target))
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

/// Whether a run that writes to this output was stopped and left finished work, which [`crate::Options::resume`] takes
/// up.
#[must_use]
pub fn is_unfinished(out: &Path) -> bool {
    is_ours(&partial(out)).unwrap_or(false)
}

/// The unfinished package's folder beside the target.
fn partial(target: &Path) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    target.with_file_name(name)
}

fn clear(folder: &Path, keep: &[&str]) -> Result<(), QuantizeError> {
    let entries = match fs_err::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(QuantizeError::write(folder))?,
    };
    for entry in entries {
        let entry = entry.map_err(QuantizeError::write(folder))?;
        if keep.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        let path = entry.path();
        let is_folder = entry.file_type().map_err(QuantizeError::write(&path))?.is_dir();
        let removed = if is_folder { fs_err::remove_dir_all(&path) } else { fs_err::remove_file(&path) };
        removed.map_err(QuantizeError::write(&path))?;
    }
    Ok(())
}

/// Removes a folder that may not be there.
pub(crate) fn remove(folder: &Path) -> Result<(), QuantizeError> {
    RealVfs.remove_dir_all(folder).map_err(QuantizeError::write(folder))
}
