//! The CPU's graph on a GPU through WebGPU, and what is said where there is none.
//!
//! With a GPU, or one made of software (`cargo xtask gpu`), `WHEELWORK_WEBGPU_DIR` names the folder of the provider's
//! library; without it the tests that need one say so and pass.
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod common;

use std::path::Path;
use std::process::Command;

use common::{TemporaryPackage, failure, json_lines, relative_rms, wheelwork};
use serde_json::Value;
use wheelwork::device::{Device, NotUsedReason, SelfCheck};
use wheelwork::{DevicePreference, Model, OpenOptions};
use wheelwork_quantize::Recipe;
use wheelwork_quantize::recipe::{BALANCED, FLOAT};

const FOLDER: &str = "WHEELWORK_WEBGPU_DIR";

/// Provider 0.4.0 takes another way through attention from 32 tokens a call on, and on SwiftShader that one gives other
/// numbers: relative errors of 0.1 to 0.3 where shorter calls have 1e-6.
const RIGHT_TOKENS: usize = 30;

fn has_gpu() -> bool {
    let named = std::env::var_os(FOLDER).is_some_and(|folder| !folder.is_empty());
    if !named {
        println!("skipped: {FOLDER} names no folder with the WebGPU provider (`cargo xtask gpu`)");
    }
    named
}

/// One checkpoint on both devices; the self-check would refuse this GPU.
fn on_both(checkpoint: &str, recipe: Recipe) -> [Model; 2] {
    let package = TemporaryPackage::of(checkpoint, recipe);
    [DevicePreference::Cpu, DevicePreference::Gpu].map(|device| {
        let options = OpenOptions { device, strict: true, skip_self_check: true, ..OpenOptions::default() };
        Model::open_with(package.path(), &options).unwrap()
    })
}

#[test]
fn a_float_graph_gives_the_cpus_logits_through_any_history() {
    if !has_gpu() {
        return;
    }
    let [cpu, gpu] = on_both("families/qwen3", FLOAT);
    assert_eq!(gpu.placement().device, Device::Gpu);
    assert_eq!(gpu.placement().provider, "WebGpuExecutionProvider");
    let [mut expected, mut decoder] = [&cpu, &gpu].map(|model| model.decoder().unwrap());
    let same = |expected: &mut [f32], found: &mut [f32]| {
        let error = relative_rms(found, expected);
        assert!(error < 1e-4, "the relative error is {error}");
    };
    let prompt: Vec<u32> = (0..270).map(|token| token % 100 + 10).collect();
    for decoder in [&mut expected, &mut decoder] {
        // They do not fit the first cache, so it grows.
        prompt.chunks(RIGHT_TOKENS).for_each(|chunk| decoder.prefill(chunk).unwrap());
    }
    same(expected.logits(), decoder.logits());
    for decoder in [&mut expected, &mut decoder] {
        decoder.rewind(100);
        decoder.decode(7).unwrap();
        decoder.decode(8).unwrap();
    }
    same(expected.logits(), decoder.logits());

    // What leaves the device comes back to it, and to the CPU.
    let (mut bytes, mut cpu_bytes) = (Vec::new(), Vec::new());
    decoder.read_kv(0..102, &mut bytes).unwrap();
    expected.read_kv(0..102, &mut cpu_bytes).unwrap();
    assert_eq!(bytes.len(), cpu_bytes.len());
    let tokens: Vec<u32> = prompt[..100].iter().copied().chain([7, 8]).collect();
    let mut restored = gpu.decoder().unwrap();
    restored.write_kv(&tokens, &bytes).unwrap();
    let mut fork = decoder.fork().unwrap();
    for decoder in [&mut expected, &mut restored, &mut fork] {
        decoder.decode(9).unwrap();
    }
    same(expected.logits(), restored.logits());
    same(expected.logits(), fork.logits());
}

#[test]
fn int4_products_and_attention_run_on_the_gpu() {
    if !has_gpu() {
        return;
    }
    let [cpu, gpu] = on_both("tiny-r1", BALANCED);
    let graph = &gpu.placement().graphs[0];
    let on_gpu = graph.shares.iter().find(|share| share.provider == "WebGpuExecutionProvider").unwrap();
    for operator in ["GatherBlockQuantized", "GroupQueryAttention", "MatMulNBits"] {
        assert!(on_gpu.operators.iter().any(|name| name == operator), "{graph:?}");
    }
    let prompt = [0, 1, 40, 41, 42, 43];
    let [expected, found] = [cpu, gpu].map(|model| {
        let mut decoder = model.decoder().unwrap();
        decoder.prefill(&prompt).unwrap();
        decoder.logits().to_vec()
    });
    // The CPU's products round their inputs to int8, the GPU's do not.
    let error = relative_rms(&found, &expected);
    assert!(error < 0.05, "the relative error is {error}");
}

#[test]
fn a_gpu_that_computes_wrong_numbers_is_refused_and_the_cpu_runs() {
    if !has_gpu() {
        return;
    }
    let package = TemporaryPackage::of("families/qwen3", FLOAT);
    let open = |strict, skip_self_check| {
        let options =
            OpenOptions { device: DevicePreference::Gpu, strict, skip_self_check, ..OpenOptions::default() };
        Model::open_with(package.path(), &options)
    };
    let model = open(false, false).unwrap();
    let placement = model.placement();
    assert_eq!(placement.device, Device::Cpu);
    let row = placement.not_used.iter().find(|row| row.provider == "WebGpuExecutionProvider").unwrap();
    println!("{row}");
    assert_eq!(row.reason, NotUsedReason::SelfCheckFailed);
    assert!(row.detail.as_ref().unwrap().contains("its logits differ by 0."), "{row}");
    assert!(open(true, false).is_err());
    assert_eq!(open(true, true).unwrap().placement().self_check, Some(SelfCheck::Skipped));
}

fn generate(package: &TemporaryPackage, folder: &Path, more: &str) -> Command {
    let mut command =
        wheelwork(&format!("generate --prompt 3+4 --max-tokens 1 --device gpu --json {more} --model"));
    command.arg(package.path()).env(FOLDER, folder);
    command
}

/// The reason of the WebGPU row in the first event.
fn reason(command: &mut Command) -> Value {
    let started = json_lines(command).remove(0);
    assert_eq!(started["placement"]["device"], "cpu");
    let rows = started["placement"]["not_used"].as_array().unwrap();
    rows.iter().find(|row| row["provider"] == "WebGpuExecutionProvider").unwrap()["reason"].clone()
}

#[test]
fn a_library_that_is_missing_or_no_library_is_said_and_the_cpu_runs() {
    let package = TemporaryPackage::of("families/qwen3", BALANCED);
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(reason(&mut generate(&package, empty.path(), "")), "library_missing");

    let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let name = format!("{prefix}onnxruntime_providers_webgpu{suffix}");
    std::fs::write(empty.path().join(name), "no library").unwrap();
    assert_eq!(reason(&mut generate(&package, empty.path(), "")), "library_refused");

    let error = failure(&mut generate(&package, empty.path(), "--strict"));
    assert!(error.to_string().contains("WebGpuExecutionProvider"), "{error}");
}
