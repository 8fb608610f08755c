//! `format % values`, as Python's.

use wheelwork_package::budget::Budget;

use crate::arguments::integer;
use crate::compare::get;
use crate::error::{Failure, Outcome};
use crate::numbers::{fixed, general, scientific, truncated};
use crate::print::{print, printed, push, represent};
use crate::value::{SequenceKind, Value, take_text};

/// What stands between `%` and the letter.
#[derive(Default)]
struct Specifier {
    is_left: bool,
    has_sign: bool,
    has_space: bool,
    has_zeros: bool,
    is_alternate: bool,
    width: usize,
    precision: Option<usize>,
}

pub(crate) fn percent_format(budget: &Budget, format: &str, values: &Value) -> Outcome<Value> {
    let mut output = String::new();
    let mut values = Values::new(values);
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('%') {
        push(budget, before, &mut output)?;
        rest = field(budget, after, &mut values, &mut output)?;
    }
    push(budget, rest, &mut output)?;
    values.all_used()?;
    Ok(Value::Text(output.into()))
}

/// The values of a format: those of a tuple, or the one; by name from a dictionary.
struct Values<'v> {
    all: &'v Value,
    items: &'v [Value],
    used: usize,
    by_name: bool,
}

impl<'v> Values<'v> {
    fn new(all: &'v Value) -> Self {
        let items = match all {
            Value::Sequence(tuple) if matches!(tuple.kind, SequenceKind::Tuple | SequenceKind::Group) => {
                &*tuple.items
            }
            _ => std::slice::from_ref(all),
        };
        Self { all, items, used: 0, by_name: false }
    }

    fn next(&mut self) -> Outcome<&'v Value> {
        let next = self.items.get(self.used);
        self.used += 1;
        next.ok_or_else(|| Failure::failed("too few values for the format"))
    }

    fn all_used(&self) -> Outcome<()> {
        // Python lets be what could be looked up by a key.
        let takes_none = match self.all {
            Value::Map(_) | Value::Undefined(_) => true,
            Value::Sequence(sequence) => matches!(sequence.kind, SequenceKind::List | SequenceKind::Range),
            _ => self.by_name,
        };
        if takes_none || self.used >= self.items.len() {
            return Ok(());
        }
        Err(Failure::failed("not all values stand in the format"))
    }
}

/// Writes the field that starts behind `%`, and gives what follows it.
fn field<'f>(
    budget: &Budget,
    format: &'f str,
    values: &mut Values<'_>,
    output: &mut String,
) -> Outcome<&'f str> {
    let mut rest = format;
    let mut named = None;
    if let Some(inner) = rest.strip_prefix('(') {
        let Some((name, after)) = inner.split_once(')') else {
            return Err(Failure::failed("a name in the format has no end"));
        };
        let Value::Map(map) = values.all else {
            return Err(Failure::failed("the format needs a dictionary"));
        };
        values.by_name = true;
        named =
            Some(get(budget, map, &Value::word(name))?.ok_or_else(|| Failure::failed("a name is missing"))?);
        rest = after;
    }
    let mut specifier = Specifier::default();
    while let Some(flag) = rest.chars().next() {
        match flag {
            '-' => specifier.is_left = true,
            '+' => specifier.has_sign = true,
            ' ' => specifier.has_space = true,
            '0' => specifier.has_zeros = true,
            '#' => specifier.is_alternate = true,
            _ => break,
        }
        rest = &rest[1..];
    }
    if let Some(width) = number(&mut rest, values)? {
        specifier.is_left |= width < 0;
        specifier.width = usize::try_from(width.unsigned_abs()).unwrap_or(usize::MAX);
    }
    if let Some(after) = rest.strip_prefix('.') {
        rest = after;
        let precision = number(&mut rest, values)?.unwrap_or(0);
        specifier.precision = Some(usize::try_from(precision).unwrap_or(0));
    }
    rest = rest.strip_prefix(['h', 'l', 'L']).unwrap_or(rest);
    let Some(letter) = rest.chars().next() else {
        return Err(Failure::failed("a format ends in its middle"));
    };
    take_text(budget, specifier.width.saturating_add(specifier.precision.unwrap_or(0)))?;
    if letter == '%' {
        output.push('%');
    } else {
        let value = named.map_or_else(|| values.next(), Ok)?;
        convert(budget, letter, value, &specifier, output)?;
    }
    Ok(&rest[letter.len_utf8()..])
}

