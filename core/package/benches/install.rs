//! Installing against what `zstd -d` and `sha256sum` need together on the same bytes, one after the other.
//!
//! The content is what int4 weights look like to zstd: bytes whose entropy is a little below 8 bits. Best of five.
#![allow(clippy::unwrap_used, clippy::cast_precision_loss)]

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use wheelwork_package::container::pack::{PackOptions, pack};
use wheelwork_package::container::{Name, Seekable, unwatched};
use wheelwork_package::store::{InstallOptions, Store};

const BYTES: usize = 512 << 20;
const RUNS: usize = 5;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let (input, package) = (folder.path().join("in"), folder.path().join("x.wwpkg"));
    fs_err::create_dir(&input).unwrap();
    fs_err::write(input.join("model.onnx.data"), content()).unwrap();
    fs_err::write(input.join("genai_config.json"), CONFIG).unwrap();
    let options = PackOptions { name: Name::new("x").unwrap(), version: 1, level: 3, threads: None };
    let clock = Instant::now();
    let report = pack(&input, &package, &options, None, &mut unwatched).unwrap();
    let pack_s = clock.elapsed().as_secs_f64();
    let install_s = best(|| {
        let models = folder.path().join("models");
        let mut source = Seekable(fs_err::File::open(&package).unwrap());
        Store::new(&models).install(&mut source, &InstallOptions::default(), &mut unwatched).unwrap();
        // Not timed by the commands either.
        fs_err::remove_dir_all(models).unwrap();
    });
    let weights = input.join("model.onnx.data");
    let archive = folder.path().join("weights.zst");
    run("zstd", &["-q", "-3"], &[&weights, Path::new("-o"), &archive]);
    let again = folder.path().join("again");
    let zstd_s = best(|| run("zstd", &["-q", "-d", "-f"], &[&archive, Path::new("-o"), &again]));
    let sha256_s = best(|| run("sha256sum", &[], &[&again]));
    let megabytes = BYTES as f64 / 1e6;
    let mut out = std::io::stdout();
    writeln!(out, "{megabytes:.0} MB, stored {:.1} %", report.container_bytes as f64 / BYTES as f64 * 100.0)
        .unwrap();
    for (what, seconds) in
        [("pack", pack_s), ("install", install_s), ("zstd -d", zstd_s), ("sha256sum", sha256_s)]
    {
        writeln!(out, "{what:10} {seconds:6.2} s {:6.0} MB/s", megabytes / seconds).unwrap();
    }
    let share = (zstd_s + sha256_s) / install_s * 100.0;
    writeln!(out, "install runs at {share:.0} % of zstd -d and sha256sum together").unwrap();
}

/// The smallest configuration that opens.
const CONFIG: &str = r#"{"model":{"type":"qwen2","vocab_size":16,"context_length":16,"eos_token_id":1,"decoder":
{"filename":"model.onnx","head_size":2,"hidden_size":4,"num_attention_heads":2,"num_key_value_heads":1,
"num_hidden_layers":1}},"search":{}}"#;

fn content() -> Vec<u8> {
    let mut state = 1_u64;
    let nibbles = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        // The sum of two uniform numbers: triangular codes, 3.7 bits of entropy in 4.
        let code = |shift: u32| ((state >> shift & 15) + (state >> (shift + 8) & 15)) / 2;
        u8::try_from(code(8) | code(32) << 4).unwrap()
    };
    std::iter::repeat_with(nibbles).take(BYTES).collect()
}

fn best(mut run: impl FnMut()) -> f64 {
    let times = (0..RUNS).map(|_| {
        let clock = Instant::now();
        run();
        clock.elapsed().as_secs_f64()
    });
    times.fold(f64::INFINITY, f64::min)
}

fn run(program: &str, arguments: &[&str], paths: &[&Path]) {
    let status =
        Command::new(program).args(arguments).args(paths).stdout(std::process::Stdio::null()).status();
    assert!(status.unwrap().success(), "{program} failed");
}
