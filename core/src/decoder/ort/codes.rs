//! Inputs and outputs of quantised graphs as codes of 16 bits: `number = (code - zero_point) * scale`.

use wheelwork_package::card::Encoding;

/// The nearest code; numbers out of range get the last one.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped
pub(super) fn quantize(number: f32, encoding: &Encoding) -> u16 {
    let code = (number / encoding.scale).round() + f32::from(encoding.zero_point);
    code.clamp(0.0, f32::from(u16::MAX)) as u16
}

pub(super) fn dequantize(codes: &[u16], encoding: &Encoding, numbers: &mut [f32]) {
    let zero_point = i32::from(encoding.zero_point);
    for (number, &code) in numbers.iter_mut().zip(codes) {
        let steps = (i32::from(code) - zero_point) as f32;
        *number = steps * encoding.scale;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_round_and_stay_in_range() {
        let encoding = Encoding { scale: 0.5, zero_point: 100 };
        assert_eq!(
            [0.0, 0.26, -50.0, -80.0, 1e9, f32::NAN].map(|number| quantize(number, &encoding)),
            [100, 101, 0, 0, 65535, 0]
        );
        let mut numbers = [0.0; 2];
        dequantize(&[100, 99], &encoding, &mut numbers);
        assert_eq!(numbers, [0.0, -0.5]);
    }
}
