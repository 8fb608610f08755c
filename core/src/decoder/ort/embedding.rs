//! The embedding table of static graphs: rows are read from a file of the package, one at a time.
//!
//! A row is some hundred to some thousand bytes, so the system's cache of files holds the rows that a text uses, and
//! nothing else of the table is in memory. Layouts: [`EmbeddingType`].

use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use fs_err::File;
use half::f16;
use wheelwork_package::card::{EmbeddingBlocks, EmbeddingTable, EmbeddingType};
use wheelwork_package::vfs::{Links, open_file};

use crate::decoder::error::DecoderError;

/// An open embedding table.
pub(super) struct Embedding {
    file: Mutex<File>,
    dtype: EmbeddingType,
    rows: u64,
    columns: usize,
}

impl Embedding {
    /// Opens the table of `rows` tokens with `columns` elements each, and compares its size.
    pub(super) fn open(
        folder: &Path,
        table: &EmbeddingTable,
        rows: usize,
        columns: usize,
    ) -> Result<Self, DecoderError> {
        let refused = |detail: String| DecoderError::Contract { graph: table.file.clone(), detail };
        if let EmbeddingType::Blocks(EmbeddingBlocks { bits, block_size, .. }) = table.dtype
            && (!matches!(bits, 4 | 8) || block_size == 0 || !columns.is_multiple_of(block_size.max(2)))
        {
            return Err(refused(format!("its embedding has blocks of {block_size} codes of {bits} bits")));
        }
        let path = folder.join(&table.file);
        let open = || {
            let file = open_file(&path, Links::Refused)?;
            Ok((file.metadata()?.len(), file))
        };
        let (bytes, file) = open().map_err(|error: io::Error| refused(error.to_string()))?;
        let embedding = Self { file: Mutex::new(file), dtype: table.dtype, rows: rows as u64, columns };
        let needed = embedding.needed_bytes();
        if bytes < needed {
            return Err(refused(format!(
                "its embedding needs {needed} bytes of the file, which has {bytes}"
            )));
        }
        Ok(embedding)
    }

    /// The row of `token` as numbers, `[columns]`.
    pub(super) fn row(&self, token: u32, row: &mut [f32]) -> io::Result<()> {
        let token = u64::from(token);
        let columns = self.columns as u64;
        match self.dtype {
            EmbeddingType::Float32 { offset } => {
                let bytes = self.read(offset + token * columns * 4, self.columns * 4)?;
                floats(&bytes, row);
            }
            EmbeddingType::Float16 => {
                let bytes = self.read(token * columns * 2, self.columns * 2)?;
                for (value, half) in row.iter_mut().zip(bytes.as_chunks::<2>().0) {
                    *value = f16::from_le_bytes(*half).to_f32();
                }
            }
            EmbeddingType::Int8 => {
                let codes = self.read(token * columns, self.columns)?;
                let mut scale = [0.0];
                floats(&self.read(self.rows * columns + token * 4, 4)?, &mut scale);
                for (value, code) in row.iter_mut().zip(codes) {
                    *value = f32::from(code.cast_signed()) * scale[0];
                }
            }
            EmbeddingType::Blocks(blocks) => self.row_of_blocks(token, blocks, row)?,
        }
        Ok(())
    }

    fn row_of_blocks(&self, token: u64, blocks: EmbeddingBlocks, row: &mut [f32]) -> io::Result<()> {
        let EmbeddingBlocks { bits, block_size, codes, scales, zero_points } = blocks;
        let packed = |count: usize| (count * usize::from(bits)).div_ceil(8);
        let count = self.columns / block_size;
        let row_of = |start: u64, bytes: usize| self.read(start + token * bytes as u64, bytes);
        let codes = row_of(codes, packed(self.columns))?;
        let mut scale = vec![0.0; count];
        floats(&row_of(scales, count * 4)?, &mut scale);
        let zero_points = zero_points.map(|start| row_of(start, packed(count))).transpose()?;
        let middle = 1_i16 << (bits - 1);
        for (index, value) in row.iter_mut().enumerate() {
            let block = index / block_size;
            let zero_point =
                zero_points.as_ref().map_or(middle, |zero_points| code(zero_points, bits, block));
            let scale = scale.get(block).expect("`open` has blocks divide a row's columns");
            *value = f32::from(code(&codes, bits, index) - zero_point) * scale;
        }
        Ok(())
    }

