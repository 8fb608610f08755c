//! `uniffi/api/table.md`: what Rust exports beside what Kotlin offers for it.
//!
//! 1. The Rust side is read from the metadata in the built library, the Kotlin side from the dump of its binary API.
//! 2. A name stands for the same name, unless `uniffi/api/names.txt` says another one, or says why there is none.
//! 3. What has no counterpart fails: so a field, an event or a call that is new in Rust can't be forgotten in Kotlin.

use std::collections::{BTreeMap, BTreeSet};

use crate::golden;
use crate::task_error::TaskError;
use crate::workspace::Workspace;

/// Checks `table.md` for what the library exports and the dump offers.
pub(super) fn check(
    workspace: &Workspace,
    exported: &str,
    dump: &str,
    names: &Names,
) -> Result<(), TaskError> {
    let file = workspace.root.join("uniffi").join("api").join("table.md");
    golden::check(workspace, &file, &table(exported, &offered(dump), names)?)
}

/// What names become in Kotlin.
pub(super) struct Names(BTreeMap<String, String>);

/// Where something of Rust's is in Kotlin.
enum Counterpart {
    At(String),
    /// Nowhere, because of this.
    Not(String),
}

impl Names {
    /// Lines `Rust.path = Kotlin.path` and `Rust.path - why not`; `#` begins a comment.
    pub(super) fn read(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let pairs = lines.filter_map(|line| {
            line.split_once(" = ")
                .map(|(rust, kotlin)| (rust.trim().to_owned(), kotlin.trim().to_owned()))
                .or_else(|| {
                    line.split_once(" - ")
                        .map(|(rust, why)| (rust.trim().to_owned(), format!("- {}", why.trim())))
                })
        });
        Self(pairs.collect())
    }

    /// Whether something is for our own layer only.
    pub(super) fn leaves_out(&self, rust: &str) -> bool {
        matches!(self.counterpart(rust), Counterpart::Not(_))
    }

    /// The longest path that is listed counts; what follows it keeps its name, in Kotlin's manner.
    fn counterpart(&self, rust: &str) -> Counterpart {
        let parts: Vec<_> = rust.split('.').collect();
        for length in (1..=parts.len()).rev() {
            let (known, rest) = parts.split_at(length);
            let Some(kotlin) = self.0.get(&known.join(".")) else { continue };
            if let Some(why) = kotlin.strip_prefix("- ") {
                return Counterpart::Not(why.to_owned());
            }
            let rest = rest.iter().map(|part| kotlin_name(part));
            return Counterpart::At(
                std::iter::once(kotlin.clone()).chain(rest).collect::<Vec<_>>().join("."),
            );
        }
        Counterpart::At(parts.iter().map(|part| kotlin_name(part)).collect::<Vec<_>>().join("."))
    }
}

/// A field or call in `snake_case` as Kotlin writes it; types and variants stay.
pub(crate) fn kotlin_name(rust: &str) -> String {
    let mut words = rust.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (head, tail) = word.split_at(word.len().min(1));
        name + &head.to_uppercase() + tail
    })
}

fn table(exported: &str, offered: &BTreeSet<String>, names: &Names) -> Result<String, TaskError> {
    let mut text = String::from(
        "# What Rust exports, and where Kotlin has it\n\n\
         Written by `WHEELWORK_BLESS=1 cargo xtask kotlin` from the metadata in the library and the binary API of the Kotlin \
         classes, with the names in `names.txt`. A row without a counterpart fails.\n\n\
         | Rust | type | Kotlin |\n|---|---|---|\n",
    );
    let mut lacking = Vec::new();
    for line in exported.lines() {
        let (rust, kind) = line.split_once('\t').unwrap_or((line, ""));
        let kotlin = match names.counterpart(rust) {
            Counterpart::Not(why) => format!("none: {why}"),
            Counterpart::At(kotlin) => match find(offered, &kotlin) {
                Some(kotlin) => format!("`{kotlin}`"),
                None => {
                    lacking.push(format!("{rust} (looked for {kotlin})"));
                    continue;
                }
            },
        };
        let kind = if kind.is_empty() { String::new() } else { format!("`{kind}`") };
        text.push_str(&format!("| `{rust}` | {kind} | {kotlin} |\n"));
    }
    if lacking.is_empty() {
        return Ok(text);
    }
    Err(TaskError::new(format!("Kotlin lacks what Rust has:\n  {}", lacking.join("\n  "))).remedy(
        "offer it in android/wheelwork; where it has another name, or is not for apps, say so in uniffi/api/names.txt",
    ))
}

/// The name as it is offered: a constant of an enum is in capitals.
fn find(offered: &BTreeSet<String>, kotlin: &str) -> Option<String> {
    let constant = || {
        let (owner, name) = kotlin.rsplit_once('.')?;
        Some(format!("{owner}.{}", capitals(name)))
    };
    [Some(kotlin.to_owned()), constant()].into_iter().flatten().find(|name| offered.contains(name))
}

