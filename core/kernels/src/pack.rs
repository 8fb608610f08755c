//! `MatMulNBits`' layout of a matrix to ours, and back.
//!
//! Theirs is `codes [N][blocks][block size × bits / 8]` with the lower half of a byte first, `scales [N][blocks]` float32,
//! and `zero points [N][⌈blocks × bits / 8⌉]`. Ours is in [`crate::Shape`]. Codes and zero points are permuted and scales become
//! half precision or 8 bits of it, which has to be exact, so that [`unpack`] gives back what [`pack`] was given. (Of an odd number
//! of 4-bit zero points a row, the half byte behind the last is read by nobody; it comes back as zero.) Codes and zero points of 5
//! and 6 bits stand in bytes there, and take 5 and 6 bits here.
//!
//! A matrix is packed in parts, sixteen rows at a time, so that nobody has to hold all of it.

use crate::error::{KernelError, length};
use crate::half::{exact_f16, exact_short, f16_to_f32, short_to_f32};
use crate::shape::{Bits, COLUMNS, Shape};
use crate::tile::{GROUP_STEPS, STEP_BYTES};

/// Some rows as `MatMulNBits` has them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    /// Of every row.
    pub codes: Vec<u8>,
    /// Of every row.
    pub scales: Vec<f32>,
    /// Of every row, where the matrix has zero points.
    pub zeros: Vec<u8>,
}

/// Some tiles in our layout, whose three parts go to different places of the packed matrix.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tiles {
    /// For the first part.
    pub codes: Vec<u8>,
    /// For the second part.
    pub scales: Vec<u8>,
    /// For the third part.
    pub zeros: Vec<u8>,
}

/// Packs rows, the first of which begins a tile.
///
/// # Errors
/// [`KernelError::Length`], [`KernelError::Scale`], [`KernelError::Code`].
pub fn pack(shape: Shape, rows: &Rows) -> Result<Tiles, KernelError> {
    let count = rows.scales.len() / shape.blocks();
    length("scales", rows.scales.len(), count * shape.blocks())?;
    length("codes", rows.codes.len(), count * shape.row_code_bytes())?;
    length("zero points", rows.zeros.len(), count * shape.row_zero_bytes())?;
    let tiles = count.div_ceil(COLUMNS);
    let mut packed = Tiles {
        codes: vec![0; tiles * shape.tile_code_bytes()],
        scales: vec![0; tiles * shape.tile_scale_bytes()],
        zeros: vec![0; tiles * shape.tile_zero_bytes()],
    };
    too_large(shape, &rows.codes).or(too_large(shape, &rows.zeros)).map_or(Ok(()), Err)?;
    for (row, codes) in rows.codes.chunks_exact(shape.row_code_bytes()).enumerate() {
        let tile = row / COLUMNS * shape.tile_code_bytes();
        let tile = packed.codes.get_mut(tile..).unwrap_or_default();
        for (place, from) in steps(shape, row % COLUMNS).zip(codes.chunks_exact(step_bytes(shape))) {
            put_step(shape.bits(), from, &place, tile);
        }
    }
    for (index, scale) in rows.scales.iter().enumerate() {
        put_scale(shape, *scale, scale_place(shape, index), &mut packed.scales)
            .ok_or(KernelError::Scale { index })?;
    }
    for row in 0..if shape.has_zeros() { count } else { 0 } {
        for block in 0..shape.blocks() {
            let zero = zero_place(shape, row, block).of(&rows.zeros);
            packed_zero_places(shape, row, block).for_each(|place| place.put(zero, &mut packed.zeros));
        }
    }
    Ok(packed)
}

/// Where the three parts of some tiles, from `first` on, go in the packed matrix.
#[must_use]
pub fn offsets(shape: Shape, first: usize) -> [usize; 3] {
    let codes = first * shape.tile_code_bytes();
    let scales = shape.code_bytes() + first * shape.tile_scale_bytes();
    let zeros = shape.code_bytes() + shape.scale_bytes() + first * shape.tile_zero_bytes();
    [codes, scales, zeros]
}

/// The rows of some tiles, of which the last may be only partly within the matrix: `count` rows are wanted.
///
/// # Errors
/// [`KernelError::Length`].
pub fn unpack(shape: Shape, tiles: &Tiles, count: usize) -> Result<Rows, KernelError> {
    Ok(Rows {
        codes: unpack_codes(shape, &tiles.codes, count)?,
        scales: unpack_scales(shape, &tiles.scales, count)?,
        zeros: unpack_zeros(shape, &tiles.zeros, count)?,
    })
}

