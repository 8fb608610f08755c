//! Containers of earlier versions of the format, frozen when each was new: they are read for good.

use std::path::PathBuf;

use wheelwork_package::container::{Digest, Seekable, unwatched, verify};
use wheelwork_package::signature::{Policy, PublicKey, Trust};
use wheelwork_package::store::{InstallOptions, unpack};

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/frozen"))
}

/// Version 1.0, packed at level 19 and signed with the key beside it.
#[test]
fn pk_07_the_frozen_container_of_version_1_0_is_read() {
    let open = || Seekable(fs_err::File::open(folder().join("1.0.wwpkg")).unwrap());
    let verification = verify(&mut open(), &mut unwatched).unwrap();
    assert!(verification.damage.is_empty());
    let index = &verification.head.index;
    assert_eq!((index.name.as_str(), index.version, index.files.len()), ("frozen", 7, 8));
    let key = PublicKey::read(&folder().join("1.0.pub.pem")).unwrap();
    let options =
        InstallOptions { trust: Trust { policy: Policy::Require, keys: vec![key] }, ..Default::default() };
    let target = tempfile::tempdir().unwrap();
    let target = target.path().join("frozen.ortpackage");
    unpack(&mut open(), &target, &options, &mut unwatched).unwrap();
    let weights = fs_err::read(target.join("cpu/model.onnx.data")).unwrap();
    let expected = "892ccc533c0196af1de5579cfe5df3f7bf3da56c5bea654ac6efd3e98be661ca";
    assert_eq!(Digest::of(&weights).to_string(), expected);
}

/// Version 1.1, with a filter.
#[test]
fn pk_07_the_frozen_container_of_version_1_1_is_read() {
    let open = || Seekable(fs_err::File::open(folder().join("1.1.wwpkg")).unwrap());
    let verification = verify(&mut open(), &mut unwatched).unwrap();
    assert!(verification.damage.is_empty() && verification.head.is_filtered());
    let target = tempfile::tempdir().unwrap();
    let target = target.path().join("frozen.ortpackage");
    unpack(&mut open(), &target, &InstallOptions::default(), &mut unwatched).unwrap();
    let weights = fs_err::read(target.join("cpu/model.onnx.data")).unwrap();
    let expected = "04521d9fbdb5afb68db4b244a74fc9dfcd550c30076bba64fc72467294421b1d";
    assert_eq!(Digest::of(&weights).to_string(), expected);
}

/// Makes the sample of the version that this build writes, once, when the version is new.
#[cfg(feature = "pack")]
#[test]
#[ignore = "writes into the repository"]
fn freeze() {
    use wheelwork_package::container::pack::{PackOptions, pack};

    use crate::support::{files, key, name, noise, write_folder};

    let input = tempfile::tempdir().unwrap();
    let scales = noise(11, 8000)
        .into_iter()
        .flat_map(|byte| (((0.001 + f32::from(byte) * 1e-5).to_bits() >> 13) << 13).to_le_bytes());
    let scales: Vec<u8> = scales.collect();
    let text: Vec<u8> = b"Old packages are read for good. ".iter().copied().cycle().take(40_000).collect();
    write_folder(input.path(), &files(&[text, noise(10, 3000), scales, vec![0; 5 << 20]].concat()));
    let options = PackOptions { name: name("frozen"), version: 7, level: 19, threads: None };
    pack(input.path(), &folder().join("1.1.wwpkg"), &options, Some(&key()), &mut unwatched).unwrap();
}
