//! Angles of rotary position embedding: position `p` turns pair `i` of a head by `p · f_i` (Su et al., arXiv:2104.09864, section 3.2.2).
//!
//! Computed in 64-bit floating point: at position 32,767 the float32 product is already wrong by 0.002. By `libm`, so that every
//! machine finds the same bits: a table that is left out of a file is made again, and its digest has to hold.

/// Cosines and sines of one position, `[head_dim / 2]` each, as 32-bit floating point; `frequencies` are radians a position.
pub fn angles(frequencies: &[f64], position: usize) -> impl Iterator<Item = (f32, f32)> {
    #[allow(clippy::cast_possible_truncation)]
    // below 2^53; rounding is the purpose
    frequencies.iter().map(move |frequency| {
        let (sine, cosine) = libm::sincos(position as f64 * frequency);
        (cosine as f32, sine as f32)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn position_zero_does_not_turn() {
        let table: Vec<_> = angles(&[1.0, 0.25], 0).collect();
        assert_eq!(table, [(1.0, 0.0), (1.0, 0.0)]);
        let table: Vec<_> = angles(&[1.0, 0.5], 2).collect();
        assert!((table[1].0 - 1_f32.cos()).abs() < 1e-7 && (table[1].1 - 1_f32.sin()).abs() < 1e-7);
    }

    /// Bits that another machine must find, too: a digest over positions of a long context.
    #[test]
    fn every_machine_finds_the_same_bits() {
        let frequencies: Vec<f64> = (0..64).map(|pair| 1.0 / f64::from(1 + pair * pair)).collect();
        let all = (0..131_072).step_by(1021).flat_map(|position| angles(&frequencies, position));
        // FNV-1a.
        let digest = all
            .flat_map(|(cosine, sine)| [cosine.to_bits(), sine.to_bits()])
            .fold(0xCBF2_9CE4_8422_2325_u64, |digest, bits| {
                (digest ^ u64::from(bits)).wrapping_mul(0x0100_0000_01B3)
            });
        assert_eq!(digest, 11_228_751_543_064_807_223);
    }
}
