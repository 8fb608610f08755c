//! Where the float model's weights come from: the checkpoint, and for some matrices what a package stores of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use wheelwork_package::PackageError;
use wheelwork_package::graph::rewritten::{Replaceable, replaceable};
use wheelwork_package::packing;
use wheelwork_quantize::checkpoint::{Checkpoint, Config};

use crate::CalibrateError;
use crate::evaluate::EvaluateError;

/// The variant of a package whose matrices are read.
const VARIANT: &str = "cpu";

/// The weights of a float model, by the checkpoint's names.
#[derive(Clone, Copy)]
pub(crate) struct Weights<'a> {
    checkpoint: &'a Checkpoint,
    stored: Option<Stored<'a>>,
}

/// Some matrices of a package.
#[derive(Clone, Copy)]
struct Stored<'a> {
    matrices: &'a StoredMatrices,
    /// Which, by name.
    is_stored: &'a dyn Fn(&str) -> bool,
}

impl<'a> From<&'a Checkpoint> for Weights<'a> {
    fn from(checkpoint: &'a Checkpoint) -> Self {
        Self { checkpoint, stored: None }
    }
}

impl<'a> Weights<'a> {
    /// Matrices that a package stores where `is_stored` says so, by name, and the others as they are.
    pub(crate) fn stored(
        checkpoint: &'a Checkpoint,
        matrices: &'a StoredMatrices,
        is_stored: &'a dyn Fn(&str) -> bool,
    ) -> Self {
        Self { checkpoint, stored: Some(Stored { matrices, is_stored }) }
    }

    pub(crate) fn config(self) -> &'a Config {
        &self.checkpoint.config
    }

    /// Fills `to` with whole rows of a matrix from row `first` on, or with a vector.
    pub(crate) fn read_into(self, name: &str, first: usize, to: &mut [f32]) -> Result<(), CalibrateError> {
        let stored = self.stored.filter(|stored| (stored.is_stored)(name));
        if let Some(part) = stored.and_then(|stored| stored.matrices.part(name)) {
            return part.read_into(first, to);
        }
        let tensor = self.checkpoint.tensors.get(name)?;
        let columns = tensor.shape().get(1).copied().unwrap_or(1);
        Ok(tensor.read_into(first * columns, to)?)
    }
}

/// The quantised matrices of a package.
pub(crate) struct StoredMatrices {
    folder: PathBuf,
    nodes: Vec<Replaceable>,
    /// By the checkpoint's names: which node, and its first row there.
    places: BTreeMap<String, (usize, usize)>,
}

/// A checkpoint's matrix among those of a package.
struct Part<'a> {
    folder: &'a Path,
    node: &'a Replaceable,
    first: usize,
}

impl StoredMatrices {
    /// Reads and verifies the package's graph; no weights.
    ///
    /// # Errors
    /// [`PackageError`]; [`wheelwork::Error::CompactOnly`] for an installed one whose own weights are gone.
    pub(crate) fn open(package: &Path, config: &Config) -> Result<Self, EvaluateError> {
        let package = wheelwork_package::open(package)?;
        let variant = package.variant(VARIANT)?;
        if variant.compact.is_some() {
            let (variant, wanted) = (VARIANT.to_owned(), "measuring sources of error".to_owned());
            return Err(wheelwork::Error::CompactOnly { variant, wanted }.into());
        }
        let file = &variant.config.model.decoder.filename;
        let (_, graph) = package.verified_graph(VARIANT, file)?;
        let refused = |source| PackageError::Graph { path: variant.folder.join(file), source };
        let nodes = replaceable(&graph, &package.stated(VARIANT)).map_err(refused)?;
        let mut places = BTreeMap::new();
        for (index, node) in nodes.iter().enumerate() {
            let Some(name) = node.tensor.strip_suffix(".codes") else { continue };
            let Some(attention) = name.strip_suffix("qkv_proj") else {
                places.insert(format!("{name}.weight"), (index, 0));
                continue;
            };
            // One product, three tensors.
            let (queries, keys) = (config.query_size(), config.num_key_value_heads * config.head_dim);
            for (part, first) in [("q", 0), ("k", queries), ("v", queries + keys)] {
                places.insert(format!("{attention}{part}_proj.weight"), (index, first));
            }
        }
        Ok(Self { folder: variant.folder.clone(), nodes, places })
    }

    /// The checkpoint's names of all.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.places.keys().map(String::as_str)
    }

    fn part(&self, name: &str) -> Option<Part<'_>> {
        let (index, first) = *self.places.get(name)?;
        Some(Part { folder: &self.folder, node: self.nodes.get(index)?, first })
    }
}

impl Part<'_> {
    fn read_into(&self, first: usize, to: &mut [f32]) -> Result<(), CalibrateError> {
        let read = packing::read_rows(self.node, self.folder, self.first + first, to);
        read.map_err(CalibrateError::ReadBack)
    }
}
