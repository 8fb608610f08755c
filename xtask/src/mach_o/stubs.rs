//! Libraries of names without code, laid out as an SDK has them.

use std::path::{Path, PathBuf};

use super::{Imports, SYSTEM};
use crate::stub::Stub;
use crate::task_error::TaskError;

/// Other names of the system's library, which compilers ask for.
const ALIASES: [&str; 2] = ["libc", "libm"];

/// Writes a stub for each library where an SDK has it; the stubs. `target` is an architecture and a system, as in `arm64-ios`.
pub(crate) fn write(imports: &Imports, target: &str, sdk: &Path) -> Result<Vec<PathBuf>, TaskError> {
    if sdk.exists() {
        fs_err::remove_dir_all(sdk)?;
    }
    let mut stubs = Vec::new();
    for (library, names) in imports.libraries() {
        let path = sdk.join(place(library));
        let names = names.iter().map(|name| name.strip_prefix('_').unwrap_or(name)).collect();
        let stub = Stub { install_name: library, target, names };
        stub.write(&path)?;
        if library == SYSTEM {
            for alias in ALIASES {
                stub.write(&path.with_file_name(format!("{alias}.tbd")))?;
            }
        }
        stubs.push(path);
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
}
