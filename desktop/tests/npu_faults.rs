//! What is said and what runs where the NPU's libraries, package or process are not as they should be.
//!
//! What needs the provider itself takes it from the folder that `WHEELWORK_QNN_DIR` names, the Snapdragon simulator, and
//! says so and passes where there is none. The rest runs everywhere.

// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod common;
#[path = "common/npu.rs"]
mod npu;

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use common::{copy_folder, error_of, flip_bit, stdout, success, wheelwork};
use npu::{FOLDER, first_binary, json_lines, kill_once, on_npu, package, simulator};
use serde_json::{Value, json};
use tempfile::TempDir;
use wheelwork::device::NotUsedReason;
use wheelwork::{DevicePreference, Model, OpenOptions, Options};
use wheelwork_package::files::FileRecord;
use wheelwork_quantize::static_float::VARIANT;
use wheelwork_testing::{HookedDecoder, Outcome};

/// A folder of libraries that the simulator's are linked into, but for some.
fn libraries_without(missing: &[&str]) -> Option<TempDir> {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(simulator()?).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        if !missing.iter().any(|missing| name == *missing) {
            link(&path, &folder.path().join(name));
        }
    }
    Some(folder)
}

#[cfg(unix)]
fn link(from: &Path, to: &Path) {
    std::os::unix::fs::symlink(from, to).unwrap();
}

#[cfg(not(unix))]
fn link(from: &Path, to: &Path) {
    std::fs::copy(from, to).unwrap();
}

/// A command with a cache folder of its own, so that no trial of another test counts.
fn generate(package: &Path, libraries: &Path, cache: &Path, more: &[&str]) -> Command {
    let mut command = wheelwork("generate --prompt Thanks --max-tokens 1 --json --model");
    command.arg(package).args(more).env(FOLDER, libraries).env("XDG_CACHE_HOME", cache);
    command
}

/// What a strict request fails with.
fn refusal(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let error = error_of(output);
    assert_eq!(error["code"], "no_usable_device", "{error}");
    [&error["message"], &error["remedy"]].map(|text| text.as_str().unwrap()).join("; ")
}

/// The provider's row in the first event of an answer that the CPU gave.
fn row_of_first_event(output: &Output) -> Value {
    // Its one token is all of the answer that was asked for, so it is cut.
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let mut events = json_lines(&output.stdout);
    assert_eq!(events.last().unwrap()["event"], "Finished");
    let mut placement = events[0]["placement"].take();
    assert_eq!(placement["device"], "cpu");
    let mut rows = placement["not_used"].as_array_mut().unwrap().iter_mut();
    rows.find(|row| row["provider"] == "QNNExecutionProvider").unwrap().take()
}

/// Both ways to ask for a device that cannot be used: the strict report, and the reason in the first event.
fn on_both(package: &Path, libraries: &Path, reason: &str, detail: &str) {
    let cache = tempfile::tempdir().unwrap();
    let run = |more: &[&str]| generate(package, libraries, cache.path(), more).output().unwrap();
    let report = refusal(&run(&["--device", "npu", "--strict"]));
    assert!(report.contains("QNNExecutionProvider") && report.contains(detail), "{reason}: {report}");
    let row = row_of_first_event(&run(&["--device", "npu"]));
    assert_eq!(row["reason"], reason, "{row}");
    assert!(row["detail"].as_str().is_some_and(|found| found.contains(detail)), "{row}");
}

/// The provider's library file in a folder of its own.
fn library(content: &[u8]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    std::fs::write(folder.path().join(format!("{prefix}onnxruntime_providers_qnn{suffix}")), content)
        .unwrap();
    folder
}

#[test]
fn rt_01_a_provider_library_that_is_missing_or_none_is_told_and_the_cpu_answers() {
    let empty = tempfile::tempdir().unwrap();
    on_both(package(), empty.path(), "library_missing", "onnxruntime_providers_qnn");
    let text = library(b"no library");
    on_both(package(), text.path(), "library_refused", "cannot be loaded");
    // The first bytes of one for a CPU that is not this one.
    let mut foreign = [0; 64];
    foreign[..4].copy_from_slice(b"\x7fELF");
    foreign[18] = 8;
    let foreign = library(&foreign);
    on_both(package(), foreign.path(), "library_refused", "processor number 8");

    // Where no device is named the first event says it too.
    let cache = tempfile::tempdir().unwrap();
    let row = row_of_first_event(&generate(package(), text.path(), cache.path(), &[]).output().unwrap());
    assert!(["library_refused", "simulator_only"].contains(&row["reason"].as_str().unwrap()), "{row}");
}

