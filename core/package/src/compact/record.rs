//! What stands where in a compact form, and the graph that reads it.

use serde::{Deserialize, Serialize};
use wheelwork_kernels::{Shape, angles};

use crate::files::is_plain_name;
use crate::graph::GraphError;
use crate::graph::attention::{Attentions, Tables, replaceable_attentions, tables};
use crate::graph::codes::Stated;
use crate::graph::gated::gated;
use crate::graph::prepacked::with_places;
use crate::graph::rewritten::{Place, Replaceable, Source, external, replaceable, rewritten};
use crate::packing;

/// Raised when the form changes.
const FORMAT: u32 = 1;
/// More than any model has.
const LARGEST_COUNT: usize = 1 << 16;
/// What the rewritten graph calls the file: no file of a package has that name.
pub(super) const LOCATION: &str = "./weights.bin";

/// `record.json`: a file of weights, taken apart. Every one that is at hand was checked: its parts follow each other without a gap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    format: u32,
    /// The file of the variant that it stands for.
    pub file: String,
    /// Bytes of that file.
    pub bytes: u64,
    pub(super) matrices: Vec<Matrix>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) angles: Option<Angles>,
    pub(super) kept: Vec<Kept>,
    /// In the order of the file; not written.
    #[serde(skip)]
    pub(super) parts: Vec<Part>,
}

/// A packed matrix: where its parts stand in the package's file, and where it stands here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Matrix {
    k: u64,
    n: u64,
    /// Bits that a code stands in there, and bits that it uses.
    bits: u64,
    code_bits: u64,
    #[serde(default = "sixteen", skip_serializing_if = "is_sixteen")]
    scale_bits: u64,
    block_size: u64,
    codes: u64,
    scales: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    zero_points: Option<u64>,
    pub(super) at: u64,
}

/// Tables of cosines and sines, `[positions, pairs]` float32, that are not here: they follow from the angles to the bit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Angles {
    pub(super) cosines: u64,
    pub(super) sines: u64,
    pub(super) positions: u64,
    /// Radians a position, one a pair.
    pub(super) frequencies: Vec<f64>,
}

/// A range that is kept as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) offset: u64,
    pub(super) bytes: u64,
    pub(super) at: u64,
}

/// A part of the package's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) offset: u64,
    pub(super) bytes: u64,
    pub(super) from: From,
}

/// What a part of the package's file is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    /// The range that begins there in the compact file.
    Kept { at: u64 },
    /// A packed matrix that begins there.
    Matrix { shape: Shape, at: u64, kind: PartKind },
    /// The record's angles.
    Angles { table: Table },
}

/// What a table holds of its angles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    Cosines,
    Sines,
}

/// A part of a matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PartKind {
    Codes,
    Scales,
    ZeroPoints,
}

impl Record {
    /// Of these parts; `None` where they are not the whole file, each byte once.
    pub(super) fn new(
        file: &str,
        bytes: u64,
        matrices: Vec<Matrix>,
        angles: Option<Angles>,
        kept: Vec<Kept>,
    ) -> Option<Self> {
        let file = file.to_owned();
        Self { format: FORMAT, file, bytes, matrices, angles, kept, parts: Vec::new() }.checked()
    }

