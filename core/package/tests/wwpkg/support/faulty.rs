//! A file system over another one that counts its operations and fails the n-th.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wheelwork_package::vfs::{Kind, Lock, Vfs, VfsFile};

/// What happens at the n-th operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It fails, once.
    Once(io::ErrorKind),
    /// From then on, everything that needs space fails.
    Full,
    /// It writes half, if it is a write; from then on, everything that needs space fails.
    ShortThenFull,
    /// No file gets a second name, as on Android.
    NoHardLinks,
    /// From then on, everything fails: the process or the machine is gone.
    Gone,
}

/// Called with the number of each operation.
type Hook = Box<dyn Fn(u64) + Send + Sync>;

/// The file system.
pub(crate) struct FaultyVfs {
    inner: Arc<dyn Vfs>,
    clock: Arc<Clock>,
}

/// Counts operations.
struct Clock {
    count: AtomicU64,
    at: u64,
    fault: Fault,
    hook: Option<Hook>,
}

impl FaultyVfs {
    pub(crate) fn new(inner: Arc<dyn Vfs>, at: u64, fault: Fault) -> Self {
        Self { inner, clock: Arc::new(Clock { count: AtomicU64::new(0), at, fault, hook: None }) }
    }

    /// Never fails, and calls `hook` before each operation.
    pub(crate) fn with_hook(inner: Arc<dyn Vfs>, hook: Hook) -> Self {
        let clock = Clock { count: AtomicU64::new(0), at: u64::MAX, fault: Fault::Gone, hook: Some(hook) };
        Self { inner, clock: Arc::new(clock) }
    }

    /// Whether the n-th operation was reached.
    pub(crate) fn has_struck(&self) -> bool {
        self.clock.count.load(Ordering::Relaxed) >= self.clock.at
    }
}

/// What an operation needs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    Space,
}

impl Clock {
    /// Counts, and says whether this is the very operation of the fault.
    fn tick(&self, needs: Needs) -> io::Result<bool> {
        let now = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(hook) = &self.hook {
            hook(now);
        }
        match self.fault {
            Fault::Once(kind) if now == self.at => Err(kind.into()),
            Fault::Full if now >= self.at && needs == Needs::Space => Err(io::ErrorKind::StorageFull.into()),
            Fault::ShortThenFull if now > self.at && needs == Needs::Space => {
                Err(io::ErrorKind::StorageFull.into())
            }
            Fault::Gone if now >= self.at => Err(io::ErrorKind::Other.into()),
            _ => Ok(now == self.at),
        }
    }
}

struct FaultyFile {
    inner: Box<dyn VfsFile>,
    clock: Arc<Clock>,
}

impl std::fmt::Debug for FaultyVfs {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "FaultyVfs at {} {:?}", self.clock.at, self.clock.fault)
    }
}

impl FaultyVfs {
    fn wrap(&self, inner: Box<dyn VfsFile>) -> Box<dyn VfsFile> {
        Box::new(FaultyFile { inner, clock: Arc::clone(&self.clock) })
    }
}

impl Vfs for FaultyVfs {
    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.clock.tick(Needs::Space)?;
        self.inner.create_dir_all(path)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        self.clock.tick(Needs::Nothing)?;
        Ok(self.wrap(self.inner.open(path)?))
    }

    fn open_for_writing(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        self.clock.tick(Needs::Space)?;
        Ok(self.wrap(self.inner.open_for_writing(path)?))
    }

    fn kind(&self, path: &Path) -> io::Result<Option<Kind>> {
        self.clock.tick(Needs::Nothing)?;
        self.inner.kind(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<(String, Kind)>> {
        self.clock.tick(Needs::Nothing)?;
        self.inner.list(folder)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.clock.tick(Needs::Space)?;
        self.inner.rename(from, to)
    }

    fn hard_link(&self, existing: &Path, link: &Path) -> io::Result<()> {
        self.clock.tick(Needs::Space)?;
        if self.clock.fault == Fault::NoHardLinks {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        self.inner.hard_link(existing, link)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.clock.tick(Needs::Nothing)?;
        self.inner.remove_file(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        self.clock.tick(Needs::Nothing)?;
        self.inner.remove_dir_all(path)
    }

    fn sync_dir(&self, folder: &Path) -> io::Result<()> {
        self.clock.tick(Needs::Space)?;
        self.inner.sync_dir(folder)
    }

    fn free_bytes(&self, folder: &Path) -> io::Result<u64> {
        self.clock.tick(Needs::Nothing)?;
        self.inner.free_bytes(folder)
    }

    fn lock(&self, path: &Path, owner: &str) -> io::Result<Lock> {
        self.clock.tick(Needs::Space)?;
        self.inner.lock(path, owner)
    }
}

impl VfsFile for FaultyFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.clock.tick(Needs::Nothing)?;
        self.inner.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let strikes = self.clock.tick(Needs::Space)?;
        let length =
            if strikes && self.clock.fault == Fault::ShortThenFull { bytes.len() / 2 } else { bytes.len() };
        self.inner.write_at(&bytes[..length], offset)
    }

    fn byte_len(&self) -> io::Result<u64> {
        self.clock.tick(Needs::Nothing)?;
        self.inner.byte_len()
    }

    fn has_other_names(&self) -> io::Result<bool> {
        self.inner.has_other_names()
    }

    fn sync(&self) -> io::Result<()> {
        self.clock.tick(Needs::Space)?;
        self.inner.sync()
    }
}
