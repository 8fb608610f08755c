//! The evaluation card's way into the package.

use std::ffi::OsStr;
use std::path::Path;

use wheelwork_package::PackageError;
use wheelwork_quantize::kv_cache::save;

use super::{EvaluateError, Report};

/// The folder in which the store keeps installed versions (`docs/package-format.md`).
const STORE_FOLDER: &str = ".wheelwork";

/// Whether an evaluation stands in the package now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// In `wheelwork.json`.
    Written,
    /// The folder was made by another program and has no card.
    NoCard,
    /// The package is installed: its files are compared with what was signed, and never written again.
    Installed,
}

/// Puts an evaluation into the package's card, in the place of an earlier one. The card is the old or the new one at
/// every instant; no other file changes.
///
/// # Errors
/// [`EvaluateError::Package`].
pub fn record(package: &Path, report: &Report) -> Result<Recorded, EvaluateError> {
    let open = wheelwork_package::open(package)?;
    let real = fs_err::canonicalize(&open.root)
        .map_err(|source| PackageError::Io { path: package.into(), source })?;
    if real.components().any(|part| part.as_os_str() == OsStr::new(STORE_FOLDER)) {
        return Ok(Recorded::Installed);
    }
    let Some(mut card) = open.card else {
        return Ok(Recorded::NoCard);
    };
    card.evaluation.insert(report.variant.clone(), report.evaluation.clone());
    save(&real, &card)?;
    Ok(Recorded::Written)
}
