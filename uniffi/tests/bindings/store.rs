//! Installing, repairing, looking and removing, from every source.

use std::fs;
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tempfile::TempDir;
use wheelwork_uniffi::{
    Damage, InstallEvent, InstallOptions, PackagePipe, PackageSource, SignaturePolicy, SignatureState,
    StoreHandle, StoreStep, VerifyEvent, VerifyReport, public_key, trust_key, trusted_keys,
};

use crate::support::{ANY, code, end, key, package_file, packed, text, wait};

struct Scene {
    folder: TempDir,
    store: Arc<StoreHandle>,
}

impl Scene {
    fn new() -> Self {
        Self::trusting(Vec::new())
    }

    fn trusting(keys: Vec<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = StoreHandle::open(text(&folder.path().join("models")), keys).unwrap();
        Self { folder, store }
    }

    /// Another handle on the same folder.
    fn other(&self) -> Arc<StoreHandle> {
        StoreHandle::open(text(&self.folder.path().join("models")), Vec::new()).unwrap()
    }

    fn verified(&self) -> VerifyReport {
        let verify = self.store.verify("tiny".into()).unwrap();
        loop {
            match wait(verify.next()).unwrap() {
                Some(VerifyEvent::Progress { done_bytes, total_bytes }) => assert!(done_bytes <= total_bytes),
                Some(VerifyEvent::Finished { report }) => {
                    assert_eq!(wait(verify.next()).unwrap(), None);
                    return report;
                }
                None => panic!("it ended without an end"),
            }
        }
    }

    fn is_whole(&self) {
        let report = self.verified();
        assert!(report.files > 3 && report.bytes > 1_000_000, "{report:?}");
        assert_eq!(report.damage, []);
    }
}

fn file(path: &Path) -> PackageSource {
    PackageSource::File { path: text(path) }
}

fn from_file() -> PackageSource {
    file(package_file())
}

fn pipe() -> (Arc<PackagePipe>, PackageSource) {
    let pipe = PackagePipe::open().unwrap();
    (Arc::clone(&pipe), PackageSource::Pushed { pipe })
}

/// Pushes a file from the position that is wanted, in pieces; returns how many bytes were pushed.
fn push_all(pipe: &PackagePipe, bytes: &[u8], piece: usize) -> u64 {
    let (mut at, mut pushed) = (0, 0);
    while let Some(rest) = bytes.get(usize::try_from(at).unwrap()..).filter(|rest| !rest.is_empty()) {
        let part = &rest[..rest.len().min(piece)];
        match wait(pipe.push(at, part.to_vec())) {
            Ok(wanted) => (at, pushed) = (wanted, pushed + part.len() as u64),
            // The installation has all that it needs.
            Err(error) => {
                assert_eq!(code::<()>(Err(error)), "pipe_no_reader");
                break;
            }
        }
    }
    pipe.finish();
    pushed
}

#[test]
fn a_package_is_installed_from_a_file_and_from_pushed_bytes() {
    let bytes = fs::read(package_file()).unwrap();
    let scene = Scene::new();
    assert!(scene.store.list().unwrap().models.is_empty());
    let (report, steps) = end(&scene.store.install(from_file(), ANY).unwrap()).unwrap();
    assert!(report.is_new && report.name == "tiny" && report.version == 1, "{report:?}");
    assert_eq!((report.signature, report.replaced_version), (SignatureState::Missing, None));
    assert!(report.received_bytes == report.package_bytes && report.resumed_bytes == 0);
    let progress = |event: &InstallEvent| match event {
        InstallEvent::Progress { step, done_bytes, total_bytes } => {
            assert!(done_bytes <= total_bytes);
            *step
        }
        InstallEvent::Finished { .. } => panic!("an end among the steps"),
    };
    let steps: Vec<_> = steps.iter().map(progress).collect();
    assert!(steps.contains(&StoreStep::Receive) && steps.contains(&StoreStep::Sync), "{steps:?}");
    scene.is_whole();

    let scene = Scene::new();
    let (pipe, source) = pipe();
    let install = scene.store.install(source, ANY).unwrap();
    assert_eq!(push_all(&pipe, &bytes, 100_000), bytes.len() as u64);
    let (report, _) = end(&install).unwrap();
    assert_eq!(report.received_bytes, report.package_bytes);
    scene.is_whole();
}

