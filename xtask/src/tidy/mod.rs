//! `cargo xtask tidy`: the project's own rules, checked instead of hoped for.
//!
//! Each rule is a function from the workspace's files to findings; a finding names its place and what to do.

mod arrows;
mod crates;
mod names;
mod rows;
mod text;

use std::fmt;
use std::process::Command;

use crate::task_error::TaskError;
use crate::workspace::Workspace;
use crate::{command, report};

/// Checks every rule and prints every finding.
pub(crate) fn run(workspace: &Workspace) -> Result<(), TaskError> {
    let files = TextFile::all(workspace)?;
    for long in text::long_files(&files) {
        report::warning(&long.to_string());
    }
    let rules: [(&str, Vec<Finding>); 8] = [
        ("crates depend on each other as deny.toml allows", arrows::check(workspace)?),
        ("only the decoder names ONNX Runtime's crate inside core", names::ort_outside_the_decoder(&files)),
        ("unsafe code is forbidden in every crate root but one", crates::unsafe_code(workspace)?),
        ("unsafe code stands in two files of core/ort", crates::unsafe_files(&files)),
        ("lints, version and minimum Rust version stand in one place", crates::inherited(workspace)?),
        ("no registry's address and no machine's path", text::addresses(&files, workspace)),
        ("no unfinished-work markers", text::unfinished(&files)),
        ("every reliability row has a test", rows::without_test(&files)),
    ];
    let mut count = 0;
    for (rule, findings) in rules {
        if findings.is_empty() {
            report::pass(rule);
        } else {
            report::fail(rule);
        }
        for finding in &findings {
            eprintln!("     {finding}");
        }
        count += findings.len();
    }
    if count == 0 { Ok(()) } else { Err(TaskError::new(format!("{count} findings"))) }
}

/// A broken rule.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    /// A file, or a file and line, or a row.
    place: String,
    what: String,
}

impl Finding {
    fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.what)
    }
}

/// A text file that git tracks or would track.
#[derive(Debug)]
struct TextFile {
    /// From the workspace's root, with `/`.
    path: String,
    text: String,
}

impl TextFile {
    fn all(workspace: &Workspace) -> Result<Vec<Self>, TaskError> {
        // In CI the clone may belong to another user, which git refuses unless told.
        let listed = command::capture(
            Command::new("git")
                .args([
                    "-c",
                    "safe.directory=*",
                    "ls-files",
                    "-z",
                    "--cached",
                    "--others",
                    "--exclude-standard",
                ])
                .current_dir(&workspace.root),
        )?;
        let mut files = Vec::new();
        for path in listed.split('\0').filter(|path| !path.is_empty()) {
            let file = workspace.root.join(path);
            // Deleted but still tracked, or a link to elsewhere: nothing to read.
            if !file.is_file() {
                continue;
            }
            if let Ok(text) = String::from_utf8(fs_err::read(file)?) {
                files.push(Self { path: path.to_owned(), text });
            }
        }
        Ok(files)
    }

    fn extension(&self) -> &str {
        self.path.rsplit_once('.').map_or("", |(_, extension)| extension)
    }

    /// Lines with their places, `PATH:NUMBER`.
    fn lines(&self) -> impl Iterator<Item = (String, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (format!("{}:{}", self.path, index + 1), line))
    }
}