/// The codes of `count` rows, from those of their tiles.
///
/// # Errors
/// [`KernelError::Length`].
pub fn unpack_codes(shape: Shape, tiles: &[u8], count: usize) -> Result<Vec<u8>, KernelError> {
    length("codes", tiles.len(), count.div_ceil(COLUMNS) * shape.tile_code_bytes())?;
    let mut rows = vec![0; count * shape.row_code_bytes()];
    for (row, codes) in rows.chunks_exact_mut(shape.row_code_bytes()).enumerate() {
        let tile = tiles.get(row / COLUMNS * shape.tile_code_bytes()..).unwrap_or_default();
        for (place, to) in steps(shape, row % COLUMNS).zip(codes.chunks_exact_mut(step_bytes(shape))) {
            take_step(shape.bits(), tile, &place, to);
        }
    }
    Ok(rows)
}

/// The scales of `count` rows, from those of their tiles.
///
/// # Errors
/// [`KernelError::Length`].
pub fn unpack_scales(shape: Shape, tiles: &[u8], count: usize) -> Result<Vec<f32>, KernelError> {
    length("scales", tiles.len(), count.div_ceil(COLUMNS) * shape.tile_scale_bytes())?;
    let mut rows = vec![0.0; count * shape.blocks()];
    for (index, scale) in rows.iter_mut().enumerate() {
        *scale = scale_at(shape, tiles, scale_place(shape, index));
    }
    Ok(rows)
}

/// The zero points of `count` rows, from those of their tiles; nothing of a matrix without.
///
/// # Errors
/// [`KernelError::Length`].
pub fn unpack_zeros(shape: Shape, tiles: &[u8], count: usize) -> Result<Vec<u8>, KernelError> {
    length("zero points", tiles.len(), count.div_ceil(COLUMNS) * shape.tile_zero_bytes())?;
    let mut rows = vec![0; count * shape.row_zero_bytes()];
    for row in 0..if shape.has_zeros() { count } else { 0 } {
        for block in 0..shape.blocks() {
            let places = packed_zero_places(shape, row, block);
            let zero = places.fold(0, |zero, place| zero | place.of(tiles));
            zero_place(shape, row, block).put(zero, &mut rows);
        }
    }
    Ok(rows)
}

/// A row of a whole packed matrix as numbers, `[K]`: `(code − zero point) × scale`, as `GatherBlockQuantized` gives it.
///
/// # Errors
/// [`KernelError::Length`]; [`KernelError::Unsupported`] for a row beyond N.
pub fn row(shape: Shape, packed: &[u8], row: usize, to: &mut [f32]) -> Result<(), KernelError> {
    length("packed weights", packed.len(), shape.packed_bytes())?;
    length("elements of a row", to.len(), shape.k())?;
    if row >= shape.n() {
        return Err(KernelError::Unsupported { what: "row", found: row as u64, expected: "less than N" });
    }
    let (codes, rest) = packed.split_at(shape.code_bytes());
    let (scales, zeros) = rest.split_at(shape.scale_bytes());
    let tile = codes.get(row / COLUMNS * shape.tile_code_bytes()..).unwrap_or_default();
    let mut steps = steps(shape, row % COLUMNS);
    for (block, to) in to.chunks_mut(shape.block()).enumerate() {
        let scale = scale_at(shape, scales, scale_place(shape, row * shape.blocks() + block));
        let zero = if shape.has_zeros() {
            packed_zero_places(shape, row, block).fold(0, |zero, place| zero | place.of(zeros))
        } else {
            shape.bits().middle()
        };
        let steps = steps.by_ref().take(shape.low_bytes() / STEP_BYTES);
        for (place, to) in steps.zip(to.chunks_mut(step_codes(shape))) {
            let mut bytes = [0; 8];
            take_step(shape.bits(), tile, &place, bytes.get_mut(..step_bytes(shape)).unwrap_or_default());
            let codes = match (shape.bits(), bytes) {
                (Bits::Four, [a, b, c, d, ..]) => halves([a, b, c, d]),
                _ => bytes,
            };
            for (to, code) in to.iter_mut().zip(codes) {
                *to = (f32::from(code) - f32::from(zero)) * scale;
            }
        }
    }
    Ok(())
}

