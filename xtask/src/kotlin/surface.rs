//! The golden listing of what Kotlin sees, `uniffi/api/kotlin.txt`: every name with its signature, so that a change of
//! the surface is seen in a diff.
//!
//! From the generated file come the lines with names that Rust exports, which the generator puts between backticks, and
//! the heads of types; from our own files those that say `public`.

use std::path::Path;

use crate::report;
use crate::task_error::TaskError;
use crate::workspace::{Workspace, files_in};

/// Writes the listing anew.
const BLESS: &str = "WHEELWORK_BLESS";

/// Compares with the committed listing, or writes it where the variable is set.
pub(super) fn check(workspace: &Workspace, generated: &str, ours: &Path) -> Result<(), TaskError> {
    let golden = workspace.root.join("uniffi").join("api").join("kotlin.txt");
    let mut listing = String::from("# Generated: a line for each name that Rust exports\n\n");
    push(&mut listing, generated_lines(generated));
    for file in files_in(ours, "kt")? {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        listing.push_str(&format!("\n# {name}\n\n"));
        push(&mut listing, public_lines(&fs_err::read_to_string(&file)?));
    }
    if std::env::var_os(BLESS).is_some() {
        fs_err::create_dir_all(golden.parent().unwrap_or(&golden))?;
        fs_err::write(&golden, &listing)?;
        report::note(&format!("{} is written", workspace.relative(&golden)));
        return Ok(());
    }
    let expected = fs_err::read_to_string(&golden).unwrap_or_default();
    let first = difference(&expected, &listing);
    first.map_or(Ok(()), |(expected, found)| {
        Err(TaskError::new(format!(
            "what Kotlin sees has changed: uniffi/api/kotlin.txt has `{expected}`, the library `{found}`"
        ))
        .remedy(format!("where that is meant, run `{BLESS}=1 cargo xtask kotlin` and commit the file")))
    })
}

fn push(listing: &mut String, lines: Vec<String>) {
    for line in lines {
        listing.push_str(&line);
        listing.push('\n');
    }
}

/// Declarations of a generated file. What the generator needs for itself has names without backticks, and what an object
/// overrides stands in its interface.
fn generated_lines(source: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut in_enum = false;
    for line in source.lines() {
        let is_top = !line.starts_with(' ');
        let code = line.trim().trim_end_matches('{').trim_end();
        if is_top && !code.is_empty() {
            in_enum = code.starts_with("enum class ");
        }
        let found = head(code).or_else(|| name(code)).or_else(|| constant(code).filter(|_| in_enum));
        if let Some(found) = found {
            lines.push(format!("{}{found}", if is_top { "" } else { "    " }));
        }
    }
    lines
}

/// Where a type begins that Rust exports.
fn head(code: &str) -> Option<&str> {
    let begins = ["public interface ", "data class ", "sealed class ", "enum class ", "class Failed("]
        .iter()
        .any(|head| code.starts_with(head));
    let is_internal = ["Uniffi", "FfiConverter"].iter().any(|word| code.contains(word));
    (begins && !is_internal).then_some(code)
}

/// A function or field that Rust exports.
fn name(code: &str) -> Option<&str> {
    if code.contains("override ") || code.contains("FfiConverter") {
        return None;
    }
    if ["val `", "var `"].iter().any(|start| code.starts_with(start)) {
        return Some(code);
    }
    ["suspend fun `", "fun `"].iter().find_map(|start| code.find(start)).and_then(|start| code.get(start..))
}

/// A variant of an enum without fields.
fn constant(code: &str) -> Option<&str> {
    let name = code.strip_suffix([',', ';'])?;
    (!name.is_empty() && name.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_'))
        .then_some(code)
}

/// Declarations of a file of ours, up to where their body begins.
fn public_lines(source: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut open = false;
    for line in source.lines() {
        let code = line.trim();
        if open || code.starts_with("public ") || code.starts_with("override ") {
            // A list of parameters over several lines belongs to its declaration.
            let closes = code.contains(')');
            open = if open { !closes } else { code.contains('(') && !closes };
            let head = code.split(" = ").next().filter(|_| !open && !code.ends_with(',')).unwrap_or(code);
            let indent = line.len() - line.trim_start().len();
            lines.push(format!("{}{}", " ".repeat(indent), head.trim_end_matches('{').trim_end()));
        }
    }
    lines
}

/// The first line that differs.
fn difference<'t>(expected: &'t str, found: &'t str) -> Option<(&'t str, &'t str)> {
    let (mut expected, mut found) = (expected.lines(), found.lines());
    loop {
        match (expected.next(), found.next()) {
            (None, None) => return None,
            (left, right) if left == right => {}
            (left, right) => return Some((left.unwrap_or("nothing"), right.unwrap_or("nothing"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_rust_exports_are_listed_and_the_generators_own_are_not() {
        let source = "
internal class UniffiThing
public interface ChatInterface {
    suspend fun `ask`(`text`: kotlin.String): Turn
}
open class Chat: Disposable, AutoCloseable, ChatInterface
{
     */override suspend fun `ask`(`text`: kotlin.String): Turn {
    private fun helper() {
    @Throws(FfiException::class) fun `open`(`path`: kotlin.String): Chat {
enum class Role {
    SYSTEM,
    USER;
    companion object
}
data class Message (
    val `text`: kotlin.String
";
        assert_eq!(
            generated_lines(source),
            [
                "public interface ChatInterface",
                "    suspend fun `ask`(`text`: kotlin.String): Turn",
                "    fun `open`(`path`: kotlin.String): Chat",
                "enum class Role",
                "    SYSTEM,",
                "    USER;",
                "data class Message (",
                "    val `text`: kotlin.String",
            ]
        );
    }

    #[test]
    fn public_declarations_are_listed_with_all_their_parameters() {
        let source = "
public class Chat internal constructor(private val handle: Handle) : AutoCloseable {
    public fun ask(
        text: String,
        priority: Priority = Priority.NORMAL,
    ): Flow<Event> = turn { handle.ask(text) }

    internal fun hidden() {}
    override fun close() {
";
        assert_eq!(
            public_lines(source),
            [
                "public class Chat internal constructor(private val handle: Handle) : AutoCloseable",
                "    public fun ask(",
                "        text: String,",
                "        priority: Priority = Priority.NORMAL,",
                "    ): Flow<Event>",
                "    override fun close()",
            ]
        );
    }

    #[test]
    fn the_first_difference_is_told() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(difference("a\nb", "a\nc"), Some(("b", "c")));
        assert_eq!(difference("a", "a\nc"), Some(("nothing", "c")));
    }
}
