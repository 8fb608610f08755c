//! Rotations by Hadamard matrices: orthogonal, with entries of one size, so that no channel keeps an outlier to itself.
//!
//! ```text
//! y = x * Q        Q = diag(signs) * (H_m (x) H_2^k) / sqrt(n)        n = m * 2^k
//! ```
//!
//! `H_2^k` is Sylvester's, applied as a butterfly. `H_m` is 1, or where `n` has the odd part `o` a matrix of order
//! `m = 4 o` by Paley's constructions (J. Math. Phys. 12, 1933): 12, 20, 28 for the widths of the Qwen distils. Where
//! neither construction gives that order, `n` is cut into blocks of the largest power of two. The signs, fixed ones,
//! keep a mean that all channels share from piling up in the first.

/// The largest order of a matrix that is stored.
const BASE_LIMIT: usize = 256;
/// Of the signs; any number does.
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// An orthogonal rotation of vectors of one length.
#[derive(Debug, Clone, PartialEq)]
pub struct Hadamard {
    /// One for each channel, 1 or -1.
    signs: Vec<f32>,
    /// `[base_order, base_order]`, entries 1 and -1.
    base: Vec<f32>,
    base_order: usize,
    /// A power of two.
    inner: usize,
}

impl Hadamard {
    /// The rotation of vectors of `size` elements, above 0.
    #[must_use]
    pub fn new(size: usize) -> Self {
        let odd = size >> size.trailing_zeros();
        let base = (odd > 1 && size.is_multiple_of(4)).then(|| paley(4 * odd)).flatten();
        let base_order = if base.is_some() { 4 * odd } else { 1 };
        let inner = if base.is_some() { size / base_order } else { size / odd };
        Self { signs: signs(size), base: base.unwrap_or_else(|| vec![1.0]), base_order, inner }
    }

    /// Elements of a vector.
    #[must_use]
    pub fn size(&self) -> usize {
        self.signs.len()
    }

    /// `x * Q` in place.
    pub fn rotate(&self, x: &mut [f32]) {
        for (x, sign) in x.iter_mut().zip(&self.signs) {
            *x *= sign;
        }
        self.mix(x, |from, to| from * self.base_order + to);
    }

    /// `x * Q^T` in place, which undoes [`Hadamard::rotate`].
    pub fn rotate_back(&self, x: &mut [f32]) {
        self.mix(x, |from, to| to * self.base_order + from);
        for (x, sign) in x.iter_mut().zip(&self.signs) {
            *x *= sign;
        }
    }

    /// Both factors of each block; `entry` is where `H_m` has what takes one part to another.
    fn mix(&self, x: &mut [f32], entry: impl Fn(usize, usize) -> usize) {
        let block = self.base_order * self.inner;
        let scale = 1.0 / (block as f32).sqrt();
        for x in x.chunks_exact_mut(block) {
            for part in x.chunks_exact_mut(self.inner) {
                butterfly(part);
            }
            if self.base_order > 1 {
                let parts = x.to_vec();
                for (to, out) in x.chunks_exact_mut(self.inner).enumerate() {
                    out.fill(0.0);
                    for (from, part) in parts.chunks_exact(self.inner).enumerate() {
                        let sign = self.base.get(entry(from, to)).copied().unwrap_or_default();
                        for (out, value) in out.iter_mut().zip(part) {
                            *out += sign * value;
                        }
                    }
                }
            }
            for value in x {
                *value *= scale;
            }
        }
    }
}

/// Sylvester's matrix times a vector whose length is a power of two.
fn butterfly(x: &mut [f32]) {
    let mut half = 1;
    while half < x.len() {
        for pair in x.chunks_exact_mut(2 * half) {
            let (low, high) = pair.split_at_mut(half);
            for (low, high) in low.iter_mut().zip(high) {
                (*low, *high) = (*low + *high, *low - *high);
            }
        }
        half *= 2;
    }
}

