//! Installing, updating, repairing and removing, when nothing fails but the input.

use std::io::{self, Cursor, Read};
use std::ops::ControlFlow;
use std::sync::Arc;

use wheelwork_diagnostic::{Class, Diagnostic};
use wheelwork_package::container::{ContainerError, Progress, Seekable, Step, Stream, unwatched};
use wheelwork_package::signature::{Policy, SecretKey, SignatureState, Trust};
use wheelwork_package::store::{InstallOptions, Store, StoreError, unpack};

use crate::support::assert_matches::assert_matches;
use crate::support::faulty::{Fault, FaultyVfs};
use crate::support::memory::MemoryVfs;
use crate::support::writer::Container;
use crate::support::{
    Counting, files, in_memory, install, intact_version, key, name, noise, on_disk, repair, tiny, trust,
    unopened,
};

#[test]
fn an_update_never_writes_into_files_of_the_installed_version() {
    let (store, vfs) = in_memory();
    install(&store, &tiny(1).bytes(), &unopened()).unwrap();
    let (old, new) = (tiny(1).head(), tiny(2));
    // Ends within the last chunk of the weights: by then, the equal files are linked.
    let cut =
        new.head().byte_len() + new.stored[..15].iter().map(|stored| stored.len() as u64).sum::<u64>() + 50;
    let bytes = new.bytes();
    let interrupted = || {
        let cut = Cut(&bytes[..usize::try_from(cut).unwrap()]);
        store.install(&mut Stream(cut), &unopened(), &mut unwatched).unwrap_err();
    };
    interrupted();
    let graph =
        format!("/models/.wheelwork/models/tiny/{}.0/package/cpu/model.onnx", &old.id.to_string()[..32]);
    vfs.damage(graph.as_ref(), 10);
    let damaged = store.verify(&name("tiny"), &mut unwatched).unwrap().damage;
    assert_eq!(damaged.len(), 1);
    interrupted();
    assert_eq!(store.verify(&name("tiny"), &mut unwatched).unwrap().damage, damaged, "not even to mend them");
    install(&store, &bytes, &unopened()).unwrap();
    assert_eq!(intact_version(&store), 2);
}

/// Reads `bytes`, then fails.
struct Cut<'a>(&'a [u8]);

impl Read for Cut<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer) {
            Ok(0) => Err(io::ErrorKind::ConnectionReset.into()),
            result => result,
        }
    }
}

#[test]
fn an_installed_package_opens_and_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path().join("models"));
    assert_eq!(store.list().unwrap(), Default::default());
    let container = tiny(4);
    let options = InstallOptions { trust: trust(Policy::Require), ..InstallOptions::default() };
    let report = install(&store, &container.signed(&key()), &options).unwrap();
    let pointer = folder.path().join("models/tiny.ortpackage");
    assert_eq!(wheelwork_package::store::followed(&pointer).as_ref(), Some(&report.path));
    assert_eq!((report.received_bytes, report.replaced_version), (container.index.stored_bytes(), None));
    for path in [&report.path, &pointer] {
        let open = wheelwork_package::open(path).unwrap();
        assert_eq!((open.name.as_str(), open.variants.len()), ("tiny", 2));
        assert_eq!(open.root, report.path);
    }
    let contents = store.list().unwrap();
    assert_eq!(contents.models.len(), 1);
    assert_matches!(&contents.models[0].signature, SignatureState::UnknownKey { .. });
    let trusting = store.clone().trusting(vec![key().public()]);
    assert!(trusting.list().unwrap().models[0].signature.is_valid());
    assert_eq!(contents.models[0].package.as_ref().unwrap().version, 4);
    assert_eq!(intact_version(&store), 4);
}

