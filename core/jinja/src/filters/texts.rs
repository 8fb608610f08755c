//! Filters that make texts.

use wheelwork_package::budget::Budget;

use crate::arguments::{Given, integer, is_on, not_none, required, size, text};
use crate::error::{Failure, Outcome};
use crate::json::{Style, to_json};
use crate::parts::{replaced, trimmed};
use crate::percent::percent_format;
use crate::print::{printed, represent};
use crate::spaces::{capitalized, centered, is_space, lines};
use crate::value::{Value, take_text};

pub(super) fn string(budget: &Budget, value: Value, given: Given) -> Outcome<Value> {
    given.none()?;
    match &value {
        Value::Markup(_) => Ok(value),
        _ => Ok(Value::Text(printed(budget, &value)?.into())),
    }
}

pub(super) fn lower(budget: &Budget, value: Value, given: Given) -> Outcome<Value> {
    given.none()?;
    Value::text(budget, printed(budget, &value)?.to_lowercase())
}

pub(super) fn upper(budget: &Budget, value: Value, given: Given) -> Outcome<Value> {
    given.none()?;
    Value::text(budget, printed(budget, &value)?.to_uppercase())
}

pub(super) fn capitalize(budget: &Budget, value: Value, given: Given) -> Outcome<Value> {
    given.none()?;
    Value::text(budget, capitalized(&printed(budget, &value)?))
}

/// Words start behind white space, `-`, `(`, `{`, `[` and `<`.
pub(super) fn title(budget: &Budget, value: Value, given: Given) -> Outcome<Value> {
    given.none()?;
    let text = printed(budget, &value)?;
    take_text(budget, text.len())?;
    let mut titled = String::new();
    let mut is_start = true;
    for char in text.chars() {
        if is_start {
            titled.extend(char.to_uppercase());
        } else {
            titled.extend(char.to_lowercase());
        }
        is_start = is_space(char) || matches!(char, '-' | '(' | '{' | '[' | '<');
    }
    Value::text(budget, titled)
}

pub(super) fn trim(budget: &Budget, value: Value, given: Given) -> Outcome<Value> {
    let [chars] = given.bind(["chars"])?;
    let chars = not_none(chars).map(|chars| text(&chars)).transpose()?;
    Value::text(budget, trimmed(&printed(budget, &value)?, chars.as_deref(), true, true).to_owned())
}

pub(super) fn replace(budget: &Budget, value: Value, given: Given) -> Outcome<Value> {
    let [old, new, count] = given.bind(["old", "new", "count"])?;
    let (old, new) = (printed(budget, &required(old)?)?, printed(budget, &required(new)?)?);
    let count = not_none(count).map_or(Ok(-1), |count| integer(&count))?;
    replaced(budget, &printed(budget, &value)?, &old, &new, count)
}

pub(super) fn center(budget: &Budget, value: Value, given: Given) -> Outcome<Value> {
    let [width] = given.bind(["width"])?;
    let width = width.map_or(Ok(80), |width| size(&width))?;
    take_text(budget, width)?;
    Value::text(budget, centered(&printed(budget, &value)?, width, ' '))
}

pub(super) fn format(budget: &Budget, value: Value, given: Given) -> Outcome<Value> {
    let format = printed(budget, &value)?;
    let values = match (given.positional.is_empty(), given.named.is_empty()) {
        (true, false) => {
            let entries = given.named.into_iter().map(|(name, value)| (Value::Text(name), value));
            Value::map(budget, entries.collect())?
        }
        (false, false) => return Err(Failure::failed("takes values by place or by name, not both")),
        _ => Value::tuple(budget, given.positional)?,
    };
    percent_format(budget, &format, &values)
}

pub(super) fn indent(budget: &Budget, value: Value, given: Given) -> Outcome<Value> {
    let [width, first, blank] = given.bind(["width", "first", "blank"])?;
    let whole = text(&value)?;
    let indent = width.map_or_else(|| Ok(" ".repeat(4)), |width| indentation(budget, &width))?;
    let blank = is_on(blank);
    // Python adds a line end before it splits, so that an empty text is a line.
    let split = match lines(&whole, false) {
        empty if empty.is_empty() => vec![""],
        split => split,
    };
    take_text(budget, indent.len().saturating_mul(split.len()))?;
    let mut output = if is_on(first) { indent.clone() } else { String::new() };
    for (index, line) in split.into_iter().enumerate() {
        if index > 0 {
            output.push('\n');
            if blank || !line.is_empty() {
                output += &indent;
            }
        }
        output += line;
    }
    Value::text(budget, output)
}

/// A text, or so many spaces.
fn indentation(budget: &Budget, value: &Value) -> Outcome<String> {
    if let Some(text) = value.as_text() {
        return Ok(text.to_string());
    }
    let width = size(value)?;
    take_text(budget, width)?;
    Ok(" ".repeat(width))
}

pub(super) fn truncate(budget: &Budget, value: Value, given: Given) -> Outcome<Value> {
    let [length, killwords, end, leeway] = given.bind(["length", "killwords", "end", "leeway"])?;
    let length = length.map_or(Ok(255), |length| size(&length))?;
    let end = end.map_or(Ok("...".into()), |end| text(&end))?;
    let leeway = not_none(leeway).map_or(Ok(5), |leeway| size(&leeway))?;
    if value.as_text().is_none() && value.length(budget)? <= length.saturating_add(leeway) {
        return Ok(value);
    }
    let whole = text(&value)?;
    let Some(kept) = length.checked_sub(end.chars().count()) else {
        return Err(Failure::failed("the length is shorter than the end"));
    };
    if whole.chars().count() <= length.saturating_add(leeway) {
        return Ok(value);
    }
    let cut: String = whole.chars().take(kept).collect();
    let cut = if is_on(killwords) { &cut } else { cut.rsplit_once(' ').map_or(cut.as_str(), |(cut, _)| cut) };
    Value::text(budget, format!("{cut}{end}"))
}

