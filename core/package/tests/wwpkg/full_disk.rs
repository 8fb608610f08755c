//! A disk that is really full: a small tmpfs in a mount namespace of our own, where the system permits one. Elsewhere the
//! file system of `faults` stands for it.

use std::ops::ControlFlow;

use wheelwork_package::container::{Progress, Seekable, Step};
use wheelwork_package::store::{InstallOptions, Store, StoreError};

use crate::support::assert_matches::assert_matches;
use crate::support::small_disk::{self, DISK_BYTES};
use crate::support::writer::Container;
use crate::support::{files, install, intact_version, name, noise, tiny};

/// Not a test: what happens on the small disk.
#[test]
#[ignore = "the child process of the full-disk test"]
fn child() {
    let Some(folder) = small_disk::folder() else { return };
    let store = Store::new(folder.join("models"));
    install(&store, &tiny(1).bytes(), &InstallOptions::default()).unwrap();

    // Larger than the disk: refused before anything is written.
    let large = Container::new("tiny", 2, &files(&noise(5, DISK_BYTES)), 1 << 20).bytes();
    let error = install(&store, &large, &InstallOptions::default()).unwrap_err();
    assert_matches!(error, StoreError::NoSpace { needed_bytes, .. } if needed_bytes > DISK_BYTES as u64);
    assert_eq!(intact_version(&store), 1);

    // Fits, until somebody else fills the disk on the way.
    let fitting = Container::new("tiny", 2, &files(&noise(5, DISK_BYTES / 2)), 1 << 18).bytes();
    let filler = folder.join("filler");
    let mut fill = |progress: Progress| {
        let is_half = progress.done_bytes * 2 >= progress.total_bytes;
        if progress.step == Step::Receive && is_half && !filler.exists() {
            let _ = fs_err::write(&filler, noise(6, DISK_BYTES));
        }
        ControlFlow::Continue(())
    };
    let mut source = Seekable(std::io::Cursor::new(fitting.as_slice()));
    let error = store.install(&mut source, &InstallOptions::default(), &mut fill).unwrap_err();
    assert_matches!(error, StoreError::NoSpace { needed_bytes: 1.., .. });
    assert_eq!(intact_version(&store), 1);

    fs_err::remove_file(&filler).unwrap();
    let report = install(&store, &fitting, &InstallOptions::default()).unwrap();
    assert!(report.resumed_bytes > 0, "{report:?}");
    assert_eq!(intact_version(&store), 2);
    store.remove(&name("tiny")).unwrap();
}

#[test]
fn in_02_a_disk_that_is_really_full_keeps_the_old_version_and_says_how_much_it_needs() {
    if !small_disk::runs("full_disk::child") {
        eprintln!("skipped: this system permits no mount namespace; `faults` tests the same without one");
    }
}
