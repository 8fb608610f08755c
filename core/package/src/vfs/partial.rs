//! Writing beside a name, so that whatever happens under the name stands the old content or the new, whole.
//!
//! Begin a [`Partial`], write at its path, sync what was written, [`keep`](Partial::keep) it. Nothing has changed before the
//! rename. A partial that is dropped is removed; the next one of its name removes what a killed process has left.
//!
//! ```text
//! NAME.wheelwork-partial             of a file: the new file
//! NAME.wheelwork-partial/lock        of a folder: held while somebody works here, and says that it is ours
//! NAME.wheelwork-partial/content/    the new folder
//! ```
//!
//! Nothing else is removed: no folder without that lock, or with anything else in it; no link, no pipe. And nothing is put
//! in the place of what is no file.
//!
//! Windows renames what is open, as the standard library opens it, but not over or into what is open: whoever reads the
//! old content closes it first.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::error::{DiskError, FileError, FileFault};
use super::{Kind, Lock, RealVfs, Vfs, write};
use crate::disk::folder_of;

const SUFFIX: &str = ".wheelwork-partial";
const LOCK: &str = "lock";
const CONTENT: &str = "content";
/// What the lock of a folder on its way says.
const MARKER: &str = "wheelwork: a folder on its way to its name\n";

/// A file or folder on its way to its name.
pub struct Partial<'v> {
    vfs: &'v dyn Vfs,
    path: PathBuf,
    target: PathBuf,
    /// Of a folder.
    outer: Option<Outer>,
}

/// What a folder on its way stands in.
struct Outer {
    path: PathBuf,
    lock: Option<Box<dyn Send>>,
}

impl<'v> Partial<'v> {
    /// A file, which the caller makes at [`Partial::path`].
    ///
    /// # Errors
    /// What cannot be cleared away; what stands under either name and is no file.
    pub fn file(vfs: &'v dyn Vfs, target: &Path) -> Result<Self, DiskError> {
        Self::file_named(vfs, target, SUFFIX)
    }

    /// The file that a killed process may have left on its way to `target`.
    #[must_use]
    pub fn left_of(target: &Path) -> PathBuf {
        beside(target, SUFFIX)
    }

    fn file_named(vfs: &'v dyn Vfs, target: &Path, suffix: &str) -> Result<Self, DiskError> {
        let path = beside(target, suffix);
        is_file(vfs, target)?;
        if is_file(vfs, &path)? {
            vfs.remove_file(&path).map_err(DiskError::of("remove", &path))?;
        }
        Ok(Self { vfs, path, target: target.to_owned(), outer: None })
    }

    /// A folder, made empty.
    ///
    /// # Errors
    /// What cannot be cleared away or made; what stands under that name and is none of ours.
    pub fn folder(vfs: &'v dyn Vfs, target: &Path) -> Result<Self, DiskError> {
        let outer = beside(target, SUFFIX);
        check_ours(vfs, &outer)?;
        vfs.create_dir_all(&outer).map_err(DiskError::of("make the folder", &outer))?;
        let lock = outer.join(LOCK);
        let lock = match vfs.lock(&lock, MARKER).map_err(DiskError::of("lock", &lock))? {
            Lock::Held(lock) => Some(lock),
            Lock::Busy { .. } => {
                return Err(DiskError::of("lock", &lock)(io::ErrorKind::ResourceBusy.into()));
            }
        };
        let path = outer.join(CONTENT);
        vfs.remove_dir_all(&path).map_err(DiskError::of("remove", &path))?;
        vfs.create_dir_all(&path).map_err(DiskError::of("make the folder", &path))?;
        Ok(Self { vfs, path, target: target.to_owned(), outer: Some(Outer { path: outer, lock }) })
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
        if self.outer.is_some() {
            self.vfs.sync_dir(&self.path).map_err(DiskError::of("sync", &self.path))?;
        }
        rename_durably(self.vfs, &self.path, &self.target)
    }
}

