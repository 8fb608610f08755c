//! The file of weights that our kernels read: each product's from a page on, in the order of the graph's nodes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use wheelwork_kernels::pack::{self, Rows};
use wheelwork_kernels::{COLUMNS, KernelError, Shape};

use crate::graph::GraphError;
use crate::graph::rewritten::{Does, Place, Replaceable, Source};
use crate::vfs::{Links, open_file};

/// A product begins at a page, so that it can be mapped by itself.
const PAGE_BYTES: u64 = 4096;
/// Tiles that are packed, or unpacked, at once: some megabytes.
pub(crate) const PART_TILES: usize = 16;

/// Why nothing was packed.
#[derive(Debug, thiserror::Error)]
pub enum PackingError {
    /// A file could not be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A graph, or a code of more bits than the package's card states.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

/// The shape of a matrix for our kernels; `None` for one that they do not compute.
#[must_use]
pub fn shape(product: &Replaceable) -> Option<Shape> {
    let Replaceable { k, n, bits, code_bits, scale_bits, block_size, zero_points, .. } = product;
    let shape = Shape::new(*k, *n, self::bits(*code_bits, *bits), *block_size, zero_points.is_some());
    shape.and_then(|shape| shape.with_scale_bits(*scale_bits)).ok()
}

/// Bits in which our kernels hold codes that use so many and are stored in so many: 3 take 4.
#[must_use]
pub fn bits(code_bits: u64, stored_bits: u64) -> u64 {
    match (stored_bits, code_bits) {
        (8, ..=5) => 5,
        (8, 6) => 6,
        _ => stored_bits,
    }
}

/// Where matrices stand behind each other, by the outputs of their nodes, and the bytes of all; `None` where one is not computed by our
/// kernels. What shares a matrix shares its place.
#[must_use]
pub fn places<'p>(
    nodes: impl IntoIterator<Item = &'p Replaceable>,
) -> Option<(BTreeMap<String, Place>, u64)> {
    let mut placed: Vec<(&Replaceable, Place)> = Vec::new();
    let mut end = 0;
    for node in nodes {
        let place = match shared(&placed, node) {
            Some(place) => place,
            None => place(shape(node)?, end)?,
        };
        end = end.max(place.offset + place.bytes);
        placed.push((node, place));
    }
    Some((placed.into_iter().map(|(node, place)| (node.output.clone(), place)).collect(), end))
}

/// The place of a matrix that another node has brought already.
fn shared(placed: &[(&Replaceable, Place)], node: &Replaceable) -> Option<Place> {
    // Only a lookup shares its matrix with anybody, and there are few of them.
    let is_one = |other: &Replaceable| {
        (node.does == Does::LookUp || other.does == Does::LookUp) && node.shares_with(other)
    };
    placed.iter().find(|(other, _)| is_one(other)).map(|(_, place)| *place)
}

fn place(shape: Shape, end: u64) -> Option<Place> {
    let bytes = u64::try_from(shape.packed_bytes()).ok()?;
    let (bits, scale_bits) = (u64::from(shape.bits().count()), shape.scale_bits());
    Some(Place { bits, scale_bits, offset: end.checked_next_multiple_of(PAGE_BYTES)?, bytes })
}

/// Writes matrices behind each other. Those that our kernels do not compute, or that have a scale which their bits lack, are left
/// out; the nodes of the others are returned. `go_on` is asked after each with the bytes so far.
///
/// # Errors
/// [`PackingError`]; what `go_on` says.
pub fn write<'p>(
    nodes: impl IntoIterator<Item = &'p Replaceable>,
    folder: &Path,
    file: &mut File,
    mut go_on: impl FnMut(u64) -> Result<(), PackingError>,
) -> Result<Vec<&'p Replaceable>, PackingError> {
    let (mut written, mut end) = (Vec::new(), 0);
    for node in nodes {
        if let Some(place) = shared(&written, node) {
            written.push((node, place));
            continue;
        }
        let Some((shape, place)) = shape(node).and_then(|shape| Some((shape, place(shape, end)?))) else {
            continue;
        };
        if write_one(node, shape, place.offset, folder, file)? {
            end = place.offset + place.bytes;
            written.push((node, place));
        }
        go_on(end)?;
    }
    // What was begun behind the last one is gone.
    file.set_len(end)?;
    Ok(written.into_iter().map(|(node, _)| node).collect())
}

