//! `cargo xtask npu-compile`: cuts of R1-Distill-Qwen-1.5B at its full width, compiled for NPUs.
//!
//! For each number of layers: a checkpoint of random weights, sure of its next token; a package with static graphs;
//! their context binaries for each system-on-chip. The table goes to the terminal, its rows as lines of JSON to standard
//! output and to `target/npu-compile/report.jsonl`. Checkpoints and packages are removed as soon as their rows are
//! written; a cut of 4 layers takes some 2 GB.

use std::path::Path;
use std::process::{Command, Stdio};

use clap::Args;
use serde_json::{Value, json};

use crate::checkpoint::{self, ShapeName};
use crate::fetch::qnn;
use crate::task_error::TaskError;
use crate::workspace::Workspace;
use crate::{command, report, test};

const VARIANT: &str = "qnn-htp";
/// The program that compares two providers, an example of `wheelwork-calibrate`.
const AGREEMENT: &str = "agreement";

#[derive(Args)]
pub(crate) struct Options {
    /// How many layers each cut has; all are 28.
    #[arg(long, value_delimiter = ',', default_value = "1,4")]
    layers: Vec<u64>,
    /// What to compile for: v73, v75, v79 and v81 by default.
    #[arg(long, default_value = "sm8550,sm8650,sm8750,sm8850")]
    soc: String,
    /// A checkpoint to take instead of cuts.
    #[arg(long, conflicts_with = "layers")]
    checkpoint: Option<std::path::PathBuf>,
    /// Tokens that the graphs' cache holds.
    #[arg(long, default_value = "128")]
    context: String,
    /// How graphs are put into files, as `wheelwork quantize --npu-binaries` has it.
    #[arg(long, default_value = "per-graph")]
    binaries: String,
    /// Also answers with so many greedy tokens on the simulator, beside the same graphs on the CPU; with 4
    /// layers it takes minutes.
    #[arg(long)]
    greedy: Option<u32>,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<(), TaskError> {
    if qnn::libraries(workspace)?.is_none() {
        report::note("there is no compiler for this platform");
        return Ok(());
    }
    workspace.build_command("debug")?;
    if options.greedy.is_some() {
        workspace.build(&["--package", "wheelwork-calibrate", "--example", AGREEMENT])?;
    }
    let folder = workspace.target.join("npu-compile");
    fs_err::create_dir_all(&folder)?;
    let mut rows = Vec::new();
    if let Some(checkpoint) = &options.checkpoint {
        rows.extend(compile(workspace, options, checkpoint, &folder)?);
    } else {
        for &layers in &options.layers {
            let work = tempfile::Builder::new().prefix("cut-").tempdir_in(&folder)?;
            let checkpoint = work.path().join("checkpoint");
            let cut = checkpoint::Options {
                shape: ShapeName::Qwen1p5B,
                folder: checkpoint.clone(),
                layers: Some(layers),
                sure: true,
                empty: false,
            };
            checkpoint::run(workspace, &cut)?;
            rows.extend(compile(workspace, options, &checkpoint, work.path())?);
        }
    }
    rows.iter().for_each(show);
    let lines: String = rows.iter().map(|row| format!("{row}\n")).collect();
    print!("{lines}");
    Ok(fs_err::write(folder.join("report.jsonl"), lines)?)
}

/// A row for each system-on-chip, and one of the comparison.
fn compile(
    workspace: &Workspace,
    options: &Options,
    checkpoint: &Path,
    folder: &Path,
) -> Result<Vec<Value>, TaskError> {
    let package = folder.join("model.ortpackage");
    let mut wheelwork = program(workspace, "wheelwork")?;
    wheelwork.arg("quantize").arg(checkpoint).arg("--out").arg(&package).args(["--json", "--overwrite"]);
    wheelwork.args(["--target", "cpu", "--target", VARIANT, "--npu-rounding", "nearest"]);
    wheelwork.args(["--calibration-tokens", "256", "--calibration-length", "128"]);
    wheelwork.args(["--npu-context", &options.context, "--soc", &options.soc]);
    wheelwork.args(["--npu-binaries", &options.binaries]);
    report::step("quantising and compiling");
    let made: Value = serde_json::from_str(&command::capture(&mut wheelwork)?)?;
    let layers = made["static_graphs"][VARIANT]["encodings"]["keys"].as_array().map(Vec::len);
    let binaries = made["static_graphs"][VARIANT]["context_binaries"].as_array().into_iter().flatten();
    let row = |binary: &Value| {
        let mut compiled = made["compiled"].as_array().into_iter().flatten();
        let compiled = compiled.find(|made| made["soc"] == binary["soc"]).unwrap_or(&Value::Null);
        let parts = binary["parts"].as_array().into_iter().flatten();
        let files = parts.flat_map(|part| part["binaries"].as_array().into_iter().flatten());
        let bytes = files.map(|file| {
            let file = file.as_str().unwrap_or_default();
            Ok((file.to_owned(), fs_err::metadata(package.join(VARIANT).join(file))?.len().into()))
        });
        let bytes: serde_json::Map<String, Value> = bytes.collect::<Result<_, std::io::Error>>()?;
        Ok(json!({
            "layers": layers, "soc": binary["soc"], "arch": binary["arch"], "sdk": binary["sdk"],
            "context": made["static_graphs"][VARIANT]["context_length"], "binaries": options.binaries, "binary_bytes": bytes,
            "compile_s": compiled["seconds"], "whole_run_s": made["seconds"],
            "whole_run_peak_bytes": made["memory"]["peak_kb"].as_u64().map(|kilobytes| 1024 * kilobytes),
        }))
    };
    let mut rows: Vec<Value> = binaries.map(row).collect::<Result<_, TaskError>>()?;
    if let Some(tokens) = options.greedy {
        report::step("greedy tokens on the simulator and on the CPU");
        let mut agreement = program(workspace, &format!("examples/{AGREEMENT}"))?;
        agreement.arg(&package).args([VARIANT, &tokens.to_string()]);
        let mut found: Value = serde_json::from_str(first_line(&command::capture(&mut agreement)?))?;
        found["layers"] = layers.into();
        rows.push(found);
    }
    Ok(rows)
}

/// The simulator adds a line of its own when a process ends.
fn first_line(text: &str) -> &str {
    text.lines().find(|line| line.starts_with('{')).unwrap_or_default()
}

fn program(workspace: &Workspace, name: &str) -> Result<Command, TaskError> {
    let mut program = Command::new(workspace.program("debug", name));
    test::prepare(&mut program, workspace)?;
    program.stderr(Stdio::inherit());
    Ok(program)
}

fn show(row: &Value) {
    let megabytes = |value: &Value| value.as_f64().unwrap_or_default() / 1e6;
    let text = |name: &str| row[name].as_str().unwrap_or("-").to_owned();
    let number = |name: &str| row[name].as_f64().unwrap_or_default();
    if row["soc"].is_null() {
        report::pass(&format!(
            "{} layers: {} of {} greedy tokens the same, relative RMS of the logits {:.5}",
            row["layers"],
            row["same"],
            row["tokens"],
            number("relative_rms"),
        ));
        return;
    }
    let sizes = row["binary_bytes"].as_object().into_iter().flat_map(|sizes| sizes.values());
    let sizes: Vec<_> = sizes.map(|bytes| format!("{:.1} MB", megabytes(bytes))).collect();
    report::pass(&format!(
        "{} layers for {} ({}): {}, compiled in {:.1} s; the whole run {:.1} s, at most {:.0} MB resident",
        row["layers"],
        text("soc"),
        text("arch"),
        sizes.join(" and "),
        number("compile_s"),
        number("whole_run_s"),
        megabytes(&row["whole_run_peak_bytes"]),
    ));
}
