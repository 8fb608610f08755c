//! Libraries to link against: each with the names that Android's own exports, and no code.
//!
//! The linker takes a name's presence from them, and the phone's loader its code from the real ones. The real files can't be
//! linked against: `lld` refuses the order of their symbols. The names are those of API level 23, so whatever links runs on
//! 26 and later. They come from the library for arm64, for the other architecture too.

use std::path::Path;
use std::process::Command;

use super::super::abi::Abi;
use super::elf::Elf;
use super::link;
use crate::command;
use crate::task_error::TaskError;

/// Writes the libraries for an architecture into a folder.
pub(super) fn write(abi: Abi, bionic: &[(&str, Elf)], folder: &Path) -> Result<(), TaskError> {
    fs_err::create_dir_all(folder)?;
    for (name, library) in bionic {
        let source = folder.join(format!("{name}.rs"));
        let object = folder.join(format!("{name}.o"));
        fs_err::write(&source, assembler(&library.exports))?;
        command::run(
            Command::new("rustc")
                .args(["--crate-type", "lib", "--emit", "obj", "--target", abi.target()])
                .arg(&source)
                .arg("-o")
                .arg(&object),
        )?;
        let shared = format!("{name}.so");
        command::run(
            link::linker()?
                .args(["-shared", "-soname", &shared, "-o"])
                .arg(folder.join(&shared))
                .arg(&object),
        )?;
    }
    // What Rust's standard library asks for by name; unwinding is Rust too, and in our library.
    Ok(fs_err::write(folder.join("libunwind.a"), "!<arch>\n")?)
}

/// A crate that holds nothing but labels.
fn assembler(names: &[String]) -> String {
    let labels =
        names.iter().map(|name| format!("    \".globl {name}\", \"{name}:\",\n")).collect::<String>();
    format!("#![no_std]\ncore::arch::global_asm!(\n{labels});\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_global_label() {
        assert_eq!(
            assembler(&["malloc".into()]),
            "#![no_std]\ncore::arch::global_asm!(\n    \".globl malloc\", \"malloc:\",\n);\n"
        );
    }
}