#[test]
fn an_update_takes_what_is_equal_from_the_installed_version() {
    let (_folder, store, _) = on_disk(1);
    let new = tiny(2);
    let report = install(&store, &new.bytes(), &InstallOptions::default()).unwrap();
    assert_eq!(report.replaced_version, Some(1));
    assert_eq!(report.received_bytes + report.reused_bytes, report.package_bytes);
    // 2000 of the weights' 8000 bytes differ: three or four chunks of 700.
    assert!((2000..=3000).contains(&report.received_bytes), "{report:?}");
    assert_eq!(intact_version(&store), 2);
    wheelwork_package::open(&report.path).unwrap();
    let again = install(&store, &new.bytes(), &InstallOptions::default()).unwrap();
    assert!(!again.is_new && again.received_bytes == 0);
}

#[test]
fn where_links_are_refused_an_update_copies_and_asks_for_the_room_that_this_takes() {
    let without = |fault, vfs: &MemoryVfs| {
        Store::with_vfs("/models", Arc::new(FaultyVfs::new(Arc::new(vfs.clone()), u64::MAX, fault)))
    };
    let vfs = MemoryVfs::default();
    let store = without(Fault::NoHardLinks, &vfs);
    install(&store, &tiny(1).bytes(), &unopened()).unwrap();
    let needed = |store: &Store| {
        vfs.set_free_bytes(0);
        let error = install(store, &tiny(2).bytes(), &unopened()).unwrap_err();
        vfs.set_free_bytes(1 << 40);
        match error {
            StoreError::NoSpace { needed_bytes, .. } => needed_bytes,
            other => panic!("{other}"),
        }
    };
    // Tokenizer twice, graph, configurations.
    let (copied, linked) = (needed(&store), needed(&Store::with_vfs("/models", Arc::new(vfs.clone()))));
    assert!(copied > linked + 2 * 2500 + 890, "{copied} {linked}");
    let report = install(&store, &tiny(2).bytes(), &unopened()).unwrap();
    assert!(report.reused_bytes > 0, "{report:?}");
    assert_eq!(intact_version(&store), 2);
}

#[test]
fn an_update_skips_in_a_source_that_can_and_never_asks_for_what_it_has() {
    let (store, _) = in_memory();
    install(&store, &tiny(1).bytes(), &unopened()).unwrap();
    let new = tiny(2);
    let mut source = Seekable(Counting(Cursor::new(new.bytes()), 0));
    let report = store.install(&mut source, &unopened(), &mut unwatched).unwrap();
    assert_eq!(source.0.1, new.head().byte_len() + report.received_bytes);
}

#[test]
fn in_03_a_second_writer_is_told_who_is_writing() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (Store::new(folder.path()), Store::new(folder.path()));
    let bytes = tiny(1).bytes();
    let mut busy = None;
    let mut watch = |_: Progress| {
        busy.get_or_insert_with(|| install(&other, &bytes, &InstallOptions::default()));
        ControlFlow::Continue(())
    };
    one.install(&mut Stream(bytes.as_slice()), &InstallOptions::default(), &mut watch).unwrap();
    match busy {
        Some(Err(StoreError::Busy { pid, started })) => {
            assert_eq!(pid, Some(std::process::id()));
            assert!(started.is_some());
        }
        other => panic!("{other:?}"),
    }
    // The first is done: the lock is free, whatever stands in its file.
    install(&other, &tiny(2).bytes(), &InstallOptions::default()).unwrap();
}

#[cfg(unix)]
#[test]
fn in_03_a_running_engine_keeps_the_files_that_it_has_open() {
    let (_folder, store, path) = on_disk(1);
    let mut weights = fs_err::File::open(path.join("cpu/model.onnx.data")).unwrap();
    install(&store, &tiny(2).bytes(), &InstallOptions::default()).unwrap();
    store.collect_garbage(true).unwrap();
    let mut content = Vec::new();
    weights.read_to_end(&mut content).unwrap();
    assert_eq!(content, [noise(3, 6000), noise(101, 2000)].concat());
}