#[cfg(unix)]
#[test]
fn a_package_is_installed_from_a_descriptor_and_from_a_part_of_a_file() {
    use std::os::fd::AsRawFd;

    let bytes = fs::read(package_file()).unwrap();
    let scene = Scene::new();
    let open = fs::File::open(package_file()).unwrap();
    let descriptor = |descriptor| PackageSource::Descriptor { descriptor, offset: 0, length: None };
    let install = scene.store.install(descriptor(open.as_raw_fd()), ANY).unwrap();
    drop(open);
    assert!(end(&install).unwrap().0.is_new);
    scene.is_whole();

    let scene = Scene::new();
    let around = scene.folder.path().join("around");
    fs::write(&around, [b"before", &bytes[..], b"behind"].concat()).unwrap();
    let open = fs::File::open(&around).unwrap();
    let part = |length| PackageSource::Descriptor { descriptor: open.as_raw_fd(), offset: 6, length };
    assert_eq!(code(end(&scene.store.install(part(None), ANY).unwrap())), "container_trailing");
    assert_eq!(code(scene.store.install(part(Some(u64::MAX)), ANY)), "container_source");
    end(&scene.store.install(part(Some(bytes.len() as u64)), ANY).unwrap()).unwrap();
    scene.is_whole();
}

#[test]
fn what_is_here_already_is_not_wanted_again_and_a_download_that_can_skip_does() {
    let bytes = fs::read(package_file()).unwrap();
    let scene = Scene::new();
    let (first, source) = pipe();
    let install = scene.store.install(source, ANY).unwrap();
    // All but the end, then the connection breaks.
    let all_but = bytes.len() - 10;
    let mut at = 0;
    for part in bytes[..all_but].chunks(200_000) {
        at = wait(first.push(at, part.to_vec())).unwrap();
    }
    first.abandon();
    assert_eq!(
        code(wait(async {
            while install.next().await?.is_some() {}
            Ok(())
        })),
        "pipe_abandoned"
    );
    let partials = scene.store.list().unwrap().partials;
    assert!(partials.len() == 1 && partials[0].version == Some(1) && partials[0].bytes > 0, "{partials:?}");

    let (second, source) = pipe();
    let install = scene.store.install(source, ANY).unwrap();
    push_all(&second, &bytes, 10_000);
    let (report, _) = end(&install).unwrap();
    assert!(report.resumed_bytes > 0 && report.received_bytes < report.package_bytes, "{report:?}");
    scene.is_whole();

    // A new version of the same files: nothing but its head is wanted.
    let newer = fs::read(packed("newer.wwpkg", 2, None)).unwrap();
    let (third, source) = pipe();
    let install = scene.store.install(source, ANY).unwrap();
    push_all(&third, &newer, 1000);
    let (report, _) = end(&install).unwrap();
    assert_eq!((report.replaced_version, report.received_bytes), (Some(1), 0));
    assert_eq!(report.reused_bytes, report.package_bytes);
    scene.is_whole();
    assert_eq!(scene.store.list().unwrap().models[0].package.as_ref().unwrap().version, 2);
    let older = scene.store.install(from_file(), ANY).unwrap();
    assert_eq!(code(end(&older)), "store_downgrade");
}

#[test]
fn pushed_bytes_wait_for_their_reader_and_are_refused_where_they_do_not_fit() {
    let waker = Waker::noop();
    let is_ready = |future: &mut std::pin::Pin<&mut _>| is_ready(future, waker);
    let (pipe, source) = pipe();
    let megabyte = || vec![0; 1 << 20];
    for number in 0..4 {
        assert_eq!(wait(pipe.push(number << 20, megabyte())).unwrap(), (number + 1) << 20);
    }
    {
        let mut fifth = pin!(pipe.push(4 << 20, megabyte()));
        assert!(!is_ready(&mut fifth), "more than 4 MiB wait");
        assert_eq!(code(wait(pipe.push(4 << 20, megabyte()))), "pipe_in_use");
    }
    // It was not taken, and the pipe is free again.
    assert_eq!(pipe.wanted_from().unwrap(), 4 << 20);
    let mut fifth = pin!(pipe.push(4 << 20, megabyte()));
    assert!(!is_ready(&mut fifth));
    let scene = Scene::new();
    let install = scene.store.install(source, ANY).unwrap();
    assert_eq!(code(end(&install)), "not_a_container", "zeros are no package");
    assert_eq!(code(wait(fifth)), "pipe_no_reader");

    let pipe = PackagePipe::open().unwrap();
    assert_eq!(wait(pipe.push(0, vec![1; 10])).unwrap(), 10);
    assert_eq!(wait(pipe.push(5, vec![1; 60])).unwrap(), 65, "what came before is dropped");
    assert_eq!(wait(pipe.push(0, vec![1; 3])).unwrap(), 65);
    assert_eq!(code(wait(pipe.push(66, vec![1]))), "pipe_gap");
    pipe.finish();
    assert_eq!(code(wait(pipe.push(65, vec![1]))), "pipe_ended");
    let twice = || PackageSource::Pushed { pipe: Arc::clone(&pipe) };
    let first = scene.store.install(twice(), ANY).unwrap();
    assert_eq!(code(scene.store.install(twice(), ANY)), "pipe_in_use");
    assert_eq!(code(end(&first)), "not_a_container");
}

