//! Nothing leaves the device: a whole chat is traced, and a socket or a device-id file fails the test.
//!
//! ONNX Runtime's official builds upload by default and write a device id and an event queue into the user's
//! cache folder when they are loaded. The trace sees every process and thread from the first instruction on.
#![cfg(target_os = "linux")]
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::path::Path;
use std::process::Command;

use common::tiny_r1;

#[test]
fn a_whole_chat_opens_no_socket_and_writes_no_device_id() {
    if Command::new("strace").arg("--version").output().is_err() {
        println!("SKIPPED: strace is not installed, so nothing was traced");
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let trace = home.path().join("trace");
    let output = Command::new("strace")
        .args(["-f", "-qq", "-e", "trace=socket,connect,openat,open,creat,mkdir,mkdirat,rename,renameat2"])
        .arg("-o")
        .arg(&trace)
        .arg(env!("CARGO_BIN_EXE_wheelwork"))
        .args(["chat", "--max-tokens", "40", "478 + 256 = ?", "--model"])
        .arg(tiny_r1())
        // A home of its own, so that whatever the library writes is seen.
        .env("HOME", home.path())
        .env_remove("XDG_CACHE_HOME")
        .env_remove("XDG_DATA_HOME")
        .env_remove("ORT_DISABLE_TELEMETRY")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    if told.contains("ptrace") && !output.status.success() {
        println!("SKIPPED: this system does not let strace trace: {told}");
        return;
    }
    assert!(output.status.success(), "{told}");

    let trace = std::fs::read_to_string(&trace).unwrap();
    assert!(trace.contains("libonnxruntime"), "the trace covers the loading of the library");
    let sockets: Vec<&str> =
        trace.lines().filter(|line| line.contains("socket(") || line.contains("connect(")).collect();
    assert!(sockets.is_empty(), "{sockets:#?}");
    let written: Vec<&str> = trace
        .lines()
        .filter(|line| line.contains("O_CREAT") || line.contains("creat(") || line.contains("mkdir"))
        .filter(|line| !line.contains("= -1"))
        .collect();
    assert!(written.is_empty(), "a chat with a given model writes no file: {written:#?}");
    assert_eq!(entries(home.path()), ["trace"], "nothing appears in the home folder");
}

fn entries(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap();
    names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}
