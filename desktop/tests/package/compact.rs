//! Compact forms: the same answers from fewer bytes, and everything that reads a model's files goes on as before.

use std::path::{Path, PathBuf};

use serde_json::Value;
use wheelwork_package::files::names::WEIGHTS;

use crate::common::testdata;
use crate::{Workshop, flip_bit};

const KEY: [&str; 2] = ["--key", "acme.pub.pem"];

/// A model of 5 and 6 bits with both caches' graphs, packed as `six.wwpkg`.
fn workshop() -> Workshop {
    let workshop = Workshop::of("tiny-r1");
    let checkpoint = testdata("tiny-r1");
    let bits = ["--bpw", "6.2", "--no-calibration", "--kv", "int8"];
    workshop.run(&[&["quantize", checkpoint.to_str().unwrap(), "--out", "made"], &bits[..]].concat());
    workshop.pack_made("1", "six.wwpkg");
    workshop
}

impl Workshop {
    fn pack_made(&self, version: &str, out: &str) {
        let what = ["pack", "made", "--name", "six", "--version", version];
        self.run(&[&what[..], &["--out", out, "--key", "acme.key.pem"]].concat());
    }

    fn weights(&self) -> PathBuf {
        self.folder_of("six").join("cpu").join(WEIGHTS)
    }

    fn form(&self) -> PathBuf {
        self.folder_of("six").parent().unwrap().join("compact/cpu")
    }

    /// The tokens of an answer with our kernels.
    fn answer(&self, kv: &str) -> Value {
        let ask = ["generate", "--model", "six", "--prompt", "478 + 256 = ?", "--temperature", "0"];
        let lines = self.lines(&[&ask[..], &["--kernels", "own", "--kv", kv, "--threads", "2"]].concat());
        let tokens = lines.iter().filter(|line| line["text"].is_string());
        tokens.map(|line| line["text"].clone()).collect()
    }

    /// Bytes of the version's files.
    fn disk_bytes(&self) -> u64 {
        fn below(folder: &Path) -> u64 {
            let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
            entries
                .map(|entry| {
                    if entry.path().is_dir() { below(&entry.path()) } else { entry.metadata().unwrap().len() }
                })
                .sum()
        }
        below(self.folder_of("six").parent().unwrap())
    }
}

#[test]
fn a_compact_model_answers_alike_and_its_own_files_come_back_byte_for_byte() {
    let workshop = workshop();
    workshop.run(&["install", "six.wwpkg", KEY[0], KEY[1], "--no-prepare"]);
    let (weights, plain_bytes) = (std::fs::read(workshop.weights()).unwrap(), workshop.disk_bytes());
    for kv in ["float", "int8"] {
        workshop.run(&["prepare", "six", "--kernels", "own", "--kv", kv]);
    }
    let expected = ["float", "int8"].map(|kv| workshop.answer(kv));
    assert!(expected[0].as_array().is_some_and(|deltas| deltas.len() > 3), "{expected:?}");

    let compacted = workshop.run(&["compact", "six"])["compact"].clone();
    let [before, after] = ["package_bytes", "compact_bytes"].map(|name| compacted[name].as_u64().unwrap());
    assert_eq!((compacted["is_new"].as_bool(), before), (Some(true), weights.len() as u64));
    assert!(after < before * 4 / 5, "{compacted}");
    // The prepared forms are gone with the package's weights, and the record is small.
    assert!(!workshop.weights().exists());
    // The tables of cosines and sines are not among what was kept.
    let record: Value =
        serde_json::from_slice(&std::fs::read(workshop.form().join("record.json")).unwrap()).unwrap();
    assert!(record["angles"]["frequencies"].as_array().is_some_and(|all| !all.is_empty()), "{record}");
    assert_eq!(workshop.disk_bytes() / 65_536, (plain_bytes - before + after) / 65_536);
    assert_eq!(["float", "int8"].map(|kv| workshop.answer(kv)), expected);
    assert_eq!(workshop.run(&["compact", "six"])["compact"]["is_new"], false);
    assert_eq!(workshop.run(&["prepare", "six"])["prepared"]["disk_bytes"], after);

    workshop.run(&["verify", "six"]);
    let folder = workshop.folder_of("six");
    workshop.run(&["verify", folder.to_str().unwrap()]);
    workshop.run(&["plan", "--model", "six"]);
    let inspected = workshop.run(&["inspect", "six", "--verify"]);
    assert_eq!(inspected["prepared"], "used");
    assert_eq!(inspected["variants"]["cpu"]["compact_bytes"], after);
    // What cannot read it says so.
    for flags in [["--kernels", "off"], ["--kernels", "auto"]] {
        let mut command = vec!["generate", "--model", "six", "--prompt", "x"];
        command.extend(flags);
        if flags[1] == "auto" {
            command.push("--plain");
        }
        assert_eq!(workshop.fail(&command)["code"], "compact_only", "{flags:?}");
    }
    let pack = ["pack", folder.to_str().unwrap(), "--name", "six", "--out", "again.wwpkg"];
    assert_eq!(workshop.fail(&pack)["code"], "pack_compact");

    assert_eq!(workshop.run(&["compact", "six", "--undo"])["is_new"], true);
    assert_eq!(std::fs::read(workshop.weights()).unwrap(), weights);
    assert!(!workshop.form().exists());
    assert_eq!(workshop.disk_bytes(), plain_bytes);
    workshop.run(&["verify", "six"]);
    workshop.lines(&[
        "generate",
        "--model",
        "six",
        "--prompt",
        "x",
        "--max-tokens",
        "200",
        "--kernels",
        "off",
    ]);
    assert_eq!(workshop.run(&["compact", "six", "--undo"])["is_new"], false);
}

