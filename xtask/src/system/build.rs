//! Compiling for another system: `cargo-zigbuild`, with zig as C compiler and linker, both fetched by name and hash.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::GLIBC;
use crate::fetch::zig;
use crate::task_error::TaskError;
use crate::workspace::Workspace;
use crate::{command, report};

/// `cargo SUBCOMMAND --locked --target ...`, set up for the system, which is a Linux with glibc.
pub(crate) fn cargo(workspace: &Workspace, triple: &str, subcommand: &str) -> Result<Command, TaskError> {
    standard_library(triple)?;
    let tools = zig::tools(workspace)?;
    let mut cargo = Command::new(tools.cargo_zigbuild);
    cargo
        .arg(subcommand)
        .env("CARGO_ZIGBUILD_ZIG_PATH", tools.zig)
        .env("CARGO_ZIGBUILD_CACHE_DIR", cache(workspace))
        .env("ZIG_GLOBAL_CACHE_DIR", cache(workspace).join("zig"))
        .env("ZIG_LOCAL_CACHE_DIR", cache(workspace).join("zig"));
    // Flags for this machine's own linker are not zig's.
    let flags = format!("CARGO_TARGET_{}_RUSTFLAGS", triple.to_uppercase().replace('-', "_"));
    cargo.env_remove(flags).env_remove("RUSTFLAGS");
    cargo.args(["--locked", "--target", &format!("{triple}.{GLIBC}")]).current_dir(&workspace.root);
    Ok(cargo)
}

fn cache(workspace: &Workspace) -> PathBuf {
    workspace.target.join("zig-cache")
}

/// Rust's standard library for the system, added by rustup if need be.
fn standard_library(triple: &str) -> Result<(), TaskError> {
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
