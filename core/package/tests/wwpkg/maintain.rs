//! Verifying, repairing and removing what is installed.

use std::io;
use std::sync::Arc;

use wheelwork_diagnostic::{Class, Diagnostic};
use wheelwork_package::container::{Stream, unwatched};
use wheelwork_package::store::{Damage, InstallOptions, Store, StoreError};

use crate::support::assert_matches::assert_matches;
use crate::support::faulty::{Fault, FaultyVfs};
use crate::support::{in_memory, install, intact_version, name, on_disk, repair, tiny, unopened};

#[test]
fn in_05_a_repair_fetches_the_broken_chunk_and_no_other() {
    let (store, vfs) = in_memory();
    let container = tiny(1);
    let bytes = container.bytes();
    install(&store, &bytes, &unopened()).unwrap();
    let id = container.head().id.to_string();
    let weights = format!("/models/.wheelwork/models/tiny/{}.0/package/cpu/model.onnx.data", &id[..32]);
    vfs.damage(weights.as_ref(), 1500);
    let damage = store.verify(&name("tiny"), &mut unwatched).unwrap().damage;
    let [Damage::Chunk { file, chunk, offset: 1400, bytes: 700 }] = damage.as_slice() else {
        panic!("{damage:?}")
    };
    assert_eq!(file, "cpu/model.onnx.data");
    let report = repair(&store, &bytes, &unopened()).unwrap();
    assert_eq!(report.received_bytes, u64::from(container.index.chunks[*chunk].stored_bytes));
    assert_eq!(intact_version(&store), 1);
    let again =
        store.repair(&name("tiny"), &mut Stream(bytes.as_slice()), &unopened(), &mut unwatched).unwrap();
    assert!(!again.is_new, "nothing was left to repair");
    let other = tiny(2).bytes();
    let result = store.repair(&name("tiny"), &mut Stream(other.as_slice()), &unopened(), &mut unwatched);
    assert_matches!(result, Err(StoreError::OtherPackage { .. }));
}

#[test]
fn verify_names_missing_short_and_unexpected_files() {
    let (_folder, store, path) = on_disk(1);
    fs_err::remove_file(path.join("cpu/model.onnx")).unwrap();
    fs_err::write(path.join("qnn/empty"), b"no more").unwrap();
    fs_err::write(path.join("cpu/more"), b"").unwrap();
    let damage = store.verify(&name("tiny"), &mut unwatched).unwrap().damage;
    assert_eq!(
        damage,
        [
            Damage::Unexpected { file: "cpu/more".into() },
            Damage::Missing { file: "cpu/model.onnx".into() },
            Damage::Size { file: "qnn/empty".into(), found: 7, expected: 0 },
        ]
    );
    repair(&store, &tiny(1).bytes(), &InstallOptions::default()).unwrap();
    assert_eq!(intact_version(&store), 1);
}

#[test]
fn installing_again_mends_a_file_of_the_wrong_size() {
    let (_folder, store, path) = on_disk(1);
    fs_err::write(path.join("cpu/model.onnx"), b"cut off").unwrap();
    let report = install(&store, &tiny(1).bytes(), &InstallOptions::default()).unwrap();
    assert!(report.is_new && report.received_bytes > 0, "{report:?}");
    assert_eq!(intact_version(&store), 1);
}

#[test]
fn in_09_a_file_that_cannot_be_read_now_is_no_damage() {
    let (store, vfs) = in_memory();
    install(&store, &tiny(1).bytes(), &unopened()).unwrap();
    let mut at = 1;
    let mut failed = 0;
    loop {
        let faulty = Arc::new(FaultyVfs::new(Arc::new(vfs.clone()), at, Fault::Once(io::ErrorKind::Other)));
        let result = Store::with_vfs("/models", faulty.clone()).verify(&name("tiny"), &mut unwatched);
        if !faulty.has_struck() {
            break;
        }
        match result {
            Err(error) => {
                assert_eq!(error.class(), Class::Retry, "{error}");
                failed += 1;
            }
            // The record of what was installed could not be read: said so, and cured by the next try.
            Ok(report) => assert_eq!(report.damage, [Damage::Head]),
        }
        at += 1;
    }
    assert!(failed > 20, "{failed}");
    assert_eq!(intact_version(&store), 1);
}

#[test]
fn removing_leaves_nothing_and_never_touches_what_is_not_ours() {
    let (folder, store, _) = on_disk(1);
    store.remove(&name("tiny")).unwrap();
    assert_matches!(store.remove(&name("tiny")), Err(StoreError::NotInstalled { .. }));
    assert_eq!(store.list().unwrap(), Default::default());
    assert_eq!(fs_err::read_dir(folder.path().join(".wheelwork/models")).unwrap().count(), 0);
    let mine = folder.path().join("tiny.ortpackage");
    let is_refused = || {
        for result in [
            store.remove(&name("tiny")).err(),
            install(&store, &tiny(1).bytes(), &InstallOptions::default()).err(),
            store.verify(&name("tiny"), &mut unwatched).err(),
        ] {
            assert_matches!(result, Some(StoreError::NotOurs { .. }));
        }
    };
    fs_err::create_dir(&mine).unwrap();
    is_refused();
    assert!(mine.is_dir());
    fs_err::remove_dir(&mine).unwrap();
    for text in ["", "mine", ".wheelwork/models/tiny/../../../package\n", &"x".repeat(1000)] {
        fs_err::write(&mine, text).unwrap();
        is_refused();
        assert_eq!(fs_err::read_to_string(&mine).unwrap(), text);
    }
    assert_eq!(store.list().unwrap(), Default::default());
}

#[test]
fn in_01_what_a_killed_process_has_staged_is_removed_and_what_is_at_work_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let staging = store.stage().unwrap();
    fs_err::write(staging.path().join("package.wwpkg"), b"half").unwrap();
    assert_eq!(store.collect_garbage(true).unwrap(), Default::default());
    assert_matches!(store.stage().err(), Some(StoreError::Busy { pid: Some(_), .. }));
    let path = staging.path().to_owned();
    drop(staging);
    assert!(!path.exists());

    // As a killed process leaves it: the folder, and a lock that nobody holds.
    for cure in ["gc", "stage"] {
        fs_err::create_dir(&path).unwrap();
        fs_err::write(path.join("package.wwpkg"), b"half").unwrap();
        if cure == "gc" {
            let report = store.collect_garbage(false).unwrap();
            assert_eq!((report.staged, report.bytes), (1, 4));
        } else {
            let staging = store.stage().unwrap();
            assert_eq!(fs_err::read_dir(staging.path()).unwrap().count(), 0);
        }
        assert!(!path.exists(), "{cure}");
    }
}