#[test]
fn a_compact_model_is_repaired_and_updated_from_what_it_has() {
    let workshop = workshop();
    let installed = workshop.run(&["install", "six.wwpkg", KEY[0], KEY[1], "--compact"]);
    assert_eq!(installed["compact"]["is_new"], true, "{installed}");
    let package_bytes = std::fs::metadata(workshop.path("six.wwpkg")).unwrap().len();
    assert!(workshop.run(&["install", "six.wwpkg", KEY[0], KEY[1], "--no-prepare"])["is_new"] == false);

    // In the first matrix: between two of them a byte says nothing.
    let form = workshop.form().join("weights.bin");
    let mut bytes = std::fs::read(&form).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&form, bytes).unwrap();
    assert_eq!(workshop.fail(&["verify", "six"])["code"], "damaged");
    assert_eq!(workshop.fail(&["compact", "six", "--undo"])["code"], "store_not_whole");
    assert!(!workshop.weights().exists());
    let repaired = workshop.run(&["repair", "six", "six.wwpkg", KEY[0], KEY[1]]);
    assert!(repaired["received_bytes"].as_u64().unwrap() < package_bytes * 3 / 4, "{repaired}");
    workshop.run(&["verify", "six"]);

    // The record alone is lost: nothing tells what stands where.
    workshop.run(&["compact", "six"]);
    std::fs::write(workshop.form().join("record.json"), "{}").unwrap();
    assert_eq!(workshop.fail(&["verify", "six"])["code"], "damaged");
    assert_eq!(workshop.fail(&["generate", "--model", "six", "--prompt", "x"])["code"], "package_io");
    workshop.run(&["repair", "six", "six.wwpkg", KEY[0], KEY[1]]);

    // An update takes over what has not changed, out of the compact form.
    workshop.run(&["compact", "six"]);
    let package = workshop.path("made");
    flip_bit(&package.join("cpu").join(WEIGHTS));
    std::fs::remove_file(package.join("wheelwork.json")).unwrap();
    workshop.pack_made("2", "two.wwpkg");
    let updated = workshop.run(&["install", "two.wwpkg", KEY[0], KEY[1], "--no-prepare"]);
    assert_eq!(updated["replaced_version"], 1);
    assert!(updated["reused_bytes"].as_u64() > updated["received_bytes"].as_u64(), "{updated}");
    workshop.run(&["verify", "six"]);
    // Without a card nothing says which model it is, but for its files.
    assert_eq!(workshop.fail(&["compact", "six"])["code"], "store_not_compactable");
}

/// Wherever a process ended, the file or the form is whole, and the next one goes on.
#[test]
fn what_a_killed_process_leaves_of_a_compact_form_harms_nothing() {
    let workshop = workshop();
    workshop.run(&["install", "six.wwpkg", KEY[0], KEY[1], "--no-prepare"]);
    let weights = std::fs::read(workshop.weights()).unwrap();
    workshop.run(&["compact", "six"]);
    // Forth: the form was kept, the file not yet removed.
    std::fs::write(workshop.weights(), &weights).unwrap();
    workshop.run(&["verify", "six"]);
    workshop.lines(&["generate", "--model", "six", "--prompt", "x", "--max-tokens", "200", "--plain"]);
    assert_eq!(workshop.run(&["compact", "six"])["compact"]["is_new"], true);
    assert!(!workshop.weights().exists());
    // Half a form, on its way.
    let partial = workshop.form().with_file_name("cpu.wheelwork-partial");
    std::fs::create_dir_all(partial.join("content")).unwrap();
    std::fs::write(partial.join("lock"), "").unwrap();
    std::fs::write(partial.join("content/weights.bin"), "half").unwrap();
    workshop.run(&["verify", "six"]);
    assert_eq!(workshop.run(&["gc"])["bytes"], 4);
    assert!(!partial.exists() && workshop.form().exists());
    // Back: half of the file was written.
    std::fs::write(workshop.form().join("restored.wheelwork-partial"), &weights[..1000]).unwrap();
    assert_eq!(workshop.run(&["gc"])["bytes"], 1000);
    assert_eq!(workshop.run(&["compact", "six", "--undo"])["is_new"], true);
    assert_eq!(std::fs::read(workshop.weights()).unwrap(), weights);
    // Back: the file has its name, the form is still there.
    workshop.run(&["compact", "six"]);
    std::fs::write(workshop.weights(), &weights).unwrap();
    assert_eq!(workshop.run(&["compact", "six", "--undo"])["is_new"], false);
    assert!(!workshop.form().exists());
}