#[test]
fn in_04_an_interrupted_transfer_goes_on_where_it_ended() {
    let (store, _) = in_memory();
    let container = tiny(1);
    let bytes = container.bytes();
    let start = usize::try_from(container.head().byte_len()).unwrap();
    let mut had = 0;
    for cut in (start..bytes.len()).step_by(1500) {
        let result = store.install(&mut Stream(Cut(&bytes[..cut])), &unopened(), &mut unwatched);
        let error = result.unwrap_err();
        assert_matches!(error, StoreError::Container(ContainerError::Source { .. }));
        assert_eq!(error.class(), Class::Retry);
        let partial = &store.list().unwrap().partials[0];
        assert_eq!((partial.name.as_str(), partial.version), ("tiny", Some(1)));
        assert!(partial.bytes >= had, "nothing that had arrived is thrown away");
        had = partial.bytes;
    }
    let report = install(&store, &bytes, &unopened()).unwrap();
    assert_eq!(report.resumed_bytes + report.received_bytes, report.package_bytes);
    assert!(report.resumed_bytes > report.package_bytes * 3 / 4, "{report:?}");
    assert_eq!(intact_version(&store), 1);
    assert!(store.list().unwrap().partials.is_empty());
}

#[test]
fn in_04_a_source_that_changed_starts_anew_and_the_old_partial_is_kept_until_asked() {
    let (store, _) = in_memory();
    let (first, second) = (tiny(1).bytes(), tiny(2).bytes());
    store.install(&mut Stream(Cut(&first[..first.len() - 100])), &unopened(), &mut unwatched).unwrap_err();
    let report = install(&store, &second, &unopened()).unwrap();
    assert_eq!((report.resumed_bytes, report.version), (0, 2));
    assert_eq!(store.list().unwrap().partials.len(), 1);
    assert_eq!(store.collect_garbage(false).unwrap().partials, 0);
    assert_eq!(store.collect_garbage(true).unwrap().partials, 1);
    assert_eq!(intact_version(&store), 2);
}

#[test]
fn in_04_partials_that_were_damaged_are_received_again() {
    let (store, vfs) = in_memory();
    let bytes = tiny(1).bytes();
    store.install(&mut Stream(Cut(&bytes[..bytes.len() - 100])), &unopened(), &mut unwatched).unwrap_err();
    let id = tiny(1).head().id.to_string();
    let partial =
        std::path::PathBuf::from(format!("/models/.wheelwork/models/tiny/{}.partial/package", &id[..32]));
    vfs.damage(&partial.join("cpu/model.onnx.data"), 1000);
    let report = install(&store, &bytes, &unopened()).unwrap();
    assert!(report.received_bytes >= 700 && report.resumed_bytes > 0, "{report:?}");
    assert_eq!(intact_version(&store), 1);
}

#[test]
fn in_06_a_downgrade_is_refused_unless_asked_for() {
    let (store, _) = in_memory();
    install(&store, &tiny(5).bytes(), &unopened()).unwrap();
    let older = tiny(4).bytes();
    let result = install(&store, &older, &unopened());
    assert_matches!(result, Err(StoreError::Downgrade { installed: 5, offered: 4, .. }));
    assert_eq!(intact_version(&store), 5);
    install(&store, &older, &InstallOptions { allow_downgrade: true, ..unopened() }).unwrap();
    assert_eq!(intact_version(&store), 4);
}

#[test]
fn in_07_an_endless_source_is_read_to_the_signed_end_and_no_further() {
    let (store, _) = in_memory();
    let bytes = tiny(1).bytes();
    let length = bytes.len() as u64;
    let mut source = Stream(Cursor::new(bytes).chain(io::repeat(0)).take(u64::MAX));
    store.install(&mut source, &unopened(), &mut unwatched).unwrap();
    assert_eq!(u64::MAX - source.0.limit(), length);
}

#[test]
fn pk_06_a_file_that_goes_on_behind_the_last_chunk_is_not_installed() {
    let (store, _) = in_memory();
    let longer = |version| [tiny(version).bytes(), vec![0]].concat();
    let is_trailing = |error| matches!(error, StoreError::Container(ContainerError::Trailing { .. }));
    assert!(is_trailing(install(&store, &longer(1), &unopened()).unwrap_err()));
    assert!(store.list().unwrap().models.is_empty());
    // Nor does a package that is there already make such a file a good one.
    install(&store, &tiny(1).bytes(), &unopened()).unwrap();
    for version in [1, 2] {
        assert!(is_trailing(install(&store, &longer(version), &unopened()).unwrap_err()));
    }
    assert!(is_trailing(repair(&store, &longer(1), &unopened()).unwrap_err()));
    let folder = tempfile::tempdir().unwrap();
    let mut source = Seekable(Cursor::new(longer(1)));
    let unpacked = unpack(&mut source, &folder.path().join("out"), &unopened(), &mut unwatched);
    assert!(is_trailing(unpacked.unwrap_err()));
    assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 0);
    assert_eq!(intact_version(&store), 1);
}

