//! What the end-to-end tests share: the repository's checkpoints, quantised into temporary folders, and the command.
// Each test program takes its part.
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use serde_json::Value;
use wheelwork_quantize::recipe::BALANCED;
use wheelwork_quantize::{Options, Recipe, quantize};

/// A folder of the repository's test data.
pub(crate) fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata").join(name)
}

/// A package that lives as long as the value.
pub(crate) struct TemporaryPackage {
    folder: tempfile::TempDir,
}

impl TemporaryPackage {
    /// Quantises a checkpoint of the test data.
    pub(crate) fn of(checkpoint: &str, recipe: Recipe) -> Self {
        Self::of_folder(&testdata(checkpoint), recipe)
    }

    /// Quantises a checkpoint.
    pub(crate) fn of_folder(checkpoint: &Path, recipe: Recipe) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { recipe, ..Options::default() };
        quantize(checkpoint, &folder.path().join("model.ortpackage"), &options, &()).unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("model.ortpackage")
    }

    /// Keeps the package until the process ends; the system's temporary folder is cleared by the system.
    pub(crate) fn keep(self) -> PathBuf {
        self.folder.keep().join("model.ortpackage")
    }
}

/// One balanced package of the shipped model for all tests of a program that leave it as it is.
pub(crate) fn tiny_r1() -> &'static str {
    static PACKAGE: LazyLock<PathBuf> = LazyLock::new(|| TemporaryPackage::of("tiny-r1", BALANCED).keep());
    PACKAGE.to_str().unwrap()
}

/// The command with these arguments, which have no spaces in them.
pub(crate) fn wheelwork(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wheelwork"));
    command.args(arguments.split_whitespace());
    command
}

/// What a command gives that succeeds, or whose answer the test's limit of tokens has cut: `generate` exits with 3 then.
pub(crate) fn success(command: &mut Command) -> Output {
    ended(command, &[0, 3])
}

/// What a command gives that ends with one of these exit codes.
pub(crate) fn ended(command: &mut Command, codes: &[i32]) -> Output {
    let output = command.output().unwrap();
    let is_right = output.status.code().is_some_and(|code| codes.contains(&code));
    assert!(is_right, "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// What a command prints that succeeds.
pub(crate) fn stdout(command: &mut Command) -> String {
    String::from_utf8(success(command).stdout).unwrap()
}

/// What a command prints that succeeds and prints lines of JSON, and nothing else.
pub(crate) fn json_lines(command: &mut Command) -> Vec<Value> {
    lines_of(&success(command))
}

/// Its lines of JSON.
pub(crate) fn lines_of(output: &Output) -> Vec<Value> {
    let text = str::from_utf8(&output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The last of its lines of JSON.
pub(crate) fn json(command: &mut Command) -> Value {
    json_lines(command).pop().unwrap()
}

/// The error object of a command that fails and prints nothing else.
pub(crate) fn failure(command: &mut Command) -> Value {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    error_of(&output)
}

/// The error object on stderr.
pub(crate) fn error_of(output: &Output) -> Value {
    let line = output.stderr.split(|&byte| byte == b'\n').rfind(|line| line.starts_with(b"{"));
    let line = line.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    serde_json::from_slice::<Value>(line).unwrap()["error"].take()
}

/// The text of all events of one kind.
pub(crate) fn text(events: &[Value], kind: &str) -> String {
    events.iter().filter(|event| event["event"] == kind).filter_map(|event| event["text"].as_str()).collect()
}

/// Changes a bit in the middle of a file.
pub(crate) fn flip_bit(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

/// The only folder in a folder.
pub(crate) fn only_folder(folder: &Path) -> PathBuf {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let folders: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    let [only] = &folders[..] else { panic!("{folders:?}") };
    only.clone()
}

/// Copies a folder with all that is below it.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &to);
        } else {
            std::fs::copy(&path, to).unwrap();
        }
    }
}

/// Of two rows of logits.
pub(crate) fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// Root mean square of the difference, relative to that of the expected logits.
pub(crate) fn relative_rms(found: &[f32], expected: &[f32]) -> f64 {
    let squares =
        |values: &mut dyn Iterator<Item = f32>| values.map(|value| f64::from(value).powi(2)).sum::<f64>();
    let difference = squares(&mut found.iter().zip(expected).map(|(a, b)| a - b));
    (difference / squares(&mut expected.iter().copied())).sqrt()
}
