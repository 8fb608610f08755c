//! Whatever a compact form is made of, the package's file comes out of it, wherever it is read.

use std::io;

use proptest::collection::vec;
use proptest::prelude::*;
use wheelwork_kernels::Shape;
use wheelwork_kernels::pack::{Rows, offsets, pack};

use super::record::{Angles, Kept, Matrix, Record, Table};
use super::unpacked::Unpacked;
use crate::graph::rewritten::{Does, Replaceable, Source};
use crate::packing;
use crate::vfs::{VfsFile, read_at};

const FILE: &str = "model.onnx.data";

struct Memory(Vec<u8>);

impl VfsFile for Memory {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.0.get(offset..)).unwrap_or_default();
        let read = rest.len().min(buffer.len());
        buffer[..read].copy_from_slice(&rest[..read]);
        Ok(read)
    }

    fn write_at(&self, _: &[u8], _: u64) -> io::Result<usize> {
        unreachable!("nobody writes")
    }

    fn byte_len(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

/// A matrix, the bytes before each of its parts, and where its numbers come from.
#[derive(Debug, Clone)]
struct Given {
    k: usize,
    n: usize,
    bits: u64,
    code_bits: u64,
    scale_bits: u64,
    block: usize,
    has_zeros: bool,
    gaps: [usize; 3],
    seed: u64,
}

fn given() -> impl Strategy<Value = Given> {
    let bits = prop::sample::select(vec![(4, 4), (4, 3), (8, 5), (8, 6), (8, 8)]);
    let block = prop::sample::select(vec![32, 64]);
    let scale_bits = prop::sample::select(vec![8, 16]);
    let bits = (bits, scale_bits);
    (1..150_usize, 1..300_usize, bits, block, any::<bool>(), [0..9_usize, 0..9, 0..9], any::<u64>()).prop_map(
        |(k, n, ((bits, code_bits), scale_bits), block, has_zeros, gaps, seed)| Given {
            k,
            n,
            bits,
            code_bits,
            scale_bits,
            block,
            has_zeros,
            gaps,
            seed,
        },
    )
}

impl Given {
    fn shape(&self) -> Shape {
        let bits = packing::bits(self.code_bits, self.bits);
        let shape = Shape::new(self.k as u64, self.n as u64, bits, self.block as u64, self.has_zeros);
        shape.and_then(|shape| shape.with_scale_bits(self.scale_bits)).unwrap()
    }

    fn rows(&self) -> Rows {
        let shape = self.shape();
        let mut state = self.seed | 1;
        let mut next = || {
            state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
            state.to_be_bytes()[0]
        };
        let mask = if self.bits == 8 { 0xFF_u8 >> (8 - self.code_bits) } else { 0xFF };
        let codes = (0..self.n * shape.row_code_bytes()).map(|_| next() & mask).collect();
        // Of 256 levels, or of 16.
        let level = if self.scale_bits == 16 { 1 } else { 16 };
        let scales =
            (0..self.n * shape.blocks()).map(|_| f32::from(next() / level * level) / 256.0).collect();
        let mut zeros: Vec<u8> = (0..self.n * shape.row_zero_bytes()).map(|_| next() & mask).collect();
        if self.bits == 4 && shape.blocks() % 2 == 1 {
            // The half byte behind the last zero point is nobody's.
            zeros.chunks_mut(shape.row_zero_bytes().max(1)).for_each(|row| *row.last_mut().unwrap() &= 15);
        }
        Rows { codes, scales, zeros }
    }

    fn node(&self, offsets: [u64; 3]) -> Replaceable {
        let source = |offset| Source::File { name: FILE.into(), offset, bytes: 0 };
        Replaceable {
            output: "y".into(),
            does: Does::Multiply,
            k: self.k as u64,
            n: self.n as u64,
            bits: self.bits,
            code_bits: self.code_bits,
            scale_bits: self.scale_bits,
            block_size: self.block as u64,
            has_fine_activations: false,
            tensor: "codes".into(),
            codes: source(offsets[0]),
            scales: source(offsets[1]),
            zero_points: self.has_zeros.then(|| source(offsets[2])),
        }
    }
}

/// The package's file, its compact form, and the record of that.
fn compacted(matrices: &[Given], positions: usize) -> (Vec<u8>, Vec<u8>, Record) {
    let (mut file, mut packed, mut records, mut kept) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut keep = |bytes: usize, file: &mut Vec<u8>, packed: &mut Vec<u8>| {
        let content: Vec<u8> = (200..).take(bytes).collect();
        if bytes > 0 {
            kept.push(Kept { offset: file.len() as u64, bytes: bytes as u64, at: packed.len() as u64 });
        }
        file.extend(&content);
        packed.extend(&content);
    };
    for given in matrices {
        let (shape, rows) = (given.shape(), given.rows());
        let scales: Vec<u8> = rows.scales.iter().flat_map(|scale| scale.to_le_bytes()).collect();
        let mut places = [0; 3];
        for ((place, part), gap) in places.iter_mut().zip([&rows.codes, &scales, &rows.zeros]).zip(given.gaps)
        {
            keep(gap, &mut file, &mut packed);
            *place = file.len() as u64;
            file.extend(part);
        }
        records.push(Matrix::of(&given.node(places), FILE, packed.len() as u64).unwrap());
        let tiles = pack(shape, &rows).unwrap();
        assert_eq!(offsets(shape, 0)[1], tiles.codes.len());
        packed.extend([tiles.codes, tiles.scales, tiles.zeros].concat());
    }
    let angles = (positions > 0).then(|| {
        let offsets = [0, 1].map(|table| (file.len() + table * positions * 12) as u64);
        let [cosines, sines] = offsets;
        let frequencies = vec![1.0, 1.0 / 3.0, 1e-7];
        let angles = Angles { cosines, sines, positions: positions as u64, frequencies };
        [Table::Cosines, Table::Sines]
            .iter()
            .for_each(|table| file.extend(angles.rows(*table, 0, positions)));
        angles
    });
    let record = Record::new(FILE, file.len() as u64, records, angles, kept).unwrap();
    (file, packed, record)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_file_comes_out_again_wherever_it_is_read(
        matrices in vec(given(), 1..4),
        positions in 0..600_usize,
        start: prop::sample::Index,
        length in 1..10_000_usize,
    ) {
        let (file, packed, record) = compacted(&matrices, positions);
        prop_assert_eq!(record.packed_bytes(), packed.len() as u64);
        let read = Record::from_bytes(&record.to_bytes()).unwrap();
        prop_assert_eq!(&read, &record);
        let unpacked = Unpacked::new(read, Box::new(Memory(packed)));
        prop_assert_eq!(unpacked.byte_len().unwrap(), file.len() as u64);
        let start = start.index(file.len());
        let end = (start + length).min(file.len());
        prop_assert_eq!(&read_at(&unpacked, length, start as u64).unwrap()[..], &file[start..end]);
        prop_assert_eq!(read_at(&unpacked, file.len() + 1, 0).unwrap(), file);
    }

    #[test]
    fn a_changed_record_or_a_cut_form_is_an_answer(
        matrix in given(),
        place: prop::sample::Index,
        byte: u8,
        cut: prop::sample::Index,
    ) {
        let (file, mut packed, record) = compacted(&[matrix], 3);
        let mut bytes = record.to_bytes();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        packed.truncate(cut.index(packed.len()));
        let record = Record::from_bytes(&bytes).unwrap_or(record);
        let unpacked = Unpacked::new(record, Box::new(Memory(packed)));
        let _ = read_at(&unpacked, file.len(), 0);
    }
}

#[test]
fn a_record_whose_parts_leave_a_gap_or_overlap_is_none() {
    let kept = |offset, bytes| Kept { offset, bytes, at: 0 };
    let of = |bytes, kept| Record::new(FILE, bytes, Vec::new(), None, kept);
    assert!(of(10, vec![kept(0, 4), kept(4, 6)]).is_some());
    for (bytes, parts) in [
        (10, vec![kept(0, 4), kept(5, 5)]),
        (10, vec![kept(0, 5), kept(4, 6)]),
        (10, vec![kept(0, 4), kept(4, 5)]),
        (10, vec![kept(0, 11)]),
        (10, vec![kept(0, 10), kept(0, 10)]),
        (u64::MAX, vec![kept(0, u64::MAX - 1), kept(u64::MAX - 1, 2)]),
    ] {
        assert!(of(bytes, parts.clone()).is_none(), "{parts:?}");
    }
    assert!(Record::new("../model.onnx.data", 10, Vec::new(), None, vec![kept(0, 10)]).is_none());
}
