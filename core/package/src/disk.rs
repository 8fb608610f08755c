//! What writing durably needs beyond files: names that stay, files that nobody else reads, one writer at a time.

use std::fs::TryLockError;
use std::io;
use std::path::Path;

use fs_err::{File, OpenOptions};

/// The folder that a path stands in; `.` for a bare name.
#[must_use]
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Returns when the names in a folder (made, renamed, removed) have reached the disk.
///
/// # Errors
/// What the system says.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    // Windows does not open folders, and NTFS journals names.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Unix permissions of a file that `options` makes, from its first moment on; nothing elsewhere.
pub fn set_mode(options: &mut OpenOptions, mode: u32) {
    #[cfg(unix)]
    fs_err::os::unix::fs::OpenOptionsExt::mode(options, mode);
    #[cfg(not(unix))]
    let _ = (options, mode);
}

/// The lock of a file, held by the system for this process until it is dropped or the process ends, however that is.
#[derive(Debug)]
pub struct FileLock(File);

impl FileLock {
    /// Locks an open file; `None` where somebody else holds the lock.
    ///
    /// # Errors
    /// What the system says.
    pub fn try_take(file: File) -> io::Result<Option<Self>> {
        match file.file().try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// The file, to write into it who holds the lock.
    pub fn file(&mut self) -> &mut File {
        &mut self.0
    }
}

impl Drop for FileLock {
    /// Unlocks; closing alone would leave the lock to a process that was forked from this one and has not yet started
    /// its own program.
    fn drop(&mut self) {
        // The system releases it at the latest with the process.
        let _ = self.0.file().unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_stands_in_the_current_folder() {
        assert_eq!(folder_of(Path::new("a")), Path::new("."));
        assert_eq!(folder_of(Path::new("a/b")), Path::new("a"));
    }

    #[test]
    fn a_lock_is_held_once_and_free_after_its_drop() {
        let folder = tempfile::tempdir().unwrap();
        let open = || File::create(folder.path().join("lock")).unwrap();
        let held = FileLock::try_take(open()).unwrap();
        assert!(held.is_some());
        assert!(FileLock::try_take(open()).unwrap().is_none());
        drop(held);
        assert!(FileLock::try_take(open()).unwrap().is_some());
    }
}
