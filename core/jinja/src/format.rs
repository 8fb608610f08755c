//! `text.format(values)`, as Python's.

use wheelwork_package::budget::Budget;

use crate::access::{attribute, item};
use crate::arguments::Given;
use crate::error::{Failure, Outcome};
use crate::numbers::{fixed, general, scientific};
use crate::percent::shown;
use crate::print::{float, push};
use crate::value::{Object, Value, take_look, take_text};

pub(crate) fn format(budget: &Budget, format: &str, given: &Given) -> Outcome<String> {
    fields(budget, format, given, &mut Some(0), true)
}

/// The number of the next field without a name; nothing once fields have numbers of their own.
type Next = Option<usize>;

/// A specification may have fields of its own, which may not have any again.
fn fields(budget: &Budget, format: &str, given: &Given, next: &mut Next, is_outer: bool) -> Outcome<String> {
    let mut output = String::new();
    let mut rest = format;
    while let Some(place) = rest.find(['{', '}']) {
        push(budget, &rest[..place], &mut output)?;
        let (brace, after) = rest[place..].split_at(1);
        rest = after;
        if rest.starts_with(brace) {
            push(budget, brace, &mut output)?;
            rest = &rest[1..];
            continue;
        }
        let end = if brace == "{" { end_of_field(rest) } else { None };
        let Some(end) = end else { return Err(Failure::failed("a brace in the format stands alone")) };
        if !is_outer && rest[..end].contains('{') {
            return Err(Failure::failed("fields are nested too deeply"));
        }
        let written = field(budget, &rest[..end], given, next)?;
        push(budget, &written, &mut output)?;
        rest = &rest[end + 1..];
    }
    push(budget, rest, &mut output)?;
    Ok(output)
}

