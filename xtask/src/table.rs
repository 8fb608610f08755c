//! `uniffi/api/table.md`: what Rust exports beside what Kotlin and Swift offer for it.
//!
//! 1. The Rust side is read from the metadata in the built library, the others from the files of their APIs, which are compared
//!    with what was compiled.
//! 2. A name stands for the same name, unless the language's list of names says another one, or says why there is none.
//! 3. What has no counterpart fails: so a field, an event or a call that is new in Rust can't be forgotten in either.

use std::collections::BTreeSet;

use crate::golden;
use crate::kotlin::{self, offered};
use crate::names::{Counterpart, Names, folder};
use crate::swift::api as swift;
use crate::task_error::TaskError;
use crate::workspace::Workspace;

/// Checks the table for what the library exports.
pub(crate) fn check(workspace: &Workspace, exported: &str) -> Result<(), TaskError> {
    let languages = [
        Language {
            name: "Kotlin",
            offered: offered::offered(&fs_err::read_to_string(kotlin::api(workspace))?),
            spellings: offered::spellings,
            names: Names::of(workspace, "Kotlin")?,
        },
        Language {
            name: "Swift",
            offered: swift::offered(&fs_err::read_to_string(swift::file(workspace))?),
            spellings: swift::spellings,
            names: Names::of(workspace, "Swift")?,
        },
    ];
    golden::check(workspace, &folder(workspace).join("table.md"), &table(exported, &languages)?)
}

/// What a language offers, and how it spells a name.
struct Language {
    name: &'static str,
    offered: BTreeSet<String>,
    /// What a path may be called there.
    spellings: fn(&str) -> Vec<String>,
    names: Names,
}

impl Language {
    /// What stands in the table, or what was looked for.
    fn cell(&self, rust: &str) -> Result<String, String> {
        match self.names.counterpart(rust) {
            Counterpart::Not(why) => Ok(format!("none: {why}")),
            Counterpart::At(path) => {
                let found = (self.spellings)(&path).into_iter().find(|name| self.offered.contains(name));
                found.map(|name| format!("`{name}`")).ok_or(path)
            }
        }
    }
}

fn table(exported: &str, languages: &[Language]) -> Result<String, TaskError> {
    let heads: Vec<_> = languages.iter().map(|language| language.name).collect();
    let mut text = format!(
        "# What Rust exports, and where {} have it\n\n\
         Written by `WHEELWORK_BLESS=1 cargo xtask kotlin`, or `swift`, from the metadata in the library and the files of both \
         APIs, with the names in `*-names.txt`. A row without a counterpart fails.\n\n\
         | Rust | type | {} |\n|---|---|{}\n",
        heads.join(" and "),
        heads.join(" | "),
        "---|".repeat(heads.len())
    );
    let mut lacking = Vec::new();
    for line in exported.lines() {
        let (rust, kind) = line.split_once('\t').unwrap_or((line, ""));
        let cells = languages.iter().filter_map(|language| match language.cell(rust) {
            Ok(cell) => Some(cell),
            Err(path) => {
                lacking.push(format!("{rust} (looked for {path} in {})", language.name));
                None
            }
        });
        let cells = cells.collect::<Vec<_>>().join(" | ");
        let kind = if kind.is_empty() { String::new() } else { format!("`{kind}`") };
        text.push_str(&format!("| `{rust}` | {kind} | {cells} |\n"));
    }
    if lacking.is_empty() {
        return Ok(text);
    }
    Err(TaskError::new(format!("a language lacks what Rust has:\n  {}", lacking.join("\n  "))).remedy(
        "offer it in our layer; where it has another name, or is not for apps, say so in the list of names in uniffi/api",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &str = "
# comment
ChatHandle = Chat
ChatHandle.suspend = Chat.pause
Event.Ended.elapsed_ms = Event.Ended.elapsed
Turn - a flow
";

    fn language(name: &'static str) -> Language {
        let offered = [
            "Chat.ask",
            "Chat.setConditions",
            "Chat.pause",
            "Event.Ended",
            "Event.Ended.elapsed",
            "Role.SYSTEM",
        ];
        Language {
            name,
            offered: offered.map(str::to_owned).into(),
            spellings: |path| vec![path.to_owned(), path.to_uppercase().replace("ROLE", "Role")],
            names: Names::read(NAMES),
        }
    }

    #[test]
    fn names_are_found_by_rule_or_by_list() {
        let exported = "ChatHandle.ask\t(text: string)\nChatHandle.set_conditions\t()\nChatHandle.suspend\t()\nEvent.Ended\t\n\
                        Event.Ended.elapsed_ms\tf64\nRole.System\t\nTurn.next\t()\n";
        let table = table(exported, &[language("A"), language("B")]).unwrap();
        let rows: Vec<_> = table.lines().skip_while(|line| !line.starts_with("|---")).skip(1).collect();
        assert_eq!(
            rows,
            [
                "| `ChatHandle.ask` | `(text: string)` | `Chat.ask` | `Chat.ask` |",
                "| `ChatHandle.set_conditions` | `()` | `Chat.setConditions` | `Chat.setConditions` |",
                "| `ChatHandle.suspend` | `()` | `Chat.pause` | `Chat.pause` |",
                "| `Event.Ended` |  | `Event.Ended` | `Event.Ended` |",
                "| `Event.Ended.elapsed_ms` | `f64` | `Event.Ended.elapsed` | `Event.Ended.elapsed` |",
                "| `Role.System` |  | `Role.SYSTEM` | `Role.SYSTEM` |",
                "| `Turn.next` | `()` | none: a flow | none: a flow |",
            ]
        );
    }

    #[test]
    fn what_a_language_lacks_fails_by_name() {
        for new in ["ChatHandle.new_call\t()", "Event.New\t", "Role.Robot\t", "Event.Ended.new_field\tu32"] {
            let error = table(new, &[language("A")]).unwrap_err().to_string();
            let name = new.split('\t').next().unwrap();
            assert!(error.contains(name) && error.contains(" in A"), "{error}");
        }
    }
}
