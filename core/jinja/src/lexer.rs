//! Source to tokens, as Jinja's lexer with `trim_blocks` and `lstrip_blocks`.

use std::sync::Arc;

use wheelwork_package::budget::{Exhausted, TEMPLATE_NAME};

use crate::error::{Failure, Outcome, TemplateError};
use crate::spaces::{is_space, trim_end, trim_start};

/// A token and the line that it starts in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) line: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Data(Arc<str>),
    PrintBegin,
    PrintEnd,
    BlockBegin,
    BlockEnd,
    Name(Arc<str>),
    Text(Arc<str>),
    Integer(i64),
    Float(f64),
    Operator(&'static str),
    End,
}

/// Longest first.
const OPERATORS: [&str; 27] = [
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<",
    "=", ".", ":", "|", ",", ";", "",
];

/// All tokens of a source; the last is [`Kind::End`].
pub(crate) fn tokens(source: &str) -> Result<Vec<Token>, TemplateError> {
    let mut source = source.replace("\r\n", "\n").replace('\r', "\n");
    if source.ends_with('\n') {
        source.pop();
    }
    let mut lexer = Lexer { rest: &source, line: 1, line_starts: true, tokens: Vec::new() };
    lexer.template().map_err(|failure| failure.at(lexer.line))?;
    lexer.push(Kind::End);
    Ok(lexer.tokens)
}

struct Lexer<'s> {
    rest: &'s str,
    line: u32,
    /// What was read last ended a line.
    line_starts: bool,
    tokens: Vec<Token>,
}

impl<'s> Lexer<'s> {
    fn push(&mut self, kind: Kind) {
        self.tokens.push(Token { kind, line: self.line });
    }