    /// What stands in the file, if it is a record.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice::<Self>(bytes).ok()?.checked()
    }

    /// The bytes of the file.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a struct of texts and numbers is always JSON")
    }

    fn checked(mut self) -> Option<Self> {
        let Self { format, file, bytes, matrices, angles, kept, .. } = &self;
        let is_ours = *format == FORMAT
            && is_plain_name(file)
            && matrices.len() <= LARGEST_COUNT
            && kept.len() <= LARGEST_COUNT;
        is_ours.then_some(())?;
        let mut parts = Vec::with_capacity(3 * matrices.len() + kept.len());
        for matrix in matrices {
            parts.extend(matrix.parts()?);
            matrix.at.checked_add(matrix.packed_bytes()?)?;
        }
        if let Some(angles) = angles {
            parts.extend(angles.parts()?);
        }
        for Kept { offset, bytes, at } in kept {
            at.checked_add(*bytes)?;
            parts.push(Part { offset: *offset, bytes: *bytes, from: From::Kept { at: *at } });
        }
        parts.sort_by_key(|part| part.offset);
        let mut end = 0;
        for part in &parts {
            (part.offset == end && part.bytes > 0).then_some(())?;
            end = part.offset.checked_add(part.bytes)?;
        }
        (end == *bytes).then_some(())?;
        self.parts = parts;
        Some(self)
    }

    /// Bytes of the compact file.
    #[must_use]
    pub fn packed_bytes(&self) -> u64 {
        let matrices = self.matrices.iter().map(|matrix| matrix.at + matrix.packed_bytes().unwrap_or(0));
        let kept = self.kept.iter().map(|kept| kept.at + kept.bytes);
        matrices.chain(kept).max().unwrap_or(0)
    }

    /// The graph with our operators, every weight in the compact file `location` or, where it is in another of the package's, where `beside`
    /// says.
    ///
    /// # Errors
    /// [`GraphError::Undefined`] where the graph reads a range of the file that is in no kept one.
    pub fn graph(
        &self,
        original: &[u8],
        stated: &Stated,
        location: &str,
        beside: impl Fn(&str) -> String,
    ) -> Result<Vec<u8>, GraphError> {
        let nodes = replaceable(original, stated)?;
        let places = nodes.iter().filter_map(|node| Some((node.output.clone(), self.place(node)?))).collect();
        let graph = gated(&rewritten(original, LOCATION, &places, self.attentions(original)?)?)?;
        for range in external(&graph)? {
            if range.file == self.file && self.kept_at(range.offset, range.bytes).is_none() {
                let value = format!("{} from {} on", range.file, range.offset);
                return Err(GraphError::Undefined { node: "the compact form".into(), value });
            }
        }
        with_places(&graph, |name, offset| match name {
            LOCATION => (location.to_owned(), offset),
            name if name == self.file => {
                (location.to_owned(), self.kept_at(offset, 0).expect("all ranges were looked at"))
            }
            name => (beside(name), offset),
        })
    }

    /// What takes the place of a graph's attentions.
    fn attentions(&self, original: &[u8]) -> Result<Attentions<'_>, GraphError> {
        if replaceable_attentions(original)?.is_empty() {
            return Ok(Attentions::Original);
        }
        let tables = tables(original)?;
        let angles = self.angles.as_ref().zip(tables);
        Ok(match angles {
            Some((angles, tables)) if angles.are_of(&tables, &self.file) => {
                Attentions::WithoutTables(&angles.frequencies)
            }
            _ => Attentions::Ours,
        })
    }

    /// The nodes of a graph whose matrices are packed.
    pub fn packed<'n>(&self, nodes: &'n [Replaceable]) -> impl Iterator<Item = &'n Replaceable> {
        nodes.iter().filter(|node| self.place(node).is_some())
    }

    /// Where a node's matrix stands; `None` where it is not packed.
    fn place(&self, node: &Replaceable) -> Option<Place> {
        let wanted = Matrix::of(node, &self.file, 0)?;
        let matrix = self.matrices.iter().find(|matrix| Matrix { at: 0, ..**matrix } == wanted)?;
        let bits = packing::bits(matrix.code_bits, matrix.bits);
        let (scale_bits, offset) = (matrix.scale_bits, matrix.at);
        Some(Place { bits, scale_bits, offset, bytes: matrix.packed_bytes()? })
    }

    /// Where a range that is kept stands.
    fn kept_at(&self, offset: u64, bytes: u64) -> Option<u64> {
        let index = self.parts.partition_point(|part| part.offset <= offset).checked_sub(1)?;
        let part = self.parts.get(index)?;
        let From::Kept { at } = part.from else { return None };
        let within = offset - part.offset;
        (within.checked_add(bytes)? <= part.bytes).then_some(at + within)
    }
}

