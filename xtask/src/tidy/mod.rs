//! `cargo xtask tidy`: the project's own rules, checked instead of hoped for.
//!
//! Each rule is a function from the workspace's files to findings; a finding names its place and what to do.

mod arrows;
mod crates;
mod cycles;
mod finding;
mod imports;
mod layers;
mod links;
mod names;
mod rows;
mod text;
mod text_file;
mod words;

use self::finding::Finding;
use self::text_file::TextFile;
use crate::report;
use crate::task_error::TaskError;
use crate::workspace::Workspace;

/// Checks every rule and prints every finding.
pub(crate) fn run(workspace: &Workspace) -> Result<(), TaskError> {
    let files = TextFile::all(workspace)?;
    for long in text::long_files(&files) {
        report::warning(&long.to_string());
    }
    layers::print();
    let rules: [(&str, Vec<Finding>); 14] = [
        ("crates depend on each other as deny.toml allows", arrows::check(workspace)?),
        ("only the decoder names ONNX Runtime's crate inside core", names::ort_outside_the_decoder(&files)),
        ("only the table of providers names Qualcomm's inside core", names::qnn_outside_the_table(&files)),
        ("unsafe code is forbidden at every crate's root, but for a list", crates::unsafe_code(workspace)?),
        ("no file has more unsafe code than its limit", crates::unsafe_limits(&files)),
        ("lints, version and minimum Rust version stand in one place", crates::inherited(workspace)?),
        ("imports inside core point down its layers, and no files import each other", layers::core(&files)?),
        (
            "no more than two files of a crate import each other in a circle",
            layers::elsewhere(workspace, &files)?,
        ),
        ("no registry's address and no machine's path", text::addresses(&files, workspace)),
        ("the field's words, not our own", words::banned(&files)),
        ("links in documents lead to a file and a heading", links::broken(&files, workspace)),
        ("files have names that every system and shell takes", text::odd_paths(&files)),
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