pub(super) fn wordcount(budget: &Budget, value: Value, given: Given) -> Outcome<Value> {
    given.none()?;
    let text = printed(budget, &value)?;
    let words = text.split(|char: char| !char.is_alphanumeric() && char != '_').filter(|it| !it.is_empty());
    i64::try_from(words.count()).map(Value::Integer).map_err(|_| Failure::failed("too many words"))
}

pub(super) fn wordwrap(budget: &Budget, value: Value, given: Given) -> Outcome<Value> {
    let [width, break_words, separator, hyphens] =
        given.bind(["width", "break_long_words", "wrapstring", "break_on_hyphens"])?;
    let width = width.map_or(Ok(79), |width| size(&width))?;
    let breaks_words = break_words.is_none_or(|value| value.is_true());
    let separator = not_none(separator).map_or(Ok("\n".into()), |separator| text(&separator))?;
    let whole = text(&value)?;
    if hyphens.is_none_or(|value| value.is_true()) && whole.contains(['-', '\u{2014}']) {
        return Err(Failure::unsupported("breaking words at hyphens"));
    }
    if width == 0 {
        return Err(Failure::failed("a width of zero"));
    }
    take_text(budget, whole.len().saturating_mul(8 + separator.len()))?;
    let wrapped =
        lines(&whole, false).into_iter().map(|line| wrap(line, width, breaks_words).join(&separator));
    Value::text(budget, wrapped.collect::<Vec<_>>().join(&separator))
}

/// The lines of a text without line ends, as Python's `textwrap` breaks them.
fn wrap(line: &str, width: usize, breaks_words: bool) -> Vec<String> {
    let is_blank = |chunk: &str| chunk.chars().all(is_space);
    let mut wrapped = Vec::new();
    let (mut current, mut length) = (Vec::<&str>::new(), 0);
    let mut finish = |current: &mut Vec<&str>, length: &mut usize| {
        if current.last().is_some_and(|last| is_blank(last)) {
            current.pop();
        }
        if !current.is_empty() {
            wrapped.push(current.concat());
        }
        current.clear();
        *length = 0;
        !wrapped.is_empty()
    };
    let mut has_lines = false;
    for mut chunk in chunks(line) {
        let mut count = chunk.chars().count();
        loop {
            if current.is_empty() && has_lines && is_blank(chunk) {
                break;
            }
            if length + count <= width {
                current.push(chunk);
                length += count;
                break;
            }
            if count > width && breaks_words {
                let room = width - length;
                let cut = chunk.char_indices().nth(room).map_or(chunk.len(), |(place, _)| place);
                current.push(&chunk[..cut]);
                (chunk, count) = (&chunk[cut..], count - room);
            } else if count > width && current.is_empty() {
                current.push(chunk);
                has_lines = finish(&mut current, &mut length);
                break;
            }
            has_lines = finish(&mut current, &mut length);
        }
    }
    finish(&mut current, &mut length);
    wrapped
}

/// Words and the white space between them.
fn chunks(line: &str) -> Vec<&str> {
    let is_blank = |char| matches!(char, '\t' | '\n' | '\x0b' | '\x0c' | '\r' | ' ');
    let mut chunks = Vec::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|char| is_blank(char) != is_blank(first)).unwrap_or(rest.len());
        let (chunk, after) = rest.split_at(end);
        chunks.push(chunk);
        rest = after;
    }
    chunks
}

pub(super) fn pprint(budget: &Budget, value: Value, given: Given) -> Outcome<Value> {
    given.none()?;
    let mut output = String::new();
    represent(budget, &value, &mut output)?;
    // Python sorts what is in dictionaries, and breaks long lines.
    if output.chars().count() > 80 || output.contains('{') {
        return Err(Failure::unsupported("a dictionary or a long value"));
    }
    Ok(Value::Text(output.into()))
}

/// transformers' own: `json.dumps` with its options, which leaves `<` and its like as they are.
pub(super) fn tojson(budget: &Budget, value: Value, given: Given) -> Outcome<Value> {
    let [ascii, indent, separators, sort_keys] =
        given.bind(["ensure_ascii", "indent", "separators", "sort_keys"])?;
    let indent = not_none(indent).map(|indent| indentation(budget, &indent)).transpose()?;
    let (item_separator, key_separator) = match separators {
        None | Some(Value::None) => (if indent.is_some() { "," } else { ", " }.into(), ": ".into()),
        Some(pair) => match pair.iterate(budget)?.items.as_slice() {
            [item, key] => (text(item)?, text(key)?),
            _ => return Err(Failure::failed("`separators` are two texts")),
        },
    };
    let style = Style {
        ascii: is_on(ascii),
        indent,
        item_separator: item_separator.to_string(),
        key_separator: key_separator.to_string(),
        sort_keys: is_on(sort_keys),
    };
    Ok(Value::Text(to_json(budget, &style, &value)?.into()))
}