/// Whether all scales are numbers of their bits.
fn write_one(
    product: &Replaceable,
    shape: Shape,
    offset: u64,
    folder: &Path,
    file: &mut File,
) -> Result<bool, PackingError> {
    let mut matrix = Matrix::at(product, shape, 0, folder)?;
    for first in (0..shape.tiles()).step_by(PART_TILES) {
        let part = matrix.read((PART_TILES * COLUMNS).min(shape.n() - first * COLUMNS))?;
        let tiles = match pack::pack(shape, &part) {
            Ok(tiles) => tiles,
            Err(KernelError::Scale { .. }) => return Ok(false),
            Err(KernelError::Code { index }) => {
                return Err(PackingError::Graph(too_large(product, shape, first, index)));
            }
            Err(error) => return Err(io::Error::other(error).into()),
        };
        let [for_codes, for_scales, for_zeros] = pack::offsets(shape, first);
        for (at, bytes) in [(for_codes, tiles.codes), (for_scales, tiles.scales), (for_zeros, tiles.zeros)] {
            file.seek(SeekFrom::Start(offset + at as u64))?;
            file.write_all(&bytes)?;
        }
    }
    Ok(true)
}

/// Reads rows of a package's matrix, from `first` on, as the floats that its node computes with: `[rows, K]`, as many rows as `to` holds.
///
/// # Errors
/// [`io::Error`]; also for a matrix that our kernels do not compute.
pub fn read_rows(product: &Replaceable, folder: &Path, first: usize, to: &mut [f32]) -> io::Result<()> {
    let unsupported =
        || io::Error::new(io::ErrorKind::Unsupported, format!("the form of `{}`", product.tensor));
    let shape = shape(product).ok_or_else(unsupported)?;
    let rows = Matrix::at(product, shape, first, folder)?.read(to.len() / shape.k())?;
    pack::floats(shape, &rows, to).map_err(io::Error::other)
}

/// A matrix of a package, some rows after the others.
struct Matrix<'s> {
    shape: Shape,
    codes: Reader<'s>,
    scales: Reader<'s>,
    zeros: Option<Reader<'s>>,
}

impl<'s> Matrix<'s> {
    /// From that row on.
    fn at(product: &'s Replaceable, shape: Shape, row: usize, folder: &Path) -> io::Result<Self> {
        let of = |source, row_bytes: usize| Reader::of(source, row * row_bytes, folder);
        let zeros = product.zero_points.as_ref().map(|zeros| of(zeros, shape.row_zero_bytes()));
        Ok(Self {
            shape,
            codes: of(&product.codes, shape.row_code_bytes())?,
            scales: of(&product.scales, shape.blocks() * 4)?,
            zeros: zeros.transpose()?,
        })
    }

    fn read(&mut self, rows: usize) -> io::Result<Rows> {
        let shape = self.shape;
        let scales = self.scales.read(rows * shape.blocks() * 4)?;
        Ok(Rows {
            codes: self.codes.read(rows * shape.row_code_bytes())?,
            scales: scales.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
            zeros: match &mut self.zeros {
                Some(zeros) => zeros.read(rows * shape.row_zero_bytes())?,
                None => Vec::new(),
            },
        })
    }
}

/// Of a code, or a zero point, of the tiles from `first` on.
fn too_large(product: &Replaceable, shape: Shape, first: usize, index: usize) -> GraphError {
    let (file, offset) = match &product.codes {
        Source::File { name, offset, .. } => (name.clone(), *offset),
        Source::Graph(_) => (product.tensor.clone(), 0),
    };
    let at = offset + (first * COLUMNS * shape.row_code_bytes() + index) as u64;
    GraphError::Code { tensor: product.tensor.clone(), bits: shape.bits().count(), file, at }
}

/// The bytes of an initialiser, one part after the other.
enum Reader<'s> {
    File(File),
    Graph(&'s [u8]),
}

impl<'s> Reader<'s> {
    /// Behind the first `skipped` bytes.
    fn of(source: &'s Source, skipped: usize, folder: &Path) -> io::Result<Self> {
        match source {
            Source::Graph(bytes) => Ok(Self::Graph(bytes.get(skipped..).unwrap_or_default())),
            Source::File { name, offset, .. } => {
                let mut file = open_file(&folder.join(name), Links::Refused)?.into_file();
                file.seek(SeekFrom::Start(offset + skipped as u64))?;
                Ok(Self::File(file))
            }
        }
    }

    fn read(&mut self, bytes: usize) -> io::Result<Vec<u8>> {
        let mut part = vec![0; bytes];
        match self {
            Self::File(file) => file.read_exact(&mut part)?,
            Self::Graph(rest) => rest.read_exact(&mut part)?,
        }
        Ok(part)
    }
}