    /// Takes so many bytes and counts their lines.
    fn take(&mut self, bytes: usize) -> &'s str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        let lines = taken.bytes().filter(|byte| *byte == b'\n').count();
        self.line = self.line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
        if !taken.is_empty() {
            self.line_starts = taken.ends_with('\n');
        }
        taken
    }

    fn template(&mut self) -> Outcome<()> {
        while let Some(start) = find_tag(self.rest) {
            let tag = &self.rest[start..];
            let raw = raw_begin(tag);
            let (opener, sign) =
                (&tag[..2], tag[2..].chars().next().filter(|sign| matches!(sign, '-' | '+')));
            let data = self.data(start, sign, opener != "{{");
            self.data_token(data);
            self.take(raw.unwrap_or(2 + usize::from(sign.is_some())));
            match (raw, opener) {
                (Some(_), _) => self.raw()?,
                (None, "{#") => self.comment()?,
                (None, "{{") => self.tag(Kind::PrintBegin)?,
                (None, _) => self.tag(Kind::BlockBegin)?,
            }
        }
        let rest = self.take(self.rest.len());
        self.data_token(rest);
        Ok(())
    }

    fn data_token(&mut self, data: &str) {
        if !data.is_empty() {
            self.push(Kind::Data(data.into()));
        }
    }

    /// The text before a tag, without the white space that the tag or `lstrip_blocks` takes.
    fn data(&mut self, bytes: usize, sign: Option<char>, is_block: bool) -> &'s str {
        let line_starts = self.line_starts;
        let text = self.take(bytes);
        match sign {
            Some('-') => trim_end(text),
            None if is_block => {
                let line = text.rfind('\n').map_or(0, |place| place + 1);
                let is_blank = text[line..].chars().all(is_space);
                if is_blank && (line > 0 || line_starts) { &text[..line] } else { text }
            }
            _ => text,
        }
    }

    /// Takes the end of a block or comment: `%}` with a line end, `-%}` with all white space, or `+%}`.
    fn end(&mut self, end: &str) -> bool {
        let Some(bytes) = end_bytes(self.rest, end) else { return false };
        self.take(bytes);
        true
    }

    fn comment(&mut self) -> Outcome<()> {
        // What opens at the very end of a source has no need of an end, as in Jinja.
        if self.rest.is_empty() {
            return Ok(());
        }
        let Some(place) = self.rest.find("#}") else { return Err(Failure::syntax("a comment has no end")) };
        // The sign of the end belongs to it.
        let before = self.rest[..place].chars().next_back().filter(|sign| matches!(sign, '-' | '+'));
        self.take(place - before.map_or(0, char::len_utf8));
        self.end("#}");
        Ok(())
    }

    fn raw(&mut self) -> Outcome<()> {
        if self.rest.is_empty() {
            return Ok(());
        }
        let mut from = 0;
        while let Some(found) = self.rest[from..].find("{%") {
            let place = from + found;
            let tag = &self.rest[place..];
            let sign = tag[2..].chars().next().filter(|sign| matches!(sign, '-' | '+'));
            let inner = trim_start(&tag[2 + usize::from(sign.is_some())..]);
            if let Some(after) = inner.strip_prefix("endraw").map(trim_start)
                && let Some(end) = end_bytes(after, "%}")
            {
                let bytes = tag.len() - after.len() + end;
                let data = self.data(place, sign, true);
                self.data_token(data);
                self.take(bytes);
                return Ok(());
            }
            from = place + 2;
        }
        Err(Failure::syntax("`raw` has no `endraw`"))
    }

    /// The tokens of `{{ .. }}` or `{% .. %}`.
    fn tag(&mut self, begin: Kind) -> Outcome<()> {
        let is_block = begin == Kind::BlockBegin;
        self.push(begin);
        let mut open = Vec::new();
        loop {
            if open.is_empty() {
                let end =
                    Token { kind: if is_block { Kind::BlockEnd } else { Kind::PrintEnd }, line: self.line };
                let ended = if is_block {
                    self.end("%}")
                } else if let Some(after) = self.rest.strip_prefix("-}}") {
                    self.take(self.rest.len() - trim_start(after).len());
                    true
                } else {
                    self.rest.starts_with("}}") && !self.take(2).is_empty()
                };
                if ended {
                    self.tokens.push(end);
                    return Ok(());
                }
            }
            let spaces = self.rest.len() - trim_start(self.rest).len();
            self.take(spaces);
            if spaces > 0 {
                continue;
            }
            let Some(first) = self.rest.chars().next() else {
                return Err(Failure::syntax("a tag has no end"));
            };
            match first {
                '0'..='9' => self.number()?,
                '\'' | '"' => self.text(first)?,
                _ if first == '_' || first.is_alphanumeric() => self.name()?,
                _ => self.operator(&mut open)?,
            }
        }
    }

    fn name(&mut self) -> Outcome<()> {
        let is_word = |char: char| char == '_' || char.is_alphanumeric();
        let bytes = self.rest.find(|char| !is_word(char)).unwrap_or(self.rest.len());
        let name = self.take(bytes);
        if name.len() > TEMPLATE_NAME.as_usize() {
            return Err(Exhausted::Limit(TEMPLATE_NAME).into());
        }
        if name.chars().next().is_some_and(char::is_numeric) {
            return Err(Failure::syntax("a name starts with a digit"));
        }
        self.push(Kind::Name(name.into()));
        Ok(())
    }

    fn operator(&mut self, open: &mut Vec<&'static str>) -> Outcome<()> {
        let rest = self.rest;
        let found = OPERATORS.iter().copied().find(|operator| rest.starts_with(operator)).unwrap_or_default();
        match found {
            "" => return Err(Failure::syntax("a character that no expression has")),
            "(" => open.push(")"),
            "[" => open.push("]"),
            "{" => open.push("}"),
            ")" | "]" | "}" if open.pop() != Some(found) => {
                return Err(Failure::syntax(format!("`{found}` closes nothing")));
            }
            _ => {}
        }
        self.push(Kind::Operator(found));
        self.take(found.len());
        Ok(())
    }

    fn number(&mut self) -> Outcome<()> {
        let rest = self.rest;
        // `a.0.1` has no floating-point number.
        let after_dot = self.tokens.last().is_some_and(|token| token.kind == Kind::Operator("."));
        let whole = digits(rest, 10);
        let fraction = rest[whole..].strip_prefix('.').map_or(0, |after| match digits(after, 10) {
            0 => 0,
            count => count + 1,
        });
        let exponent = exponent(&rest[whole + fraction..]);
        if !after_dot && fraction + exponent > 0 {
            let text = self.take(whole + fraction + exponent).replace('_', "");
            let number = text.parse().map_err(|_| Failure::syntax("a number can't be read"))?;
            self.push(Kind::Float(number));
            return Ok(());
        }
        let prefix = rest.get(..2).unwrap_or_default().to_ascii_lowercase();
        let radix = match prefix.as_str() {
            "0b" => 2,
            "0o" => 8,
            "0x" => 16,
            _ => 10,
        };
        let start = if radix == 10 { 0 } else { 2 };
        let count = digits(rest[start..].trim_start_matches('_'), radix);
        if radix != 10 && count > 0 {
            let skipped = rest[start..].len() - rest[start..].trim_start_matches('_').len();
            return self.integer(start + skipped + count, start, radix);
        }
        // Python has no decimal numbers that start with a zero: `007` is two numbers.
        let zeros = rest.bytes().take_while(|byte| matches!(byte, b'0' | b'_')).count();
        self.integer(if rest.starts_with('0') { zeros } else { whole }, 0, 10)
    }

    fn integer(&mut self, bytes: usize, start: usize, radix: u32) -> Outcome<()> {
        let text = self.take(bytes)[start..].replace('_', "");
        let number = i64::from_str_radix(&text, radix);
        self.push(Kind::Integer(number.map_err(|_| Failure::unsupported("an integer beyond 64 bits"))?));
        Ok(())
    }

    fn text(&mut self, quote: char) -> Outcome<()> {
        let mut text = String::new();
        let mut chars = self.rest[1..].char_indices();
        while let Some((place, char)) = chars.next() {
            match char {
                _ if char == quote => {
                    self.push(Kind::Text(text.into()));
                    self.take(place + 2);
                    return Ok(());
                }
                '\\' => {
                    let escaped = unescape(&mut chars, &mut text)?;
                    text.extend(escaped);
                }
                _ => text.push(char),
            }
        }
        Err(Failure::syntax("a text has no end"))
    }
}

