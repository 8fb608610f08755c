//! What an app sees of the Kotlin classes, by the dump of their binary API.

use std::collections::BTreeSet;

/// What a path may be called: a constant of an enum is in capitals.
pub(crate) fn spellings(path: &str) -> Vec<String> {
    let constant = path.rsplit_once('.').map(|(owner, name)| format!("{owner}.{}", capitals(name)));
    std::iter::once(path.to_owned()).chain(constant).collect()
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
pub(crate) fn offered(dump: &str) -> BTreeSet<String> {
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

    #[test]
    fn types_members_and_constants_are_read() {
        let offered = offered(DUMP);
        for name in ["Chat.ask", "Chat.setConditions", "Event.Ended.elapsed", "Role.SYSTEM"] {
            assert!(offered.contains(name), "{name} of {offered:?}");
        }
        assert!(offered.contains(&spellings("Role.System")[1]));
        assert_eq!(capitals("ContextFull"), "CONTEXT_FULL");
    }

    #[test]
    fn what_stands_in_a_companion_is_called_on_its_class() {
        assert!(offered(DUMP).contains("Engine.open"));
    }
}
