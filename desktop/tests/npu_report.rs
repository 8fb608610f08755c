//! `scripts/npu-report`, as somebody with a machine runs it, on the Snapdragon simulator, which `WHEELWORK_QNN_DIR` names.

// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]
#![cfg(unix)]

mod common;
#[path = "common/npu.rs"]
#[allow(dead_code)]
mod npu;

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use npu::{FOLDER, json_lines, package, simulator};

#[test]
fn the_script_reports_machine_problems_and_summary_in_lines_of_json() {
    let Some(libraries) = simulator() else { return };
    let folder = tempfile::tempdir().unwrap();
    let link = |from: &Path| {
        let _ = symlink(from, folder.path().join(from.file_name().unwrap()));
    };
    link(Path::new(env!("CARGO_BIN_EXE_wheelwork")));
    let beside = libraries.with_file_name("onnxruntime_qnn.libs");
    for from in [&libraries, &beside] {
        for entry in std::fs::read_dir(from).into_iter().flatten() {
            link(&entry.unwrap().path());
        }
    }
    // Elsewhere it is found where programs find it.
    if let Some(runtime) = std::env::var_os("ORT_DYLIB_PATH") {
        link(Path::new(&runtime));
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/npu-report");
    let output = Command::new("sh")
        .arg(script)
        .arg(folder.path())
        .arg(package())
        .args(["--max-tokens", "2"])
        .env_remove(FOLDER)
        .env("XDG_CACHE_HOME", folder.path().join("cache"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let lines = json_lines(&output.stdout);
    assert_eq!(lines.len(), output.stdout.split(|&byte| byte == b'\n').count() - 1, "nothing between them");
    let [machine, problems @ .., summary] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!(
        (&machine["placement"]["device"], &machine["placement"]["simulator"]),
        (&"npu".into(), &true.into())
    );
    assert_eq!(problems.len(), 3);
    assert!(
        problems.iter().all(|problem| problem["tokens"] == 2 && problem["equal"] == true),
        "{problems:?}"
    );
    assert_eq!((&summary["asked"], &summary["same_tokens"]), (&3.into(), &3.into()), "{summary}");
}
