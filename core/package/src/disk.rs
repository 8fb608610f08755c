//! What writing durably needs beyond files: names that stay, files that nobody else reads, one writer at a time.

use std::fs::TryLockError;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use fs_err::{File, OpenOptions};

use crate::vfs::error::FileError;
use crate::vfs::regular::{open_existing_to_write, open_to_write, set_mode};

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

/// Makes a file that was not there, for writing, with these Unix permissions from its first moment on. On Windows those that
/// let nobody in but the owner do the same, and others nothing.
///
/// # Errors
/// What the system says; [`io::ErrorKind::AlreadyExists`].
pub fn create_new(path: &Path, mode: u32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    set_mode(&mut options, mode);
    #[cfg(windows)]
    if mode & 0o077 == 0 {
        return create_new_private(path, &mut options);
    }
    options.open(path)
}

#[cfg(windows)]
fn create_new_private(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    use fs_err::os::windows::fs::OpenOptionsExt as _;
    const GENERIC_WRITE: u32 = 0x4000_0000;
    const WRITE_DAC: u32 = 0x0004_0000;
    // Nobody opens it between its first moment and its access list; afterwards the owner may, and may rename it.
    let file = options.access_mode(GENERIC_WRITE | WRITE_DAC).share_mode(0).open(path)?;
    let kept = wheelwork_windows::keep_private(file.file());
    drop(file);
    if let Err(error) = kept {
        // The first error says more than one of the clean-up.
        let _ = fs_err::remove_file(path);
        return Err(error);
    }
    OpenOptions::new().write(true).open(path)
}

/// Writes a file that was not there, and returns when content and name have reached the disk. Never overwrites; a write
/// that fails leaves nothing.
///
/// # Errors
/// As [`create_new`].
pub fn write_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = create_new(path, mode)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if written.is_err() {
        // The first error says more than one of the clean-up.
        let _ = fs_err::remove_file(path);
    }
    written.and_then(|()| sync_folder(folder_of(path)))
}

/// The lock of a file, held by the system for this process until it is dropped or the process ends, however that is.
#[derive(Debug)]
pub struct FileLock(File);

impl FileLock {
    /// Opens a file and locks it: makes it if need be, follows no link and truncates nothing. `None` where somebody else
    /// holds the lock.
    ///
    /// # Errors
    /// What the system says, and what stands there that is no file of ours.
    pub fn try_take_at(path: &Path, mode: u32) -> io::Result<Option<Self>> {
        Self::try_take(open_to_write(path, mode)?)
    }

    /// As [`FileLock::try_take_at`], but makes nothing.
    ///
    /// # Errors
    /// As there; [`io::ErrorKind::NotFound`].
    pub fn try_take_existing(path: &Path) -> io::Result<Option<Self>> {
        Self::try_take(open_existing_to_write(path)?)
    }

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

/// The lock of a name, for files that are replaced: it stands in an empty file of that name. Dropped, it leaves nothing
/// behind on Unix; elsewhere, and after a kill, the empty file stays and locks nobody out.
#[derive(Debug)]
pub struct NameLock {
    name: PathBuf,
    // Unlocked last, when the name has gone.
    _lock: FileLock,
}

impl NameLock {
    /// Locks a name; `None` where somebody else holds the lock.
    ///
    /// # Errors
    /// What the system says, and what stands there that is no empty file: it would be removed when the lock goes.
    pub fn try_take(name: PathBuf) -> io::Result<Option<Self>> {
        loop {
            let Some(mut lock) = FileLock::try_take_at(&name, 0o600)? else { return Ok(None) };
            // The holder before may have removed the file that was opened here.
            if is_at(lock.file(), &name)? {
                let bytes = lock.file().metadata()?.len();
                if bytes > 0 {
                    return Err(FileError::not_ours(&name, format!("it has {bytes} bytes")).into());
                }
                return Ok(Some(Self { name, _lock: lock }));
            }
        }
    }

    /// Whether somebody else holds the lock.
    ///
    /// # Errors
    /// What the system says.
    pub fn is_held(name: &Path) -> io::Result<bool> {
        match FileLock::try_take_existing(name) {
            Ok(lock) => Ok(lock.is_none()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Drop for NameLock {
    fn drop(&mut self) {
        if cfg!(unix) {
            // What stays is an empty file.
            let _ = fs_err::remove_file(&self.name);
        }
    }
}

#[cfg(unix)]
fn is_at(file: &File, name: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let opened = file.metadata()?;
    match fs_err::symlink_metadata(name) {
        Ok(there) => Ok((there.dev(), there.ino()) == (opened.dev(), opened.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Nobody removes it.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
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

    #[test]
    fn a_name_is_locked_once_and_free_after_its_drop() {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().join("lock");
        assert!(!NameLock::is_held(&name).unwrap());
        let held = NameLock::try_take(name.clone()).unwrap();
        assert!(held.is_some() && NameLock::is_held(&name).unwrap());
        assert!(NameLock::try_take(name.clone()).unwrap().is_none());
        drop(held);
        assert!(!NameLock::is_held(&name).unwrap());
        assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), usize::from(!cfg!(unix)));
        // What a killed process leaves.
        File::create(&name).unwrap();
        assert!(NameLock::try_take(name).unwrap().is_some());
    }

    #[test]
    fn many_threads_hold_a_name_one_at_a_time() {
        use std::sync::atomic::{AtomicBool, Ordering};
        let folder = tempfile::tempdir().unwrap();
        let (name, is_held) = (folder.path().join("lock"), AtomicBool::new(false));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        let Some(lock) = NameLock::try_take(name.clone()).unwrap() else { continue };
                        assert!(!is_held.swap(true, Ordering::SeqCst));
                        is_held.store(false, Ordering::SeqCst);
                        drop(lock);
                    }
                });
            }
        });
    }
}
