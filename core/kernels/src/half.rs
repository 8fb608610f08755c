//! Half-precision numbers (IEEE 754 binary16) as their bits, and those of 8 bits that are a part of them: an exponent of four bits
//! and a fraction of four, `bits >> 6` of numbers from 0 to less than 2. They have five significant bits from 2^-14 on, and steps of
//! 2^-18 below.

/// The number of these bits.
#[must_use]
pub fn f16_to_f32(bits: u16) -> f32 {
    let sign = u32::from(bits >> 15) << 31;
    let (exponent, fraction) = (u32::from(bits >> 10) & 31, u32::from(bits) & 0x3ff);
    match exponent {
        // Below the normal ones: fraction × 2^-24, exact in float32.
        0 => {
            let size = f32::from(bits & 0x3ff) / 16_777_216.0;
            f32::from_bits(size.to_bits() | sign)
        }
        31 => f32::from_bits(sign | 0x7f80_0000 | fraction << 13),
        _ => f32::from_bits(sign | (exponent + 112) << 23 | fraction << 13),
    }
}

/// The bits of a finite number that half precision has exactly; `None` for others.
#[must_use]
pub fn exact_f16(number: f32) -> Option<u16> {
    let bits = number.to_bits();
    let sign = u16::try_from(bits >> 31).ok()? << 15;
    let size = f32::from_bits(bits & 0x7fff_ffff);
    let exponent = bits >> 23 & 0xff;
    let found = if exponent >= 113 {
        let exponent = u16::try_from(exponent - 112).ok().filter(|exponent| *exponent < 31)?;
        sign | exponent << 10 | u16::try_from(bits >> 13 & 0x3ff).ok()?
    } else {
        // A multiple of 2^-24 below 2^-14: a whole number below 1024.
        // Behind 2^23 a float32 counts whole numbers, in its lowest bits.
        let whole = (size * 16_777_216.0 + 8_388_608.0).to_bits() & 0x7f_ffff;
        sign | u16::try_from(whole).ok().filter(|whole| *whole < 1024)?
    };
    (f16_to_f32(found).to_bits() == bits).then_some(found)
}

/// Bits of half precision that a number of 8 bits lacks.
pub(crate) const SHORT_SHIFT: u32 = 6;

/// The 8 bits of a number that they have exactly; `None` for others.
#[must_use]
pub fn exact_short(number: f32) -> Option<u8> {
    let bits = exact_f16(number)?;
    let short = u8::try_from(bits >> SHORT_SHIFT).ok()?;
    (u16::from(short) << SHORT_SHIFT == bits).then_some(short)
}

/// The number of these 8 bits.
#[must_use]
pub fn short_to_f32(bits: u8) -> f32 {
    f16_to_f32(u16::from(bits) << SHORT_SHIFT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_precision_number_comes_back() {
        for bits in 0..=u16::MAX {
            let number = f16_to_f32(bits);
            let expected = number.is_finite().then_some(bits);
            assert_eq!(exact_f16(number), expected, "{bits:#x} = {number}");
        }
    }

    #[test]
    fn every_number_of_8_bits_comes_back_and_no_other() {
        let numbers: Vec<f32> = (0..=u8::MAX).map(short_to_f32).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!([numbers[1], numbers[16], numbers[255]], [2_f32.powi(-18), 2_f32.powi(-14), 1.9375]);
        for bits in 0..=u16::MAX {
            let number = f16_to_f32(bits);
            let place = numbers.iter().position(|known| known.to_bits() == number.to_bits());
            assert_eq!(exact_short(number).map(usize::from), place, "{number}");
        }
    }

    #[test]
    fn what_lies_between_is_refused() {
        for number in [0.1_f32, 1.0 + f32::EPSILON, 65536.0, 1e-8, f32::MIN_POSITIVE, f32::INFINITY, f32::NAN]
        {
            assert_eq!(exact_f16(number), None, "{number}");
        }
        assert_eq!(f16_to_f32(exact_f16(65504.0).unwrap_or_default()), 65504.0);
    }
}
