//! What the tests on the Snapdragon simulator share: tiny-r1 with static graphs, and the folder of the simulator.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use serde_json::Value;
use wheelwork::{DevicePreference, OpenOptions};
use wheelwork_quantize::recipe::BALANCED;
use wheelwork_quantize::static_float::{self, StaticShapes, VARIANT};

use crate::common::TemporaryPackage;

pub(crate) const FOLDER: &str = "WHEELWORK_QNN_DIR";

/// tiny-r1 with static graphs, for all tests of a file.
pub(crate) fn package() -> &'static Path {
    static PACKAGE: LazyLock<PathBuf> = LazyLock::new(|| {
        let package = TemporaryPackage::of("tiny-r1", BALANCED);
        let shapes = StaticShapes { context_length: 256, prefill_tokens: 64 };
        static_float::add_to(&package.path(), shapes).unwrap();
        wheelwork_calibrate::static_check::add_to(&package.path(), VARIANT, 0.01).unwrap();
        package.keep()
    });
    &PACKAGE
}

/// The simulator's folder; says so where there is none.
pub(crate) fn simulator() -> Option<PathBuf> {
    let found = std::env::var_os(FOLDER).filter(|folder| !folder.is_empty());
    if found.is_none() {
        println!("skipped: {FOLDER} names no folder with the simulator");
    }
    found.map(PathBuf::from)
}

pub(crate) fn on_npu() -> OpenOptions {
    OpenOptions { device: DevicePreference::Npu, strict: true, ..OpenOptions::default() }
}

/// The first binary of compiled graphs in a folder.
pub(crate) fn first_binary(folder: &Path) -> PathBuf {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|kind| kind == "bin")).min().unwrap()
}

/// Starts a process and kills it as soon as this holds, which it has to within the limit.
pub(crate) fn kill_once(command: &mut Command, limit: Duration, holds: impl Fn() -> bool) {
    let mut killed = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < limit, "it was not seen to begin");
        std::thread::sleep(Duration::from_millis(1));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
}

pub(crate) fn json_lines(bytes: &[u8]) -> Vec<Value> {
    let lines = bytes.split(|&byte| byte == b'\n').filter(|line| line.starts_with(b"{"));
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}