impl Matrix {
    /// Of a node, all of whose matrix stands in that file.
    pub(super) fn of(node: &Replaceable, file: &str, at: u64) -> Option<Self> {
        let offset = |source: &Source| match source {
            Source::File { name, offset, .. } if name == file => Some(*offset),
            _ => None,
        };
        let Replaceable { k, n, bits, code_bits, scale_bits, block_size, codes, scales, zero_points, .. } =
            node;
        let zero_points = match zero_points {
            Some(source) => Some(offset(source)?),
            None => None,
        };
        let (codes, scales) = (offset(codes)?, offset(scales)?);
        let (k, n, bits, code_bits) = (*k, *n, *bits, *code_bits);
        let (scale_bits, block_size) = (*scale_bits, *block_size);
        Some(Self { k, n, bits, code_bits, scale_bits, block_size, codes, scales, zero_points, at })
    }

    fn shape(&self) -> Option<Shape> {
        let Self { k, n, bits, code_bits, scale_bits, block_size, zero_points, .. } = *self;
        let shape = Shape::new(k, n, packing::bits(code_bits, bits), block_size, zero_points.is_some());
        shape.and_then(|shape| shape.with_scale_bits(scale_bits)).ok()
    }

    fn packed_bytes(&self) -> Option<u64> {
        u64::try_from(self.shape()?.packed_bytes()).ok()
    }

    /// Its parts in the package's file.
    pub(super) fn parts(&self) -> Option<Vec<Part>> {
        let (shape, at) = (self.shape()?, self.at);
        let part = |offset: u64, row_bytes: usize, kind| {
            let bytes = u64::try_from(row_bytes.checked_mul(shape.n())?).ok()?;
            Some(Part { offset, bytes, from: From::Matrix { shape, at, kind } })
        };
        let mut parts = vec![
            part(self.codes, shape.row_code_bytes(), PartKind::Codes)?,
            part(self.scales, shape.blocks() * 4, PartKind::Scales)?,
        ];
        if let Some(offset) = self.zero_points {
            parts.push(part(offset, shape.row_zero_bytes(), PartKind::ZeroPoints)?);
        }
        Some(parts)
    }
}

impl Angles {
    /// Of tables that stand in that file.
    pub(super) fn of(tables: &Tables, file: &str, frequencies: &[f64]) -> Option<Self> {
        let offset = |source: &Source| match source {
            Source::File { name, offset, .. } if name == file => Some(*offset),
            _ => None,
        };
        let [cosines, sines] = tables.tables.each_ref().map(offset);
        let has_a_column_each = u64::try_from(frequencies.len()) == Ok(tables.pairs);
        let (positions, frequencies) = (tables.positions, frequencies.to_owned());
        has_a_column_each.then_some(Self { cosines: cosines?, sines: sines?, positions, frequencies })
    }

    fn are_of(&self, tables: &Tables, file: &str) -> bool {
        Self::of(tables, file, &self.frequencies).as_ref() == Some(self)
    }

    /// Bytes of a position.
    pub(super) fn row_bytes(&self) -> usize {
        self.frequencies.len() * size_of::<f32>()
    }

    /// The tables in the package's file.
    pub(super) fn parts(&self) -> Option<[Part; 2]> {
        let is_usual =
            self.frequencies.len() <= LARGEST_COUNT && self.frequencies.iter().all(|f| f.is_finite());
        is_usual.then_some(())?;
        let bytes = self.positions.checked_mul(u64::try_from(self.row_bytes()).ok()?)?;
        let part = |offset, table| Part { offset, bytes, from: From::Angles { table } };
        Some([part(self.cosines, Table::Cosines), part(self.sines, Table::Sines)])
    }

    /// So many rows of a table from `first` on, as the file has them.
    pub(super) fn rows(&self, table: Table, first: usize, count: usize) -> Vec<u8> {
        let positions = first..first.saturating_add(count);
        let of_table = |(cosine, sine)| match table {
            Table::Cosines => cosine,
            Table::Sines => sine,
        };
        positions
            .flat_map(|position| angles(&self.frequencies, position))
            .flat_map(|both| of_table(both).to_le_bytes())
            .collect()
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn is_sixteen(bits: &u64) -> bool {
    *bits == sixteen()
}

/// Of records before there were others.
fn sixteen() -> u64 {
    16
}

impl Part {
    /// Whether a range of the package's file shares a byte with this.
    pub(super) fn overlaps(&self, offset: u64, bytes: u64) -> bool {
        self.offset < offset.saturating_add(bytes) && offset < self.offset.saturating_add(self.bytes)
    }
}