/// A width or precision: digits, or `*` for the next value.
fn number(rest: &mut &str, values: &mut Values<'_>) -> Outcome<Option<i64>> {
    if let Some(after) = rest.strip_prefix('*') {
        *rest = after;
        return integer(values.next()?).map(Some);
    }
    let end = rest.find(|char: char| !char.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, after) = rest.split_at(end);
    *rest = after;
    if digits.is_empty() {
        return Ok(None);
    }
    digits.parse().map(Some).map_err(|_| Failure::failed("a width that is too large"))
}

fn convert(
    budget: &Budget,
    letter: char,
    value: &Value,
    specifier: &Specifier,
    output: &mut String,
) -> Outcome<()> {
    let mut text = String::new();
    match letter {
        's' => print(budget, value, &mut text)?,
        'r' => represent(budget, value, &mut text)?,
        'c' => match value.as_text() {
            Some(char) if char.chars().count() == 1 => text.push_str(char),
            _ => return Err(Failure::unsupported("a character by its number")),
        },
        'd' | 'i' | 'u' | 'x' | 'X' | 'o' => {
            let number = match value {
                Value::Float(number) if matches!(letter, 'd' | 'i' | 'u') => truncated(*number)?,
                _ => value.as_integer(),
            };
            let number = number.ok_or_else(|| Failure::failed("a value where a number belongs"))?;
            let digits = match letter {
                'x' => format!("{:x}", number.unsigned_abs()),
                'X' => format!("{:X}", number.unsigned_abs()),
                'o' => format!("{:o}", number.unsigned_abs()),
                _ => number.unsigned_abs().to_string(),
            };
            let zeros = "0".repeat(specifier.precision.unwrap_or(0).saturating_sub(digits.len()));
            let prefix = match letter {
                'x' | 'X' | 'o' if specifier.is_alternate => format!("0{letter}"),
                _ => String::new(),
            };
            pad(specifier, number < 0, &prefix, &(zeros + &digits), output);
            return Ok(());
        }
        'f' | 'F' | 'e' | 'E' | 'g' | 'G' => {
            let number = value.as_float().ok_or_else(|| Failure::failed("a value where a number belongs"))?;
            let precision = specifier.precision.unwrap_or(6);
            let size = number.abs();
            let digits = match letter {
                _ if !number.is_finite() => if number.is_nan() { "nan" } else { "inf" }.to_owned(),
                'f' | 'F' => fixed(size, precision),
                'e' | 'E' => scientific(size, precision),
                _ => general(size, precision, specifier.is_alternate),
            };
            let digits = if letter.is_ascii_uppercase() { digits.to_uppercase() } else { digits };
            pad(specifier, number.is_sign_negative() && !number.is_nan(), "", &digits, output);
            return Ok(());
        }
        _ => return Err(Failure::unsupported("this letter of a format")),
    }
    if let Some(precision) = specifier.precision {
        text = text.chars().take(precision).collect();
    }
    let missing = specifier.width.saturating_sub(text.chars().count());
    let spaces = " ".repeat(missing);
    output.push_str(&if specifier.is_left { text + &spaces } else { spaces + &text });
    Ok(())
}

/// A number with its sign, in its width.
fn pad(specifier: &Specifier, is_negative: bool, prefix: &str, digits: &str, output: &mut String) {
    let sign = match (is_negative, specifier.has_sign, specifier.has_space) {
        (true, _, _) => "-",
        (false, true, _) => "+",
        (false, false, true) => " ",
        _ => "",
    };
    let missing = specifier.width.saturating_sub(sign.len() + prefix.len() + digits.len());
    let (left, zeros, right) = match (specifier.is_left, specifier.has_zeros) {
        (true, _) => (0, 0, missing),
        (false, true) => (0, missing, 0),
        (false, false) => (missing, 0, 0),
    };
    for part in [&*" ".repeat(left), sign, prefix, &"0".repeat(zeros), digits, &" ".repeat(right)] {
        output.push_str(part);
    }
}

/// `str(value)`, for formats that pad it.
pub(crate) fn shown(budget: &Budget, value: &Value, conversion: Option<char>) -> Outcome<String> {
    match conversion {
        Some('r') => {
            let mut text = String::new();
            represent(budget, value, &mut text)?;
            Ok(text)
        }
        Some('s') | None => printed(budget, value),
        Some(_) => Err(Failure::unsupported("this conversion of a format")),
    }
}
