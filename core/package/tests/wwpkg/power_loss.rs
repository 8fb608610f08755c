//! Power lost at every operation: what was not synced is lost, kept or torn.

use std::io::ErrorKind;
use std::sync::Arc;

use wheelwork_package::container::unwatched;
use wheelwork_package::store::{Store, StoreError};

use crate::support::assert_matches::assert_matches;
use crate::support::faulty::{Fault, FaultyVfs};
use crate::support::memory::{MemoryVfs, PowerLoss};
use crate::support::{in_memory, install, intact_version, name, tiny, unopened};

fn losses() -> impl Iterator<Item = PowerLoss> {
    [PowerLoss::LosesAll, PowerLoss::KeepsNames].into_iter().chain((0..6).map(PowerLoss::Random))
}

#[test]
fn in_01_power_lost_at_any_operation_of_an_update_leaves_the_old_or_the_new_version() {
    let (old, new) = (tiny(1).bytes(), tiny(2).bytes());
    for loss in losses() {
        let mut versions = Vec::new();
        for at in 1.. {
            let (store, vfs) = in_memory();
            install(&store, &old, &unopened()).unwrap();
            let faulty = Arc::new(FaultyVfs::new(Arc::new(vfs.clone()), at, Fault::Gone));
            let result = install(&Store::with_vfs("/models", faulty.clone()), &new, &unopened());
            vfs.lose_power(loss);
            let version = intact_version(&store);
            if result.is_ok() {
                assert_eq!(version, 2, "an installation that reported success is durable: {loss:?} at {at}");
            }
            versions.push(version);
            install(&store, &new, &unopened()).unwrap_or_else(|error| panic!("{loss:?} at {at}: {error}"));
            assert_eq!(intact_version(&store), 2, "{loss:?} at {at}");
            if !faulty.has_struck() {
                break;
            }
        }
        assert_eq!((versions.first(), versions.last()), (Some(&1), Some(&2)));
    }
}

#[test]
fn in_01_power_lost_at_any_operation_of_a_first_installation_leaves_none_or_all_of_it() {
    let bytes = tiny(1).bytes();
    for loss in losses() {
        for at in 1.. {
            let (store, vfs) = in_memory();
            let faulty = Arc::new(FaultyVfs::new(Arc::new(vfs.clone()), at, Fault::Gone));
            let _ = install(&Store::with_vfs("/models", faulty.clone()), &bytes, &unopened());
            vfs.lose_power(loss);
            match store.verify(&name("tiny"), &mut unwatched) {
                Ok(report) => assert_eq!(report.damage, [], "{loss:?} at {at}"),
                Err(error) => {
                    assert_matches!(error, StoreError::NotInstalled { .. }, "{loss:?} at {at}");
                }
            }
            install(&store, &bytes, &unopened()).unwrap_or_else(|error| panic!("{loss:?} at {at}: {error}"));
            assert_eq!(intact_version(&store), 1, "{loss:?} at {at}");
            if !faulty.has_struck() {
                break;
            }
        }
    }
}

#[test]
fn in_01_power_lost_after_a_failure_and_a_second_try_leaves_what_the_second_try_reported() {
    let (old, new) = (tiny(1).bytes(), tiny(2).bytes());
    for at in 1.. {
        let (store, vfs) = in_memory();
        install(&store, &old, &unopened()).unwrap();
        let faulty = Arc::new(FaultyVfs::new(Arc::new(vfs.clone()), at, Fault::Once(ErrorKind::Other)));
        let _ = install(&Store::with_vfs("/models", faulty.clone()), &new, &unopened());
        install(&store, &new, &unopened()).unwrap();
        vfs.lose_power(PowerLoss::LosesAll);
        assert_eq!(intact_version(&store), 2, "at {at}");
        if !faulty.has_struck() {
            break;
        }
    }
}

#[test]
fn in_01_a_file_system_that_loses_power_does_lose_what_was_not_synced() {
    use wheelwork_package::vfs::Vfs;
    let vfs = MemoryVfs::default();
    let file = vfs.open_for_writing("/a".as_ref()).unwrap();
    file.write_at(b"abc", 0).unwrap();
    vfs.lose_power(PowerLoss::KeepsNames);
    let mut content = [1; 3];
    vfs.open("/a".as_ref()).unwrap().read_at(&mut content, 0).unwrap();
    assert_eq!(content, [0; 3], "the name without the content");
    vfs.open_for_writing("/b".as_ref()).unwrap().sync().unwrap();
    vfs.lose_power(PowerLoss::LosesAll);
    assert!(vfs.kind("/b".as_ref()).unwrap().is_none(), "the content without the name");
}
