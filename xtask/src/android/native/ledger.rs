//! `android/native/ledger.txt`: what `libwheelwork.so` imports, exports and weighs, so that a change of it is seen in a diff.

use std::path::Path;

use clap::ValueEnum as _;

use super::super::abi::Abi;
use super::elf::{Elf, Import};
use crate::task_error::TaskError;
use crate::workspace::Workspace;
use crate::{golden, report, size};

/// What apps load it by.
const NAME: &str = "libwheelwork.so";

/// Phones whose pages have 16 KB.
pub(super) const ALIGN: u64 = 16 * 1024;

/// What stands above the lines.
const HEADER: &str = "\
# libwheelwork.so of each architecture: what it weighs, imports and exports. `cargo xtask android native` compares it, and
# writes it anew with WHEELWORK_BLESS=1. A weak import may lack: Rust's standard library looks whether it is there.
";

/// What a library is, a line each; fails where Android would not load it.
pub(super) fn lines(library: &Path, bionic: &[(&str, Elf)]) -> Result<Vec<String>, TaskError> {
    let elf = Elf::read(library)?;
    let bytes = fs_err::metadata(library)?.len();
    let wrong = [
        (elf.soname != NAME, format!("it is called `{}`", elf.soname)),
        (elf.align != ALIGN, format!("its segments are aligned to {} bytes, expected {ALIGN}", elf.align)),
        (elf.changes_code, "its code would have to be changed when it is loaded".to_owned()),
    ];
    if let Some((_, what)) = wrong.into_iter().find(|(is_wrong, _)| *is_wrong) {
        return Err(TaskError::new(format!("{}: {what}", library.display())));
    }
    report::pass(&format!("{}: {bytes} bytes", library.display()));
    let mut lines = vec![
        format!("size {}", size::at_most(bytes)),
        format!("segments aligned to {} bytes", elf.align),
        format!("needs {}", elf.needed.join(" ")),
    ];
    lines.extend(elf.imports.iter().map(|import| imported(import, bionic)));
    lines.extend(elf.exports.iter().map(|name| format!("exports {name}")));
    Ok(lines)
}

fn imported(import: &Import, bionic: &[(&str, Elf)]) -> String {
    let Import { name, is_weak } = import;
    let from = bionic.iter().find(|(_, library)| library.exports.binary_search(name).is_ok());
    let from = from.map_or("nowhere at API level 23", |(library, _)| library);
    let weak = if *is_weak { ", weak" } else { "" };
    format!("imports {name} of {from}{weak}")
}

/// Compares with the committed lines of the same architectures.
pub(super) fn check(workspace: &Workspace, found: &[(Abi, Vec<String>)]) -> Result<(), TaskError> {
    let file = workspace.root.join("android").join("native").join("ledger.txt");
    let committed = fs_err::read_to_string(&file).unwrap_or_default();
    golden::check(workspace, &file, &ledger(&committed, found))
}

/// The whole file: what was found, and of an architecture that was not built what is committed.
fn ledger(committed: &str, found: &[(Abi, Vec<String>)]) -> String {
    let mut text = HEADER.to_owned();
    for abi in Abi::value_variants() {
        let name = abi.name();
        match found.iter().find(|(built, _)| built == abi) {
            Some((_, lines)) => text.extend(lines.iter().map(|line| format!("{name} {line}\n"))),
            None => {
                let of_it = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' '));
                text.extend(committed.lines().filter(of_it).map(|line| format!("{line}\n")));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_architecture_that_was_not_built_keeps_its_lines() {
        let committed = "# old\narm64-v8a size 1\narm64-v8a exports a\nx86_64 size 2\n";
        let lines = |text: &str| text.split(';').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(
            ledger(committed, &[(Abi::Arm64, lines("size 3"))]),
            format!("{HEADER}arm64-v8a size 3\nx86_64 size 2\n")
        );
        let both = [(Abi::X86, lines("size 5;exports b")), (Abi::Arm64, lines("size 4"))];
        let expected = format!("{HEADER}arm64-v8a size 4\nx86_64 size 5\nx86_64 exports b\n");
        assert_eq!(ledger(committed, &both), expected);
    }

    #[test]
    fn an_import_is_told_with_its_library() {
        let library = Elf { exports: vec!["free".into(), "malloc".into()], ..Elf::default() };
        let bionic = [("libc", library)];
        let import = |name: &str, is_weak| imported(&Import { name: name.into(), is_weak }, &bionic);
        assert_eq!(import("malloc", false), "imports malloc of libc");
        assert_eq!(import("getrandom", true), "imports getrandom of nowhere at API level 23, weak");
    }
}