/// The system's loader would take the process down.
#[test]
fn rt_01_a_truncated_library_is_told_and_not_loaded() {
    let half = |path: &Path| {
        let whole = std::fs::read(path).unwrap();
        whole[..whole.len() / 2].to_vec()
    };
    let Some(folder) = simulator() else { return };
    let cut = library(&half(&folder.join("libonnxruntime_providers_qnn.so")));
    on_both(package(), cut.path(), "library_refused", "ends after");
    let backend = "libQnnHtp.so";
    let cut = libraries_without(&[backend]).unwrap();
    std::fs::write(cut.path().join(backend), half(&folder.join(backend))).unwrap();
    on_both(package(), cut.path(), "library_refused", "ends after");
}

#[test]
fn rt_01_one_library_of_the_folder_that_is_missing_or_none_is_told() {
    let Some(folder) = libraries_without(&["libQnnHtp.so"]) else { return };
    on_both(package(), folder.path(), "library_missing", "libQnnHtp.so");
    std::fs::write(folder.path().join("libQnnHtp.so"), "no library").unwrap();
    on_both(package(), folder.path(), "compile_failed", "cannot be loaded");
}

#[test]
fn a_misspelt_provider_option_is_refused_before_the_provider_sees_it() {
    let (empty, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let option = ["--device", "npu", "--provider-option", "soc_modell=57"];
    let output = generate(package(), empty.path(), cache.path(), &option).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let message = error_of(&output)["message"].to_string();
    assert!(message.contains("soc_modell") && message.contains("soc_model,"), "{message}");
    // A right one does not stand in the way of what runs instead.
    let option = ["--device", "npu", "--provider-option", "soc_model=57"];
    row_of_first_event(&generate(package(), empty.path(), cache.path(), &option).output().unwrap());
}

#[test]
fn rt_02_a_process_that_ended_while_the_provider_was_tried_makes_a_cpu_start_with_the_reason() {
    let Some(folder) = simulator() else { return };
    let cache = tempfile::tempdir().unwrap();
    let run = |more: &[&str]| generate(package(), &folder, cache.path(), more);
    // What is compiled already is loaded under the marker that allows one try.
    success(&mut run(&["--device", "npu", "--strict"]));
    let trials = cache.path().join("wheelwork").join("providers");
    let has_marker = || {
        let entries = std::fs::read_dir(&trials).into_iter().flatten();
        entries.flatten().any(|entry| entry.path().extension().is_some_and(|kind| kind == "trial"))
    };
    kill_once(&mut run(&["--device", "npu"]), Duration::from_secs(60), has_marker);

    let row = row_of_first_event(&run(&["--device", "npu"]).output().unwrap());
    assert_eq!(row["reason"], "crashed_before", "{row}");
    let report = refusal(&run(&["--device", "npu", "--strict"]).output().unwrap());
    assert!(report.contains("wheelwork devices --retry"), "{report}");

    let retry = stdout(wheelwork("devices --retry").env("XDG_CACHE_HOME", cache.path()));
    assert!(retry.contains("tried again: 1"), "{retry}");
    assert!(!has_marker());
}

/// A copy of the package with its card changed.
fn with_card(change: impl FnOnce(&mut Value)) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_folder(package(), copy.path());
    change_card(copy.path(), change);
    copy
}

fn change_card(package: &Path, change: impl FnOnce(&mut Value)) {
    let path = package.join("wheelwork.json");
    let mut card: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut card);
    std::fs::write(path, card.to_string()).unwrap();
}

/// Changes what the card says of a variant's file.
fn change_record(package: &Path, variant: &str, file: &str, change: impl FnOnce(&mut Value)) {
    change_card(package, |card| {
        let mut records = card["variants"][variant].as_array_mut().unwrap().iter_mut();
        change(records.find(|record| record["name"] == file).unwrap());
    });
}

#[test]
fn rt_03_graphs_that_the_provider_takes_in_part_are_refused() {
    let Some(folder) = simulator() else { return };
    // Without its word on attention the provider leaves those nodes to the CPU.
    let copy = with_card(|_| {});
    let variant = copy.path().join(VARIANT);
    std::fs::write(variant.join("op_affinity.json"), "{\"op_type\": {}}").unwrap();
    let record = FileRecord::of(&variant, "op_affinity.json").unwrap();
    change_record(copy.path(), VARIANT, "op_affinity.json", |found| {
        *found = serde_json::to_value(record).unwrap();
    });
    on_both(copy.path(), &folder, "compile_failed", "fallback");
}

