//! Sizes of a matrix in blocks, packed.
//!
//! ```text
//! tiles = ⌈N / 16⌉    blocks = ⌈K / block size⌉
//! codes   [tiles][blocks][block size × bits / 8 × 16 bytes]    of 5 and 6 bits first the lower four of all, then the others
//! scales  [tiles][blocks][16] half precision, little-endian, or a byte each: its bits from the seventh on (half)
//! zeros   [tiles][blocks][2 × bits bytes]                      where the matrix has zero points; the lower four bits first, too
//! ```
//!
//! Columns beyond N have scales of zero. The three follow each other without a gap, and codes begin at the first byte.

use crate::error::KernelError;

/// Columns of a tile.
pub const COLUMNS: usize = 16;
/// The largest K and N.
const LARGEST_SIDE: usize = 1 << 20;

/// Bits of a weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Bits {
    /// Codes 0 to 15; 8 is zero where no zero points are given.
    Four,
    /// Codes 0 to 31, which `MatMulNBits` stores in bytes, so that 128 is zero where no zero points are given.
    Five,
    /// Codes 0 to 63, as those of five bits.
    Six,
    /// Codes 0 to 255; 128 is zero where no zero points are given.
    Eight,
}

impl Bits {
    /// How many.
    #[must_use]
    pub fn count(self) -> u32 {
        match self {
            Self::Four => 4,
            Self::Five => 5,
            Self::Six => 6,
            Self::Eight => 8,
        }
    }

    /// The code that stands for zero where no zero points are given.
    pub(crate) fn middle(self) -> u8 {
        match self {
            Self::Four => 8,
            Self::Five | Self::Six | Self::Eight => 128,
        }
    }

    /// How many of a code stand apart from its lower four.
    pub(crate) fn high(self) -> usize {
        match self {
            Self::Four | Self::Eight => 0,
            Self::Five => 1,
            Self::Six => 2,
        }
    }
}

/// A matrix `[N, K]` in blocks along K.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shape {
    k: usize,
    n: usize,
    bits: Bits,
    block: usize,
    has_zeros: bool,
    has_short_scales: bool,
}

impl Shape {
    /// A shape that kernels compute.
    ///
    /// # Errors
    /// [`KernelError::Unsupported`] for K or N outside of 1 to 2^20, bits other than 4, 5, 6 and 8, and blocks that are no power of
    /// two from 32 to 256.
    pub fn new(k: u64, n: u64, bits: u64, block: u64, has_zeros: bool) -> Result<Self, KernelError> {
        let side = |what, found: u64| {
            let side = usize::try_from(found).ok().filter(|side| (1..=LARGEST_SIDE).contains(side));
            side.ok_or(KernelError::Unsupported { what, found, expected: "1 to 1048576" })
        };
        let (k, n) = (side("K", k)?, side("N", n)?);
        let bits = match bits {
            4 => Bits::Four,
            5 => Bits::Five,
            6 => Bits::Six,
            8 => Bits::Eight,
            found => return Err(KernelError::Unsupported { what: "bits", found, expected: "4, 5, 6 or 8" }),
        };
        let block = match block {
            32 => 32,
            64 => 64,
            128 => 128,
            256 => 256,
            found => {
                let expected = "32, 64, 128 or 256";
                return Err(KernelError::Unsupported { what: "block size", found, expected });
            }
        };
        Ok(Self { k, n, bits, block, has_zeros, has_short_scales: false })
    }

    /// The same with scales of so many bits: 8, or 16 as [`Shape::new`] has them.
    ///
    /// # Errors
    /// [`KernelError::Unsupported`] for other numbers.
    pub fn with_scale_bits(self, bits: u64) -> Result<Self, KernelError> {
        match bits {
            8 => Ok(Self { has_short_scales: true, ..self }),
            16 => Ok(Self { has_short_scales: false, ..self }),
            found => Err(KernelError::Unsupported { what: "scale bits", found, expected: "8 or 16" }),
        }
    }

    /// Length of a row of activations.
    #[must_use]
    pub fn k(&self) -> usize {
        self.k
    }

