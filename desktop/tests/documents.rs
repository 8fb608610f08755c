//! Documents are tests: every fenced command of the README and the guides runs, and prints what the document says; so do the
//! examples of `--help`.
//!
//! - A block `sh` is a script that succeeds.
//! - A block `console` has commands behind `$ ` and what they print. A line `...` stands for any lines; times and rates are
//!   not compared. `exit=3` behind the language is the exit code of its last command.
//! - `needs="..."` says what a block takes that is not here; it is listed and not run.
//!
//! A real distil is not here: its folder's name stands for the shipped checkpoint.
#![cfg(unix)]
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod common;

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use common::{TemporaryPackage, testdata};
use regex::Regex;
use wheelwork_quantize::recipe::FAST;

/// Commands of `--help` that take more than this machine, by what they hold.
const NEEDS_MORE: &[(&str, &str)] = &[
    ("https://", "a server"),
    ("/media/", "a stick with a package"),
    ("--baseline f32.ortpackage", "minutes: problems are answered twice"),
];

/// What begins a conversation, which takes a terminal: `screens.rs` has one.
const CONVERSATIONS: [&str; 2] = ["wheelwork chat", "wheelwork chat --model r1.ortpackage"];

/// A folder in which a reader follows a document.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        symlink(testdata(""), at("testdata")).unwrap();
        for name in ["DeepSeek-R1-Distill-Qwen-1.5B", "CHECKPOINT"] {
            symlink(testdata("tiny-r1"), at(name)).unwrap();
        }
        std::fs::create_dir(at("models")).unwrap();
        let desk = Self(folder);
        // The shipped model was made before, so that the documents need not tell of it.
        let made = shipped();
        desk.sh(&format!("cp -R '{}' models/", made.display()));
        desk
    }

    fn command(&self, program: &str) -> Command {
        let at = |name: &str| self.0.path().join(name);
        let program_folder = Path::new(env!("CARGO_BIN_EXE_wheelwork")).parent().unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(program);
        command.current_dir(self.0.path()).stdin(std::process::Stdio::null());
        command.env("PATH", format!("{}:{path}", program_folder.display()));
        command.env("WHEELWORK_MODELS_DIR", at("models"));
        command.env("XDG_DATA_HOME", at("data")).env("XDG_CACHE_HOME", at("cache"));
        command.env_remove("COLUMNS");
        command
    }

    /// Runs a script; what it writes to either stream, in its order.
    fn run(&self, script: &str) -> Output {
        self.command("sh").args(["-eu", "-c", &format!("exec 2>&1\n{script}")]).output().unwrap()
    }

    fn sh(&self, script: &str) {
        let output = self.run(script);
        assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stdout));
    }
}

/// The shipped model, made once.
fn shipped() -> PathBuf {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let models = tempfile::tempdir().unwrap().keep();
        let output = Command::new(env!("CARGO_BIN_EXE_wheelwork"))
            .args(["inspect", "tiny-r1"])
            .env("WHEELWORK_MODELS_DIR", &models)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let made = std::fs::read_dir(models).unwrap().next().unwrap().unwrap();
        made.path()
    })
    .clone()
}

/// A fenced block of a document.
struct Block {
    /// The line of its fence.
    line: usize,
    language: String,
    /// What stands behind the language.
    marks: String,
    text: String,
}

fn blocks(document: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut is_open = false;
    for (index, line) in document.lines().enumerate() {
        if let Some(info) = line.strip_prefix("```") {
            is_open = !is_open;
            if is_open {
                let (language, marks) = info.split_once(' ').unwrap_or((info, ""));
                let (language, marks) = (language.to_owned(), marks.to_owned());
                found.push(Block { line: index + 1, language, marks, text: String::new() });
            }
        } else if is_open {
            let text = &mut found.last_mut().unwrap().text;
            text.push_str(line);
            text.push('\n');
        }
    }
    found
}

/// Follows a document as a reader does, from its first command to its last.
fn follow(document: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(document);
    let text = std::fs::read_to_string(&path).unwrap();
    let desk = Desk::new();
    let mut ran = 0;
    for block in blocks(&text) {
        let place = format!("{document}:{}", block.line);
        if block.marks.contains("needs=") {
            println!("NOT RUN: {place} {}", block.marks);
            continue;
        }
        match block.language.as_str() {
            "sh" => {
                let output = desk.run(&block.text);
                assert!(output.status.success(), "{place}\n{}", String::from_utf8_lossy(&output.stdout));
                shellcheck(&place, &block.text);
            }
            "console" => desk.compare(&place, &block),
            "rust" => continue,
            "" | "text" => continue,
            other => panic!("{place}: nobody runs a block of `{other}`"),
        }
        ran += 1;
    }
    assert!(ran > 0, "{document} has no command that runs");
}

impl Desk {
    fn compare(&self, place: &str, block: &Block) {
        let code = block.marks.strip_prefix("exit=").map_or(0, |code| code.parse().unwrap());
        let mut commands: Vec<(&str, Vec<&str>)> = Vec::new();
        for line in block.text.lines() {
            match line.strip_prefix("$ ") {
                Some(command) => commands.push((command, Vec::new())),
                None => commands.last_mut().unwrap().1.push(line),
            }
        }
        let count = commands.len();
        for (index, (command, expected)) in commands.into_iter().enumerate() {
            let output = self.run(command);
            let text = String::from_utf8(output.stdout).unwrap();
            let wanted = if index + 1 == count { code } else { 0 };
            assert_eq!(output.status.code(), Some(wanted), "{place}: {command}\n{text}");
            let (found, expected) = (steady(&text), steady(&expected.join("\n")));
            assert!(
                matches(&expected.lines().collect::<Vec<_>>(), &found.lines().collect::<Vec<_>>()),
                "{place}: {command}\nthe document says\n{expected}\nand it says\n{text}"
            );
        }
    }
}

