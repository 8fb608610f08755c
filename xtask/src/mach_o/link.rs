//! A shared library of a static one, linked by Rust's own `lld` as Apple's linker would.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command;
use crate::task_error::TaskError;

/// What is linked.
pub(crate) struct Link<'a> {
    /// The linker's name of the system, its oldest release that the library runs on, and the SDK's, as in `ios 16.0 18.0`.
    pub(crate) platform: &'a str,
    /// All of it is linked, and what nothing uses is dropped.
    pub(crate) archive: &'a Path,
    pub(crate) stubs: &'a [PathBuf],
    /// Patterns of what the library shows, such as `_uniffi_*`.
    pub(crate) exports: &'a [&'a str],
    /// Whether a name that no stub has is left to the loader: to make the first list, or the next.
    pub(crate) open: bool,
}

impl Link<'_> {
    /// Links into `library`.
    pub(crate) fn make(&self, library: &Path) -> Result<(), TaskError> {
        let folder = library.parent().unwrap_or(library);
        fs_err::create_dir_all(folder)?;
        let exports = library.with_extension("exports");
        fs_err::write(&exports, self.exports.join("\n") + "\n")?;
        let mut linker = linker()?;
        linker
            .args(["-arch", "arm64", "-platform_version"])
            .args(self.platform.split(' '))
            // Without where its parts lay on this machine.
            .args(["-dylib", "-dead_strip", "-S", "-install_name", "@rpath/libwheelwork.dylib"])
            .arg("-exported_symbols_list")
            .arg(exports)
            .arg("-force_load")
            .arg(self.archive)
            .args(self.stubs)
            .arg("-o")
            .arg(library);
        if self.open {
            linker.args(["-undefined", "dynamic_lookup"]);
        }
        command::run(&mut linker).map_err(|error| {
            error.remedy(
                "a name that is not in the ledger is imported: find the dependency that asks for it, and whether Apple's systems \
                 have it",
            )
        })
    }
}

/// The linker that came with Rust, as Apple's.
pub(crate) fn linker() -> Result<Command, TaskError> {
    let libraries = command::capture(Command::new("rustc").args(["--print", "target-libdir"]))?;
    let program = Path::new(libraries.trim()).with_file_name("bin").join("rust-lld");
    let mut linker = Command::new(program);
    linker.args(["-flavor", "darwin"]);
    Ok(linker)
}
