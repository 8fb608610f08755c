//! White space as Python sees it.

/// Unicode's white space, and four separators that only Python counts.
pub(crate) fn is_space(char: char) -> bool {
    char.is_whitespace() || ('\x1c'..='\x1f').contains(&char)
}

pub(crate) fn trim_start(text: &str) -> &str {
    text.trim_start_matches(is_space)
}

pub(crate) fn trim_end(text: &str) -> &str {
    text.trim_end_matches(is_space)
}

/// `text.splitlines(keep_ends)`.
pub(crate) fn lines(text: &str, keep_ends: bool) -> Vec<&str> {
    let is_end = |char: char| {
        matches!(char, '\n' | '\r' | '\x0b' | '\x0c' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}')
    };
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(place) = rest.find(is_end) {
        let width = if rest[place..].starts_with("\r\n") {
            2
        } else {
            rest[place..].chars().next().map_or(1, char::len_utf8)
        };
        lines.push(&rest[..if keep_ends { place + width } else { place }]);
        rest = &rest[place + width..];
    }
    if !rest.is_empty() {
        lines.push(rest);
    }
    lines
}

/// A text in the middle of so many characters, the odd one where Python puts it.
pub(crate) fn centered(text: &str, width: usize, fill: char) -> String {
    let missing = width.saturating_sub(text.chars().count());
    let left = missing / 2 + (missing & width & 1);
    let fill = |count| std::iter::repeat_n(fill, count).collect::<String>();
    format!("{}{text}{}", fill(left), fill(missing - left))
}

/// The first character in upper case, the others in lower case.
pub(crate) fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    let Some(first) = chars.next() else { return String::new() };
    if let Some(title) = title_case(first) {
        return format!("{title}{}", chars.as_str().to_lowercase());
    }
    // What becomes several characters, as `ß` does, has one upper case letter.
    let mut upper = first.to_uppercase();
    let first: String = upper.next().into_iter().chain(upper.flat_map(char::to_lowercase)).collect();
    first + &chars.as_str().to_lowercase()
}

/// The letters that stand for two, of which only the first is large in a title.
fn title_case(char: char) -> Option<char> {
    match char {
        'Ǆ'..='ǆ' => Some('ǅ'),
        'Ǉ'..='ǉ' => Some('ǈ'),
        'Ǌ'..='ǌ' => Some('ǋ'),
        'Ǳ'..='ǳ' => Some('ǲ'),
        _ => None,
    }
}
