//! What stands for Apple's SDK on other systems: stubs of the libraries that our programs name, and zig's of the C library.

use std::path::{Path, PathBuf};

use crate::stub::{self, Stub};
use crate::task_error::TaskError;
use crate::workspace::Workspace;

/// A library of macOS beside its C library.
pub(crate) struct Library {
    pub(crate) install_name: &'static str,
    /// In the SDK, without `.tbd`.
    path: &'static str,
    /// What we import of it, checked in.
    list: &'static str,
}

pub(crate) const LIBRARIES: [Library; 4] = [
    Library { install_name: "/usr/lib/libobjc.A.dylib", path: "usr/lib/libobjc", list: "" },
    Library {
        install_name: "/System/Library/Frameworks/Foundation.framework/Versions/C/Foundation",
        path: "System/Library/Frameworks/Foundation.framework/Foundation",
        list: "",
    },
    Library {
        install_name: "/System/Library/Frameworks/CoreFoundation.framework/Versions/A/CoreFoundation",
        path: "System/Library/Frameworks/CoreFoundation.framework/CoreFoundation",
        list: include_str!("apple/CoreFoundation.txt"),
    },
    Library {
        install_name: "/System/Library/Frameworks/Security.framework/Versions/A/Security",
        path: "System/Library/Frameworks/Security.framework/Security",
        list: include_str!("apple/Security.txt"),
    },
];

impl Library {
    pub(crate) fn names(&self) -> Vec<&'static str> {
        stub::names(self.list)
    }
}

/// The folder, written anew.
pub(super) fn macos(workspace: &Workspace, zig: &Path) -> Result<PathBuf, TaskError> {
    let sdk = workspace.target.join("macos").join("sdk");
    if sdk.exists() {
        fs_err::remove_dir_all(&sdk)?;
    }
    for library in &LIBRARIES {
        let stub = Stub { install_name: library.install_name, target: "arm64-macos", names: library.names() };
        stub.write(&sdk.join(format!("{}.tbd", library.path)))?;
    }
    let of_zig = zig.with_file_name("lib").join("libc").join("darwin");
    for (file, folder) in [("libSystem.tbd", sdk.join("usr").join("lib")), ("SDKSettings.json", sdk.clone())]
    {
        fs_err::copy(of_zig.join(file), folder.join(file))?;
    }
    Ok(sdk)
}
