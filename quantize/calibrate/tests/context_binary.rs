//! Compiled graphs on the Snapdragon simulator, which `WHEELWORK_QNN_DIR` names.
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod common;

use std::path::{Path, PathBuf};

use common::StaticHost;
use wheelwork_calibrate::context_binary::{Compiler, Soc, add_to};
use wheelwork_calibrate::static_graph::{VariantOptions, add_variant};
use wheelwork_calibrate::{CalibrateError, TextBudget};
use wheelwork_package::card::{GraphPart, Packing};
use wheelwork_quantize::Options;
use wheelwork_quantize::recipe::BALANCED;
use wheelwork_quantize::static_graph::VARIANT;

/// Whether the simulator is here; says so where it is not.
fn has_simulator() -> bool {
    let found = std::env::var_os("WHEELWORK_QNN_DIR").is_some_and(|folder| !folder.is_empty());
    if !found {
        println!("skipped: WHEELWORK_QNN_DIR names no folder with the simulator");
    }
    found
}

fn package(folder: &Path) -> PathBuf {
    let checkpoint = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/tiny-r1");
    let package = folder.join("model.ortpackage");
    let options = Options { recipe: BALANCED, ..Options::default() };
    wheelwork_quantize::quantize(&checkpoint, &package, &options, &()).unwrap();
    let options = VariantOptions {
        context_length: 128,
        budget: TextBudget { tokens: 300, sequence_tokens: 100 },
        calibrate_weights: false,
        threads: Some(1),
        ..VariantOptions::default()
    };
    add_variant(&checkpoint, &package, &options, &()).unwrap();
    package
}

#[test]
fn a_compiled_graph_computes_what_the_simulator_computes_of_the_graph() {
    if !has_simulator() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // First: ONNX Runtime then has the provider while the package is calibrated, and must not give it those sessions.
    let compiler = Compiler::open().unwrap();
    let package = package(folder.path());
    let [here, other] = ["sm8550", "SM8750"].map(|name| Soc::named(name).unwrap());
    add_to(&compiler, &package, VARIANT, &[here], Packing::PerGraph, &|_| {}).unwrap();
    // A second call keeps the first one's binaries, and replaces its own.
    for _ in 0..2 {
        add_to(&compiler, &package, VARIANT, &[other], Packing::PerGraph, &|_| {}).unwrap();
    }

    let open = wheelwork_package::open(&package).unwrap();
    let card = open.card.as_ref().unwrap();
    let graphs = &card.static_graphs[VARIANT];
    let described = graphs.context_binaries.iter();
    let described: Vec<_> = described.map(|binary| (binary.soc.as_str(), binary.arch.as_str())).collect();
    assert_eq!(described, [("sm8550", "v73"), ("sm8750", "v79")]);
    for binary in &graphs.context_binaries {
        assert!(binary.compatibility.contains(&format!(":{}:", binary.soc_model)), "{binary:?}");
        assert!(binary.sdk.starts_with('v'), "{binary:?}");
        for part in &binary.parts {
            assert_eq!(part.binaries.len(), 2);
            for file in [&part.prefill, &part.decode] {
                assert!(open.verify_graph(VARIANT, file).unwrap().weight_bytes > 500_000);
            }
            for file in [&part.prefill, &part.decode].into_iter().chain(&part.binaries) {
                open.check_content(VARIANT, file).unwrap();
            }
        }
    }

    let mut compiled = graphs.clone();
    let ahead = &graphs.context_binaries[0].parts;
    compiled.parts = (graphs.parts.iter().zip(ahead))
        .map(|(part, ahead)| GraphPart {
            prefill: ahead.prefill.clone(),
            decode: ahead.decode.clone(),
            ..part.clone()
        })
        .collect();
    let logits = |graphs| {
        let load = |path: &Path| {
            let failed = |error: ort::Error| CalibrateError::Run {
                step: path.display().to_string(),
                message: error.to_string(),
            };
            compiler.session(path, here).map_err(failed)
        };
        let folder = package.join(VARIANT);
        let mut host = StaticHost::new(&folder, graphs, &card.architecture, 1, load).unwrap();
        [3, 40, 7].into_iter().flat_map(|token| host.read(&[token]).unwrap()).collect::<Vec<f32>>()
    };
    let (now, ahead) = (logits(graphs), logits(&compiled));
    assert!(now.iter().any(|logit| *logit != 0.0));
    assert_eq!(now, ahead);
}

/// Nobody here can load such binaries: what is told of them has to be right.
#[test]
fn smaller_binaries_are_described_warned_of_and_replaced() {
    if !has_simulator() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let compiler = Compiler::open().unwrap();
    let package = package(folder.path());
    let socs = ["sm8650", "sm8750"].map(|name| Soc::named(name).unwrap());
    let bytes = |packing| {
        let card = add_to(&compiler, &package, VARIANT, &socs, packing, &|_| {}).unwrap();
        let open = wheelwork_package::open(&package).unwrap();
        assert_eq!(open.card.as_ref(), Some(&card));
        let binaries = &card.static_graphs[VARIANT].context_binaries;
        let described: Vec<_> = binaries.iter().map(|binary| (binary.soc_model, binary.packing)).collect();
        assert_eq!(described, [(57, packing), (69, packing)]);
        let mut files: Vec<_> = binaries.iter().flat_map(|binary| &binary.parts[0].binaries).collect();
        for part in binaries.iter().flat_map(|binary| &binary.parts) {
            part.files().for_each(|file| open.check_content(VARIANT, file).unwrap());
            for graph in [&part.prefill, &part.decode] {
                open.verify_graph(VARIANT, graph).unwrap();
            }
        }
        files.sort();
        files.dedup();
        // Nothing is left of what gave way.
        let on_disk = std::fs::read_dir(package.join(VARIANT)).unwrap();
        let on_disk =
            on_disk.filter(|entry| entry.as_ref().unwrap().path().extension() == Some("bin".as_ref()));
        assert_eq!(on_disk.count(), files.len(), "{files:?}");
        let sizes =
            files.iter().map(|file| std::fs::metadata(package.join(VARIANT).join(file)).unwrap().len());
        (card.warnings, files.len(), sizes.sum::<u64>())
    };
    let (no_warnings, count, per_graph) = bytes(Packing::PerGraph);
    assert_eq!((no_warnings.as_slice(), count), (&[][..], 4));
    let (warnings, count, shared) = bytes(Packing::SharedWeights);
    assert!(warnings.iter().any(|warning| warning.starts_with("unproven")), "{warnings:?}");
    assert_eq!(count, 2);
    assert!(10 * shared < 7 * per_graph, "{shared} of {per_graph}");
    // And the warning of what is there no longer goes, too.
    let (warnings, ..) = bytes(Packing::PerGraph);
    assert_eq!(warnings, no_warnings);
}
