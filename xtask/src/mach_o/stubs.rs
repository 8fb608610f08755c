//! Libraries of names without code, as Apple's SDKs have them: text files of the format that `tapi` writes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{Imports, SYSTEM};
use crate::task_error::TaskError;

/// Other names of the system's library, which compilers ask for.
const ALIASES: [&str; 4] = ["libc", "libm", "libobjc", "libiconv"];

/// Writes a stub for each library where an SDK has it; the stubs. `target` is an architecture and a system, as in `arm64-ios`.
pub(crate) fn write(imports: &Imports, target: &str, sdk: &Path) -> Result<Vec<PathBuf>, TaskError> {
    if sdk.exists() {
        fs_err::remove_dir_all(sdk)?;
    }
    let mut stubs = Vec::new();
    for (library, names) in imports.libraries() {
        let stub = sdk.join(place(library));
        fs_err::create_dir_all(stub.parent().unwrap_or(sdk))?;
        let text = text(library, names, target);
        fs_err::write(&stub, &text)?;
        if library == SYSTEM {
            for alias in ALIASES.map(|name| stub.with_file_name(format!("{name}.tbd"))) {
                fs_err::write(alias, &text)?;
            }
        }
        stubs.push(stub);
    }
    Ok(stubs)
}

/// `/usr/lib/libSystem.B.dylib` as `usr/lib/libSystem.tbd`; a framework's versions are left out, as in its links.
fn place(library: &str) -> PathBuf {
    let path = library.trim_start_matches('/').replacen("@rpath/", "", 1);
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
    let folder = folder.split("/Versions/").next().unwrap_or(folder);
    let name = name.split('.').next().unwrap_or(name);
    Path::new(folder).join(format!("{name}.tbd"))
}

fn text(library: &str, names: &BTreeSet<String>, target: &str) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
    format!(
        "--- !tapi-tbd\ntbd-version: 4\ntargets: [ {target} ]\ninstall-name: '{library}'\nexports:\n  - targets: [ {target} ]\n    \
         symbols: [ {} ]\n...\n",
        names.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stub_stands_where_an_sdk_has_it() {
        let of = |library| place(library).to_string_lossy().into_owned();
        assert_eq!(of(SYSTEM), "usr/lib/libSystem.tbd");
        assert_eq!(of("/usr/lib/libiconv.2.dylib"), "usr/lib/libiconv.tbd");
        assert_eq!(
            of("/System/Library/Frameworks/Security.framework/Versions/A/Security"),
            "System/Library/Frameworks/Security.framework/Security.tbd"
        );
        assert_eq!(of("@rpath/onnxruntime.framework/onnxruntime"), "onnxruntime.framework/onnxruntime.tbd");
    }

    #[test]
    fn a_stub_names_its_library_and_its_symbols() {
        let names = ["_free", "_malloc"].map(str::to_owned).into();
        let text = text(SYSTEM, &names, "arm64-ios");
        assert!(text.contains("install-name: '/usr/lib/libSystem.B.dylib'\n"), "{text}");
        assert!(text.contains("symbols: [ '_free', '_malloc' ]\n"), "{text}");
    }
}
