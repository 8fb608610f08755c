//! `cargo xtask android native`: `libwheelwork.so` without Android's NDK.
//!
//! 1. `rustup` brings Rust's standard library for the targets, [`unidbg`](super::unidbg) Android's C library.
//! 2. [`stubs`]: libraries with the names that Android's export, for the linker to find.
//! 3. cargo builds `android/native` as a static library: no linker has a say in it.
//! 4. [`link`]: Rust's own `rust-lld` makes the shared library of it, and fails for a name that Android lacks.
//! 5. [`ledger`]: what it imports, exports and weighs is what is committed.
//! 6. The one for arm64 is executed under unidbg.

mod elf;
mod ledger;
mod link;
mod stubs;

use std::path::{Path, PathBuf};
use std::process::Command;

use self::elf::Elf;
use super::abi::Abi;
use super::unidbg::{BIONIC, Unidbg};
use crate::task_error::TaskError;
use crate::workspace::Workspace;
use crate::{command, report};

/// Optimised for size; see `Cargo.toml`.
const PROFILE: &str = "phone";

pub(super) fn run(workspace: &Workspace, abis: &[Abi]) -> Result<(), TaskError> {
    let targets = abis.iter().map(|abi| abi.target());
    command::run(Command::new("rustup").args(["--quiet", "target", "add"]).args(targets)).map_err(
        |error| error.remedy("install Rust by rustup, which brings its library for other systems"),
    )?;
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
        found.push((*abi, ledger::lines(&library, &bionic)?));
        if *abi == Abi::Arm64 {
            report::step("executing it under unidbg");
            unidbg.run(&library)?;
        }
    }
    ledger::check(workspace, &found)
}

/// Builds the crate; its static library.
fn build(workspace: &Workspace, abi: Abi, stubs: &Path) -> Result<PathBuf, TaskError> {
    let target = abi.target();
    // The log tells where a panic began: in a crate, not on the machine that built it.
    let cargo_home = std::env::var_os("CARGO_HOME")
        .map_or_else(|| std::env::home_dir().unwrap_or_default().join(".cargo"), PathBuf::from);
    let flags = [
        // A dependency makes a shared library of its own besides, which nobody uses, and asks for a linker.
        "-Clinker=rust-lld".to_owned(),
        "-Clinker-flavor=ld.lld".to_owned(),
        format!("-Lnative={}", stubs.display()),
        format!("--remap-path-prefix={}=cargo", cargo_home.display()),
        format!("--remap-path-prefix={}=wheelwork", workspace.root.display()),
    ];
    command::run(
        command::cargo()
            .args([
                "rustc",
                "--locked",
                "--package",
                "wheelwork-android",
                "--lib",
                "--crate-type",
                "staticlib",
            ])
            .args(["--features", "unwinder", "--profile", PROFILE, "--target", target])
            .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
            .current_dir(&workspace.root),
    )?;
    Ok(workspace.target.join(target).join(PROFILE).join("libwheelwork.a"))
}