/// Without figures that differ from run to run and from machine to machine.
fn steady(text: &str) -> String {
    let figure = Regex::new(r"[0-9]+(\.[0-9]+)? (tokens/s|s\b|ms\b|threads?\b)").unwrap();
    figure.replace_all(text.trim_end(), "# $2").into_owned()
}

/// Line by line; `...` stands for any lines.
fn matches(expected: &[&str], found: &[&str]) -> bool {
    match (expected.split_first(), found.split_first()) {
        (Some((&"...", rest)), _) => (0..=found.len()).any(|skipped| matches(rest, &found[skipped..])),
        (Some((line, expected)), Some((other, found))) => {
            line.trim_end() == other.trim_end() && matches(expected, found)
        }
        (None, None) => true,
        _ => false,
    }
}

/// Has ShellCheck read a snippet: the one that `cargo xtask test` names, else one that is installed.
fn shellcheck(place: &str, script: &str) {
    let file = tempfile::Builder::new().suffix(".sh").tempfile().unwrap();
    std::fs::write(file.path(), script).unwrap();
    let program = std::env::var("WHEELWORK_SHELLCHECK").unwrap_or_else(|_| "shellcheck".to_owned());
    match Command::new(program).args(["--shell=sh", "--severity=warning"]).arg(file.path()).output() {
        Ok(output) => {
            assert!(output.status.success(), "{place}\n{}", String::from_utf8_lossy(&output.stdout));
        }
        Err(_) => println!("SKIPPED: shellcheck is not installed, so {place} was not read by it"),
    }
}

#[test]
fn the_readme_does_what_it_says() {
    follow("README.md");
}

#[test]
fn the_readme_is_short() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md")).unwrap();
    let words = text.split_whitespace().count();
    assert!(words <= 600, "{words} words");
}

#[test]
fn the_guide_to_chat_does_what_it_says() {
    follow("docs/guides/chat.md");
}

#[test]
fn the_guide_to_scripts_does_what_it_says() {
    follow("docs/guides/scripts.md");
}

#[test]
fn the_guide_to_own_models_does_what_it_says() {
    follow("docs/guides/own-model.md");
}

#[test]
fn the_guide_to_packages_does_what_it_says() {
    follow("docs/guides/packages.md");
}

#[test]
fn the_guide_to_devices_does_what_it_says() {
    follow("docs/guides/devices.md");
}

#[test]
fn the_guide_to_rust_shows_the_example_that_is_built() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let guide = std::fs::read_to_string(root.join("docs/guides/rust.md")).unwrap();
    let example = std::fs::read_to_string(root.join("core/examples/ask.rs")).unwrap();
    let shown = blocks(&guide).into_iter().find(|block| block.language == "rust").unwrap();
    assert!(example.ends_with(&shown.text), "core/examples/ask.rs differs from what the guide shows");
}

#[test]
fn every_guide_is_followed() {
    let guides = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guides");
    let here =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/documents.rs")).unwrap();
    for guide in std::fs::read_dir(guides).unwrap() {
        let name = guide.unwrap().file_name().into_string().unwrap();
        assert!(here.contains(&format!("docs/guides/{name}")), "{name}");
    }
}

#[test]
fn the_examples_of_help_run() {
    let desk = Desk::new();
    let package = TemporaryPackage::of("tiny-r1", FAST);
    symlink(package.path(), desk.0.path().join("r1.ortpackage")).unwrap();
    std::fs::write(desk.0.path().join("book.txt"), "12 + 30 = ?\n".repeat(400)).unwrap();
    desk.sh("wheelwork key my");
    let help = |name: &str| {
        let output =
            desk.command("wheelwork").args([name, "--help"].iter().filter(|word| !word.is_empty())).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    let mut ran = Vec::new();
    for name in ["", "chat", "generate", "key", "pack", "verify", "install", "repair", "evaluate"] {
        // Each command's examples begin with what they name: a signed package, and an installed model of it.
        desk.sh("rm -f acme.* r1.wwpkg; wheelwork key acme
            wheelwork pack r1.ortpackage --name r1 --out r1.wwpkg --key acme.key.pem
            wheelwork rm r1 || true; wheelwork rm tiny-r1 || true; wheelwork install r1.wwpkg --key acme.pub.pem --no-prepare");
        for command in help(name).lines().filter_map(example) {
            if CONVERSATIONS.contains(&command.as_str()) || ran.contains(&command) {
                continue;
            }
            match NEEDS_MORE.iter().find(|(part, _)| command.contains(part)) {
                Some((_, why)) => println!("NOT RUN: `{command}` needs {why}"),
                None => desk.sh(&prepared(&command)),
            }
            ran.push(command);
        }
    }
    assert!(ran.len() >= 15, "{ran:#?}");
}

/// The command of a line of help, without the words behind it.
fn example(line: &str) -> Option<String> {
    let line = line.strip_prefix("  ")?.trim_end();
    let command = line.split("  ").next()?;
    (command.starts_with("wheelwork ") || command.contains("| wheelwork ")).then(|| command.to_owned())
}

/// A command that makes a file or folder never replaces one, so what an earlier example has made goes first.
fn prepared(command: &str) -> String {
    let made = command.split(' ').skip_while(|word| *word != "--out").nth(1);
    let goes = made.map_or_else(String::new, |made| format!("rm -rf {made}\n"));
    let goes = match command.strip_prefix("wheelwork key ") {
        Some(name) => format!("rm -f {name}.key.pem {name}.pub.pem\n"),
        None => goes,
    };
    format!("{goes}{command}")
}
