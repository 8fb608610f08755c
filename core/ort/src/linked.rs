//! ONNX Runtime as a part of the program: the linker found `OrtGetApiBase`, as it has to on iOS, where an app may not load a
//! library that it does not carry.
//!
//! Nothing is asked for when this is built. Elsewhere than on Apple's systems the linker looks for a library that is called
//! `onnxruntime`; there, the app's package names what it links.

use ort::sys::{self, OrtApi, OrtApiBase};

use crate::version::{self, Version};
use crate::{Found, LibraryError};

#[cfg_attr(not(target_vendor = "apple"), link(name = "onnxruntime"))]
#[allow(unsafe_code)]
unsafe extern "C" {}

/// Hands the linked library to `ort`.
pub(crate) fn find() -> Result<Found, LibraryError> {
    // SAFETY: the function has no conditions; what it returns lives as long as the program.
    #[allow(unsafe_code)]
    let base = unsafe { sys::OrtGetApiBase().as_ref() };
    let (api, version) = fit(base).map_err(|reason| LibraryError::LinkedUnfit { reason })?;
    // Where it was handed over already, in a call that failed later, this is the same again.
    ort::set_api(api);
    // Libraries of providers are looked for beside it.
    let path = std::env::current_exe().unwrap_or_default();
    Ok(Found { builder: ort::init(), path, version })
}

/// The functions of an API that is new enough, and its version.
#[allow(unsafe_code)]
fn fit(base: Option<&OrtApiBase>) -> Result<(OrtApi, Version), String> {
    let base = base.ok_or("it gives no API")?;
    let version = version::of(base)?;
    if version < version::OLDEST {
        return Err(format!("it is version {version}, at least {} is needed", version::OLDEST));
    }
    // SAFETY: the function has no conditions; the table that it returns lives as long as the program and has all functions of
    // the version that was asked for, which are those of `OrtApi`.
    let api = unsafe { (base.GetApi)(sys::ORT_API_VERSION).as_ref() };
    Ok((api.ok_or_else(|| format!("it is version {version} and gives no API"))?.clone(), version))
}

#[cfg(test)]
mod tests {
    use std::ffi::c_char;
    use std::ptr;

    use super::*;

    extern "system" fn no_api(_: u32) -> *const OrtApi {
        ptr::null()
    }

    extern "system" fn old() -> *const c_char {
        c"1.23.2".as_ptr()
    }

    extern "system" fn newer() -> *const c_char {
        c"1.99.0".as_ptr()
    }

    extern "system" fn garbled() -> *const c_char {
        c"main".as_ptr()
    }

    #[test]
    fn a_library_that_is_absent_old_or_gives_no_functions_is_refused_with_its_version() {
        let refused = |version: extern "system" fn() -> *const c_char| {
            fit(Some(&OrtApiBase { GetApi: no_api, GetVersionString: version })).map(|_| ()).unwrap_err()
        };
        assert_eq!(refused(old), "it is version 1.23.2, at least 1.24.0 is needed");
        assert_eq!(refused(newer), "it is version 1.99.0 and gives no API");
        assert_eq!(refused(garbled), "its version is `main`");
        assert_eq!(fit(None).map(|_| ()).unwrap_err(), "it gives no API");
    }

    #[test]
    fn the_linked_library_fits_and_starts_once() {
        let first = crate::environment().unwrap();
        assert!(first.version >= version::OLDEST, "{}", first.version);
        assert_eq!(crate::environment().unwrap().build_info, first.build_info);
    }
}
