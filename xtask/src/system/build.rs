//! Compiling for another system: `cargo-zigbuild`, with zig as C compiler and linker, both fetched by name and hash.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{GLIBC, System, sdk};
use crate::fetch::{self, zig};
use crate::task_error::TaskError;
use crate::workspace::Workspace;
use crate::{command, report};

/// The profile of programs that go into archives; `Cargo.toml` says what is different in it.
pub(crate) const PROFILE: &str = "dist";

/// Compiles the command for a system; where its program is then.
pub(crate) fn program(workspace: &Workspace, system: System) -> Result<PathBuf, TaskError> {
    report::step(&format!("building the command for {}", system.name()));
    let mut cargo = cargo(workspace, system, "build")?;
    command::run(cargo.args(["--profile", PROFILE, "--package", "wheelwork-desktop"]))?;
    Ok(workspace.target.join(system.triple()).join(PROFILE).join(system.program()))
}

/// `cargo SUBCOMMAND --locked --target ...`, set up for the system.
pub(crate) fn cargo(workspace: &Workspace, system: System, subcommand: &str) -> Result<Command, TaskError> {
    standard_library(system)?;
    let (mut cargo, target) = if system == System::MacOsArm64 && cfg!(target_os = "macos") {
        let mut cargo = command::cargo();
        cargo.arg(subcommand);
        (cargo, system.triple().to_owned())
    } else {
        let tools = zig::tools(workspace)?;
        let mut cargo = Command::new(tools.cargo_zigbuild);
        if system == System::MacOsArm64 {
            cargo.env("SDKROOT", sdk::macos(workspace, &tools.zig)?);
        }
        cargo
            .arg(if subcommand == "build" { "zigbuild" } else { subcommand })
            .env("CARGO_ZIGBUILD_ZIG_PATH", &tools.zig)
            .env("CARGO_ZIGBUILD_CACHE_DIR", cache(workspace))
            .env("ZIG_GLOBAL_CACHE_DIR", cache(workspace).join("zig"))
            .env("ZIG_LOCAL_CACHE_DIR", cache(workspace).join("zig"));
        let glibc = if system.os() == "linux" { format!(".{GLIBC}") } else { String::new() };
        (cargo, format!("{}{glibc}", system.triple()))
    };
    // Flags for this machine's own linker are not zig's.
    let flags = format!("CARGO_TARGET_{}_RUSTFLAGS", system.triple().to_uppercase().replace('-', "_"));
    cargo.env_remove(flags).env_remove("RUSTFLAGS");
    cargo.args(["--locked", "--target", &target]).current_dir(&workspace.root);
    Ok(cargo)
}

fn cache(workspace: &Workspace) -> PathBuf {
    workspace.target.join("zig-cache")
}

/// Rust's standard library for the system, added by rustup if need be.
fn standard_library(system: System) -> Result<(), TaskError> {
    let triple = system.triple();
    let rustc = || Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    let folder = command::capture(rustc().args(["--print", "target-libdir", "--target", triple]))?;
    if Path::new(folder.trim()).is_dir() {
        return Ok(());
    }
    report::step(&format!("adding Rust's standard library for {triple}"));
    command::run(Command::new("rustup").args(["target", "add", triple])).map_err(|error| {
        error.remedy(format!("install Rust's standard library for {triple}, or rustup, which brings it"))
    })
}

/// ONNX Runtime's library and licences for a system, in a folder.
pub(crate) fn onnxruntime(workspace: &Workspace, system: System) -> Result<PathBuf, TaskError> {
    fetch::onnxruntime_of(workspace, system.os(), system.arch())
}
