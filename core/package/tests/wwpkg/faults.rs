//! The failure loop: the n-th operation fails, for every n until a run succeeds, in every way that disks fail.

use std::io;
use std::sync::Arc;

use wheelwork_diagnostic::{Class, Diagnostic};
use wheelwork_package::store::{Store, StoreError};
use wheelwork_package::vfs::{RealVfs, Vfs};

use crate::support::assert_matches::assert_matches;
use crate::support::faulty::{Fault, FaultyVfs};
use crate::support::memory::MemoryVfs;
use crate::support::{fast_folder, in_memory, install, intact_version, tiny, unopened};

const FAULTS: [Fault; 5] = [
    Fault::Once(io::ErrorKind::Other),
    Fault::Once(io::ErrorKind::StorageFull),
    Fault::Once(io::ErrorKind::ReadOnlyFilesystem),
    Fault::Full,
    Fault::ShortThenFull,
];

/// Installs `new` over version 1 with the n-th operation failing, for every n; returns how many there were.
///
/// After each failure: the old or the new version is whole, the error is one that another try may cure, and the same
/// store without the fault installs.
fn loop_over_faults(fault: Fault, new_inner: impl Fn() -> Arc<dyn Vfs>, models: &str) -> u64 {
    let (old, new) = (tiny(1).bytes(), tiny(2).bytes());
    for at in 1.. {
        let inner = new_inner();
        let store = Store::with_vfs(models, Arc::clone(&inner));
        install(&store, &old, &unopened()).unwrap();
        let faulty = Arc::new(FaultyVfs::new(Arc::clone(&inner), at, fault));
        let result = install(&Store::with_vfs(models, faulty.clone()), &new, &unopened());
        if !faulty.has_struck() {
            result.unwrap();
            return at - 1;
        }
        let version = intact_version(&store);
        match result {
            Ok(_) => assert_eq!(version, 2, "{fault:?} at {at}"),
            Err(error) => {
                assert!([1, 2].contains(&version), "{fault:?} at {at}: {error}");
                assert_matches!(
                    error.class(),
                    Class::Retry | Class::Unsupported,
                    "{fault:?} at {at}: {error}"
                );
                if matches!(fault, Fault::Full | Fault::ShortThenFull) {
                    check_full(&error);
                }
            }
        }
        install(&store, &new, &unopened()).unwrap_or_else(|error| panic!("{fault:?} at {at}: {error}"));
        assert_eq!(intact_version(&store), 2, "{fault:?} at {at}");
        assert_eq!(store.list().unwrap().partials, [], "{fault:?} at {at}");
        let garbage = store.collect_garbage(true).unwrap();
        assert_eq!((garbage.versions, garbage.partials), (0, 0), "{fault:?} at {at}");
    }
    unreachable!("the loop ends when no operation is left to fail")
}

/// While the package is being written, a full disk is told with the bytes that are needed.
fn check_full(error: &StoreError) {
    match error {
        StoreError::NoSpace { needed_bytes, .. } => assert!(*needed_bytes > 0),
        StoreError::Io { source, .. } => assert_eq!(source.kind(), io::ErrorKind::StorageFull),
        other => panic!("{other}"),
    }
}

#[test]
fn in_02_every_failing_operation_leaves_the_old_or_the_new_version_and_the_next_try_works() {
    for fault in FAULTS {
        let operations = loop_over_faults(fault, || Arc::new(MemoryVfs::default()), "/models");
        assert!(operations > 100, "{operations}");
    }
}

#[test]
fn in_02_the_same_on_a_real_file_system() {
    let folder = fast_folder();
    let counter = std::sync::atomic::AtomicU64::new(0);
    let models = folder.path().join("models");
    let fresh = || -> Arc<dyn Vfs> {
        counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        RealVfs.remove_dir_all(&models).unwrap();
        Arc::new(RealVfs)
    };
    loop_over_faults(Fault::ShortThenFull, fresh, models.to_str().unwrap());
    assert!(counter.into_inner() > 100);
}

#[test]
fn in_02_a_disk_that_fills_up_says_how_much_it_needs_and_goes_on_when_there_is_room() {
    let vfs = MemoryVfs::default();
    let bytes = tiny(1).bytes();
    for at in 40..90 {
        let faulty = FaultyVfs::new(Arc::new(vfs.clone()), at, Fault::Full);
        let error = install(&Store::with_vfs("/models", Arc::new(faulty)), &bytes, &unopened()).unwrap_err();
        assert_matches!(error, StoreError::NoSpace { needed_bytes: 1.., .. }, "{at}");
    }
    let store = Store::with_vfs("/models", Arc::new(vfs));
    let report = install(&store, &bytes, &unopened()).unwrap();
    assert!(report.resumed_bytes > 0, "{report:?}");
}

#[test]
fn in_02_removing_can_be_tried_again_after_every_failure() {
    for at in 1.. {
        let (store, vfs) = in_memory();
        install(&store, &tiny(1).bytes(), &unopened()).unwrap();
        let name = crate::support::name("tiny");
        let faulty = Arc::new(FaultyVfs::new(Arc::new(vfs), at, Fault::Once(io::ErrorKind::Other)));
        let result = Store::with_vfs("/models", faulty.clone()).remove(&name);
        if !faulty.has_struck() {
            result.unwrap();
            return;
        }
        if result.is_err() {
            // Installed and whole, or not installed with something left to remove.
            if !store.list().unwrap().models.is_empty() {
                assert_eq!(intact_version(&store), 1);
            }
            store.remove(&name).unwrap();
        }
        assert!(store.list().unwrap().models.is_empty());
    }
}
