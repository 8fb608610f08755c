//! What every crate's root and manifest have in common.

use toml::{Table, Value};

use super::finding::Finding;
use super::text_file::TextFile;
use crate::task_error::TaskError;
use crate::workspace::{Package, Workspace};

/// The crates that may hold unsafe code, and how many unsafe blocks and functions each of their files may have. A new one
/// is a decision: raise the limit here, with the reason beside the code.
const UNSAFE: [(&str, &[(&str, usize)]); 4] = [
    // One attribute: a function that Java's virtual machine finds by its name.
    ("wheelwork-android", &[("android/native/src/on_load.rs", 0)]),
    (
        "wheelwork-ort",
        &[
            ("core/ort/src/assignment.rs", 6),
            ("core/ort/src/freed_memory.rs", 1),
            ("core/ort/src/linked.rs", 3),
            ("core/ort/src/telemetry.rs", 1),
            ("core/ort/src/tensor_copy.rs", 2),
            ("core/ort/src/version.rs", 3),
        ],
    ),
    (
        // Loads, stores, and calls into functions for an instruction set.
        "wheelwork-kernels",
        &[
            ("core/kernels/src/aarch64.rs", 7),
            ("core/kernels/src/aarch64/lanes.rs", 14),
            ("core/kernels/src/x86/avx2.rs", 8),
            ("core/kernels/src/x86/avx512.rs", 11),
            ("core/kernels/src/x86/lanes.rs", 18),
        ],
    ),
    (
        // Calls into Windows.
        "wheelwork-windows",
        &[
            ("core/windows/src/memory.rs", 1),
            ("core/windows/src/names.rs", 1),
            ("core/windows/src/private.rs", 4),
            ("core/windows/src/reading.rs", 1),
            ("core/windows/src/registry.rs", 1),
        ],
    ),
];

/// What a manifest takes from the workspace's.
const INHERITED: [&str; 4] = ["version", "edition", "rust-version", "license"];

/// Every library and program says `#![forbid(unsafe_code)]` at its root, where a reader sees it.
pub(super) fn unsafe_code(workspace: &Workspace) -> Result<Vec<Finding>, TaskError> {
    let mut findings = Vec::new();
    for package in workspace.packages.iter().filter(|package| !may_be_unsafe(&package.name)) {
        for target in &package.targets {
            let is_checked = target.kind.iter().all(|kind| kind.ends_with("lib") || kind == "bin");
            let root = fs_err::read_to_string(&target.src_path)?;
            if is_checked && !root.lines().any(|line| line == "#![forbid(unsafe_code)]") {
                let place = workspace.relative(&target.src_path);
                findings.push(Finding::new(place, "lacks `#![forbid(unsafe_code)]`"));
            }
        }
    }
    Ok(findings)
}

/// No file has more unsafe code than its limit.
pub(super) fn unsafe_limits(files: &[TextFile]) -> Vec<Finding> {
    let limits = || UNSAFE.iter().flat_map(|(_, files)| *files);
    let over = files.iter().filter(|file| file.extension() == "rs").filter_map(|file| {
        let limit = limits().find(|(path, _)| *path == file.path).map_or(0, |(_, limit)| *limit);
        let count = file.text.lines().map(unsafe_code_in).sum::<usize>();
        (count > limit)
            .then(|| Finding::new(&file.path, format!("unsafe code in {count} places, at most {limit}")))
    });
    over.collect()
}

fn unsafe_code_in(line: &str) -> usize {
    let code = line.split("//").next().unwrap_or_default();
    [" {", " fn", " impl", " extern"].iter().map(|end| code.matches(&format!("unsafe{end}")).count()).sum()
}

fn may_be_unsafe(package: &str) -> bool {
    UNSAFE.iter().any(|(name, _)| *name == package)
}

/// Every manifest takes lints, version and minimum Rust version from the workspace's; a crate with unsafe
/// code repeats the lints with that one exception, and nothing else states a minimum Rust version.
pub(super) fn inherited(workspace: &Workspace) -> Result<Vec<Finding>, TaskError> {
    let root = read(workspace.root.join("Cargo.toml"))?;
    let lints = root.get("workspace").and_then(|table| table.get("lints")).cloned();
    let mut findings = Vec::new();
    for package in &workspace.packages {
        let manifest = read(&package.manifest_path)?;
        let place = workspace.relative(&package.manifest_path);
        for key in INHERITED {
            if !is_inherited(manifest.get("package").and_then(|table| table.get(key))) {
                findings.push(Finding::new(&place, format!("must say `{key}.workspace = true`")));
            }
        }
        findings.extend(
            lint_finding(package, manifest.get("lints"), lints.clone()).map(|what| Finding::new(place, what)),
        );
    }
    let clippy = read(workspace.root.join("clippy.toml"))?;
    if clippy.contains_key("msrv") {
        findings.push(Finding::new(
            "clippy.toml",
            "states a Rust version again: Cargo.toml's `rust-version` is enough",
        ));
    }
    Ok(findings)
}

fn lint_finding(package: &Package, own: Option<&Value>, workspace: Option<Value>) -> Option<&'static str> {
    if !may_be_unsafe(&package.name) {
        return (!is_inherited(own)).then_some("must say `[lints] workspace = true`");
    }
    let mut expected = workspace?;
    *expected.get_mut("rust")?.get_mut("unsafe_code")? = "deny".into();
    (own != Some(&expected)).then_some("[lints] must equal the workspace's, but for `unsafe_code = \"deny\"`")
}

fn is_inherited(value: Option<&Value>) -> bool {
    value.and_then(|value| value.get("workspace")).and_then(Value::as_bool) == Some(true)
}

fn read(path: impl AsRef<std::path::Path>) -> Result<Table, TaskError> {
    let path = path.as_ref();
    let text = fs_err::read_to_string(path)?;
    text.parse()
        .map_err(|error: toml::de::Error| TaskError::from(error).during(format!("read {}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str) -> Package {
        Package { name: name.into(), manifest_path: "x".into(), dependencies: vec![], targets: vec![] }
    }

    fn lints(text: &str) -> Value {
        Value::Table(text.parse().unwrap())
    }

    #[test]
    fn lints_are_inherited_or_equal_but_for_unsafe_code() {
        let workspace = lints("rust.unsafe_code = 'forbid'\nclippy.all = 'warn'");
        let equal = lints("rust.unsafe_code = 'deny'\nclippy.all = 'warn'");
        let weaker = lints("rust.unsafe_code = 'deny'");
        let inherited = lints("workspace = true");
        let finding = |name, own| lint_finding(&package(name), own, Some(workspace.clone()));

        assert_eq!(finding("wheelwork", Some(&inherited)), None);
        assert!(finding("wheelwork", Some(&equal)).is_some());
        assert!(finding("wheelwork", None).is_some());
        assert_eq!(finding(UNSAFE[0].0, Some(&equal)), None);
        assert!(finding(UNSAFE[0].0, Some(&weaker)).is_some());
        assert!(finding(UNSAFE[0].0, None).is_some());
    }

    #[test]
    fn unsafe_code_beyond_a_limit_is_found() {
        let file = |path: &str, text: &str| TextFile { path: path.into(), text: text.into() };
        let one = concat!("unsa", "fe { f() }; // unsafe { g() }");
        let files = [file("core/ort/src/telemetry.rs", one), file("core/src/lib.rs", one)];
        assert_eq!(
            unsafe_limits(&files),
            [Finding::new("core/src/lib.rs", "unsafe code in 1 places, at most 0")]
        );
    }
}