#[test]
fn in_11_an_unsigned_package_does_not_replace_one_that_a_trusted_key_signed() {
    let (store, _) = in_memory();
    let signed = |version| tiny(version).signed(&key());
    let trusted = InstallOptions { trust: trust(Policy::Require), ..unopened() };
    install(&store, &signed(1), &trusted).unwrap();
    let other = SecretKey::from_seed(&[8; 32]);
    for bytes in [tiny(2).bytes(), tiny(1).bytes(), tiny(2).signed(&other)] {
        let error = install(&store, &bytes, &unopened()).unwrap_err();
        assert_matches!(error, StoreError::Unvouched { .. });
        assert!(repair(&store, &bytes, &unopened()).is_err());
        assert_eq!(intact_version(&store), 1);
    }
    // The key that vouched is remembered: its next release needs no word of the user, and vouches on.
    install(&store, &signed(2), &unopened()).unwrap();
    repair(&store, &signed(2), &unopened()).unwrap();
    assert_matches!(install(&store, &tiny(3).bytes(), &unopened()), Err(StoreError::Unvouched { .. }));
    // Who wants no signatures looked at gets what they ask for; who trusts another key, too.
    let by_other = Trust { policy: Policy::Require, keys: vec![other.public()] };
    install(&store, &tiny(3).signed(&other), &InstallOptions { trust: by_other, ..unopened() }).unwrap();
    let off = InstallOptions { trust: trust(Policy::Off), ..unopened() };
    install(&store, &tiny(4).bytes(), &off).unwrap();
    install(&store, &tiny(5).bytes(), &unopened()).unwrap();
}

#[test]
fn in_11_what_a_record_says_makes_nobody_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let trusted = InstallOptions { trust: trust(Policy::Require), ..InstallOptions::default() };
    let path = install(&store, &tiny(1).signed(&key()), &trusted).unwrap().path;
    let slot = fs_err::canonicalize(&path).unwrap().with_file_name("record.json");
    assert!(fs_err::read_to_string(&slot).unwrap().contains("PUBLIC KEY"));
    // As a stranger's folder would: it names its own key, or says that all is well.
    let shown = || store.list().unwrap().models[0].signature.clone();
    let forged = r#"{"signature":{"state":"valid","key":"00"},"vouched_by":"x"}"#;
    for record in [fs_err::read_to_string(&slot).unwrap(), forged.to_owned()] {
        fs_err::write(&slot, record).unwrap();
        assert_matches!(shown(), SignatureState::UnknownKey { .. });
        let provenance = wheelwork_package::open(&path).unwrap().provenance().unwrap();
        assert_matches!(provenance.signature(&[]), SignatureState::UnknownKey { .. });
        assert!(provenance.signature(&[key().public()]).is_valid());
    }
    let knows = store.clone().trusting(vec![key().public()]);
    assert!(knows.list().unwrap().models[0].signature.is_valid());
}

#[test]
fn in_07_a_package_larger_than_the_disk_is_refused_by_its_size_before_anything_is_written() {
    let (store, vfs) = in_memory();
    install(&store, &tiny(1).bytes(), &unopened()).unwrap();
    // A few chunks that stand for a terabyte, as content-addressing allows.
    let mut container = tiny(2);
    let weights = container.index.files.iter().position(|file| file.chunks.len() > 5).unwrap();
    let first = container.index.files[weights].chunks[0];
    let more = 1_000_000;
    container.index.files[weights].chunks.extend(vec![first; more]);
    container.index.files[weights].bytes += 700 * more as u64;
    vfs.set_free_bytes(100 << 20);
    let result = install(&store, &container.bytes(), &unopened());
    match result {
        Err(StoreError::NoSpace { needed_bytes, free_bytes, .. }) => {
            assert!(needed_bytes > 700_000_000 && free_bytes == 100 << 20);
        }
        other => panic!("{other:?}"),
    }
    assert!(store.list().unwrap().partials.is_empty());
    assert_eq!(intact_version(&store), 1);
}

