//! What opening an installed package finds out.

use std::path::Path;

use wheelwork_diagnostic::{Diagnostic, Remedy};
use wheelwork_package::PackageError;
use wheelwork_package::signature::SignatureState;

use crate::support::assert_matches::assert_matches;
use crate::support::on_disk;

#[test]
fn an_installed_package_says_its_version_and_how_its_signature_stood() {
    let (_folder, _, path) = on_disk(3);
    let provenance = wheelwork_package::open(&path).unwrap().provenance().unwrap();
    assert_eq!(provenance.version(), 3);
    assert_eq!(provenance.signature(&[]), SignatureState::Missing);
    for seed in 0..100 {
        provenance.check_sample(seed, 2).unwrap();
    }
}

#[test]
fn in_09_samples_find_a_flipped_bit_and_name_the_file_and_the_place() {
    let (_folder, _, path) = on_disk(1);
    let weights = path.join("cpu/model.onnx.data");
    let mut content = fs_err::read(&weights).unwrap();
    content[1500] ^= 1;
    fs_err::write(&weights, content).unwrap();
    let provenance = wheelwork_package::open(&path).unwrap().provenance().unwrap();
    let found: Vec<PackageError> =
        (0..200).filter_map(|seed| provenance.check_sample(seed, 1).err()).collect();
    assert!(!found.is_empty() && found.len() < 200, "{} of 200 samples", found.len());
    for error in found {
        assert_matches!(error, PackageError::Damaged { offset: 1400, bytes: 700, .. });
        // A path as the system writes it.
        assert!(error.place().unwrap().replace('\\', "/").ends_with("cpu/model.onnx.data"));
        assert_eq!(error.remedy(), Remedy::Repair);
    }
}

fn copy(from: &Path, to: &Path) {
    fs_err::create_dir(to).unwrap();
    for entry in fs_err::read_dir(from).unwrap() {
        let (path, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs_err::copy(&path, &to).unwrap();
        }
    }
}

#[test]
fn a_loose_folder_has_no_provenance() {
    let (folder, _, installed) = on_disk(1);
    let loose = folder.path().join("loose");
    copy(&installed, &loose);
    assert!(wheelwork_package::open(&loose).unwrap().provenance().is_none());
}