/// Rows as numbers, `[rows, K]`: `(code − zero point) × scale`.
///
/// # Errors
/// [`KernelError::Length`].
pub fn floats(shape: Shape, rows: &Rows, to: &mut [f32]) -> Result<(), KernelError> {
    let count = to.len() / shape.k();
    length("elements of rows", to.len(), count * shape.k())?;
    length("codes", rows.codes.len(), count * shape.row_code_bytes())?;
    length("scales", rows.scales.len(), count * shape.blocks())?;
    length("zero points", rows.zeros.len(), count * shape.row_zero_bytes())?;
    let codes = rows.codes.chunks_exact(shape.row_code_bytes());
    let scales = rows.scales.chunks_exact(shape.blocks());
    for (row, ((codes, scales), to)) in codes.zip(scales).zip(to.chunks_exact_mut(shape.k())).enumerate() {
        for (block, (scale, to)) in scales.iter().zip(to.chunks_mut(shape.block())).enumerate() {
            let zero = if shape.has_zeros() {
                zero_place(shape, row, block).of(&rows.zeros)
            } else {
                shape.bits().middle()
            };
            for (k, to) in (block * shape.block()..).zip(to) {
                let code = match shape.bits() {
                    Bits::Four => codes.get(k / 2).map(|byte| byte >> (k % 2 * 4) & 15),
                    _ => codes.get(k).copied(),
                };
                *to = (f32::from(code.unwrap_or_default()) - f32::from(zero)) * scale;
            }
        }
    }
    Ok(())
}

/// The first byte with a code of more bits than the shape has.
fn too_large(shape: Shape, bytes: &[u8]) -> Option<KernelError> {
    if shape.bits().high() == 0 {
        return None;
    }
    let index = bytes.iter().position(|code| code >> shape.bits().count() != 0)?;
    Some(KernelError::Code { index })
}

/// Bytes of a row that a step takes: four codes of 8 bits, or eight of fewer.
fn step_bytes(shape: Shape) -> usize {
    match shape.bits() {
        Bits::Four | Bits::Eight => 4,
        Bits::Five | Bits::Six => 8,
    }
}

/// Codes of a row that a step takes.
fn step_codes(shape: Shape) -> usize {
    match shape.bits() {
        Bits::Eight => 4,
        Bits::Four | Bits::Five | Bits::Six => 8,
    }
}

/// Where a step of a row stands in a tile.
struct StepPlace {
    /// Its four bytes among whole codes, or among lower halves.
    low: usize,
    /// Its four bytes among the higher bits, where there are any.
    high: usize,
    /// Where in each half of these its bits begin.
    shift: usize,
}

/// Of all steps of a column.
fn steps(shape: Shape, column: usize) -> impl Iterator<Item = StepPlace> {
    let high_bits = shape.bits().high();
    (0..shape.blocks()).flat_map(move |block| {
        let start = block * shape.block_bytes() + 4 * column;
        (0..shape.low_bytes() / STEP_BYTES).map(move |step| {
            let (plane, shift) = (step * high_bits / GROUP_STEPS, step * high_bits % GROUP_STEPS);
            let low = start + step * STEP_BYTES;
            StepPlace { low, high: start + shape.low_bytes() + plane * STEP_BYTES, shift }
        })
    })
}

/// The codes of 4 bits in four bytes of a row, the lower half first.
fn halves([a, b, c, d]: [u8; 4]) -> [u8; 8] {
    [a & 15, a >> 4, b & 15, b >> 4, c & 15, c >> 4, d & 15, d >> 4]
}

/// Puts a step of a row into a tile that is zero there.
fn put_step(bits: Bits, from: &[u8], place: &StepPlace, tile: &mut [u8]) {
    let codes: [u8; 8] = match (bits, from) {
        (Bits::Eight, from) => {
            let slots = tile.get_mut(place.low..).unwrap_or_default();
            return slots.iter_mut().zip(from).for_each(|(slot, code)| *slot = *code);
        }
        (Bits::Four, &[a, b, c, d]) => halves([a, b, c, d]),
        (_, from) => from.first_chunk().copied().unwrap_or_default(),
    };
    let [first, second] =
        [[codes[0], codes[1], codes[2], codes[3]], [codes[4], codes[5], codes[6], codes[7]]];
    // K and K + 4 share a byte.
    let pairs = first.iter().zip(second);
    let slots = tile.get_mut(place.low..).unwrap_or_default();
    slots.iter_mut().zip(pairs.clone()).for_each(|(slot, (one, other))| *slot = one & 15 | other << 4);
    if bits.high() > 0 {
        let slots = tile.get_mut(place.high..).unwrap_or_default();
        slots.iter_mut().zip(pairs).for_each(|(slot, (one, other))| {
            *slot |= (one >> 4 | other >> 4 << 4) << place.shift;
        });
    }
}