/// Where the field's own `}` stands.
fn end_of_field(text: &str) -> Option<usize> {
    let mut depth = 0u32;
    for (place, char) in text.char_indices() {
        match char {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(place),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn field(budget: &Budget, field: &str, given: &Given, next: &mut Next) -> Outcome<String> {
    let (head, specification) = field.split_once(':').unwrap_or((field, ""));
    let (path, conversion) = match head.split_once('!') {
        Some((path, conversion)) => {
            let mut chars = conversion.chars();
            let (Some(conversion), None) = (chars.next(), chars.next()) else {
                return Err(Failure::failed("a conversion is one letter"));
            };
            (path, Some(conversion))
        }
        None => (head, None),
    };
    let value = lookup(budget, path, given, next)?;
    let specification = fields(budget, specification, given, next, false)?;
    let value = match conversion {
        Some(_) => Value::Text(shown(budget, &value, conversion)?.into()),
        None => value,
    };
    specified(budget, &value, &specification)
}

/// A value by `name.attribute[item]`.
fn lookup(budget: &Budget, path: &str, given: &Given, next: &mut Next) -> Outcome<Value> {
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let (name, mut rest) = path.split_at(end);
    let missing = || Failure::failed("a value of the format is missing");
    let mut value = if name.is_empty() || name.bytes().all(|byte| byte.is_ascii_digit()) {
        let mixed = || Failure::failed("fields with and without numbers");
        let index = if name.is_empty() {
            let index = next.ok_or_else(mixed)?;
            *next = Some(index + 1);
            index
        } else if next.take().is_none_or(|next| next == 0) {
            name.parse().map_err(|_| missing())?
        } else {
            return Err(mixed());
        };
        given.positional.get(index).cloned().ok_or_else(missing)?
    } else {
        take_look(budget, name.len().saturating_add(8).saturating_mul(given.named.len()))?;
        let found = given.named.iter().find(|(known, _)| &**known == name);
        found.map(|(_, value)| value.clone()).ok_or_else(missing)?
    };
    while !rest.is_empty() {
        if let Value::Object(Object::Namespace(_) | Object::Loop(_)) = value {
            return Err(Failure::unsupported("an attribute of an object in a format"));
        }
        if let Some(inner) = rest.strip_prefix('[') {
            let (key, after) = inner.split_once(']').ok_or_else(missing)?;
            let key = key.parse().map_or_else(|_| Value::word(key), Value::Integer);
            value = item(budget, &value, &key)?;
            rest = after;
        } else {
            let inner = rest.strip_prefix('.').ok_or_else(missing)?;
            let end = inner.find(['.', '[']).unwrap_or(inner.len());
            value = attribute(budget, &value, &inner[..end])?;
            rest = &inner[end..];
        }
    }
    Ok(value)
}

/// `format(value, specification)`: `[[fill]align][sign][#][0][width][,][.precision][type]`.
fn specified(budget: &Budget, value: &Value, specification: &str) -> Outcome<String> {
    if specification.is_empty() {
        return shown(budget, value, None);
    }
    take_text(budget, specification.len().saturating_mul(4))?;
    let chars: Vec<char> = specification.chars().collect();
    let is_align = |place: usize| chars.get(place).is_some_and(|char| matches!(char, '<' | '>' | '^' | '='));
    let (mut fill, mut align, mut place) = if is_align(1) {
        (chars.first().copied(), chars.get(1).copied(), 2)
    } else if is_align(0) {
        (None, chars.first().copied(), 1)
    } else {
        (None, None, 0)
    };
    let mut take = |wanted: &[char]| {
        let found = chars.get(place).copied().filter(|char| wanted.contains(char));
        place += usize::from(found.is_some());
        found
    };
    let sign = take(&['+', '-', ' ']);
    let is_alternate = take(&['#']).is_some();
    if take(&['0']).is_some() && align.is_none() {
        (fill, align) = (Some('0'), Some('='));
    }
    let number = |take: &mut dyn FnMut(&[char]) -> Option<char>| {
        let digits: String =
            std::iter::from_fn(|| take(&['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])).collect();
        if digits.is_empty() {
            return Ok(None);
        }
        digits.parse::<usize>().map(Some).map_err(|_| Failure::failed("a width that is too large"))
    };
    let width = number(&mut take)?.unwrap_or(0);
    let separator = take(&[',', '_']);
    let precision = if take(&['.']).is_some() { number(&mut take)? } else { None };
    let letter = take(&['s', 'd', 'f', 'F', 'e', 'E', 'g', 'G', 'x', 'X', 'o', 'b', '%']);
    if place < chars.len() {
        return Err(Failure::unsupported("this specification of a format"));
    }
    take_text(budget, width.saturating_mul(4).saturating_add(precision.unwrap_or(0)))?;
    let (prefix, body, is_number) = match (value, value.as_float()) {
        (Value::Text(text), _)
            if matches!(letter, None | Some('s')) && sign.is_none() && separator.is_none() =>
        {
            let count = precision.unwrap_or(usize::MAX);
            (String::new(), text.chars().take(count).collect(), false)
        }
        (Value::Integer(_) | Value::Float(_), Some(number)) => {
            let digits = digits(value, number, precision, letter, is_alternate)?;
            let sign = match (number < 0.0 || (number == 0.0 && number.is_sign_negative()), sign) {
                (true, _) => "-",
                (false, Some('+')) => "+",
                (false, Some(' ')) => " ",
                _ => "",
            };
            (sign.to_owned(), separated(&digits, separator), true)
        }
        _ => return Err(Failure::unsupported(format!("a specification for a {}", value.type_name()))),
    };
    let missing = width.saturating_sub(prefix.chars().count() + body.chars().count());
    let fill = |count| std::iter::repeat_n(fill.unwrap_or(' '), count).collect::<String>();
    Ok(match align.unwrap_or(if is_number { '>' } else { '<' }) {
        '<' => format!("{prefix}{body}{}", fill(missing)),
        '^' => format!("{}{prefix}{body}{}", fill(missing / 2), fill(missing - missing / 2)),
        '=' => format!("{prefix}{}{body}", fill(missing)),
        _ => format!("{}{prefix}{body}", fill(missing)),
    })
}

/// The digits of a number without its sign.
fn digits(
    value: &Value,
    number: f64,
    precision: Option<usize>,
    letter: Option<char>,
    is_alternate: bool,
) -> Outcome<String> {
    let size = number.abs();
    let digits = match (value, letter) {
        (Value::Integer(number), None | Some('d' | 'x' | 'X' | 'o' | 'b')) if precision.is_none() => {
            let size = number.unsigned_abs();
            let prefix = letter.filter(|letter| is_alternate && *letter != 'd').map(|it| format!("0{it}"));
            let digits = match letter {
                Some('x') => format!("{size:x}"),
                Some('X') => format!("{size:X}"),
                Some('o') => format!("{size:o}"),
                Some('b') => format!("{size:b}"),
                _ => size.to_string(),
            };
            return Ok(prefix.unwrap_or_default() + &digits);
        }
        _ if !number.is_finite() => float(size),
        (_, Some('f' | 'F')) => fixed(size, precision.unwrap_or(6)),
        (_, Some('e' | 'E')) => scientific(size, precision.unwrap_or(6)),
        (_, Some('g' | 'G')) => general(size, precision.unwrap_or(6), is_alternate),
        (_, Some('%')) => fixed(size * 100.0, precision.unwrap_or(6)) + "%",
        (Value::Float(_), None) if precision.is_none() => float(size),
        _ => return Err(Failure::unsupported("this specification of a number")),
    };
    Ok(if letter.is_some_and(|letter| letter.is_ascii_uppercase()) { digits.to_uppercase() } else { digits })
}

/// Groups of three digits before the point.
fn separated(digits: &str, separator: Option<char>) -> String {
    let Some(separator) = separator else { return digits.to_owned() };
    let end = digits.find(|char: char| !char.is_ascii_digit()).unwrap_or(digits.len());
    let mut output = String::new();
    for (index, digit) in digits[..end].chars().enumerate() {
        if index > 0 && (end - index) % 3 == 0 {
            output.push(separator);
        }
        output.push(digit);
    }
    output + &digits[end..]
}
