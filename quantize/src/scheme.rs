//! Weight schemes: how the numbers of a matrix are stored.
//!
//! A block scheme cuts each row into blocks. With `b` bits, a block keeps a scale `s` (float32), an integer zero
//! point `z` in `0..2^b` and one code `q` in `0..2^b` a weight, and means
//!
//! ```text
//! weight = (q - z) * s
//! ```
//!
//! as ONNX Runtime's `MatMulNBits` and `GatherBlockQuantized` read it. [`block`] finds `s`, `z` and the codes of one
//! block, [`rows`] applies that to whole rows and lays the result into bytes.
//!
//! Those operators know codes of 4 and 8 bits. Codes of 3 bits are stored in 4, of 5 and 6 in 8, with the upper levels
//! unused: any runtime reads them, the file form of a package (`.wwpkg`) holds little more than the bits that say something, and the
//! package's card states them.

use serde::Serialize;

pub mod block;
pub mod channel;
mod lanes;
pub mod rows;

/// How a matrix is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// As it is, in 32-bit floating point.
    Float32,
    /// In integer blocks.
    Blocks(BlockScheme),
}

/// A block scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BlockScheme {
    /// Bits of a code.
    pub bits: Bits,
    /// Weights that share a scale.
    pub block_size: BlockSize,
    /// Every zero point is the middle code, `2^(bits - 1)`. None is stored where the operator takes that for granted.
    pub symmetric: bool,
    /// How scale and zero point are found.
    pub fit: Fit,
    /// Bits that a scale needs.
    pub scale_bits: ScaleBits,
}

/// Bits of a code: it has `2^bits` levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(into = "u32")]
pub enum Bits {
    /// Stored in 4 bits.
    Three,
    /// Two codes a byte.
    Four,
    /// Stored in 8 bits.
    Five,
    /// Stored in 8 bits.
    Six,
    /// One code a byte.
    Eight,
}

/// Weights that share a scale: the sizes that the runtime's fast kernels take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(into = "usize")]
#[allow(missing_docs)]
pub enum BlockSize {
    Of16,
    Of32,
    Of64,
    Of128,
    Of256,
}

/// Bits that scales need; the graph's operators read them as float32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(into = "u32")]
pub enum ScaleBits {
    /// Numbers from 0 to 1.9375 with five significant bits. A block that needs others has those of half precision.
    Eight,
    /// Those of half precision.
    Sixteen,
}

/// How scale and zero point of a block are found; [`block`] has the formulas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// The block's range, divided evenly.
    Nearest,
    /// The best of a grid of scales and integer zero points.
    Search,
}

impl Scheme {
    /// Bits of a code; 32 where there are none.
    #[must_use]
    pub fn bits(self) -> u32 {
        match self {
            Self::Float32 => 32,
            Self::Blocks(blocks) => blocks.bits.into(),
        }
    }

    /// Weights that share a scale; 0 where there are none.
    #[must_use]
    pub fn block_size(self) -> usize {
        match self {
            Self::Float32 => 0,
            Self::Blocks(blocks) => blocks.block_size.into(),
        }
    }
}

impl BlockScheme {
    /// The same with the largest blocks, up to its own, that fill rows of so many weights; itself where none do.
    #[must_use]
    pub fn fitted(self, columns: usize) -> Self {
        let fills = |size: &BlockSize| *size <= self.block_size && columns.is_multiple_of((*size).into());
        let block_size = BlockSize::ALL.into_iter().rev().find(fills).unwrap_or(self.block_size);
        Self { block_size, ..self }
    }

    /// Bytes of a row: codes, scales and zero points.
    #[must_use]
    pub fn row_bytes(self, columns: usize) -> usize {
        self.code_bytes(columns) + self.blocks(columns) * size_of::<f32>() + self.zero_point_bytes(columns)
    }

    /// Blocks in a row of `columns` weights, a multiple of the block size.
    #[must_use]
    pub fn blocks(self, columns: usize) -> usize {
        columns / usize::from(self.block_size)
    }