/// Gives a step of a tile back to its row.
fn take_step(bits: Bits, tile: &[u8], place: &StepPlace, to: &mut [u8]) {
    let bytes =
        |at: usize| tile.get(at..).and_then(|bytes| bytes.first_chunk::<4>()).copied().unwrap_or_default();
    let low = bytes(place.low);
    match bits {
        Bits::Eight => to.iter_mut().zip(low).for_each(|(slot, code)| *slot = code),
        Bits::Four => {
            let [a, b, c, d] = low;
            let pairs = [(a & 15, b & 15), (c & 15, d & 15), (a >> 4, b >> 4), (c >> 4, d >> 4)];
            to.iter_mut().zip(pairs).for_each(|(slot, (one, other))| *slot = one | other << 4);
        }
        Bits::Five | Bits::Six => {
            let high = bytes(place.high).map(|byte| byte >> place.shift);
            let mask = (1 << bits.high()) - 1;
            let halves = [0, 4].into_iter().flat_map(|shift| {
                low.into_iter()
                    .zip(high)
                    .map(move |(low, high)| low >> shift & 15 | (high >> shift & mask) << 4)
            });
            to.iter_mut().zip(halves).for_each(|(slot, code)| *slot = code);
        }
    }
}

/// The first byte of a scale among the packed ones; `index` counts them row by row.
fn scale_place(shape: Shape, index: usize) -> usize {
    let (row, block) = (index / shape.blocks(), index % shape.blocks());
    ((row / COLUMNS * shape.blocks() + block) * COLUMNS + row % COLUMNS) * shape.scale_size()
}

/// `None` for a scale that its bits do not have exactly.
fn put_scale(shape: Shape, scale: f32, at: usize, to: &mut [u8]) -> Option<()> {
    let slot = to.get_mut(at..)?;
    if shape.has_short_scales() {
        slot.first_chunk_mut().map(|slot: &mut [u8; 1]| exact_short(scale).map(|bits| *slot = [bits]))?
    } else {
        slot.first_chunk_mut().map(|slot| exact_f16(scale).map(|bits| *slot = bits.to_le_bytes()))?
    }
}

fn scale_at(shape: Shape, scales: &[u8], at: usize) -> f32 {
    let bytes = scales.get(at..).unwrap_or_default();
    if shape.has_short_scales() {
        short_to_f32(bytes.first().copied().unwrap_or_default())
    } else {
        f16_to_f32(u16::from_le_bytes(bytes.first_chunk().copied().unwrap_or_default()))
    }
}

/// Where some bits of a zero point stand.
struct ZeroPlace {
    byte: usize,
    shift: usize,
    mask: u8,
    /// The lowest of them in the zero point.
    from: usize,
}

impl ZeroPlace {
    fn of(&self, bytes: &[u8]) -> u8 {
        bytes.get(self.byte).map_or(0, |byte| (byte >> self.shift & self.mask) << self.from)
    }

    /// Into zeros.
    fn put(&self, zero: u8, bytes: &mut [u8]) {
        if let Some(slot) = bytes.get_mut(self.byte) {
            *slot |= (zero >> self.from & self.mask) << self.shift;
        }
    }
}

fn zero_place(shape: Shape, row: usize, block: usize) -> ZeroPlace {
    let start = row * shape.row_zero_bytes();
    match shape.bits() {
        Bits::Four => ZeroPlace { byte: start + block / 2, shift: block % 2 * 4, mask: 15, from: 0 },
        _ => ZeroPlace { byte: start + block, shift: 0, mask: 255, from: 0 },
    }
}

fn packed_zero_places(shape: Shape, row: usize, block: usize) -> impl Iterator<Item = ZeroPlace> {
    let start = (row / COLUMNS * shape.blocks() + block) * shape.zero_bytes();
    let column = row % COLUMNS;
    let low = match shape.bits() {
        Bits::Eight => ZeroPlace { byte: start + column, shift: 0, mask: 255, from: 0 },
        _ => ZeroPlace { byte: start + column % 8, shift: column / 8 * 4, mask: 15, from: 0 },
    };
    let high = (0..shape.bits().high()).map(move |plane| ZeroPlace {
        byte: start + COLUMNS / 2 + 2 * plane + column / 8,
        shift: column % 8,
        mask: 1,
        from: 4 + plane,
    });
    std::iter::once(low).chain(high)
}
