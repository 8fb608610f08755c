//! The layers of `core`: a file imports from its own layer and from those below, and from no file that imports from it.
//! Elsewhere two files may lean on each other, and no more than two.

use super::cycles::cycles;
use super::finding::Finding;
use super::imports::{Arrow, arrows};
use super::text_file::TextFile;
use crate::report;
use crate::task_error::TaskError;
use crate::workspace::Workspace;

/// Lowest first: the files and folders of each layer and what it knows.
const LAYERS: [(&[&str], &str); 12] = [
    (&["control"], "cancel, answer now, save now"),
    (&["text"], "tokenizer, chat, detokenizer, reasoning, stop, repetition, tools, output constraints"),
    (&["sampling"], "logits to token"),
    (&["facts"], "what is known of a model"),
    (&["decoder"], "tokens to logits: the trait, its errors and the backends"),
    (&["device"], "provider table, placement, trial, device cache"),
    (&["error", "event", "metrics", "options"], "what callers give and get"),
    (&["sequence"], "decoder, cached tokens, look-ahead, fallback, effort, prefix cache"),
    (&["turn"], "the loop of one turn"),
    (&["session"], "messages, journal, snapshot"),
    (&["open"], "from a package's folder to a model"),
    (&["engine"], "several sessions, from any thread"),
];

const ROOT: &str = "core/src/lib.rs";

pub(super) fn print() {
    report::note("layers of core/src, highest first; imports point down");
    for (names, job) in LAYERS.iter().rev() {
        report::note(&format!("  {:<32} {job}", names.join(" ")));
    }
}

pub(super) fn core(files: &[TextFile]) -> Result<Vec<Finding>, TaskError> {
    let arrows = arrows(ROOT, files)?;
    let homeless = files
        .iter()
        .filter(|file| file.path.starts_with("core/src/") && file.path != ROOT && layer(&file.path).is_none())
        .map(|file| Finding::new(&file.path, "lies in no layer: see xtask/src/tidy/layers.rs"));
    let up = arrows
        .iter()
        .filter(|arrow| layer(&arrow.from) < layer(&arrow.to) || arrow.to == ROOT)
        .map(|arrow| Finding::new(place(arrow), format!("imports up, from {}", arrow.to)));
    // A cycle through several layers has an arrow up.
    let level: Vec<_> =
        arrows.iter().filter(|arrow| layer(&arrow.from) == layer(&arrow.to)).cloned().collect();
    Ok(homeless.chain(up).chain(cycles(&level, 2).iter().map(|cycle| told(cycle))).collect())
}

/// Cycles in every other crate of the workspace.
pub(super) fn elsewhere(workspace: &Workspace, files: &[TextFile]) -> Result<Vec<Finding>, TaskError> {
    let mut findings = Vec::new();
    for target in workspace.packages.iter().flat_map(|package| &package.targets) {
        let root = workspace.relative(&target.src_path);
        if root != ROOT && target.kind.iter().all(|kind| kind.ends_with("lib") || kind == "bin") {
            findings.extend(cycles(&arrows(&root, files)?, 3).iter().map(|cycle| told(cycle)));
        }
    }
    Ok(findings)
}

/// The place of a file's layer in the table; `None` for the root and for a file outside it.
fn layer(path: &str) -> Option<usize> {
    let name = path.strip_prefix("core/src/")?.split('/').next()?.trim_end_matches(".rs");
    LAYERS.iter().position(|(names, _)| names.contains(&name))
}

fn place(arrow: &Arrow) -> String {
    format!("{}:{}", arrow.from, arrow.line)
}

fn told(cycle: &[Arrow]) -> Finding {
    let files: Vec<_> =
        cycle.iter().map(place).chain(cycle.first().map(|arrow| arrow.from.clone())).collect();
    Finding::new(&files[0], format!("a cycle: {}", files.join(" -> ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<_> = files
            .iter()
            .map(|(path, text)| TextFile { path: format!("core/src/{path}.rs"), text: (*text).into() })
            .collect();
        core(&files).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn imports_down_and_within_a_layer_are_fine() {
        let files = [
            ("lib", "mod control; mod turn; mod engine; pub use turn::Turn;"),
            ("control", "pub struct Cancel;"),
            ("turn", "mod step; pub use step::Step; use crate::control::Cancel; pub struct Turn(Step);"),
            ("turn/step", "use crate::control::Cancel; pub struct Step;"),
            ("engine", "use crate::{Turn, turn::Step};"),
        ];
        assert_eq!(findings(&files), [""; 0]);
    }

    #[test]
    fn an_import_from_a_higher_layer_or_the_root_is_named_with_its_line() {
        let files = [
            ("lib", "mod control; mod turn; pub use turn::Turn; pub struct Here;"),
            ("control", "use crate::Here;\nuse crate::Turn;"),
            ("turn", "pub struct Turn;"),
        ];
        assert_eq!(
            findings(&files),
            [
                "core/src/control.rs:1: imports up, from core/src/lib.rs",
                "core/src/control.rs:2: imports up, from core/src/turn.rs"
            ]
        );
    }

    #[test]
    fn a_cycle_within_a_layer_is_spelled_out() {
        let files = [
            ("lib", "mod turn;"),
            ("turn", "mod step;\npub struct Turn(step::Step);"),
            ("turn/step", "\n\nuse super::Turn; pub struct Step;"),
        ];
        assert_eq!(
            findings(&files),
            [
                "core/src/turn.rs:2: a cycle: core/src/turn.rs:2 -> core/src/turn/step.rs:3 -> core/src/turn.rs"
            ]
        );
    }

    #[test]
    fn a_file_outside_the_table_is_found() {
        let files = [("lib", "mod utils;"), ("utils", "")];
        assert_eq!(findings(&files), ["core/src/utils.rs: lies in no layer: see xtask/src/tidy/layers.rs"]);
    }
}