fn is_ready<F: Future>(future: &mut std::pin::Pin<&mut F>, waker: &Waker) -> bool {
    !matches!(future.as_mut().poll(&mut Context::from_waker(waker)), Poll::Pending)
}

#[test]
fn a_pipe_that_its_app_lets_go_of_ends_the_installation() {
    let scene = Scene::new();
    let (pipe, source) = pipe();
    let install = scene.store.install(source, ANY).unwrap();
    wait(pipe.push(0, vec![0x89])).unwrap();
    drop(pipe);
    assert_eq!(code(end(&install)), "pipe_abandoned");
}

#[test]
fn rt_10_who_cancels_an_installation_and_begins_another_need_not_wait_for_it() {
    let bytes = fs::read(package_file()).unwrap();
    let scene = Scene::new();
    for half in [1, bytes.len() / 3, bytes.len() / 2] {
        let (pipe, source) = pipe();
        let install = scene.store.install(source, ANY).unwrap();
        wait(pipe.push(0, bytes[..half].to_vec())).unwrap();
        install.cancel();
        install.cancel();
        // At once: the first one may hold the store's lock still.
        let (other, source) = self::pipe();
        let second = scene.other().install(source, ANY).unwrap();
        wait(other.push(0, bytes[..half].to_vec())).unwrap();
        assert_eq!(code(end(&install)), "store_cancelled");
        assert_eq!(wait(install.next()).unwrap(), None);
        drop(second);
        scene.other().collect_garbage(false).unwrap();
    }
    let install = scene.store.install(from_file(), ANY).unwrap();
    end(&install).unwrap();
    scene.is_whole();
}

#[test]
fn bd_02_an_installation_that_is_let_go_of_leaves_the_old_version_whole() {
    let scene = Scene::new();
    end(&scene.store.install(from_file(), ANY).unwrap()).unwrap();
    let newer = packed("dropped.wwpkg", 3, Some(&key()));
    for _ in 0..5 {
        let install = scene.store.install(file(&newer), ANY).unwrap();
        drop(wait(install.next()).unwrap());
        drop(install);
        // Waits for what is leaving.
        scene.store.collect_garbage(false).unwrap();
        scene.is_whole();
    }
    // Whichever of them was quicker than its end.
    scene.store.collect_garbage(true).unwrap();
    let contents = scene.store.list().unwrap();
    let version = contents.models[0].package.as_ref().unwrap().version;
    assert!(contents.partials.is_empty() && [1, 3].contains(&version), "{contents:?}");
    scene.is_whole();
    end(&scene.store.install(file(&newer), ANY).unwrap()).unwrap();
    scene.is_whole();
}

#[test]
fn two_installations_at_once_are_told_so() {
    let bytes = fs::read(package_file()).unwrap();
    let scene = Scene::new();
    let (pipe, source) = pipe();
    let first = scene.store.install(source, ANY).unwrap();
    wait(pipe.push(0, bytes[..bytes.len() / 2].to_vec())).unwrap();
    // It holds the lock once it tells of the bytes.
    while !matches!(
        wait(first.next()).unwrap(),
        Some(InstallEvent::Progress { step: StoreStep::Receive, .. })
    ) {}
    assert_eq!(code(end(&scene.other().install(from_file(), ANY).unwrap())), "store_busy");
    assert_eq!(code(scene.other().remove("tiny".into())), "store_busy");
    assert!(scene.other().list().unwrap().models.is_empty(), "reading needs no lock");
    let at = wait(pipe.push(bytes.len() as u64 / 2, bytes[bytes.len() / 2..].to_vec())).unwrap();
    assert_eq!(at, bytes.len() as u64);
    pipe.finish();
    end(&first).unwrap();
    scene.is_whole();
}

#[test]
fn damage_is_found_named_and_repaired() {
    let scene = Scene::new();
    let (report, _) = end(&scene.store.install(from_file(), ANY).unwrap()).unwrap();
    let weights = Path::new(&report.path).join("cpu/model.onnx.data");
    let mut content = fs::read(&weights).unwrap();
    content[1000] ^= 1;
    fs::write(&weights, &content).unwrap();
    let damage = scene.verified().damage;
    assert!(
        matches!(&damage[..], [Damage::Chunk { file, offset: 0, .. }] if file == "cpu/model.onnx.data"),
        "{damage:?}"
    );
    let other = packed("other-version.wwpkg", 9, None);
    let repair = |source| scene.store.repair("tiny".into(), source, ANY);
    assert_eq!(code(end(&repair(file(&other)).unwrap())), "store_other_package");
    let (report, _) = end(&repair(from_file()).unwrap()).unwrap();
    assert!(report.is_new && report.received_bytes < report.package_bytes, "{report:?}");
    scene.is_whole();
    assert!(!end(&repair(from_file()).unwrap()).unwrap().0.is_new, "nothing was damaged any more");
    assert_eq!(
        code(end(&scene.store.repair("none".into(), from_file(), ANY).unwrap())),
        "store_not_installed"
    );
}