/// `ContextFull` as `CONTEXT_FULL`.
fn capitals(name: &str) -> String {
    let mut text = String::new();
    for (at, letter) in name.char_indices() {
        if at > 0 && letter.is_uppercase() {
            text.push('_');
        }
        text.extend(letter.to_uppercase());
    }
    text
}

/// Types, members and constants of a dump, as `Event.Started.placement`.
fn offered(dump: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut owner = String::new();
    for line in dump.lines() {
        if let Some(path) = class_name(line) {
            owner = path;
            names.insert(owner.clone());
        } else if let Some(name) = member_name(line) {
            // What stands in a companion is called on its class.
            let owner = owner.strip_suffix(".Companion").unwrap_or(&owner);
            // What stands in no class is called on nothing.
            let before = if owner.ends_with("Kt") { String::new() } else { format!("{owner}.") };
            names.extend(property(&name).map(|property| format!("{before}{property}")));
            names.insert(format!("{before}{name}"));
        }
    }
    names
}

/// `dev/wheelwork/Event$Started` in the head of a class, as `Event.Started`.
fn class_name(line: &str) -> Option<String> {
    if line.starts_with(['\t', ' ', '}']) {
        return None;
    }
    let word = line.split([' ', ':']).find(|word| word.contains('/'))?;
    Some(word.rsplit('/').next()?.replace('$', "."))
}

/// The name of a function or constant.
fn member_name(line: &str) -> Option<String> {
    let line = line.trim();
    if let Some((_, field)) = line.split_once(" field ") {
        return field.split(' ').next().map(str::to_owned);
    }
    let (_, function) = line.split_once(" fun ")?;
    let name = function.split([' ', '(']).next()?;
    // Types such as Duration put a hash behind.
    name.split('-').next().map(str::to_owned)
}

/// The property that a function of that name reads or writes.
fn property(function: &str) -> Option<String> {
    let rest = function.strip_prefix("get").or_else(|| function.strip_prefix("set"))?;
    let (head, tail) = rest.split_at_checked(1).filter(|(head, _)| head.chars().all(char::is_uppercase))?;
    Some(head.to_lowercase() + tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUMP: &str = "
public final class dev/wheelwork/Chat : java/lang/AutoCloseable {
\tpublic final fun ask (Ljava/lang/String;)V
\tpublic final fun pause ()V
\tpublic final fun setConditions ()V
}

public final class dev/wheelwork/Event$Ended : dev/wheelwork/Event {
\tpublic final fun getElapsed-UwyO8pQ ()J
}

public final class dev/wheelwork/Role : java/lang/Enum {
\tpublic static final field SYSTEM Ldev/wheelwork/Role;
}

public final class dev/wheelwork/Engine$Companion {
\tpublic final fun open (I)V
}
";

    const NAMES: &str = "
# comment
ChatHandle = Chat
ChatHandle.suspend = Chat.pause
Event.Ended.elapsed_ms = Event.Ended.elapsed
Turn - a flow
";

    #[test]
    fn names_are_found_by_rule_or_by_list() {
        let exported = "ChatHandle.ask\t(text: string)\nChatHandle.set_conditions\t()\nChatHandle.suspend\t()\nEvent.Ended\t\n\
                        Event.Ended.elapsed_ms\tf64\nRole.System\t\nTurn.next\t()\n";
        let table = table(exported, &offered(DUMP), &Names::read(NAMES)).unwrap();
        let rows: Vec<_> = table.lines().skip_while(|line| *line != "|---|---|---|").skip(1).collect();
        assert_eq!(
            rows,
            [
                "| `ChatHandle.ask` | `(text: string)` | `Chat.ask` |",
                "| `ChatHandle.set_conditions` | `()` | `Chat.setConditions` |",
                "| `ChatHandle.suspend` | `()` | `Chat.pause` |",
                "| `Event.Ended` |  | `Event.Ended` |",
                "| `Event.Ended.elapsed_ms` | `f64` | `Event.Ended.elapsed` |",
                "| `Role.System` |  | `Role.SYSTEM` |",
                "| `Turn.next` | `()` | none: a flow |",
            ]
        );
    }

    #[test]
    fn what_kotlin_lacks_fails_by_name() {
        for new in ["ChatHandle.new_call\t()", "Event.New\t", "Role.Robot\t", "Event.Ended.new_field\tu32"] {
            let error = table(new, &offered(DUMP), &Names::read(NAMES)).unwrap_err().to_string();
            let name = new.split('\t').next().unwrap();
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn what_stands_in_a_companion_is_called_on_its_class() {
        assert!(offered(DUMP).contains("Engine.open"));
    }
}
