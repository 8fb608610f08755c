//! The file of weights that our kernels read: each product's from a page on, in the order of the graph's nodes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use wheelwork_kernels::pack::{self, Rows};
use wheelwork_kernels::{COLUMNS, KernelError, Shape};
use wheelwork_package::graph::rewritten::{Place, Replaceable, Source};
use wheelwork_package::vfs::{Links, open_file};

/// A product begins at a page, so that it can be mapped by itself.
const PAGE_BYTES: u64 = 4096;
/// Rows that are packed at once: some megabytes.
const PART_TILES: usize = 16;

/// The shape of a product for our kernels; `None` for one that they do not compute.
pub(super) fn shape(product: &Replaceable) -> Option<Shape> {
    let Replaceable { k, n, bits, block_size, zero_points, .. } = product;
    Shape::new(*k, *n, *bits, *block_size, zero_points.is_some()).ok()
}

/// Where products stand behind each other; `None` where one is not computed by our kernels.
pub(super) fn places<'p>(
    products: impl IntoIterator<Item = &'p Replaceable>,
) -> Option<(BTreeMap<String, Place>, u64)> {
    let (mut places, mut end) = (BTreeMap::new(), 0);
    for product in products {
        let place = place(shape(product)?, end)?;
        end = place.offset + place.bytes;
        places.insert(product.output.clone(), place);
    }
    Some((places, end))
}

fn place(shape: Shape, end: u64) -> Option<Place> {
    let bytes = u64::try_from(shape.packed_bytes()).ok()?;
    Some(Place { offset: end.checked_next_multiple_of(PAGE_BYTES)?, bytes })
}

/// Writes products behind each other. Those that our kernels do not compute, or that have a scale which half precision lacks, are left
/// out; the others are returned. `go_on` is asked after each with the bytes so far.
pub(super) fn write<'p, E: From<io::Error>>(
    products: impl IntoIterator<Item = &'p Replaceable>,
    folder: &Path,
    file: &mut File,
    mut go_on: impl FnMut(u64) -> Result<(), E>,
) -> Result<Vec<&'p Replaceable>, E> {
    let (mut written, mut end) = (Vec::new(), 0);
    for product in products {
        let Some((shape, place)) = shape(product).and_then(|shape| Some((shape, place(shape, end)?))) else {
            continue;
        };
        if write_one(product, shape, place.offset, folder, file)? {
            end = place.offset + place.bytes;
            written.push(product);
        }
        go_on(end)?;
    }
    // What was begun behind the last one is gone.
    file.set_len(end)?;
    Ok(written)
}

/// Whether all scales are numbers of half precision.
fn write_one(
    product: &Replaceable,
    shape: Shape,
    offset: u64,
    folder: &Path,
    file: &mut File,
) -> io::Result<bool> {
    let mut codes = Reader::of(&product.codes, folder)?;
    let mut scales = Reader::of(&product.scales, folder)?;
    let mut zeros = product.zero_points.as_ref().map(|zeros| Reader::of(zeros, folder)).transpose()?;
    for first in (0..shape.tiles()).step_by(PART_TILES) {
        let rows = (PART_TILES * COLUMNS).min(shape.n() - first * COLUMNS);
        let scales = scales.read(rows * shape.blocks() * 4)?;
        let part = Rows {
            codes: codes.read(rows * shape.row_code_bytes())?,
            scales: scales.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
            zeros: match &mut zeros {
                Some(zeros) => zeros.read(rows * shape.row_zero_bytes())?,
                None => Vec::new(),
            },
        };
        let tiles = match pack::pack(shape, &part) {
            Ok(tiles) => tiles,
            Err(KernelError::Scale { .. }) => return Ok(false),
            Err(error) => return Err(io::Error::other(error)),
        };
        let [for_codes, for_scales, for_zeros] = pack::offsets(shape, first);
        for (at, bytes) in [(for_codes, tiles.codes), (for_scales, tiles.scales), (for_zeros, tiles.zeros)] {
            file.seek(SeekFrom::Start(offset + at as u64))?;
            file.write_all(&bytes)?;
        }
    }
    Ok(true)
}

/// The bytes of an initialiser, one part after the other.
enum Reader<'s> {
    File(File),
    Graph(&'s [u8]),
}

impl<'s> Reader<'s> {
    fn of(source: &'s Source, folder: &Path) -> io::Result<Self> {
        match source {
            Source::Graph(bytes) => Ok(Self::Graph(bytes)),
            Source::File { name, offset, .. } => {
                let mut file = open_file(&folder.join(name), Links::Refused)?.into_file();
                file.seek(SeekFrom::Start(*offset))?;
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
