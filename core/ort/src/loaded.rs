//! ONNX Runtime as a file, loaded when the first model opens.

use ort::LoadDynamicError;

use crate::{Found, LibraryError, library, object_file, version};

/// Loads the first candidate that can be loaded.
pub(crate) fn find() -> Result<Found, LibraryError> {
    let mut tried = Vec::new();
    for path in library::candidates() {
        // A plain name is the loader's to find: nothing of that name in the current folder is looked at.
        if path.components().count() > 1
            && let Ok(Some(unfit)) = object_file::examine(&path)
        {
            tried.push((path, unfit.to_string()));
            continue;
        }
        let resolved = version::resolved(&path);
        match ort::init_from(&resolved) {
            Ok(builder) => {
                let version =
                    version::of_library(&resolved).map_err(|message| LibraryError::NotStarted { message })?;
                return Ok(Found { builder, path, version });
            }
            Err(error) => tried.push((path, reason(&error))),
        }
    }
    Err(LibraryError::NotLoadable { tried })
}

fn reason(error: &LoadDynamicError) -> String {
    match error {
        LoadDynamicError::Dlopen { error, .. } => {
            format!("the system's loader refuses it ({error})")
        }
        LoadDynamicError::MissingApi { .. } => "it is not ONNX Runtime (no OrtGetApiBase)".to_owned(),
        LoadDynamicError::BadVersion { version_str, .. } => {
            format!("it is version {version_str}, at least 1.{} is needed", ort::MINOR_VERSION)
        }
        other => other.to_string(),
    }
}
