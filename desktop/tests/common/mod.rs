//! What the end-to-end tests share: the repository's checkpoints, quantised into temporary folders.

use std::path::{Path, PathBuf};

use wheelwork_quantize::{Options, Recipe, quantize};

/// A folder of the repository's test data.
pub(crate) fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata").join(name)
}

/// A package that lives as long as the value.
pub(crate) struct TemporaryPackage {
    folder: tempfile::TempDir,
}

impl TemporaryPackage {
    /// Quantises a checkpoint of the test data.
    pub(crate) fn of(checkpoint: &str, recipe: Recipe) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { recipe, ..Options::default() };
        quantize(&testdata(checkpoint), &folder.path().join("model.ortpackage"), &options, &()).unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("model.ortpackage")
    }
}