#[test]
fn in_08_clocks_decide_nothing() {
    let (folder, store, path) = on_disk(2);
    let second = std::time::Duration::from_secs(1);
    for seconds in [0, 4_102_444_800] {
        // A lock left in 1970 or 2100 by a process that is gone, and files from then.
        fs_err::write(folder.path().join(".wheelwork/lock"), format!("1 {seconds}\n")).unwrap();
        let times = std::fs::FileTimes::new().set_modified(std::time::UNIX_EPOCH + second * seconds);
        let weights = fs_err::OpenOptions::new().write(true).open(path.join("cpu/model.onnx.data")).unwrap();
        weights.file().set_times(times).unwrap();
        assert_eq!(intact_version(&store), 2);
        let again = install(&store, &tiny(2).bytes(), &InstallOptions::default()).unwrap();
        assert!(!again.is_new);
        let older = install(&store, &tiny(1).bytes(), &InstallOptions::default());
        assert_matches!(older, Err(StoreError::Downgrade { .. }), "the counter decides");
    }
}

#[test]
fn cancelling_at_any_step_keeps_the_old_version_and_what_was_done() {
    let (store, _) = in_memory();
    install(&store, &tiny(1).bytes(), &unopened()).unwrap();
    let bytes = tiny(2).bytes();
    for calls in 0.. {
        let mut left = calls;
        let mut watch = |_: Progress| {
            left -= 1;
            if left < 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        match store.install(&mut Stream(bytes.as_slice()), &unopened(), &mut watch) {
            Err(StoreError::Cancelled) => assert_eq!(intact_version(&store), 1),
            Ok(report) => {
                assert!(calls > 10 && report.resumed_bytes + report.reused_bytes > 0);
                break;
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(intact_version(&store), 2);
}

#[test]
fn progress_of_a_step_rises_to_its_total() {
    let (store, _) = in_memory();
    let bytes = tiny(1).bytes();
    let mut seen = Vec::new();
    let mut watch = |progress: Progress| {
        seen.push(progress);
        ControlFlow::Continue(())
    };
    store.install(&mut Stream(bytes.as_slice()), &unopened(), &mut watch).unwrap();
    for step in [Step::Receive, Step::Sync] {
        let of_step: Vec<_> = seen.iter().filter(|progress| progress.step == step).collect();
        assert!(of_step.is_sorted_by_key(|progress| progress.done_bytes));
        assert_eq!(of_step.last().unwrap().done_bytes, of_step[0].total_bytes, "{step:?}");
    }
}

#[test]
fn a_package_that_does_not_open_never_replaces_one_that_does() {
    let (_folder, store, _) = on_disk(1);
    let mut broken = files(&noise(3, 6000));
    broken[0].1 = b"{}".to_vec();
    let bytes = Container::new("tiny", 2, &broken, 700).bytes();
    let result = install(&store, &bytes, &InstallOptions::default());
    assert_matches!(result, Err(StoreError::DoesNotOpen(_)));
    assert_eq!(intact_version(&store), 1);
}

#[test]
fn a_signature_that_came_later_is_recorded() {
    let (store, _) = in_memory();
    let store = store.trusting(vec![key().public()]);
    let container = tiny(1);
    install(&store, &container.bytes(), &unopened()).unwrap();
    let options = InstallOptions { trust: trust(Policy::Require), ..unopened() };
    let report = install(&store, &container.signed(&key()), &options).unwrap();
    assert_eq!(report.received_bytes, 0);
    assert!(store.list().unwrap().models[0].signature.is_valid());
    assert!(!install(&store, &container.signed(&key()), &options).unwrap().is_new);
}
