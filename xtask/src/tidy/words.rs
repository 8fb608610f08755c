//! Words that the project does not use, and what stands for them: CONTRIBUTING.md has the glossary. Names count too:
//! `spare_threads` and `SpareThreads` are two words each.

use super::finding::Finding;
use super::text_file::TextFile;

/// What is not said, and what is.
const BANNED: [(&str, &str); 17] = [
    ("beginning", "prefix"),
    ("beginnings", "prefixes"),
    ("border", "inputs and outputs, or boundary"),
    ("foretell", "estimate"),
    ("foretold", "estimated"),
    ("landing", "reasoning closer"),
    ("neural processor", "NPU"),
    ("neural processors", "NPUs"),
    ("seat", "session slot"),
    ("spared", "power-saving"),
    ("sparing", "power-saving"),
    ("sparingly", "saving power"),
    ("the processor", "the CPU"),
    ("thought", "reasoning"),
    ("thoughts", "reasoning"),
    ("wish", "request"),
    ("wishes", "requests"),
];

/// What happened stays as it was told, and this file names what it looks for.
const EXEMPT: [&str; 3] = ["CHANGELOG.md", "CONTRIBUTING.md", "xtask/src/tidy/words.rs"];

pub(super) fn banned(files: &[TextFile]) -> Vec<Finding> {
    files
        .iter()
        .filter(|file| matches!(file.extension(), "rs" | "md" | "toml" | "kt" | "kts" | "py"))
        .filter(|file| !EXEMPT.contains(&file.path.as_str()))
        .flat_map(TextFile::lines)
        .flat_map(|(place, line)| {
            let words = words(line);
            let found = BANNED.iter().filter(move |(banned, _)| says(&words, banned));
            found.map(move |(banned, instead)| Finding::new(&place, format!("says `{banned}`: {instead}")))
        })
        .collect()
}

/// The words of a line in lower case; `CamelCase` and `snake_case` are two each.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for character in line.chars() {
        let starts = character.is_uppercase() && was_lower;
        was_lower = character.is_lowercase();
        if starts || !character.is_alphabetic() {
            words.push(String::new());
        }
        if character.is_alphabetic()
            && let Some(word) = words.last_mut()
        {
            word.extend(character.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn says(words: &[String], banned: &str) -> bool {
    let banned: Vec<_> = banned.split(' ').collect();
    words.windows(banned.len()).any(|window| window == banned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_prose_and_in_names() {
        let text = "fine\nthe Processor's\nlet my_wish = BorderValue;\nprocessor thoughtful wished\n";
        let found = |path: &str| {
            let file = TextFile { path: path.into(), text: text.into() };
            banned(&[file]).iter().map(|finding| finding.place.clone()).collect::<Vec<_>>()
        };
        assert_eq!(found("a.rs"), ["a.rs:2", "a.rs:3", "a.rs:3"]);
        assert_eq!(found("CHANGELOG.md"), [""; 0]);
        assert_eq!(found("a.json"), [""; 0]);
    }
}
