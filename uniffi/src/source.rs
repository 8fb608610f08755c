//! Where a package comes from.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wheelwork_package::container::{ContainerError, Part, Seekable, Source};
use wheelwork_package::store::StoreError;
use wheelwork_package::vfs::{Links, open_file};

use crate::pipe::{PipeError, PipeReader, PipeStopper};
use crate::{FfiError, PackagePipe};

/// Where a `.wwpkg` package comes from.
#[derive(uniffi::Enum)]
pub enum PackageSource {
    /// A file.
    File {
        /// Its path.
        path: String,
    },
    /// An open file of this process, or a part of one: what Android's content providers and assets give. It is opened once
    /// more by its number, so it stays the caller's and may be closed when the call has returned. A system may refuse
    /// that for files of other apps; push their bytes instead.
    Descriptor {
        /// The number.
        descriptor: i32,
        /// Where the package begins in the file, in bytes.
        #[uniffi(default = 0)]
        offset: u64,
        /// Its length in bytes; absent, to the file's end.
        #[uniffi(default = None)]
        length: Option<u64>,
    },
    /// Bytes that the app pushes: its own download, for instance.
    Pushed {
        /// A pipe of its own.
        pipe: Arc<PackagePipe>,
    },
}

/// A source that is open.
pub(crate) enum Opened {
    Seekable(Box<dyn Source + Send>),
    Pushed(PipeReader, PipeStopper),
}

impl PackageSource {
    /// Opens it for one reading.
    pub(crate) fn open(self) -> Result<Opened, FfiError> {
        Ok(match self {
            Self::File { path } => Opened::Seekable(Box::new(file(Path::new(&path))?)),
            Self::Descriptor { descriptor, offset, length } => {
                let path = path_of(descriptor).ok_or_else(FfiError::no_descriptors)?;
                let part = Part::new(file(&path)?, offset, length);
                Opened::Seekable(Box::new(part.map_err(|source| ContainerError::Source { source })?))
            }
            Self::Pushed { pipe } => Opened::Pushed(pipe.reader()?, pipe.stopper()),
        })
    }
}

/// A descriptor as a path, where the system has such paths. Nothing else opens one without code that Rust holds unsafe.
fn path_of(descriptor: i32) -> Option<PathBuf> {
    let folder = if cfg!(any(target_os = "linux", target_os = "android")) {
        "/proc/self/fd"
    } else if cfg!(unix) {
        "/dev/fd"
    } else {
        return None;
    };
    Some(Path::new(folder).join(descriptor.to_string()))
}

fn file(path: &Path) -> Result<Seekable<impl io::Read + io::Seek + Send + use<>>, FfiError> {
    Ok(Seekable(open_file(path, Links::Followed).map_err(wheelwork_package::PackageError::from)?))
}

/// What a store's error is about: the app's own transfer where that ended it, and a cancel where there was one.
pub(crate) fn explain(error: StoreError, is_cancelled: bool) -> FfiError {
    match error {
        StoreError::Container(ContainerError::Source { source: _ }) if is_cancelled => {
            StoreError::Cancelled.into()
        }
        StoreError::Container(ContainerError::Source { source }) => match source.downcast::<PipeError>() {
            Ok(error) => error.into(),
            Err(source) => StoreError::Container(ContainerError::Source { source }).into(),
        },
        error => error.into(),
    }
}