/// Whether a file stands there; an error where something else does.
fn is_file(vfs: &dyn Vfs, path: &Path) -> Result<bool, DiskError> {
    let found = match vfs.kind(path).map_err(DiskError::of("look at", path))? {
        None => return Ok(false),
        Some(Kind::File { .. }) => return Ok(true),
        Some(Kind::Folder) => "a folder",
        Some(Kind::Link) => "a link",
        Some(Kind::Other) => "a pipe, a socket or a device",
    };
    let error = FileError { path: path.to_owned(), fault: FileFault::NotAFile { found } };
    Err(DiskError::of("replace", path)(error.into()))
}

/// Refuses a folder that is no partial of ours: only what is ours may be removed.
fn check_ours(vfs: &dyn Vfs, outer: &Path) -> Result<(), DiskError> {
    let not_ours = |why: &str| DiskError::of("replace", outer)(FileError::not_ours(outer, why).into());
    match vfs.kind(outer).map_err(DiskError::of("look at", outer))? {
        None => return Ok(()),
        Some(Kind::Folder) => {}
        Some(_) => return Err(not_ours("it is no folder")),
    }
    let names = vfs.list(outer).map_err(DiskError::of("list", outer))?;
    let is_known = |(name, kind): &(String, Kind)| match name.as_str() {
        LOCK => matches!(kind, Kind::File { .. }),
        CONTENT => *kind == Kind::Folder,
        _ => false,
    };
    // The lock is made before all else, so a folder with anything in it has one.
    let is_ours =
        names.iter().all(is_known) && (names.is_empty() || names.iter().any(|(name, _)| name == LOCK));
    if is_ours { Ok(()) } else { Err(not_ours("it holds what no partial does")) }
}

impl fmt::Debug for Partial<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Partial {} of {}", self.path.display(), self.target.display())
    }
}

/// Gives a file or folder, whose content has been synced, another name.
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
        let _ = match &mut self.outer {
            None => self.vfs.remove_file(&self.path),
            Some(outer) => {
                drop(outer.lock.take());
                self.vfs.remove_dir_all(&outer.path)
            }
        };
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
        let left = Partial::left_of(&target).join(CONTENT);
        fs_err::create_dir_all(&left).unwrap();
        fs_err::write(left.join("left"), "").unwrap();
        fs_err::write(left.with_file_name(LOCK), MARKER).unwrap();
        let partial = Partial::folder(&RealVfs, &target).unwrap();
        fs_err::write(partial.path().join("whole"), "").unwrap();
        partial.keep().unwrap();
        assert!(target.join("whole").is_file() && !target.join("left").exists());
        // A folder in its place is nobody's to remove.
        assert!(Partial::folder(&RealVfs, &target).unwrap().keep().is_err());
        assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 1);
        // Nor is one of the same name that we did not make.
        for (name, text) in [("thesis.txt", "mine"), ("lock", "mine"), ("content", "mine")] {
            let theirs = Partial::left_of(&target);
            fs_err::create_dir(&theirs).unwrap();
            fs_err::write(theirs.join(name), text).unwrap();
            assert!(Partial::folder(&RealVfs, &target).unwrap_err().is_not_ours(), "{name}");
            assert_eq!(fs_err::read_to_string(theirs.join(name)).unwrap(), text);
            fs_err::remove_dir_all(theirs).unwrap();
        }
        let held = Partial::folder(&RealVfs, &target).unwrap();
        assert!(Partial::folder(&RealVfs, &target).is_err(), "one at a time");
        assert!(held.path().is_dir());
    }

    #[cfg(unix)]
    #[test]
    fn fi_02_no_file_is_written_in_the_place_of_a_link_or_by_way_of_one() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("file");
        let victim = folder.path().join("victim");
        fs_err::write(&victim, "precious").unwrap();
        for link in [&target, &Partial::left_of(&target)] {
            std::os::unix::fs::symlink(&victim, link).unwrap();
            assert!(Partial::file(&RealVfs, &target).unwrap_err().is_not_ours());
            assert!(link.is_symlink());
            fs_err::remove_file(link).unwrap();
        }
        let null = Path::new("/dev/null");
        assert!(Partial::file(&RealVfs, null).unwrap_err().is_not_ours());
        assert!(replace(null, b"").unwrap_err().is_not_ours());
        assert_eq!(fs_err::read_to_string(victim).unwrap(), "precious");
    }
}
