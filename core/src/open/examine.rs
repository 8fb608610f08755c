//! A look at a package without ONNX Runtime: what an installation asks before the package gets its name.

use std::path::Path;

use super::facts::Reading;
use super::options::OpenOptions;
use crate::error::Error;

/// Loads all of a package that is not its graphs: descriptions, tokenizer and chat template of each variant.
///
/// # Errors
/// The errors of [`crate::Model::open_with`] about these.
pub fn examine(path: impl AsRef<Path>) -> Result<(), Error> {
    let package = wheelwork_package::open(path.as_ref())?;
    let options = OpenOptions::default();
    package.variants.keys().try_for_each(|variant| {
        Reading::of(&package, variant, &options, "")?.finish(&package, variant).map(drop)
    })
}