    fn read(&self, offset: u64, bytes: usize) -> io::Result<Vec<u8>> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut buffer = vec![0; bytes];
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(&mut buffer)?;
        Ok(buffer)
    }

    /// Bytes that the file must have.
    fn needed_bytes(&self) -> u64 {
        let (rows, columns) = (self.rows, self.columns as u64);
        let end = |offset: u64, row_bytes: u64| offset.saturating_add(rows.saturating_mul(row_bytes));
        match self.dtype {
            EmbeddingType::Float32 { offset } => end(offset, columns * 4),
            EmbeddingType::Float16 => end(0, columns * 2),
            EmbeddingType::Int8 => end(0, columns + 4),
            EmbeddingType::Blocks(EmbeddingBlocks { bits, block_size, codes, scales, zero_points }) => {
                let count = columns / block_size.max(1) as u64;
                let packed = |count: u64| (count * u64::from(bits)).div_ceil(8);
                let zero_points = zero_points.map_or(0, |start| end(start, packed(count)));
                end(codes, packed(columns)).max(end(scales, count * 4)).max(zero_points)
            }
        }
    }
}

/// The code at an index: of 4 bits, the even ones stand in the low half of a byte.
fn code(bytes: &[u8], bits: u8, index: usize) -> i16 {
    let byte = |index: usize| *bytes.get(index).expect("as many bytes were read as a row's codes take");
    i16::from(match (bits, index % 2) {
        (4, 0) => byte(index / 2) & 0x0f,
        (4, _) => byte(index / 2) >> 4,
        _ => byte(index),
    })
}

fn floats(bytes: &[u8], values: &mut [f32]) {
    for (value, bytes) in values.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *value = f32::from_le_bytes(*bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(dtype: EmbeddingType, bytes: &[u8], token: u32) -> Vec<f32> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("table"), bytes).unwrap();
        let table = EmbeddingTable { file: "table".to_owned(), dtype };
        let embedding = Embedding::open(folder.path(), &table, 2, 4).unwrap();
        let mut row = vec![0.0; 4];
        embedding.row(token, &mut row).unwrap();
        row
    }

    fn bytes_of(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    #[test]
    fn every_layout_gives_its_second_row() {
        let float = [&[0; 4][..], &bytes_of(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])].concat();
        assert_eq!(row(EmbeddingType::Float32 { offset: 4 }, &float, 1), [5.0, 6.0, 7.0, 8.0]);
        let half: Vec<u8> = [0, 0, 0, 0, 0x3c00_u16, 0xc000, 0x0001, 0x7c00]
            .iter()
            .flat_map(|half| half.to_le_bytes())
            .collect();
        assert_eq!(row(EmbeddingType::Float16, &half, 1), [1.0, -2.0, 2_f32.powi(-24), f32::INFINITY]);
        let int8 = [&[0, 0, 0, 0, 1, 0xff, 127, 0x80][..], &bytes_of(&[9.0, 0.5])].concat();
        assert_eq!(row(EmbeddingType::Int8, &int8, 1), [0.5, -0.5, 63.5, -64.0]);
        // Two blocks of two 4-bit codes a row.
        let blocks = EmbeddingBlocks { bits: 4, block_size: 2, codes: 0, scales: 4, zero_points: Some(20) };
        let bytes = [&[0, 0, 0x21, 0x43][..], &bytes_of(&[0.0, 0.0, 1.0, 10.0]), &[0, 0x31]].concat();
        assert_eq!(row(EmbeddingType::Blocks(blocks), &bytes, 1), [0.0, 1.0, 0.0, 10.0]);
        let symmetric = EmbeddingBlocks { zero_points: None, ..blocks };
        assert_eq!(row(EmbeddingType::Blocks(symmetric), &bytes, 1), [-7.0, -6.0, -50.0, -40.0]);
    }

    #[test]
    fn a_file_that_is_too_short_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("table"), [0; 23]).unwrap();
        let open = |dtype| {
            let table = EmbeddingTable { file: "table".to_owned(), dtype };
            Embedding::open(folder.path(), &table, 2, 4).map(drop)
        };
        assert!(open(EmbeddingType::Float16).is_ok());
        assert!(open(EmbeddingType::Float32 { offset: 0 }).is_err());
        assert!(open(EmbeddingType::Float32 { offset: u64::MAX }).is_err());
        let odd = EmbeddingBlocks { bits: 3, block_size: 0, codes: 0, scales: 0, zero_points: None };
        assert!(open(EmbeddingType::Blocks(odd)).is_err());
    }
}
