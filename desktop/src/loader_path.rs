//! Where the system's loader looks for libraries, without the current folder.
//!
//! An empty entry of `LD_LIBRARY_PATH` means whatever folder the user is in; `export LD_LIBRARY_PATH=$LD_LIBRARY_PATH:/opt/lib`
//! makes one where the list was not set. The loader reads the list when a process starts, so a process with such a list
//! gives way to one without, before any library is loaded that it names later: ONNX Runtime, and what that needs.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

const LIST: &str = "LD_LIBRARY_PATH";

/// Starts this program again, in its own place, where the list has an empty entry.
pub(crate) fn leave_out_current_folder() {
    let Some(list) = std::env::var_os(LIST).and_then(|list| without_empty(&list)) else { return };
    let (Ok(program), mut arguments) = (std::env::current_exe(), std::env::args_os()) else { return };
    let mut command = Command::new(program);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    // It returns only where that failed; then ONNX Runtime at least is not looked for there (`wheelwork_ort::library`).
    let _ = command.args(arguments).env(LIST, list).exec();
}

/// The list without its empty entries; `None` where it has none, or says nothing at all.
fn without_empty(list: &OsStr) -> Option<OsString> {
    let entries = list.as_bytes().split(|byte| matches!(byte, b':' | b';'));
    let kept: Vec<_> = entries.clone().filter(|entry| !entry.is_empty()).collect();
    let is_changed = !list.is_empty() && kept.len() < entries.count();
    is_changed.then(|| OsString::from_vec(kept.join(&b':')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fi_07_empty_entries_go_and_others_stay() {
        let of = |list: &str| without_empty(OsStr::new(list)).map(|list| list.into_string().unwrap());
        for whole in ["", "/a", "/a:/b", "lib"] {
            assert_eq!(of(whole), None, "{whole}");
        }
        for (list, kept) in
            [(":", ""), (":/a", "/a"), ("/a:", "/a"), ("/a::/b", "/a:/b"), ("/a;;/b", "/a:/b")]
        {
            assert_eq!(of(list).as_deref(), Some(kept), "{list}");
            assert_eq!(of(kept), None);
        }
    }
}
