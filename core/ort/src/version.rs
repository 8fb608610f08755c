//! Which ONNX Runtime a library is, and what only newer ones can do.
//!
//! We bind the API of 1.24, which published phone builds have (`api-24` in the workspace's `Cargo.toml`). What needs more is
//! asked here, by version, before it is tried.

use std::ffi::{CStr, c_char};
#[cfg(not(feature = "linked"))]
use std::path::{Path, PathBuf};

use ort::sys::OrtApiBase;

/// The oldest that we run on: of its API all functions are there.
#[cfg(feature = "linked")]
pub(crate) const OLDEST: Version = Version { major: 1, minor: ort::MINOR_VERSION, patch: 0 };
/// Loads graphs that cache keys and values as int8: 1.24.2 refuses them, 1.26 does not.
pub const INT8_KV_CACHE: Version = Version { major: 1, minor: 26, patch: 0 };
/// Saves the weights that it packed.
pub const SAVED_PACKED_WEIGHTS: Version = Version { major: 1, minor: 28, patch: 0 };

/// ONNX Runtime's version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Of the product.
    pub major: u32,
    /// Of the release and of its API.
    pub minor: u32,
    /// Of the correction.
    pub patch: u32,
}

impl Version {
    /// Reads `1.24.2`; what stands behind the third number (`1.33.0.dev1`, `1.24.2+cpu`) does not count.
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split(['.', '-', '+']).map(str::parse);
        let mut next = || numbers.next()?.ok();
        Some(Self { major: next()?, minor: next()?, patch: next()? })
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// Where `ort` loads a library from: a relative path that stands beside the program is that one.
#[cfg(not(feature = "linked"))]
pub(crate) fn resolved(path: &Path) -> PathBuf {
    let beside = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.join(path)));
    beside.filter(|path| path.exists()).unwrap_or_else(|| path.to_path_buf())
}

/// The version that a loaded library tells; `ort` has no call for it.
///
/// # Errors
/// What it tells instead, or the words of the system's loader.
#[cfg(not(feature = "linked"))]
#[allow(unsafe_code)]
pub(crate) fn of_library(path: &Path) -> Result<Version, String> {
    // SAFETY: the library was loaded and used before, so that its initialisers have run; this adds a reference. The
    // symbol has this signature in every version (`onnxruntime_c_api.h`), and its table lives as long as the library.
    unsafe {
        let library = libloading::Library::new(path).map_err(|error| error.to_string())?;
        let base = library
            .get::<unsafe extern "C" fn() -> *const OrtApiBase>(b"OrtGetApiBase")
            .map_err(|error| error.to_string())?;
        of(base().as_ref().ok_or("it gives no API")?)
    }
}

/// The version that an API tells.
///
/// # Errors
/// What it tells instead.
#[allow(unsafe_code)]
pub(crate) fn of(base: &OrtApiBase) -> Result<Version, String> {
    // SAFETY: the function has no conditions, and the text that it returns ends in a zero and lives as long as the library.
    let text = unsafe {
        let text: *const c_char = (base.GetVersionString)();
        CStr::from_ptr(text).to_string_lossy()
    };
    Version::parse(&text).ok_or_else(|| format!("its version is `{text}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_ordered_as_numbers() {
        let version = |text| Version::parse(text);
        assert_eq!(version("1.24.2").unwrap().to_string(), "1.24.2");
        assert!(version("1.9.0") < version("1.24.2") && version("1.24.2").unwrap() < INT8_KV_CACHE);
        assert_eq!(version("1.33.0.dev20261101"), version("1.33.0"));
        assert_eq!(version("1.24.2+cpu"), version("1.24.2"));
        assert_eq!([version(""), version("1.24"), version("rel-1.24.2")], [None; 3]);
    }
}
