//! The package's file of weights, read out of its compact form.

use std::cell::RefCell;
use std::io;

use wheelwork_kernels::pack::{self, offsets};
use wheelwork_kernels::{COLUMNS, Shape};

use super::record::{From, Part, PartKind, Record, Table};
use crate::packing::PART_TILES;
use crate::vfs::{VfsFile, read_at};

/// Rows of a table of angles that are made at a time.
const PART_POSITIONS: usize = 256;

/// Reads as the package's file would.
pub(crate) struct Unpacked {
    record: Record,
    packed: Box<dyn VfsFile>,
    /// What was unpacked last: readers go on from there.
    last: RefCell<Rows>,
}

/// Some rows of a part of a matrix, or of a table.
#[derive(Default)]
struct Rows {
    /// The first byte in the package's file.
    offset: u64,
    bytes: Vec<u8>,
}

impl Unpacked {
    pub(crate) fn new(record: Record, packed: Box<dyn VfsFile>) -> Self {
        Self { record, packed, last: RefCell::default() }
    }

    /// The rows that byte `offset` of the file is in, of a part of a matrix.
    fn rows(&self, part: &Part, shape: Shape, at: u64, kind: PartKind, offset: u64) -> io::Result<Rows> {
        let row_bytes = match kind {
            PartKind::Codes => shape.row_code_bytes(),
            PartKind::Scales => shape.blocks() * 4,
            PartKind::ZeroPoints => shape.row_zero_bytes(),
        };
        let row = usize::try_from((offset - part.offset) / row_bytes as u64).map_err(io::Error::other)?;
        let first = row / (PART_TILES * COLUMNS) * PART_TILES;
        let count = (PART_TILES * COLUMNS).min(shape.n() - first * COLUMNS);
        let index = kind as usize;
        let [start, end] = [first, first + count.div_ceil(COLUMNS)]
            .map(|tile| offsets(shape, tile).get(index).copied().unwrap_or_default());
        let tiles = read_at(self.packed.as_ref(), end - start, at + start as u64)?;
        let bytes = match kind {
            PartKind::Codes => pack::unpack_codes(shape, &tiles, count),
            PartKind::Scales => pack::unpack_scales(shape, &tiles, count)
                .map(|scales| scales.iter().flat_map(|scale| scale.to_le_bytes()).collect()),
            PartKind::ZeroPoints => pack::unpack_zeros(shape, &tiles, count),
        };
        // Of tiles that are cut off there is nothing to read.
        let offset = part.offset + (first * COLUMNS * row_bytes) as u64;
        Ok(Rows { offset, bytes: bytes.unwrap_or_default() })
    }

    /// The rows that byte `offset` of the file is in, of a table.
    fn angles(&self, part: &Part, table: Table, offset: u64) -> io::Result<Rows> {
        let angles = self.record.angles.as_ref().expect("a checked record with such a part has angles");
        let row_bytes = angles.row_bytes();
        let size = |size: u64| usize::try_from(size).map_err(io::Error::other);
        let (row, all) = (size(offset - part.offset)? / row_bytes, size(angles.positions)?);
        let first = row / PART_POSITIONS * PART_POSITIONS;
        let bytes = angles.rows(table, first, PART_POSITIONS.min(all - first));
        Ok(Rows { offset: part.offset + (first * row_bytes) as u64, bytes })
    }
}

impl VfsFile for Unpacked {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let parts = &self.record.parts;
        let index = parts.partition_point(|part| part.offset + part.bytes <= offset);
        let Some(part) = parts.get(index) else { return Ok(0) };
        if let From::Kept { at } = part.from {
            let within = offset - part.offset;
            let left = usize::try_from(part.bytes - within).unwrap_or(usize::MAX).min(buffer.len());
            let buffer = buffer.get_mut(..left).expect("no more than the buffer");
            return self.packed.read_at(buffer, at + within);
        }
        let mut last = self.last.borrow_mut();
        let is_there = |rows: &Rows| (rows.offset..rows.offset + rows.bytes.len() as u64).contains(&offset);
        if !is_there(&last) {
            *last = match part.from {
                From::Matrix { shape, at, kind } => self.rows(part, shape, at, kind, offset)?,
                From::Angles { table } => self.angles(part, table, offset)?,
                From::Kept { .. } => Rows::default(),
            };
        }
        let within = offset.checked_sub(last.offset).and_then(|within| usize::try_from(within).ok());
        let rest = within.and_then(|within| last.bytes.get(within..)).unwrap_or_default();
        let read = rest.len().min(buffer.len());
        if let Some((to, rest)) = buffer.get_mut(..read).zip(rest.get(..read)) {
            to.copy_from_slice(rest);
        }
        Ok(read)
    }

    fn write_at(&self, _: &[u8], _: u64) -> io::Result<usize> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn byte_len(&self) -> io::Result<u64> {
        Ok(self.record.bytes)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}
