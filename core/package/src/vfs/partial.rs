//! Writing beside a name, so that whatever happens under the name stands the old content or the new, whole.
//!
//! Begin a [`Partial`], write at its path, sync what was written, [`keep`](Partial::keep) it. Nothing has changed before the
//! rename. A partial that is dropped is removed; the next one of its name removes what a killed process has left.
//!
//! Windows renames what is open, as the standard library opens it, but not over or into what is open: whoever reads the
//! old content closes it first.

use std::io;
use std::path::{Path, PathBuf};

use super::{RealVfs, Vfs, write};
use crate::disk::folder_of;

/// A step on the disk that failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} `{}`: {source}", .path.display())]
pub struct DiskError {
    /// What was tried, as in `write`.
    pub action: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl DiskError {
    /// For `map_err`: what was tried, and where.
    pub fn of<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self { action, path: path.to_owned(), source }
    }
}

impl From<DiskError> for io::Error {
    fn from(error: DiskError) -> Self {
        Self::new(error.source.kind(), error)
    }
}

/// A file or folder on its way to its name.
#[derive(Debug)]
pub struct Partial<'v> {
    vfs: &'v dyn Vfs,
    path: PathBuf,
    target: PathBuf,
    is_folder: bool,
}

impl<'v> Partial<'v> {
    /// A file, which the caller makes at [`Partial::path`].
    ///
    /// # Errors
    /// What cannot be cleared away.
    pub fn file(vfs: &'v dyn Vfs, target: &Path) -> Result<Self, DiskError> {
        Self::file_named(vfs, target, ".partial")
    }

    fn file_named(vfs: &'v dyn Vfs, target: &Path, suffix: &str) -> Result<Self, DiskError> {
        let path = beside(target, suffix);
        if vfs.kind(&path).map_err(DiskError::of("look at", &path))?.is_some() {
            vfs.remove_file(&path).map_err(DiskError::of("remove", &path))?;
        }
        Ok(Self { vfs, path, target: target.to_owned(), is_folder: false })
    }

    /// A folder, made empty.
    ///
    /// # Errors
    /// What cannot be cleared away or made.
    pub fn folder(vfs: &'v dyn Vfs, target: &Path) -> Result<Self, DiskError> {
        let path = beside(target, ".partial");
        vfs.remove_dir_all(&path).map_err(DiskError::of("remove", &path))?;
        vfs.create_dir_all(&path).map_err(DiskError::of("make the folder", &path))?;
        Ok(Self { vfs, path, target: target.to_owned(), is_folder: true })
    }

    /// Where to write.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it its name, in place of a file of that name. The content has been synced; the names in a folder are, here.
    ///
    /// # Errors
    /// What failed. Where only the last sync did, the new content stands there.
    pub fn keep(self) -> Result<(), DiskError> {
        if self.is_folder {
            self.vfs.sync_dir(&self.path).map_err(DiskError::of("sync", &self.path))?;
        }
        rename_durably(self.vfs, &self.path, &self.target)
    }
}

/// Gives a file, folder or link, whose content has been synced, another name.
///
/// # Errors
/// What failed.
pub fn rename_durably(vfs: &dyn Vfs, from: &Path, to: &Path) -> Result<(), DiskError> {
    vfs.rename(from, to).map_err(DiskError::of("rename", from))?;
    let folder = folder_of(to);
    vfs.sync_dir(folder).map_err(DiskError::of("sync", folder))
}

impl Drop for Partial<'_> {
    fn drop(&mut self) {
        // What was kept is here no more; what cannot be removed now, the next try removes.
        let remove = if self.is_folder { Vfs::remove_dir_all } else { Vfs::remove_file };
        let _ = remove(self.vfs, &self.path);
    }
}

/// Gives a file new content. Several processes may do so at once: one of them is last.
///
/// # Errors
/// What failed.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    let partial = Partial::file_named(&RealVfs, path, &format!(".new-{}", std::process::id()))?;
    write(&RealVfs, partial.path(), bytes).map_err(DiskError::of("write", partial.path()))?;
    partial.keep()
}

fn beside(target: &Path, suffix: &str) -> PathBuf {
    let mut path = target.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_kept_leaves_the_old_content_and_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        replace(&path, b"old").unwrap();
        let partial = Partial::file(&RealVfs, &path).unwrap();
        write(&RealVfs, partial.path(), b"new").unwrap();
        drop(partial);
        assert_eq!(fs_err::read(&path).unwrap(), b"old");
        let names = || fs_err::read_dir(folder.path()).unwrap().count();
        assert_eq!(names(), 1);
        // A file that is still open gets its name all the same.
        let partial = Partial::file(&RealVfs, &path).unwrap();
        let open = RealVfs.open_for_writing(partial.path()).unwrap();
        partial.keep().unwrap();
        open.write_at(b"new", 0).unwrap();
        assert_eq!(fs_err::read(&path).unwrap(), b"new");
        assert_eq!(names(), 1);
    }

    #[test]
    fn what_a_killed_process_has_left_is_no_part_of_the_next_folder() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("folder");
        let partial = Partial::folder(&RealVfs, &target).unwrap();
        fs_err::write(partial.path().join("left"), "").unwrap();
        std::mem::forget(partial);
        let partial = Partial::folder(&RealVfs, &target).unwrap();
        fs_err::write(partial.path().join("whole"), "").unwrap();
        partial.keep().unwrap();
        assert!(target.join("whole").is_file() && !target.join("left").exists());
        // A folder in its place is nobody's to remove.
        assert!(Partial::folder(&RealVfs, &target).unwrap().keep().is_err());
        assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 1);
    }
}
