//! A disk that is really full: a small tmpfs in a mount namespace of our own, where the system permits one.

use std::path::PathBuf;
use std::process::Command;

const FOLDER: &str = "WHEELWORK_TEST_DISK";
pub(crate) const DISK_BYTES: usize = 8 << 20;

/// Where the small disk is, in the child process of a test.
pub(crate) fn folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

/// Runs an ignored test of this program on a small disk. False where the system permits no mount namespace.
pub(crate) fn runs(child: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let script = format!(
        "mount -t tmpfs -o size={DISK_BYTES} none \"${FOLDER}\" && echo mounted && exec \"$0\" \"$@\""
    );
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", child, "--ignored", "--nocapture"])
        .env(FOLDER, folder.path())
        .output();
    let Some(output) = output.ok().filter(|output| output.stdout.starts_with(b"mounted")) else {
        return false;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    true
}
