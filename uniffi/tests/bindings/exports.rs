//! What the sources export: whatever has no result goes through the one edge that catches its panics.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::SAFE;

/// An exported function: the type that it is called on, its name, its signature and its body.
struct Export {
    name: String,
    signature: String,
    body: String,
}

/// The exports of a source file, as rustfmt lays it out.
fn exports(source: &str) -> Vec<Export> {
    let mut lines = source.lines().peekable();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        if line != "#[uniffi::export]" {
            continue;
        }
        let head: Vec<_> =
            std::iter::from_fn(|| lines.next_if(|line| line.starts_with("#[") || line.starts_with("///")))
                .collect();
        drop(head);
        let first = lines.peek().copied().unwrap_or_default();
        let (of, indent) = match first.strip_prefix("impl ") {
            Some(rest) => (format!("{}.", rest.trim_end_matches(" {")), "    "),
            None => (String::new(), ""),
        };
        let end = "}";
        let mut block = Vec::new();
        for line in lines.by_ref() {
            block.push(line);
            if line == end {
                break;
            }
        }
        let mut rest = &block[..];
        while let Some(start) = rest.iter().position(|line| {
            line.strip_prefix(indent)
                .is_some_and(|line| line.starts_with("pub fn ") || line.starts_with("pub async fn "))
        }) {
            rest = &rest[start..];
            let end = rest.iter().position(|line| *line == format!("{indent}}}")).unwrap();
            let text = rest[..=end].join("\n");
            let (signature, body) = text.split_once(" {\n").unwrap();
            let name = signature.split_once("fn ").unwrap().1.split(['(', '<']).next().unwrap();
            found.push(Export {
                name: format!("{of}{name}"),
                signature: signature.into(),
                body: body.into(),
            });
            rest = &rest[end..];
        }
    }
    found
}

fn sources() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.map(|path| (path.display().to_string(), fs::read_to_string(&path).unwrap())).collect()
}

#[test]
fn bd_03_every_export_without_a_result_goes_through_the_panic_edge() {
    let mut safe = BTreeSet::new();
    let mut exported = 0;
    for (file, source) in sources() {
        for Export { name, signature, body } in exports(&source) {
            exported += 1;
            if signature.contains("-> Result<") {
                continue;
            }
            // Swift ends the process for it: nothing but the edge, and arguments that always arrive.
            assert!(body.contains(&format!("safely(\"{name}\"")), "{file}: {name}");
            let arguments = signature.split_once('(').unwrap().1.split_once(')').unwrap().0;
            assert!(
                matches!(arguments, "" | "&self" | "&self, wait_ms: u64"),
                "{file}: {name} takes {arguments}"
            );
            assert!(!signature.contains("async"), "{file}: {name}");
            safe.insert(name);
        }
        // What runs when nothing holds a handle any more.
        for free in source.lines().filter_map(|line| line.trim().strip_prefix("safely(\"")?.split('"').next())
        {
            if free.ends_with(".free") {
                safe.insert(free.to_owned());
            }
        }
    }
    assert!(exported > 70, "{exported} exports are found: are the sources laid out otherwise?");
    assert_eq!(safe.iter().map(String::as_str).collect::<Vec<_>>(), SAFE);
}

#[test]
fn conversions_leave_no_field_of_core_out() {
    for (file, source) in sources() {
        let code = source.split("#[cfg(test)]").next().unwrap();
        for (number, line) in code.lines().enumerate() {
            let line = line.trim();
            let is_rest = (line == ".." || line.ends_with(", .. } = self") || line.contains(", .. } ="))
                && !line.starts_with("//");
            assert!(!is_rest, "{file}:{}: `{line}` hides fields that are added", number + 1);
        }
    }
}
