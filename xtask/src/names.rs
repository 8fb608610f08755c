//! What Rust's names become in Kotlin and in Swift.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::task_error::TaskError;
use crate::workspace::Workspace;

/// Where the lists stand, and the table that is made with them.
pub(crate) fn folder(workspace: &Workspace) -> PathBuf {
    workspace.root.join("uniffi").join("api")
}

/// What Rust's names become in a language.
pub(crate) struct Names(BTreeMap<String, String>);

/// Where something of Rust's is in a language.
pub(crate) enum Counterpart {
    At(String),
    /// Nowhere, because of this.
    Not(String),
}

impl Names {
    /// The list of a language beside the table.
    pub(crate) fn of(workspace: &Workspace, language: &str) -> Result<Self, TaskError> {
        let file = format!("{}-names.txt", language.to_lowercase());
        Ok(Self::read(&fs_err::read_to_string(folder(workspace).join(file))?))
    }

    /// Lines `Rust.path = Its.path` and `Rust.path - why not`; `#` begins a comment.
    pub(crate) fn read(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let pairs = lines.filter_map(|line| {
            line.split_once(" = ").map(|(rust, its)| (rust.trim().to_owned(), its.trim().to_owned())).or_else(
                || {
                    line.split_once(" - ")
                        .map(|(rust, why)| (rust.trim().to_owned(), format!("- {}", why.trim())))
                },
            )
        });
        Self(pairs.collect())
    }

    /// Whether something is for our own layer only.
    pub(crate) fn leaves_out(&self, rust: &str) -> bool {
        matches!(self.counterpart(rust), Counterpart::Not(_))
    }

    /// The longest path that is listed counts; what follows it keeps its name, as both languages write it.
    pub(crate) fn counterpart(&self, rust: &str) -> Counterpart {
        let parts: Vec<_> = rust.split('.').collect();
        for length in (1..=parts.len()).rev() {
            let (known, rest) = parts.split_at(length);
            let Some(its) = self.0.get(&known.join(".")) else { continue };
            if let Some(why) = its.strip_prefix("- ") {
                return Counterpart::Not(why.to_owned());
            }
            let rest = rest.iter().map(|part| camel_case(part));
            return Counterpart::At(std::iter::once(its.clone()).chain(rest).collect::<Vec<_>>().join("."));
        }
        Counterpart::At(parts.iter().map(|part| camel_case(part)).collect::<Vec<_>>().join("."))
    }
}

/// A field or call in `snake_case` as Kotlin and Swift write it; types and variants stay.
pub(crate) fn camel_case(rust: &str) -> String {
    let mut words = rust.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (head, tail) = word.split_at(word.len().min(1));
        name + &head.to_uppercase() + tail
    })
}
