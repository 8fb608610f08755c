//! Numbers from texts and to digits, as Python reads and writes them.

use crate::error::{Failure, Outcome};
use crate::spaces::{trim_end, trim_start};

/// `float(text)`.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    without_separators(trim_start(trim_end(text)))?.parse().ok()
}

/// `int(text, base)`; `None` where it is no number in that base.
pub(crate) fn parse_integer(text: &str, base: i64) -> Outcome<Option<i64>> {
    let Ok(radix @ 2..=36) = u32::try_from(base) else {
        return Err(Failure::failed("a base that is none"));
    };
    let text = trim_start(trim_end(text));
    let (sign, digits) = match text.strip_prefix(['-', '+']) {
        Some(digits) => (&text[..1], digits),
        None => ("", text),
    };
    let prefix = match radix {
        2 => "0b",
        8 => "0o",
        16 => "0x",
        _ => "",
    };
    let has_prefix = !prefix.is_empty() && digits.get(..2).is_some_and(|it| it.eq_ignore_ascii_case(prefix));
    let digits = if has_prefix { digits[2..].strip_prefix('_').unwrap_or(&digits[2..]) } else { digits };
    let Some(digits) = without_separators(digits) else { return Ok(None) };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return Ok(None);
    }
    let number = i64::from_str_radix(&format!("{sign}{digits}"), radix);
    number.map(Some).map_err(|_| Failure::unsupported("an integer beyond 64 bits"))
}

/// The number without `_`, which may stand between two digits alone.
fn without_separators(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let is_digit = |place: Option<usize>| {
        place.and_then(|place| bytes.get(place)).is_some_and(u8::is_ascii_alphanumeric)
    };
    let is_fine = |place: usize| is_digit(place.checked_sub(1)) && is_digit(place.checked_add(1));
    let mut places = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'_');
    places.all(|(place, _)| is_fine(place)).then(|| text.replace('_', ""))
}

/// `int(number)`; nothing for what is not finite.
#[allow(clippy::cast_possible_truncation)] // checked just before
pub(crate) fn truncated(number: f64) -> Outcome<Option<i64>> {
    const END: f64 = 9_223_372_036_854_775_808.0;
    match number {
        _ if (-END..END).contains(&number) => Ok(Some(number as i64)),
        _ if number.is_finite() => Err(Failure::unsupported("an integer beyond 64 bits")),
        _ => Ok(None),
    }
}

/// `round(number, precision)`: of the exact value of the number, half to even.
pub(crate) fn round_to(number: f64, precision: i64) -> Outcome<f64> {
    match usize::try_from(precision) {
        Ok(precision) if precision <= MOST_DIGITS && number.is_finite() => {
            let digits = format!("{number:.precision$}");
            digits.parse().map_err(|_| Failure::failed("a number can't be rounded"))
        }
        Ok(_) => Ok(number),
        Err(_) => Err(Failure::unsupported("rounding to tens")),
    }
}

/// No number has more digits behind its point than these, and Rust writes no more than 65,535.
const MOST_DIGITS: usize = 1100;

/// `%f`: so many digits behind the point.
pub(crate) fn fixed(number: f64, precision: usize) -> String {
    let written = precision.min(MOST_DIGITS);
    format!("{number:.written$}") + &"0".repeat(precision - written)
}

/// `%e`: one digit, the point, `precision` digits, and an exponent of two digits or more.
pub(crate) fn scientific(number: f64, precision: usize) -> String {
    let written = precision.min(MOST_DIGITS);
    let digits = format!("{number:.written$e}");
    match digits.split_once('e').and_then(|(digits, exponent)| Some((digits, exponent.parse::<i32>().ok()?)))
    {
        Some((digits, exponent)) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            let zeros = "0".repeat(precision - written);
            format!("{digits}{zeros}e{sign}{:02}", exponent.unsigned_abs())
        }
        None => digits,
    }
}

/// `%g`: so many significant digits, plain or with an exponent, without zeros at the end unless they are wanted.
pub(crate) fn general(number: f64, precision: usize, keeps_zeros: bool) -> String {
    let precision = precision.max(1);
    if !number.is_finite() {
        return number.to_string();
    }
    let as_scientific = scientific(number, precision - 1);
    let exponent = as_scientific.split_once('e').and_then(|(_, exponent)| exponent.parse::<i32>().ok());
    let exponent = exponent.unwrap_or(0);
    let last = i32::try_from(precision).unwrap_or(i32::MAX);
    let trim = |digits: &str| {
        if keeps_zeros || !digits.contains('.') {
            return digits.to_owned();
        }
        digits.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    if (-4..last).contains(&exponent) {
        let behind = usize::try_from(last - 1 - exponent).unwrap_or(0);
        return trim(&fixed(number, behind));
    }
    match as_scientific.split_once('e') {
        Some((digits, exponent)) => format!("{}e{exponent}", trim(digits)),
        None => as_scientific,
    }
}
