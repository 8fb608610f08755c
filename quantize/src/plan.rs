//! What a package's weight file will hold, and where: the decoder's graph and the list of its contents, both known
//! before any weight is read.

use std::collections::BTreeMap;

use wheelwork_onnx::{Extent, Model};
use wheelwork_package::card::TensorError;

use crate::scheme::{BlockScheme, Scheme};

/// A graph and what to write beside it.
#[derive(Debug)]
pub struct Plan {
    /// The graph.
    pub model: Model,
    /// What the data file holds; the extents do not overlap.
    pub contents: Vec<Content>,
    /// Matrices that have smaller blocks than the recipe asks for, as those do not fill their rows; in sentences for a
    /// person.
    pub warnings: Vec<String>,
}

/// One thing in the data file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A matrix, in its scheme.
    Matrix(StoredMatrix),
    /// Norm weights or biases, one tensor after another, as 32-bit floating point.
    Vector {
        /// Tensors of the checkpoint.
        tensors: Vec<String>,
        /// Where they stand.
        extent: Extent,
    },
    /// Cosines and sines of the rotary embedding, each `[positions, head_dim / 2]`, as 32-bit floating point.
    Rope {
        /// Number of positions.
        positions: usize,
        /// Where the cosines stand.
        cosines: Extent,
        /// Where the sines stand.
        sines: Extent,
    },
}

/// Matrices of the checkpoint, stacked by rows into one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMatrix {
    /// Its node in the graph, such as `model.layers.0.self_attn.qkv_proj`.
    pub node: String,
    /// Tensors of the checkpoint, with their numbers of rows.
    pub parts: Vec<(String, usize)>,
    /// Weights in a row.
    pub columns: usize,
    /// How and where they stand.
    pub storage: Storage,
    /// The initialisers that are its codes, one or, where the output projection reads the embedding table too, two.
    pub initializers: Vec<String>,
}

/// How and where a matrix stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// As 32-bit floating point, `[rows, columns]`.
    Float32(Extent),
    /// In blocks; the arrays are described in [`crate::scheme::rows`].
    Blocks {
        /// How.
        scheme: BlockScheme,
        /// Where the codes stand.
        codes: Extent,
        /// Where the scales stand.
        scales: Extent,
        /// Where the zero points stand, if any.
        zero_points: Option<Extent>,
    },
}

impl Plan {
    /// Stored bits per weight over all matrices: codes, scales and zero points.
    #[must_use]
    pub fn bits_per_weight(&self) -> f64 {
        let (mut bytes, mut weights) = (0, 0);
        for matrix in self.matrices() {
            bytes += matrix.storage.bytes();
            weights += matrix.rows() as u64 * matrix.columns as u64;
        }
        8.0 * bytes as f64 / weights as f64
    }

    /// As [`Plan::bits_per_weight`], counting only bits that say something: [`BlockScheme::true_row_bits`].
    #[must_use]
    pub fn true_bits_per_weight(&self) -> f64 {
        let (mut bits, mut weights) = (0, 0);
        for matrix in self.matrices() {
            bits += matrix.true_bits();
            weights += matrix.rows() as u64 * matrix.columns as u64;
        }
        bits as f64 / weights as f64
    }

    /// Bits of codes by the initialiser's name, where they stand in more; none where all fill what they stand in.
    #[must_use]
    pub fn code_bits(&self) -> Option<BTreeMap<String, u32>> {
        let codes = self.matrices().flat_map(|matrix| match matrix.storage {
            Storage::Blocks { scheme, .. } if scheme.bits.is_padded() => {
                matrix.initializers.iter().map(|name| (name.clone(), u32::from(scheme.bits))).collect()
            }
            _ => Vec::new(),
        });
        let codes: BTreeMap<_, _> = codes.collect();
        (!codes.is_empty()).then_some(codes)
    }

    /// Bits of scales by the initialiser's name of the codes, where all parts of a matrix have fewer than 16.
    #[must_use]
    pub fn scale_bits(&self, tensors: &[TensorError]) -> Option<BTreeMap<String, u32>> {
        let of: BTreeMap<&str, _> =
            tensors.iter().map(|tensor| (tensor.name.as_str(), tensor.scale_bits)).collect();
        let stated = self.matrices().flat_map(|matrix| {
            let parts = matrix.parts.iter().map(|(name, _)| of.get(name.as_str()).copied().flatten());
            let bits = parts.collect::<Option<Vec<_>>>().and_then(|bits| bits.into_iter().max());
            matrix.initializers.iter().filter_map(move |name| Some((name.clone(), bits?)))
        });
        let stated: BTreeMap<_, _> = stated.collect();
        (!stated.is_empty()).then_some(stated)
    }

    /// Tensors of the checkpoint that the plan reads, in the order of reading.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        self.contents.iter().flat_map(|content| match content {
            Content::Matrix(matrix) => matrix.parts.iter().map(|(name, _)| name.as_str()).collect(),
            Content::Vector { tensors, .. } => tensors.iter().map(String::as_str).collect(),
            Content::Rope { .. } => Vec::new(),
        })
    }

    /// The matrices, in the order of the file.
    pub fn matrices(&self) -> impl Iterator<Item = &StoredMatrix> {
        self.contents.iter().filter_map(|content| match content {
            Content::Matrix(matrix) => Some(matrix),
            Content::Vector { .. } | Content::Rope { .. } => None,
        })
    }
}

impl StoredMatrix {
    /// Rows of all parts.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.parts.iter().map(|(_, rows)| rows).sum()
    }

    /// Bits that say something.
    #[must_use]
    pub fn true_bits(&self) -> u64 {
        let row = match self.storage.scheme() {
            Scheme::Float32 => self.columns * 32,
            Scheme::Blocks(scheme) => scheme.true_row_bits(self.columns),
        };
        self.rows() as u64 * row as u64
    }
}

impl Storage {
    /// The scheme.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        match *self {
            Self::Float32(_) => Scheme::Float32,
            Self::Blocks { scheme, .. } => Scheme::Blocks(scheme),
        }
    }

    /// Where its arrays stand.
    pub fn extents(&self) -> impl Iterator<Item = Extent> {
        let arrays = match *self {
            Self::Float32(extent) => [Some(extent), None, None],
            Self::Blocks { codes, scales, zero_points, .. } => [Some(codes), Some(scales), zero_points],
        };
        arrays.into_iter().flatten()
    }

    /// Bytes of all arrays.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.extents().map(|extent| extent.bytes).sum()
    }
}