#[test]
fn rt_05_a_provider_with_other_numbers_than_the_package_is_refused() {
    let Some(folder) = simulator() else { return };
    let copy = with_card(|card| {
        for logit in card["static_graphs"][VARIANT]["self_check"]["logits"].as_array_mut().unwrap() {
            *logit = json!(logit.as_f64().unwrap() * 1.1);
        }
    });
    on_both(copy.path(), &folder, "self_check_failed", "relative root mean square");
}

#[test]
fn a_graph_file_that_was_changed_is_not_given_to_the_provider() {
    let Some(folder) = simulator() else { return };
    let copy = with_card(|_| {});
    change_record(copy.path(), VARIANT, "decode.onnx", |found| found["sha256"] = "0".repeat(64).into());
    on_both(copy.path(), &folder, "damaged", "decode.onnx");
}

/// The placement on the simulator, asked for as one system-on-chip.
fn placement(package: &Path, soc_model: &str) -> wheelwork::Placement {
    let options =
        OpenOptions { provider_options: vec![("soc_model".to_owned(), soc_model.to_owned())], ..on_npu() };
    Model::open_with(package, &options).unwrap().placement().clone()
}

fn graphs(placement: &wheelwork::Placement) -> Vec<&str> {
    placement.graphs.iter().map(|graph| graph.graph.as_str()).collect()
}

#[test]
fn pk_11_compiled_graphs_are_used_on_their_chip_alone_and_whole_alone() {
    if simulator().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let package = folder.path().join("compiled.ortpackage");
    let quantize = "quantize --target cpu --target qnn-htp --npu-context 128 --soc sm8650 --out";
    success(wheelwork(quantize).args([&package, &common::testdata("tiny-r1")]));
    let sources = ["prefill.0.onnx", "decode.0.onnx"];

    let own = placement(&package, "57");
    assert!(graphs(&own).iter().all(|graph| !sources.contains(graph)), "{own:?}");
    assert!(own.graphs.iter().all(|graph| graph.shares[0].operators == ["EPContext"]), "{own:?}");
    // Another chip's are left alone, and others compiled.
    assert_eq!(graphs(&placement(&package, "69")), sources);

    // The provider itself loads binaries with flipped bits without a word.
    let variant = package.join("qnn-htp");
    let binary = first_binary(&variant);
    flip_bit(&binary);
    let found = placement(&package, "57");
    assert_eq!(graphs(&found), sources);
    let row = &found.not_used[0];
    assert_eq!((row.provider.as_str(), row.reason), ("QNNExecutionProvider", NotUsedReason::Damaged));
    assert!(row.detail.as_ref().unwrap().contains("compiled for sm8650"), "{row}");

    // What the card says, and no binary that this provider takes.
    let name = binary.file_name().unwrap().to_str().unwrap();
    std::fs::write(&binary, "of another compiler").unwrap();
    let record = serde_json::to_value(FileRecord::of(&variant, name).unwrap()).unwrap();
    change_record(&package, "qnn-htp", name, |found| *found = record);
    let found = placement(&package, "57");
    assert_eq!(graphs(&found), sources);
    assert_eq!(found.not_used[0].reason, NotUsedReason::SessionFailed);
}

#[test]
fn rt_04_a_turn_goes_on_on_the_cpu_where_the_simulator_fails() {
    if simulator().is_none() {
        return;
    }
    let open = |device, strict| {
        let options = OpenOptions { device, strict, ..OpenOptions::default() };
        Model::open_with(package(), &options).unwrap()
    };
    let turn = |session: &mut wheelwork::Session| {
        let options = Options { temperature: Some(0.0), max_tokens: Some(64), ..Options::default() };
        Outcome::of(session.ask("Add 43 and 6.", &options).unwrap()).unwrap()
    };
    let whole = turn(&mut open(DevicePreference::Cpu, true).session().unwrap());
    let npu = open(DevicePreference::Npu, false);
    let mut session =
        npu.session_through(|decoder| Box::new(HookedDecoder::failing_after(decoder, 4))).unwrap();
    let found = turn(&mut session);
    assert_eq!(found.said(), whole.said());
    let [_, placement] = &found.placements[..] else { panic!("{found:?}") };
    assert_eq!(placement.provider, "CPUExecutionProvider");
    assert_eq!(placement.not_used[0].provider, "QNNExecutionProvider");
    assert!(placement.not_used[0].to_string().contains("failed in the middle"), "{placement:?}");

    // A strict request never runs elsewhere.
    let strict = open(DevicePreference::Npu, true);
    let mut session =
        strict.session_through(|decoder| Box::new(HookedDecoder::failing_after(decoder, 0))).unwrap();
    let mut events = session.ask("Thanks", &Options::default()).unwrap();
    assert!(events.any(|event| event.is_err()));
}