#[test]
fn who_signed_is_told_and_required_where_that_is_wanted() {
    let signed = packed("signed.wwpkg", 1, Some(&key()));
    let pem = key().public().to_pem();
    let required = || InstallOptions { policy: SignaturePolicy::Require, ..ANY };
    let nobody = Scene::new();
    for source in [from_file(), file(&signed)] {
        assert_eq!(code(end(&nobody.store.install(source, required()).unwrap())), "signature_required");
    }
    let scene = Scene::trusting(vec![pem.clone()]);
    assert_eq!(code(end(&scene.store.install(from_file(), required()).unwrap())), "signature_required");
    let head = scene.store.head(file(&signed)).unwrap();
    let valid = SignatureState::Valid { key: public_key(pem.clone()).unwrap().fingerprint };
    assert_eq!((head.name.as_str(), head.version, &head.signature), ("tiny", 1, &valid));
    assert_eq!(head.container_bytes, fs::metadata(&signed).unwrap().len());
    let (report, _) = end(&scene.store.install(file(&signed), required()).unwrap()).unwrap();
    assert_eq!((&report.signature, &report.id), (&valid, &head.id));
    assert_eq!(scene.store.list().unwrap().models[0].signature, valid);
    assert!(matches!(scene.other().list().unwrap().models[0].signature, SignatureState::UnknownKey { .. }));
    // What a trusted key has signed gives way to nothing that none has.
    let unsigned = packed("unsigned.wwpkg", 2, None);
    assert_eq!(code(end(&scene.store.install(file(&unsigned), ANY).unwrap())), "store_unvouched");

    let keys_dir = text(&scene.folder.path().join("keys"));
    assert!(trusted_keys(keys_dir.clone()).unwrap().is_empty());
    let key = trust_key(keys_dir.clone(), pem).unwrap();
    assert_eq!(trusted_keys(keys_dir.clone()).unwrap(), [key]);
    for result in [public_key(String::new()), trust_key(keys_dir, "-----BEGIN".into())] {
        assert_eq!(code(result), "not_a_key");
    }
    assert_eq!(code(StoreHandle::open("models".into(), vec!["no key".into()])), "not_a_key");
}

#[test]
fn a_model_is_removed_with_all_that_is_of_it() {
    let scene = Scene::new();
    assert!(scene.store.free_bytes().unwrap() > 0, "of a folder that is not there yet");
    assert_eq!(code(scene.store.remove("tiny".into())), "store_not_installed");
    let (report, _) = end(&scene.store.install(from_file(), ANY).unwrap()).unwrap();
    scene.store.remove("tiny".into()).unwrap();
    assert!(!Path::new(&report.path).exists());
    assert!(scene.store.list().unwrap().models.is_empty());
    let verify = scene.store.verify("tiny".into()).unwrap();
    assert_eq!(code(wait(verify.next())), "store_not_installed");
    assert_eq!(wait(verify.next()).unwrap(), None);
}

#[test]
fn what_is_no_package_is_refused_by_its_code() {
    let scene = Scene::new();
    let path = |name: &str| scene.folder.path().join(name);
    fs::write(path("text"), "no package ".repeat(9)).unwrap();
    let bytes = fs::read(package_file()).unwrap();
    fs::write(path("short"), &bytes[..bytes.len() - 1]).unwrap();
    let mut flipped = bytes.clone();
    *flipped.last_mut().unwrap() ^= 1;
    fs::write(path("flipped"), &flipped).unwrap();
    let (_, pushed) = pipe();
    assert_eq!(code(scene.store.head(pushed)), "source_is_pushed");
    for (name, expected) in
        [("text", "not_a_container"), ("short", "container_truncated"), ("flipped", "container_chunk")]
    {
        assert_eq!(code(end(&scene.store.install(file(&path(name)), ANY).unwrap())), expected, "{name}");
    }
    assert_eq!(code(scene.store.install(file(&path("none")), ANY)), "package_io");
    assert_eq!(code(scene.store.install(file(scene.folder.path()), ANY)), "package_not_a_file");
    let descriptor = PackageSource::Descriptor { descriptor: -1, offset: 0, length: None };
    assert_eq!(code(scene.store.install(descriptor, ANY)), "package_io");
    for name in ["", "../tiny", "TINY", "a\0b"] {
        assert_eq!(code(scene.store.verify(name.into())), "store_name", "{name:?}");
        assert_eq!(code(scene.store.remove(name.into())), "store_name", "{name:?}");
    }
    assert!(scene.store.list().unwrap().models.is_empty());
}
