//! The kernel of every CPU: what the others compute, in plain numbers.

use std::array;

use crate::attention::lanes::Lanes;
use crate::half::f16_to_f32;
use crate::shape::{Bits, COLUMNS, Shape};
use crate::tile::{Block, Panel, Results, Rounded, STEP_BYTES, Tile, zero_plane};

/// Multiplies a tile by a panel of `R` rows.
pub(crate) fn multiply<const R: usize>(
    shape: Shape,
    tile: &Tile<'_>,
    panel: &Panel<'_>,
    results: &mut Results,
) {
    *results = Results::default();
    for (block, rounded) in tile.blocks(shape).zip(panel.blocks::<R>(shape)) {
        let Rounded { words, scales: activation_scales, sums } = rounded;
        let zeros = zero_points(shape, block.zeros);
        let mut products = sums.map(|sum| zeros.map(|zero| -(zero * sum)));
        match shape.bits() {
            Bits::Eight => {
                for (step, words) in block.steps.iter().zip(words) {
                    add(step, words, &mut products);
                }
            }
            Bits::Four | Bits::Five | Bits::Six => {
                let pairs = words.as_chunks::<2>().0;
                for (index, (step, [first, second])) in block.steps.iter().zip(pairs).enumerate() {
                    let [one, other] = halves(shape.bits(), &block, index, step);
                    add(&one, first, &mut products);
                    add(&other, second, &mut products);
                }
            }
        }
        let scales = block.scales.halves().map(f16_to_f32);
        for ((results, products), activation_scale) in results.iter_mut().zip(products).zip(activation_scales)
        {
            for ((result, product), scale) in results.iter_mut().zip(products).zip(&scales) {
                // At most 2^24 in size for blocks of 256: exact.
                *result += product as f32 * (scale * activation_scale);
            }
        }
    }
}

/// The codes of a step below 8 bits: of its low halves, and of its high ones.
fn halves(bits: Bits, block: &Block<'_>, index: usize, step: &[u8; STEP_BYTES]) -> [[u8; STEP_BYTES]; 2] {
    let mut codes = [step.map(|byte| byte & 15), step.map(|byte| byte >> 4)];
    let (at, mask) = (index * bits.high(), (1 << bits.high()) - 1);
    if let Some(high) = block.high.get(at / 4) {
        for (codes, shift) in codes.iter_mut().zip([at % 4, at % 4 + 4]) {
            codes.iter_mut().zip(high).for_each(|(code, high)| *code |= (high >> shift & mask) << 4);
        }
    }
    codes
}

/// Adds the products of four activations of each row with the codes of a step.
fn add<const R: usize>(codes: &[u8; STEP_BYTES], words: &[i32; R], products: &mut [[i32; COLUMNS]; R]) {
    for (products, word) in products.iter_mut().zip(words) {
        let activations = word.to_le_bytes().map(u8::cast_signed);
        for (product, codes) in products.iter_mut().zip(codes.as_chunks::<4>().0) {
            for (code, activation) in codes.iter().zip(activations) {
                *product += i32::from(*code) * i32::from(activation);
            }
        }
    }
}

/// The zero points of a block's columns.
pub(crate) fn zero_points(shape: Shape, bytes: &[u8]) -> [i32; COLUMNS] {
    let mut zeros = [i32::from(shape.bits().middle()); COLUMNS];
    match shape.bits() {
        _ if bytes.is_empty() || !shape.has_zeros() => {}
        Bits::Eight => zeros.iter_mut().zip(bytes).for_each(|(zero, byte)| *zero = i32::from(*byte)),
        bits => {
            let nibbles = bytes.iter().take(COLUMNS / 2);
            let halves = nibbles.clone().map(|byte| byte & 15).chain(nibbles.map(|byte| byte >> 4));
            zeros.iter_mut().zip(halves).for_each(|(zero, half)| *zero = i32::from(half));
            for plane in 0..bits.high() {
                let plane_bits = zero_plane(bytes, plane);
                let columns = (0..COLUMNS).map(|column| i32::from(plane_bits >> column & 1));
                zeros.iter_mut().zip(columns).for_each(|(zero, bit)| *zero |= bit << (4 + plane));
            }
        }
    }
    zeros
}

/// Four floats, in whatever the compiler finds for them.
#[derive(Clone, Copy)]
pub(crate) struct Four([f32; 4]);

impl Four {
    #[inline(always)]
    fn with(self, other: Self, operation: impl Fn(f32, f32) -> f32) -> Self {
        Self(array::from_fn(|lane| operation(self.0[lane], other.0[lane])))
    }
}

impl Lanes for Four {
    const COUNT: usize = 4;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self([value; 4])
    }

    #[inline(always)]
    fn load<const N: usize>(from: &[f32; N], at: usize) -> Self {
        Self(from.get(at..).and_then(|from| from.first_chunk()).copied().unwrap_or_default())
    }

    #[inline(always)]
    fn load_codes<const N: usize>(from: &[i8; N], at: usize) -> Self {
        let codes: [i8; 4] = from.get(at..).and_then(|from| from.first_chunk()).copied().unwrap_or_default();
        Self(codes.map(f32::from))
    }

    #[inline(always)]
    fn store<const N: usize>(self, to: &mut [f32; N], at: usize) {
        if let Some(to) = to.get_mut(at..).and_then(|to| to.first_chunk_mut()) {
            *to = self.0;
        }
    }

    #[inline(always)]
    fn add_product(self, a: Self, b: Self) -> Self {
        self.add(a.times(b))
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.with(other, |a, b| a + b)
    }

    #[inline(always)]
    fn times(self, other: Self) -> Self {
        self.with(other, |a, b| a * b)
    }

    #[inline(always)]
    fn divided_by(self, other: Self) -> Self {
        self.with(other, |a, b| a / b)
    }

    #[inline(always)]
    fn largest_of(self, other: Self) -> Self {
        self.with(other, f32::max)
    }

    #[inline(always)]
    fn rounded(self) -> Self {
        Self(self.0.map(f32::round_ties_even))
    }

    #[inline(always)]
    fn scaled_by_power(self, power: Self) -> Self {
        self.with(power, |value, power| value * power.exp2())
    }

    #[inline(always)]
    fn ask_for<T>(_: &T) {}

    #[inline(always)]
    fn sum(self) -> f32 {
        self.0.iter().sum()
    }

    #[inline(always)]
    fn largest(self) -> f32 {
        self.0.into_iter().fold(f32::NEG_INFINITY, f32::max)
    }
}
