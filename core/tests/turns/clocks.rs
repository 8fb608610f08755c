//! Limits and speeds come from clocks that only go forward, whatever is done to the clock on the wall. (The dates of files,
//! which show that one was replaced, come from that one.)

use std::path::{Path, PathBuf};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn rt_20_the_runtime_reads_no_clock_that_can_jump() {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(found.iter().any(|path| path.ends_with("metrics.rs")), "this is not where the sources are");
    // Chat templates may print the date (`strftime_now`); nothing is decided by it.
    for path in found.iter().filter(|path| !path.ends_with("text/chat/clock.rs")) {
        let source = fs_err::read_to_string(path).unwrap();
        for clock in ["SystemTime", "UNIX_EPOCH.elapsed"] {
            assert!(!source.contains(clock), "{} reads {clock}", path.display());
        }
    }
}