/// A Hadamard matrix of an order that is a multiple of 4, where a prime gives one.
fn paley(order: usize) -> Option<Vec<f32>> {
    if order > BASE_LIMIT {
        return None;
    }
    let (first, second) = (order - 1, order / 2 - 1);
    let entries: Box<dyn Fn(usize, usize) -> i8> = if is_prime(first) && first % 4 == 3 {
        Box::new(move |row, column| if row == column { 1 } else { conference(first, row, column) })
    } else if is_prime(second) && second % 4 == 1 {
        Box::new(move |row, column| {
            let turned = row % 2 == 1 && column % 2 == 1;
            if row / 2 == column / 2 {
                if row % 2 == 0 && column % 2 == 0 { 1 } else { -1 }
            } else {
                let entry = conference(second, row / 2, column / 2);
                if turned { -entry } else { entry }
            }
        })
    } else {
        return None;
    };
    Some((0..order * order).map(|at| f32::from(entries(at / order, at % order))).collect())
}

/// The conference matrix of order `prime + 1` off its diagonal: skew for `prime % 4 == 3`, symmetric for 1.
fn conference(prime: usize, row: usize, column: usize) -> i8 {
    match (row, column) {
        (0, _) => 1,
        (_, 0) => {
            if prime % 4 == 3 {
                -1
            } else {
                1
            }
        }
        _ => residue(prime, (prime + row - column) % prime),
    }
}

/// Legendre's symbol: 1 for a square modulo the prime, -1 for none.
fn residue(prime: usize, value: usize) -> i8 {
    if value == 0 {
        0
    } else if (1..prime).any(|root| root * root % prime == value) {
        1
    } else {
        -1
    }
}

fn is_prime(number: usize) -> bool {
    number > 1
        && (2..)
            .take_while(|divisor| divisor * divisor <= number)
            .all(|divisor| !number.is_multiple_of(divisor))
}

/// Fixed signs, from the top bits of Knuth's MMIX generator.
fn signs(size: usize) -> Vec<f32> {
    let mut state = SEED;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if state >> 63 == 0 { 1.0 } else { -1.0 }
    };
    (0..size).map(next).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The widths and head sizes of the families, and some that need the fallback.
    const SIZES: [usize; 14] = [1, 2, 12, 20, 28, 44, 64, 96, 128, 256, 1536, 3584, 5120, 23 * 8];

    #[test]
    fn rotations_are_orthogonal() {
        for size in SIZES {
            let rotation = Hadamard::new(size);
            for at in [0, size / 2, size - 1] {
                let mut unit = vec![0.0; size];
                unit[at] = 1.0;
                rotation.rotate(&mut unit);
                let length: f32 = unit.iter().map(|value| value * value).sum();
                assert!((length - 1.0).abs() < 1e-4, "{size}: {length}");
                rotation.rotate_back(&mut unit);
                for (index, value) in unit.iter().enumerate() {
                    let expected = if index == at { 1.0 } else { 0.0 };
                    assert!((value - expected).abs() < 1e-5, "{size}: {index} is {value}");
                }
            }
        }
    }

    #[test]
    fn an_outlier_is_spread_over_all_channels_of_the_known_widths() {
        for size in [1536, 3584, 4096, 5120] {
            let mut outlier = vec![0.0; size];
            outlier[7] = 1000.0;
            Hadamard::new(size).rotate(&mut outlier);
            let expected = 1000.0 / f32::sqrt(u16::try_from(size).unwrap().into());
            assert!(outlier.iter().all(|value| (value.abs() / expected - 1.0).abs() < 1e-3), "{size}");
        }
    }

    #[test]
    fn a_width_without_a_matrix_is_cut_into_blocks() {
        let rotation = Hadamard::new(23 * 8);
        assert_eq!((rotation.base_order, rotation.inner), (1, 8));
        assert_eq!(Hadamard::new(1536).base_order, 12);
        assert_eq!(Hadamard::new(3584).base_order, 28);
    }
}
