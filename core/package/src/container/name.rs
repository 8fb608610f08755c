//! Names in a container: an allow-list, so that no file system can read more into a name than we did.

use std::cmp::Ordering;
use std::fmt;
use std::path::{Path, PathBuf};

use super::limits::NAME_BYTES;

/// A name of a package, a folder or a file: `[a-z0-9._-]{1,64}`, no dot at either end, no device.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

/// What is called after nothing that could be a name.
const NAMELESS: &str = "model";

impl Name {
    /// Checks a name.
    ///
    /// # Errors
    /// [`NameError`] with the first rule that it breaks.
    pub fn new(name: &str) -> Result<Self, NameError> {
        let shown = || name.chars().take(NAME_BYTES).flat_map(char::escape_default).collect::<String>();
        if name.is_empty() || name.len() > NAME_BYTES {
            return Err(NameError::Length { name: shown(), bytes: name.len() });
        }
        if let Some(found) = name.chars().find(|character| !is_allowed(*character)) {
            return Err(NameError::Character { name: shown(), found });
        }
        if name.starts_with('.') || name.ends_with('.') {
            return Err(NameError::Dot { name: shown() });
        }
        if is_device(name) {
            return Err(NameError::Device { name: shown() });
        }
        Ok(Self(name.to_owned()))
    }

    /// The name that is nearest to a text: in lower case, `-` for what is not allowed, cut to its length.
    #[must_use]
    pub fn nearest(text: &str) -> Self {
        let allowed = |character: char| if is_allowed(character) { character } else { '-' };
        let name: String = text.to_lowercase().chars().map(allowed).take(NAME_BYTES).collect();
        let name = name.trim_matches('.');
        Self::new(name).unwrap_or_else(|_| Self(NAMELESS.to_owned()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Why something is no [`Name`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum NameError {
    /// Empty or too long.
    #[error("the name `{name}` has {bytes} bytes, expected 1 to {NAME_BYTES}")]
    Length { name: String, bytes: usize },
    /// A character that is not in the allow-list.
    #[error("the name `{name}` has the character {found:?}, expected only a-z, 0-9, `.`, `_` and `-`")]
    Character { name: String, found: char },
    /// A dot at an end: hidden on one system, dropped on another.
    #[error("the name `{name}` begins or ends with a dot")]
    Dot { name: String },
    /// A name that Windows gives to a device, whatever follows the first dot.
    #[error("the name `{name}` is a device on some systems")]
    Device { name: String },
}

/// Where a file stands in a package: in the root or in one of its folders. Ordered by the bytes of its text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EntryPath {
    /// The folder, unless it is the root.
    pub folder: Option<Name>,
    /// The file's name.
    pub name: Name,
}

impl EntryPath {
    /// The path of this file in the package folder `root`.
    #[must_use]
    pub fn under(&self, root: &Path) -> PathBuf {
        match &self.folder {
            None => root.join(self.name.as_str()),
            Some(folder) => root.join(folder.as_str()).join(self.name.as_str()),
        }
    }
}

impl fmt::Display for EntryPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.folder {
            None => write!(formatter, "{}", self.name),
            Some(folder) => write!(formatter, "{folder}/{}", self.name),
        }
    }
}

impl Ord for EntryPath {
    fn cmp(&self, other: &Self) -> Ordering {
        self.to_string().cmp(&other.to_string())
    }
}

impl PartialOrd for EntryPath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn is_allowed(character: char) -> bool {
    character.is_ascii_lowercase() || character.is_ascii_digit() || matches!(character, '.' | '_' | '-')
}

/// Windows resolves `con`, and `con.txt` too, to a device.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default();
    match stem.as_bytes() {
        b"con" | b"prn" | b"aux" | b"nul" => true,
        [b'c', b'o', b'm', digit] | [b'l', b'p', b't', digit] => digit.is_ascii_digit(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_has_a_nearest_name() {
        for (text, name) in [
            ("SmolLM2-135M-Instruct", "smollm2-135m-instruct"),
            (".my model (2)", "my-model--2-"),
            ("Modèle", "mod-le"),
            ("", "model"),
            ("..", "model"),
            ("CON", "model"),
        ] {
            assert_eq!(Name::nearest(text).as_str(), name);
        }
        let long = Name::nearest(&"x".repeat(100));
        assert_eq!(Name::new(long.as_str()).unwrap(), long);
    }

    #[test]
    fn names_of_real_packages_are_allowed() {
        for name in
            ["cpu", "model.onnx.data", "qnn-htp_v73", "a", "0", "console", "com", "com10", &"x".repeat(64)]
        {
            assert_eq!(Name::new(name).map(|name| name.to_string()), Ok(name.to_owned()));
        }
    }

    #[test]
    fn pk_05_names_that_escape_or_collide_are_refused() {
        let characters = [
            "../x",
            "a/b",
            "/etc",
            "C:",
            "c:x",
            "a\\b",
            "a\0",
            "a b",
            "A",
            "ca\u{301}fe",
            "caf\u{e9}",
            "x\u{202e}",
            "a:b",
            "a\n",
            "~",
            "*",
            "$x",
            "ｘ",
        ];
        for name in characters {
            assert!(matches!(Name::new(name), Err(NameError::Character { .. })), "{name:?}");
        }
        for name in [".", "..", "...", ".git", "a.", "model.onnx."] {
            assert!(matches!(Name::new(name), Err(NameError::Dot { .. })), "{name:?}");
        }
        for name in ["con", "nul", "con.json", "aux.tar.gz", "com1", "lpt9.txt", "com0"] {
            assert!(matches!(Name::new(name), Err(NameError::Device { .. })), "{name:?}");
        }
        for name in [String::new(), "x".repeat(65), "x".repeat(10_000)] {
            let error = Name::new(&name).unwrap_err();
            assert!(matches!(error, NameError::Length { .. }));
            assert!(error.to_string().len() < 200, "the error must not repeat the whole name");
        }
    }

    #[test]
    fn paths_are_ordered_as_their_text() {
        let path = |folder: Option<&str>, name: &str| EntryPath {
            folder: folder.map(|folder| Name::new(folder).unwrap()),
            name: Name::new(name).unwrap(),
        };
        // `-` (2D) stands before `/` (2F), which a comparison by folder, then name, would miss.
        assert!(path(Some("cpu-x"), "z") < path(Some("cpu"), "a"));
        assert!(path(Some("cpu"), "z") < path(None, "cpu0"));
    }
}
