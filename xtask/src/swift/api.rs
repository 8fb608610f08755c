//! `uniffi/api/swift.api`: what an app sees of the Swift package, a line a declaration, from the compiler's symbol graph.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::golden;
use crate::task_error::TaskError;
use crate::workspace::Workspace;

/// The parts of a symbol graph that are read.
#[derive(Deserialize)]
struct Graph {
    symbols: Vec<Symbol>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Symbol {
    path_components: Vec<String>,
    identifier: Identifier,
    access_level: String,
    #[serde(default)]
    declaration_fragments: Vec<Fragment>,
}

#[derive(Deserialize)]
struct Identifier {
    precise: String,
}

#[derive(Deserialize)]
struct Fragment {
    spelling: String,
}

/// Compares what a symbol graph shows with the committed file.
pub(super) fn check(workspace: &Workspace, graph: &Path) -> Result<(), TaskError> {
    golden::check(workspace, &file(workspace), &api(&fs_err::read_to_string(graph)?)?)
}

/// The committed file.
pub(crate) fn file(workspace: &Workspace) -> PathBuf {
    workspace.root.join("uniffi").join("api").join("swift.api")
}

/// Lines `Path.of.it<tab>declaration`, in order. What the compiler adds to every type is left out.
fn api(graph: &str) -> Result<String, TaskError> {
    let Graph { symbols } = serde_json::from_str(graph)?;
    let shown = symbols.iter().filter(|symbol| {
        matches!(symbol.access_level.as_str(), "public" | "open")
            && !symbol.identifier.precise.contains("::SYNTHESIZED::")
    });
    let lines: BTreeSet<_> = shown
        .map(|symbol| {
            let declaration = symbol.declaration_fragments.iter().map(|fragment| fragment.spelling.as_str());
            let words = declaration.collect::<String>();
            let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
            format!("{}\t{words}\n", symbol.path_components.join("."))
        })
        .collect();
    Ok(lines.into_iter().collect())
}

/// Types, members and cases of the committed lines, without arguments, as `Event.finished`; and what a case carries, as
/// `Damage.size.found`.
pub(crate) fn offered(api: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for line in api.lines() {
        let (path, declaration) = line.split_once('\t').unwrap_or((line, ""));
        let (name, labels) = path.split_once('(').unwrap_or((path, ""));
        names.insert(name.to_owned());
        if declaration.starts_with("case ") || declaration.contains(" case ") {
            let labels = labels.trim_end_matches(')').split(':').filter(|label| !matches!(*label, "" | "_"));
            names.extend(labels.map(|label| format!("{name}.{label}")));
        }
    }
    names
}

/// What a path may be called: as it is, a case, or what a case carries. Cases begin with a small letter.
pub(crate) fn spellings(path: &str) -> Vec<String> {
    let small = |part: &str| {
        let (head, tail) = part.split_at(part.len().min(1));
        head.to_lowercase() + tail
    };
    let parts: Vec<_> = path.split('.').collect();
    // From the part that is the case on.
    let from = |case: usize| {
        let spelt = parts
            .iter()
            .enumerate()
            .map(|(at, part)| if at < case { (*part).to_owned() } else { small(part) });
        spelt.collect::<Vec<_>>().join(".")
    };
    let last = parts.len() - 1;
    vec![path.to_owned(), from(last.max(1)), from(last.saturating_sub(1).max(1))]
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRAPH: &str = r#"{"symbols": [
        {"pathComponents": ["Damage", "size(file:_:)"], "accessLevel": "public", "identifier": {"precise": "s:1"},
         "declarationFragments": [{"spelling": "case"}, {"spelling": " "}, {"spelling": "size(file: String, Int)"}]},
        {"pathComponents": ["Damage"], "accessLevel": "public", "identifier": {"precise": "s:2"},
         "declarationFragments": [{"spelling": "enum"}, {"spelling": " "}, {"spelling": "Damage"}]},
        {"pathComponents": ["Damage", "hash(into:)"], "accessLevel": "public", "identifier": {"precise": "s:3::SYNTHESIZED::s:2"}},
        {"pathComponents": ["Damage", "init(_:)"], "accessLevel": "internal", "identifier": {"precise": "s:4"}}
    ]}"#;

    #[test]
    fn a_graph_becomes_lines_of_what_an_app_sees() {
        let api = api(GRAPH).unwrap();
        assert_eq!(api, "Damage\tenum Damage\nDamage.size(file:_:)\tcase size(file: String, Int)\n");
        let offered = offered(&api);
        assert!(spellings("Damage.Size").iter().any(|name| offered.contains(name)));
        assert!(spellings("Damage.Size.file").iter().any(|name| offered.contains(name)));
        assert!(!offered.contains("Damage.init"));
    }
}