    /// Bytes of a row's codes.
    #[must_use]
    pub fn code_bytes(self, columns: usize) -> usize {
        columns / self.bits.codes_per_byte()
    }

    /// Whether zero points stand beside the scales. Where there are none, operators take the middle of the bits that
    /// codes are stored in.
    #[must_use]
    pub fn stores_zero_points(self) -> bool {
        !self.symmetric || self.bits.is_padded()
    }

    /// Bytes of a row's zero points, which are packed like codes; each row starts at a byte.
    #[must_use]
    pub fn zero_point_bytes(self, columns: usize) -> usize {
        if self.stores_zero_points() { self.blocks(columns).div_ceil(self.bits.codes_per_byte()) } else { 0 }
    }

    /// Bits of a row that say something: codes of their own bits, scales of theirs, zero points of the codes'
    /// bits. That is what a form of its own needs; [`BlockScheme::row_bytes`] is what the graph's operators read.
    #[must_use]
    pub fn true_row_bits(self, columns: usize) -> usize {
        let bits = u32::from(self.bits) as usize;
        let zero_point = if self.symmetric { 0 } else { bits };
        let scale = u32::from(self.scale_bits) as usize;
        columns * bits + self.blocks(columns) * (scale + zero_point)
    }
}

impl Bits {
    /// Every number of bits.
    pub const ALL: [Self; 5] = [Self::Three, Self::Four, Self::Five, Self::Six, Self::Eight];

    /// That many bits.
    #[must_use]
    pub fn of(bits: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|&known| u32::from(known) == bits)
    }

    /// The largest code, `2^bits - 1`.
    #[must_use]
    pub fn largest_code(self) -> u8 {
        match self {
            Self::Three => 7,
            Self::Four => 15,
            Self::Five => 31,
            Self::Six => 63,
            Self::Eight => 255,
        }
    }

    /// The bits that a code stands in, as operators know them: 4 or 8.
    #[must_use]
    pub fn stored(self) -> Self {
        match self {
            Self::Three | Self::Four => Self::Four,
            Self::Five | Self::Six | Self::Eight => Self::Eight,
        }
    }

    /// Whether codes stand in more bits than they have.
    #[must_use]
    pub fn is_padded(self) -> bool {
        self != self.stored()
    }

    /// The zero point of symmetric blocks, `2^(bits - 1)`.
    #[must_use]
    pub fn middle_code(self) -> u8 {
        self.largest_code() / 2 + 1
    }

    /// Codes in a byte.
    #[must_use]
    pub fn codes_per_byte(self) -> usize {
        match self {
            Self::Three | Self::Four => 2,
            Self::Five | Self::Six | Self::Eight => 1,
        }
    }
}

impl From<Bits> for u32 {
    fn from(bits: Bits) -> Self {
        match bits {
            Bits::Three => 3,
            Bits::Four => 4,
            Bits::Five => 5,
            Bits::Six => 6,
            Bits::Eight => 8,
        }
    }
}

impl From<ScaleBits> for u32 {
    fn from(bits: ScaleBits) -> Self {
        match bits {
            ScaleBits::Eight => 8,
            ScaleBits::Sixteen => 16,
        }
    }
}

impl BlockSize {
    /// Every size.
    pub const ALL: [Self; 5] = [Self::Of16, Self::Of32, Self::Of64, Self::Of128, Self::Of256];

    /// The size of that many weights.
    #[must_use]
    pub fn of(weights: usize) -> Option<Self> {
        Self::ALL.into_iter().find(|&size| usize::from(size) == weights)
    }
}

impl From<BlockSize> for usize {
    fn from(size: BlockSize) -> Self {
        match size {
            BlockSize::Of16 => 16,
            BlockSize::Of32 => 32,
            BlockSize::Of64 => 64,
            BlockSize::Of128 => 128,
            BlockSize::Of256 => 256,
        }
    }
}
