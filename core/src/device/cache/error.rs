//! Why nothing was kept. What was there before stays as it was.

use std::path::PathBuf;

use wheelwork_package::vfs::DiskError;

/// Why nothing was kept. What was there before stays as it was.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum CacheError {
    /// The file system refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The disk is too small.
    #[error("`{}` needs {needed_bytes} bytes meanwhile, there are {free_bytes} free", .path.display())]
    NoSpace { path: PathBuf, needed_bytes: u64, free_bytes: u64 },
    /// Somebody else makes the same.
    #[error("another process is at work in `{}`", .path.display())]
    Busy { path: PathBuf },
}