fn find_tag(text: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(found) = text[from..].find('{') {
        let place = from + found;
        if matches!(text.as_bytes().get(place + 1), Some(b'{' | b'%' | b'#')) {
            return Some(place);
        }
        from = place + 1;
    }
    None
}

/// How long `{% raw %}` is, where this is one.
fn raw_begin(tag: &str) -> Option<usize> {
    let inner = tag.strip_prefix("{%")?;
    let inner = trim_start(inner.strip_prefix(['-', '+']).unwrap_or(inner));
    let after = trim_start(inner.strip_prefix("raw")?);
    let rest = match after.strip_prefix("-%}") {
        Some(rest) => trim_start(rest),
        None => after.strip_prefix("%}")?,
    };
    Some(tag.len() - rest.len())
}

fn end_bytes(text: &str, end: &str) -> Option<usize> {
    let (sign, after) = match text.strip_prefix(['-', '+']) {
        Some(after) => (text.chars().next(), after),
        None => (None, text),
    };
    let after = after.strip_prefix(end)?;
    let rest = match sign {
        Some('-') => trim_start(after),
        Some(_) => after,
        None => after.strip_prefix('\n').unwrap_or(after),
    };
    Some(text.len() - rest.len())
}

/// How many bytes of digits stand first, single `_` between them allowed.
fn digits(text: &str, radix: u32) -> usize {
    let mut count = 0;
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        let is_separator = char == '_' && count > 0 && chars.peek().is_some_and(|next| next.is_digit(radix));
        if !char.is_digit(radix) && !is_separator {
            break;
        }
        count += 1;
    }
    count
}

fn exponent(text: &str) -> usize {
    let Some(after) = text.strip_prefix(['e', 'E']) else { return 0 };
    let unsigned = after.strip_prefix(['+', '-']).unwrap_or(after);
    match digits(unsigned, 10) {
        0 => 0,
        count => text.len() - unsigned.len() + count,
    }
}

/// What stands for an escape sequence, whose backslash is read already.
fn unescape(chars: &mut std::str::CharIndices<'_>, text: &mut String) -> Outcome<Option<char>> {
    let Some((_, char)) = chars.next() else { return Err(Failure::syntax("a text has no end")) };
    let code = |digits: &str, radix| u32::from_str_radix(digits, radix).ok().and_then(char::from_u32);
    let plain = match char {
        '\n' => return Ok(None),
        '\\' | '\'' | '"' => char,
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        'x' | 'u' | 'U' => {
            let width = match char {
                'x' => 2,
                'u' => 4,
                _ => 8,
            };
            let digits = chars.as_str().get(..width).unwrap_or_default();
            let found = code(digits, 16).filter(|_| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
            let found = found.ok_or_else(|| Failure::syntax("an escape sequence that is no character"))?;
            chars.nth(width - 1);
            found
        }
        '0'..='7' => {
            let more = chars.as_str().bytes().take(2).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
            let digits = format!("{char}{}", &chars.as_str()[..more]);
            (0..more).for_each(|_| {
                chars.next();
            });
            code(&digits, 8).ok_or_else(|| Failure::syntax("an escape sequence that is no character"))?
        }
        'N' => return Err(Failure::unsupported("an escape sequence with a character's name")),
        // Python keeps what it doesn't know, and writes out what is not ASCII.
        _ if char.is_ascii() => {
            text.push('\\');
            char
        }
        _ => return Err(Failure::unsupported("a backslash before a character that is not ASCII")),
    };
    Ok(Some(plain))
}
