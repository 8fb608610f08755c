//! `cargo xtask android native`: `libwheelwork.so` without Android's NDK.
//!
//! 1. `rustup` brings Rust's standard library for the targets, [`unidbg`](super::unidbg) Android's C library.
//! 2. [`stubs`]: libraries with the names that Android's export, for the linker to find.
//! 3. [`StaticLibrary`] builds `android/native`: no linker has a say in it.
//! 4. [`link`]: Rust's own `rust-lld` makes the shared library of it, and fails for a name that Android lacks.
//! 5. [`ledger`]: what it imports, exports and weighs is what is committed.
//! 6. The one for arm64 is executed under unidbg.

mod elf;
mod ledger;
mod link;
mod stubs;

use std::path::{Path, PathBuf};

use self::elf::Elf;
use super::abi::Abi;
use super::unidbg::{BIONIC, Unidbg};
use crate::report;
use crate::static_library::{self, StaticLibrary};
use crate::task_error::TaskError;
use crate::workspace::Workspace;

pub(super) fn run(workspace: &Workspace, abis: &[Abi]) -> Result<(), TaskError> {
    static_library::add_targets(abis.iter().map(|abi| abi.target()))?;
    let unidbg = Unidbg::fetch(workspace)?;
    let folder = unidbg.bionic()?;
    let bionic = BIONIC.map(|name| Ok((name, Elf::read(&folder.join(format!("{name}.so")))?)));
    let bionic = bionic.into_iter().collect::<Result<Vec<_>, TaskError>>()?;
    let work = workspace.target.join("android");
    let mut found = Vec::new();
    for abi in abis {
        report::step(&format!("building for {}", abi.name()));
        let stubs = work.join("stubs").join(abi.name());
        stubs::write(*abi, &bionic, &stubs)?;
        let archive = build(workspace, *abi, &stubs)?;
        let library = work.join("jniLibs").join(abi.name()).join("libwheelwork.so");
        link::link(&archive, &stubs, &library)?;
        static_library::check_places(workspace, &library)?;
        found.push((*abi, ledger::lines(&library, &bionic)?));
        if *abi == Abi::Arm64 {
            report::step("executing it under unidbg");
            unidbg.run(&library)?;
        }
    }
    ledger::check(workspace, &found)
}

/// Fails for a library that phones whose pages have 16 KB cannot load.
pub(super) fn check_pages(library: &Path) -> Result<(), TaskError> {
    let Elf { align, .. } = Elf::read(library)?;
    if align < ledger::ALIGN {
        let (path, expected) = (library.display(), ledger::ALIGN);
        return Err(TaskError::new(format!(
            "{path}: its segments are aligned to {align} bytes, expected {expected}"
        )));
    }
    Ok(())
}

/// Builds the crate; its static library.
fn build(workspace: &Workspace, abi: Abi, stubs: &Path) -> Result<PathBuf, TaskError> {
    StaticLibrary {
        package: "wheelwork-android",
        name: "wheelwork",
        features: "unwinder",
        target: abi.target(),
        linker: "ld.lld",
        flags: &[format!("-Lnative={}", stubs.display())],
        variables: &[],
    }
    .build(workspace)
}
