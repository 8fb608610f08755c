//! Packing a folder.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;
use wheelwork_package::container::pack::{PackError, PackOptions, pack, pack_with};
use wheelwork_package::container::{NameError, Progress, Seekable, unwatched, verify};
use wheelwork_package::signature::Policy;
use wheelwork_package::store::{InstallOptions, Store, unpack};
use wheelwork_package::vfs::RealVfs;

use crate::support::assert_matches::assert_matches;
use crate::support::faulty::{Fault, FaultyVfs};
use crate::support::folder::write_card;
use crate::support::{files, key, name, noise, trust, write_folder};

fn options() -> PackOptions {
    PackOptions { name: name("tiny"), version: 1, level: 3, threads: None }
}

/// A folder with the package `in`, and where its container goes.
fn scene(weights: &[u8]) -> (tempfile::TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in");
    write_folder(&input, &files(weights));
    let output = folder.path().join("out.wwpkg");
    (folder, input, output)
}

fn packed(input: &Path, output: &Path) -> Result<(), PackError> {
    pack(input, output, &options(), Some(&key()), &mut unwatched).map(drop)
}

fn open(path: &Path) -> Seekable<fs_err::File> {
    Seekable(fs_err::File::open(path).unwrap())
}

#[test]
fn a_packed_folder_verifies_and_unpacks_to_the_same_files() {
    let weights = [noise(5, 3 << 20), vec![0; 22 << 20]].concat();
    let (folder, input, output) = scene(&weights);
    write_card(&input);
    let report = pack(&input, &output, &options(), Some(&key()), &mut unwatched).unwrap();
    assert_eq!(report.container_bytes, fs_err::metadata(&output).unwrap().len());
    assert!(report.content_bytes + (8 << 20) < report.file_bytes, "repeats are stored once: {report:?}");
    assert!(verify(&mut open(&output), &mut unwatched).unwrap().damage.is_empty());
    let target = folder.path().join("again");
    let options = InstallOptions { trust: trust(Policy::Require), ..InstallOptions::default() };
    let (head, signature) = unpack(&mut open(&output), &target, &options, &mut unwatched).unwrap();
    assert!(signature.is_valid());
    assert_eq!(head.id, report.id);
    for (path, content) in files(&weights) {
        assert_eq!(fs_err::read(target.join(&path)).unwrap(), content, "{path}");
    }
    assert_eq!(
        fs_err::read(target.join("wheelwork.json")).unwrap(),
        fs_err::read(input.join("wheelwork.json")).unwrap()
    );
}

/// Codes, then scales: float32 with 13 zero bits, as quantised weights have them.
fn quantised_weights() -> Vec<u8> {
    let scales = noise(9, 1 << 20).into_iter().flat_map(|byte| {
        let scale = 0.001 + f32::from(byte) * 1e-5;
        (scale.to_bits() >> 13 << 13).to_le_bytes()
    });
    [noise(8, 3_000_001), vec![0; 3], scales.collect(), noise(10, 1_000_000)].concat()
}

#[test]
fn scales_are_filtered_and_come_back_to_the_byte() {
    let weights = quantised_weights();
    let (folder, input, output) = scene(&weights);
    packed(&input, &output).unwrap();
    let verification = verify(&mut open(&output), &mut unwatched).unwrap();
    assert!(verification.head.is_filtered() && verification.damage.is_empty());
    let bytes = fs_err::read(&output).unwrap();
    assert_eq!(bytes[8..16], [1, 0, 1, 0, 1, 0, 0, 0], "version 1.1, with the feature that it needs");
    let target = folder.path().join("again");
    unpack(&mut open(&output), &target, &InstallOptions::default(), &mut unwatched).unwrap();
    assert!(fs_err::read(target.join("cpu/model.onnx.data")).unwrap() == weights);

    let (_other, input, output) = scene(&noise(5, 3 << 20));
    packed(&input, &output).unwrap();
    let bytes = fs_err::read(&output).unwrap();
    assert_eq!(bytes[8..16], [1, 0, 0, 0, 0, 0, 0, 0], "what has no filter is read by older readers too");
}

#[test]
fn packing_is_deterministic_whatever_the_number_of_threads() {
    let (folder, input, output) = scene(&noise(6, 7 << 20));
    packed(&input, &output).unwrap();
    let other = folder.path().join("other.wwpkg");
    let single = PackOptions { threads: Some(1), ..options() };
    pack(&input, &other, &single, Some(&key()), &mut unwatched).unwrap();
    assert!(fs_err::read(&output).unwrap() == fs_err::read(&other).unwrap());
}

#[test]
fn an_update_of_shifted_weights_moves_only_the_chunks_around_the_change() {
    let old = noise(7, 24 << 20);
    let mut new = old.clone();
    new.splice(9_000_000..9_000_000, *b"inserted");
    let (folder, input, first) = scene(&old);
    packed(&input, &first).unwrap();
    let second = folder.path().join("second.wwpkg");
    fs_err::write(input.join("cpu/model.onnx.data"), &new).unwrap();
    pack(&input, &second, &PackOptions { version: 2, ..options() }, None, &mut unwatched).unwrap();
    let store = Store::new(folder.path().join("models"));
    store.install(&mut open(&first), &InstallOptions::default(), &mut unwatched).unwrap();
    let report = store.install(&mut open(&second), &InstallOptions::default(), &mut unwatched).unwrap();
    assert!(report.received_bytes < 10 << 20, "{report:?}");
    assert_eq!(report.received_bytes + report.reused_bytes, report.package_bytes);
}

