//! A shared library for Android, linked by `rust-lld` as the NDK's compiler would have it done.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::unidbg::BIONIC;
use crate::command;
use crate::task_error::TaskError;

/// What the library shows: JNI's own function, and what JNA looks up for the generated Kotlin. The rest of it is hidden, and
/// dropped where nothing uses it; UniFFI's metadata, too, which its generator reads from a library for this machine.
const EXPORTS: &str = "{ global: JNI_OnLoad; uniffi_wheelwork_*; ffi_wheelwork_*; local: *; };\n";

const OPTIONS: [&str; 16] = [
    "-shared",
    "-soname=libwheelwork.so",
    // Every name has to be in one of Android's libraries.
    "-z",
    "defs",
    // Phones whose pages have 16 KB.
    "-z",
    "max-page-size=16384",
    "-z",
    "relro",
    "-z",
    "now",
    // For unwinding.
    "--eh-frame-hdr",
    "--hash-style=gnu",
    // Known since Android 6, and 0.3 MB less.
    "--pack-dyn-relocs=android",
    // Names the build in a crash report.
    "--build-id=sha1",
    // Tools of Android 9 and older read back traces of such files only.
    "--no-rosegment",
    "--gc-sections",
];

/// Links a static library.
pub(super) fn link(archive: &Path, stubs: &Path, library: &Path) -> Result<(), TaskError> {
    let folder = library.parent().unwrap_or(library);
    fs_err::create_dir_all(folder)?;
    let exports = stubs.join("exports.map");
    fs_err::write(&exports, EXPORTS)?;
    command::run(
        linker()?
            .args(OPTIONS)
            .args(["--strip-all", "--version-script"])
            .arg(exports)
            .arg("-o")
            .arg(library)
            .arg("--whole-archive")
            .arg(archive)
            .args(["--no-whole-archive", "-L"])
            .arg(stubs)
            .arg("--as-needed")
            .args(BIONIC.map(|name| name.replacen("lib", "-l", 1))),
    )
    .map_err(|error| {
        error.remedy("a name that Android lacks is imported: find the dependency that asks for it")
    })
}

/// The linker that came with Rust.
pub(super) fn linker() -> Result<Command, TaskError> {
    let libraries = command::capture(Command::new("rustc").args(["--print", "target-libdir"]))?;
    let program = PathBuf::from(libraries.trim()).with_file_name("bin").join("rust-lld");
    let mut linker = Command::new(program);
    linker.args(["-flavor", "gnu"]);
    Ok(linker)
}
