//! Text stubs of Apple's libraries: what a linker needs to know of them, which is their names. What links against stubs is a
//! check; on Apple's systems the linker reads the SDK's own.

use std::path::Path;

use crate::task_error::TaskError;

/// A library that programs name.
pub(crate) struct Stub<'a> {
    /// Where the system has it, as in `/usr/lib/libobjc.A.dylib`.
    pub(crate) install_name: &'a str,
    /// As in `arm64-macos` or `arm64-ios`.
    pub(crate) target: &'a str,
    /// What it exports, as in C: without the underscore that is put before it.
    pub(crate) names: Vec<&'a str>,
}

impl Stub<'_> {
    /// Writes `PATH.tbd`, with the folders above it.
    pub(crate) fn write(&self, path: &Path) -> Result<(), TaskError> {
        if let Some(folder) = path.parent() {
            fs_err::create_dir_all(folder)?;
        }
        Ok(fs_err::write(path, self.text())?)
    }

    /// The format's version 4, which LLVM's and Apple's linkers read.
    fn text(&self) -> String {
        let Self { install_name, target, names } = self;
        let symbols: Vec<_> = names.iter().map(|name| format!("'_{name}'")).collect();
        let exports = if symbols.is_empty() {
            String::new()
        } else {
            format!("exports:\n  - targets: [ {target} ]\n    symbols: [ {} ]\n", symbols.join(", "))
        };
        format!(
            "--- !tapi-tbd\ntbd-version: 4\ntargets: [ {target} ]\ninstall-name: '{install_name}'\n{exports}...\n"
        )
    }
}

/// Names in a checked-in list: one a line; `#` begins a remark.
pub(crate) fn names(list: &str) -> Vec<&str> {
    list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_with_an_underscore_for_the_target() {
        let names = names("# what we call\nSecCopyErrorMessageString\n\nSecPolicyCreateSSL\n");
        let stub = Stub { install_name: "/usr/lib/x.dylib", target: "arm64-ios", names };
        let text = stub.text();
        assert!(text.contains("symbols: [ '_SecCopyErrorMessageString', '_SecPolicyCreateSSL' ]"), "{text}");
        assert!(text.contains("install-name: '/usr/lib/x.dylib'"), "{text}");
        let empty = Stub { install_name: "/usr/lib/x.dylib", target: "arm64-ios", names: Vec::new() };
        assert!(!empty.text().contains("exports"));
    }
}