    /// Length of a row of results.
    #[must_use]
    pub fn n(&self) -> usize {
        self.n
    }

    /// Bits of a weight.
    #[must_use]
    pub fn bits(&self) -> Bits {
        self.bits
    }

    /// Weights of a block.
    #[must_use]
    pub fn block(&self) -> usize {
        self.block
    }

    /// Whether each block has a zero point of its own.
    #[must_use]
    pub fn has_zeros(&self) -> bool {
        self.has_zeros
    }

    /// Whether scales have 8 bits, instead of 16.
    #[must_use]
    pub fn has_short_scales(&self) -> bool {
        self.has_short_scales
    }

    /// Bits of a scale.
    #[must_use]
    pub fn scale_bits(&self) -> u64 {
        if self.has_short_scales { 8 } else { 16 }
    }

    /// Blocks of a column.
    #[must_use]
    pub fn blocks(&self) -> usize {
        self.k.div_ceil(self.block)
    }

    /// Tiles of 16 columns.
    #[must_use]
    pub fn tiles(&self) -> usize {
        self.n.div_ceil(COLUMNS)
    }

    /// Bytes of a tile's codes in one block.
    pub(crate) fn block_bytes(&self) -> usize {
        self.low_bytes() + self.block * COLUMNS * self.bits.high() / 8
    }

    /// Of these, bytes of the lower four bits, or of whole codes of 8 bits.
    pub(crate) fn low_bytes(&self) -> usize {
        match self.bits {
            Bits::Four | Bits::Five | Bits::Six => self.block * COLUMNS / 2,
            Bits::Eight => self.block * COLUMNS,
        }
    }

    /// Bytes of a tile's zero points in one block.
    pub(crate) fn zero_bytes(&self) -> usize {
        match (self.has_zeros, self.bits) {
            (false, _) => 0,
            (true, Bits::Eight) => COLUMNS,
            (true, bits) => COLUMNS * (4 + bits.high()) / 8,
        }
    }

    /// Bytes of a tile's codes.
    pub(crate) fn tile_code_bytes(&self) -> usize {
        self.blocks() * self.block_bytes()
    }

    /// Bytes of a scale.
    pub(crate) fn scale_size(&self) -> usize {
        if self.has_short_scales { 1 } else { 2 }
    }

    /// Bytes of a tile's scales.
    pub(crate) fn tile_scale_bytes(&self) -> usize {
        self.blocks() * COLUMNS * self.scale_size()
    }

    /// Bytes of a tile's zero points.
    pub(crate) fn tile_zero_bytes(&self) -> usize {
        self.blocks() * self.zero_bytes()
    }

    /// Bytes of all codes.
    #[must_use]
    pub fn code_bytes(&self) -> usize {
        self.tiles() * self.tile_code_bytes()
    }

    /// Bytes of all scales.
    #[must_use]
    pub fn scale_bytes(&self) -> usize {
        self.tiles() * self.tile_scale_bytes()
    }

    /// Bytes of all zero points.
    #[must_use]
    pub fn zeros_bytes(&self) -> usize {
        self.tiles() * self.tile_zero_bytes()
    }

    /// Bytes of the whole matrix.
    #[must_use]
    pub fn packed_bytes(&self) -> usize {
        self.code_bytes() + self.scale_bytes() + self.zeros_bytes()
    }

    /// Bytes of a row's codes as `MatMulNBits` has them.
    #[must_use]
    pub fn row_code_bytes(&self) -> usize {
        match self.bits {
            Bits::Four => self.blocks() * self.block / 2,
            Bits::Five | Bits::Six | Bits::Eight => self.blocks() * self.block,
        }
    }

    /// Bytes of a row's zero points as `MatMulNBits` has them.
    #[must_use]
    pub fn row_zero_bytes(&self) -> usize {
        match (self.has_zeros, self.bits) {
            (false, _) => 0,
            (true, Bits::Four) => self.blocks().div_ceil(2),
            (true, Bits::Five | Bits::Six | Bits::Eight) => self.blocks(),
        }
    }
}
