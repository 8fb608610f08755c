//! Where a package comes from: a file, standard input, a URL that the user typed, or a package folder.
//!
//! The one place that opens a socket, and only for a URL that was given on the command line: nothing here follows an
//! address that was found in a file.

mod http;
mod http_error;
mod url;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use wheelwork::CancelToken;
use wheelwork_package::container::{ContainerError, Seekable, Source, Stream};
use wheelwork_package::store::StoreError;

use crate::arguments::OriginArguments;
use crate::failure::Failure;
use crate::input_file;
use http::HttpSource;
pub(crate) use http_error::HttpError;
use url::PackageUrl;

/// What the user named.
#[derive(Debug)]
pub(crate) enum Origin {
    /// `-`: it can be read once, from front to back.
    Stdin,
    /// `https://...`, or `http://...` under the conditions of [`PackageUrl`].
    Url { url: PackageUrl, stall: Duration },
    /// A `.wwpkg` file.
    File(PathBuf),
    /// A package folder.
    Folder(PathBuf),
}

impl Origin {
    /// Reads what the user typed.
    pub(crate) fn of(arguments: &OriginArguments) -> Result<Self, Failure> {
        let text = arguments.origin.as_str();
        if text == "-" {
            return Ok(Self::Stdin);
        }
        if text.contains("://") {
            let url = PackageUrl::parse(text, arguments.allow_http)?;
            return Ok(Self::Url { url, stall: Duration::from_secs(arguments.timeout.into()) });
        }
        let path = PathBuf::from(text);
        Ok(if path.is_dir() { Self::Folder(path) } else { Self::File(path) })
    }

    /// Whether it comes from outside this machine, or could: then the user has not seen it lie anywhere.
    pub(crate) fn is_remote(&self) -> bool {
        matches!(self, Self::Stdin | Self::Url { .. })
    }

    /// Opens it for one reading. A folder is no container and cannot be read.
    pub(crate) fn open(&self, cancel: &CancelToken) -> Result<Box<dyn Source>, Failure> {
        Ok(match self {
            Self::Stdin => Box::new(Stream(io::stdin().lock())),
            Self::Url { url, stall } => Box::new(HttpSource::new(url.clone(), *stall, cancel.clone())),
            Self::File(path) => open_file(path)?,
            Self::Folder(path) => {
                return Err(Failure::input_file(path, "it is a folder, expected a .wwpkg file"));
            }
        })
    }
}

/// A container in a file.
pub(crate) fn open_file(path: &Path) -> Result<Box<dyn Source>, Failure> {
    Ok(Box::new(Seekable(input_file::open(path)?)))
}

/// The transport's own error where there is one: it knows more than "cannot be read".
pub(crate) fn explain(error: StoreError, cancel: &CancelToken) -> Failure {
    match error {
        StoreError::Cancelled => Failure::Interrupted,
        StoreError::Container(error) => explain_container(error, cancel),
        error => error.into(),
    }
}

/// As [`explain`], for an error of reading alone.
pub(crate) fn explain_container(error: ContainerError, cancel: &CancelToken) -> Failure {
    match error {
        ContainerError::Source { .. } if cancel.is_cancelled() => Failure::Interrupted,
        ContainerError::Source { source } => match source.downcast::<HttpError>() {
            Ok(error) => error.into(),
            Err(source) => ContainerError::Source { source }.into(),
        },
        error => error.into(),
    }
}
