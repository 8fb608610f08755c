//! The generated Kotlin: written from the metadata in the library, then hidden from everybody but our own layer.
//!
//! UniFFI has no setting for the visibility of what it writes, so each declaration outside of a class becomes `internal`.
//! That nothing is left over is seen in the binary API: the generated classes have none.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command;
use crate::task_error::TaskError;
use crate::workspace::Workspace;

/// What a declaration may begin with.
const DECLARATIONS: [&str; 17] = [
    "fun ",
    "fun<",
    "inline fun",
    "suspend fun",
    "class ",
    "open class ",
    "data class ",
    "sealed class ",
    "sealed interface ",
    "enum class ",
    "abstract class ",
    "object ",
    "data object ",
    "interface ",
    "typealias ",
    "val ",
    "const val ",
];

/// Writes a library's bindings for a language below a folder.
fn write(workspace: &Workspace, library: &Path, language: &str, folder: &Path) -> Result<(), TaskError> {
    let mut bindgen = generator(workspace);
    bindgen.arg("generate").arg(library).args(["--no-format", "--language", language, "--out-dir"]);
    command::run(bindgen.arg(folder))
}

/// Writes the Kotlin of the library in a folder below it; the Kotlin file.
pub(super) fn generate(workspace: &Workspace, folder: &Path) -> Result<PathBuf, TaskError> {
    let built = folder.join(library_name());
    write(workspace, &built, "kotlin", folder)?;
    let file = folder.join("dev").join("wheelwork").join("ffi").join("wheelwork.kt");
    fs_err::write(&file, hidden(&fs_err::read_to_string(&file)?))?;
    Ok(file)
}

/// Puts another library of UniFFI's beside ours in a folder, and its Kotlin below the folder; returns the Kotlin file.
pub(super) fn neighbour(workspace: &Workspace, folder: &Path) -> Result<PathBuf, TaskError> {
    let name = format!("{}neighbour{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let built = folder.join(&name);
    fs_err::copy(workspace.target.join("debug").join(&name), &built)?;
    write(workspace, &built, "kotlin", folder)?;
    Ok(folder.join("uniffi").join("neighbour").join("neighbour.kt"))
}

/// What is generated for Swift.
pub(crate) struct SwiftFiles {
    pub(crate) header: PathBuf,
    pub(crate) module_map: PathBuf,
    pub(crate) swift: PathBuf,
}

/// Writes the Swift of the library in `library` into a folder. It is a module of its own, so nothing in it has to be hidden.
pub(crate) fn swift(workspace: &Workspace, library: &Path, folder: &Path) -> Result<SwiftFiles, TaskError> {
    swift_of(workspace, &library.join(library_name()), folder)
}

/// As [`swift`], of a library's file, static or shared, for whatever system.
pub(crate) fn swift_of(
    workspace: &Workspace,
    library: &Path,
    folder: &Path,
) -> Result<SwiftFiles, TaskError> {
    write(workspace, library, "swift", folder)?;
    let file = |name: &str| folder.join(name);
    let (header, module_map) = (file("CWheelwork.h"), file("CWheelwork.modulemap"));
    Ok(SwiftFiles { header, module_map, swift: file("WheelworkFFI.swift") })
}

/// Puts the library of a profile (`debug`, `release`) into a folder of its own; the folder.
pub(crate) fn library(workspace: &Workspace, profile: &str, folder: &Path) -> Result<PathBuf, TaskError> {
    fs_err::create_dir_all(folder)?;
    fs_err::copy(workspace.target.join(profile).join(library_name()), folder.join(library_name()))?;
    Ok(folder.to_owned())
}

/// What the library exports, a line an item; see `uniffi/bindgen/src/names.rs`.
pub(crate) fn exported(workspace: &Workspace, folder: &Path) -> Result<String, TaskError> {
    command::capture(generator(workspace).arg("names").arg(folder.join(library_name())))
}

fn generator(workspace: &Workspace) -> Command {
    let mut command = Command::new(workspace.program("debug", "wheelwork-uniffi-bindgen"));
    // Where cargo finds the crate's uniffi.toml.
    command.current_dir(&workspace.root);
    command
}

fn library_name() -> String {
    format!("{}wheelwork_uniffi{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX)
}

/// The same with every declaration outside of a class `internal`.
fn hidden(source: &str) -> String {
    let mut text = String::with_capacity(source.len() + source.len() / 32);
    let mut depth = 0_usize;
    for line in source.lines() {
        let start = line.len() - line.trim_start().len();
        let start = start + if line[start..].starts_with("*/") { 2 } else { 0 };
        let (before, code) = line.split_at(start);
        let is_comment = ["//", "/*", "*"].iter().any(|sign| code.trim_start().starts_with(sign));
        text.push_str(before);
        text.push_str(&if depth == 0 && !is_comment { internal(code) } else { code.to_owned() });
        text.push('\n');
        if !is_comment {
            let count = |signs: [char; 2]| code.matches(signs).count();
            depth = (depth + count(['{', '('])).saturating_sub(count(['}', ')']));
        }
    }
    text
}

/// A line that stands outside of everything.
fn internal(line: &str) -> String {
    // An annotation may stand before the declaration.
    let declared = line.find(") ").filter(|_| line.starts_with('@')).map_or(0, |end| end + 2);
    let (before, code) = line.split_at(declared);
    let code = code.trim_start();
    let code = code.strip_prefix("public ").unwrap_or(code);
    if DECLARATIONS.iter().any(|start| code.starts_with(start)) {
        format!("{before}internal {code}")
    } else {
        line.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_outside_of_classes_is_hidden_and_nothing_else_is_touched() {
        let source = "
/**
 * A thing {
 */
public interface ChatInterface {
    fun `ask`()
}
open class Chat: ChatInterface
{
    /**
     * Asks.
     */override fun `ask`() {
external fun raw()
    }
}
data class Message (
    val `text`: String
) {
    companion object
}
internal object Known
private class Other
@Throws(FfiException::class)
 fun `devices`(): List<Chat> {
}
@Throws(FfiException::class) fun `one`() = 1
enum class Role {
    USER;
}
";
        let expected = "
/**
 * A thing {
 */
internal interface ChatInterface {
    fun `ask`()
}
internal open class Chat: ChatInterface
{
    /**
     * Asks.
     */override fun `ask`() {
external fun raw()
    }
}
internal data class Message (
    val `text`: String
) {
    companion object
}
internal object Known
private class Other
@Throws(FfiException::class)
 internal fun `devices`(): List<Chat> {
}
@Throws(FfiException::class) internal fun `one`() = 1
internal enum class Role {
    USER;
}
";
        assert_eq!(hidden(source), expected);
    }
}
