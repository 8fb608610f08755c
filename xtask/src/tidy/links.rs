//! Links in documents: the file that a relative link names exists, and so does the heading behind its `#`.
//!
//! Addresses on the web are not asked: that would need the network, and they change without us.

use std::collections::HashSet;

use super::finding::Finding;
use super::text_file::TextFile;
use crate::workspace::Workspace;

pub(super) fn broken(files: &[TextFile], workspace: &Workspace) -> Vec<Finding> {
    let documents: Vec<_> = files.iter().filter(|file| file.extension() == "md").collect();
    let mut findings = Vec::new();
    for file in &documents {
        for (number, link) in links(&file.text) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if path.is_empty() { file.path.clone() } else { joined(&file.path, path) };
            let place = format!("{}:{number}", file.path);
            if !workspace.root.join(&target).exists() {
                findings.push(Finding::new(place, format!("links to `{target}`, which is not there")));
                continue;
            }
            let Some(document) = documents.iter().find(|other| other.path == target) else { continue };
            if !anchor.is_empty() && !headings(&document.text).contains(anchor) {
                findings.push(Finding::new(
                    place,
                    format!("links to `{target}`, which has no heading `#{anchor}`"),
                ));
            }
        }
    }
    findings
}

/// Targets of `[text](target)` and `![text](target)` with their line numbers; what stands in fences or between backticks
/// is code.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut in_fence = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_fence = !in_fence;
        }
        if in_fence {
            continue;
        }
        let prose: String =
            line.split('`').enumerate().map(|(part, text)| if part % 2 == 0 { text } else { "x" }).collect();
        for piece in prose.split("](").skip(1) {
            if let Some((target, _)) = piece.split_once(')') {
                found.push((index + 1, target.trim().to_owned()));
            }
        }
    }
    found
}

/// A path that stands in a file, from the workspace's root.
fn joined(file: &str, path: &str) -> String {
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Headings as GitHub names them in addresses.
fn headings(text: &str) -> HashSet<String> {
    let mut names = HashSet::new();
    let mut in_fence = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_fence = !in_fence;
        }
        let Some(title) = line.strip_prefix('#').filter(|_| !in_fence) else { continue };
        let title = title.trim_start_matches('#').trim().to_lowercase();
        let kept =
            title.chars().filter(|character| character.is_alphanumeric() || " -_".contains(*character));
        names.insert(kept.map(|character| if character == ' ' { '-' } else { character }).collect());
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_stand_in_prose_and_not_in_code() {
        let text = "a [b](c.md) ![d](e.svg)\n`x[0](y)`\n```\n[f](g)\n```\n[h](i#j)";
        let targets: Vec<_> =
            links(text).into_iter().map(|(number, target)| format!("{number} {target}")).collect();
        assert_eq!(targets, ["1 c.md", "1 e.svg", "6 i#j"]);
    }

    #[test]
    fn paths_start_at_the_document() {
        assert_eq!(joined("docs/a.md", "../README.md"), "README.md");
        assert_eq!(joined("README.md", "docs/a.md"), "docs/a.md");
    }

    #[test]
    fn headings_are_named_as_on_the_web() {
        let names = headings("# A `b`, c\n```\n# no\n```\n## It's 3-4");
        assert_eq!(names, HashSet::from(["a-b-c".to_owned(), "its-3-4".to_owned()]));
    }
}