#[test]
fn pk_05_names_that_the_format_has_no_place_for_are_refused_not_changed() {
    for bad in ["LICENSE", "cpu/.gitignore", "with space", "cpu/nul.bin", "a~"] {
        if cfg!(windows) && bad == "cpu/nul.bin" {
            // There it is a device, and nobody can make the file.
            continue;
        }
        let (_folder, input, output) = scene(b"");
        fs_err::write(input.join(bad), b"").unwrap();
        let error = packed(&input, &output).unwrap_err();
        assert_matches!(
            error,
            PackError::Name {
                error: NameError::Character { .. } | NameError::Dot { .. } | NameError::Device { .. },
                ..
            }
        );
        assert!(!output.exists());
    }
}

#[cfg(unix)]
#[test]
fn pk_05_links_devices_and_deeper_folders_are_refused() {
    let (_folder, input, output) = scene(b"");
    let link = input.join("cpu/link");
    for target in ["/etc/passwd", "model.onnx", "nowhere"] {
        fs_err::os::unix::fs::symlink(target, &link).unwrap();
        assert_matches!(packed(&input, &output), Err(PackError::NotAFile { path }) if path == link);
        fs_err::remove_file(&link).unwrap();
    }
    fs_err::os::unix::fs::symlink("cpu", input.join("gpu")).unwrap();
    assert_matches!(packed(&input, &output), Err(PackError::NotAFile { .. }));
    fs_err::remove_file(input.join("gpu")).unwrap();
    fs_err::create_dir(input.join("cpu/deeper")).unwrap();
    assert_matches!(packed(&input, &output), Err(PackError::NotAFile { .. }));
    assert!(!output.exists());
}

#[test]
fn pk_06_a_file_that_the_card_does_not_list_is_an_error_not_ignored() {
    let (_folder, input, output) = scene(b"");
    write_card(&input);
    packed(&input, &output).unwrap();
    fs_err::write(input.join("cpu/extra"), b"").unwrap();
    assert_matches!(packed(&input, &output), Err(PackError::NotInCard { file }) if file == "cpu/extra");
    fs_err::remove_file(input.join("cpu/extra")).unwrap();
    let graph = input.join("cpu/model.onnx");
    fs_err::write(&graph, noise(9, 895)).unwrap();
    assert_matches!(packed(&input, &output), Err(PackError::Card { file, .. }) if file == "cpu/model.onnx");
    fs_err::remove_file(graph).unwrap();
    assert_matches!(packed(&input, &output), Err(PackError::Package(_)), "a listed file that is absent");
}

#[test]
fn what_is_no_package_is_not_packed() {
    let (folder, input, output) = scene(b"");
    fs_err::remove_file(input.join("manifest.json")).unwrap();
    assert_matches!(packed(&input, &output), Err(PackError::Package(_)));
    assert_matches!(packed(&folder.path().join("nowhere"), &output), Err(PackError::Package(_)));
    let inside = input.join("out.wwpkg");
    assert_matches!(packed(&input, &inside), Err(PackError::OutputInside { .. }));
    for level in [0, -5, 23] {
        let result = pack(&input, &output, &PackOptions { level, ..options() }, None, &mut unwatched);
        assert_matches!(result, Err(PackError::Level { .. }));
    }
}

#[test]
fn a_genai_folder_packs_as_it_is() {
    let (folder, input, output) = scene(&noise(1, 5000));
    packed(&input.join("cpu"), &output).unwrap();
    let store = Store::new(folder.path().join("models"));
    let report = store.install(&mut open(&output), &InstallOptions::default(), &mut unwatched).unwrap();
    assert_eq!(wheelwork_package::open(&report.path).unwrap().variants.len(), 1);
}

#[test]
fn failures_and_cancelling_leave_the_earlier_output_alone() {
    let (folder, input, output) = scene(&noise(8, 3 << 20));
    for fault in [Fault::Once(std::io::ErrorKind::Other), Fault::ShortThenFull] {
        for at in 1.. {
            fs_err::write(&output, b"earlier").unwrap();
            let vfs = FaultyVfs::new(Arc::new(RealVfs), at, fault);
            let result = pack_with(&vfs, &input, &output, &options(), None, &mut unwatched);
            if !vfs.has_struck() {
                result.unwrap();
                break;
            }
            if result.is_err() && fs_err::read(&output).unwrap() != b"earlier" {
                // Only the very last step, syncing the folder, may fail behind the rename.
                assert!(
                    verify(&mut open(&output), &mut unwatched).unwrap().damage.is_empty(),
                    "{fault:?} at {at}"
                );
            }
        }
    }
    fs_err::write(&output, b"earlier").unwrap();
    let mut left = 3;
    let mut watch = |_: Progress| {
        left -= 1;
        if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let result = pack(&input, &output, &options(), None, &mut watch);
    assert_matches!(result, Err(PackError::Cancelled));
    assert_eq!(fs_err::read(&output).unwrap(), b"earlier");
    assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 2, "input and output, no partial");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn any_weights_come_back(
        pieces in proptest::collection::vec((any::<u8>(), 0_usize..400_000, any::<bool>()), 0..5),
        level in 1_i32..8,
    ) {
        let weights: Vec<u8> = pieces
            .into_iter()
            .flat_map(|(byte, length, is_noise)| if is_noise { noise(byte.into(), length) } else { vec![byte; length] })
            .collect();
        let (folder, input, output) = scene(&weights);
        pack(&input, &output, &PackOptions { level, ..options() }, None, &mut unwatched).unwrap();
        let target = folder.path().join("again");
        unpack(&mut open(&output), &target, &InstallOptions::default(), &mut unwatched).unwrap();
        prop_assert!(fs_err::read(target.join("cpu/model.onnx.data")).unwrap() == weights);
    }
}
