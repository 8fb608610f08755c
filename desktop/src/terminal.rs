//! The terminal's width, and text that keeps to it.

/// Where no terminal says how wide it is.
const COLUMNS: usize = 100;
/// Longer lines are hard to read, however wide the window is.
const READABLE: usize = 110;

/// Columns for text.
pub(crate) fn columns() -> usize {
    let told = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    told.filter(|columns| *columns > 0).unwrap_or(COLUMNS).min(READABLE)
}

/// A text broken between words, later lines indented; a word that is wider than a line stands alone.
pub(crate) fn wrapped(text: &str, columns: usize, indent: usize) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let first = lines.len() == 1;
        let Some(line) = lines.last_mut() else { continue };
        let used = line.chars().count() + if first { 0 } else { indent };
        if !line.is_empty() && used + 1 + word.chars().count() > columns {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join(&format!("\n{}", " ".repeat(indent)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_between_words_and_no_line_is_too_long() {
        let text = "one two three four";
        assert_eq!(wrapped(text, 9, 0), "one two\nthree\nfour");
        assert_eq!(wrapped(text, 9, 2), "one two\n  three\n  four");
        assert_eq!(wrapped("indivisible", 4, 0), "indivisible");
        assert_eq!(wrapped("", 4, 0), "");
    }
}
