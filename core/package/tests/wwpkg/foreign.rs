//! Folders that strangers have made: pipes, devices and links in the place of files, and links in the place of folders.

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use wheelwork_diagnostic::Diagnostic;
use wheelwork_package::PackageError;
use wheelwork_package::container::{Seekable, unwatched};
use wheelwork_package::store::{InstallOptions, Store, StoreError, unpack};
use wheelwork_package::vfs::Partial;

use crate::support::assert_matches::assert_matches;
use crate::support::{files, install, intact_version, name, noise, tiny, unopened, write_folder};

/// A folder with a file and a folder that nobody may touch.
struct Scene(tempfile::TempDir);

impl Scene {
    fn new() -> Self {
        let scene = Self(tempfile::tempdir().unwrap());
        fs_err::write(scene.path("victim"), "precious").unwrap();
        fs_err::create_dir(scene.path("elsewhere")).unwrap();
        fs_err::write(scene.path("elsewhere/thesis"), "precious").unwrap();
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn check_untouched(&self) {
        for file in ["victim", "elsewhere/thesis"] {
            assert_eq!(fs_err::read_to_string(self.path(file)).unwrap(), "precious");
        }
        assert_eq!(fs_err::read_dir(self.path("elsewhere")).unwrap().count(), 1);
    }

    /// The folders of `tiny`'s transfer in a store that is not there yet.
    fn partial(&self, models: &str) -> PathBuf {
        let id = tiny(1).head().id.to_string();
        self.path(models).join(format!(".wheelwork/models/tiny/{}.partial", &id[..32]))
    }
}

/// Puts something else in the place of a file.
fn replace(path: &Path, kind: &str) {
    fs_err::remove_file(path).unwrap();
    match kind {
        "socket" => drop(UnixListener::bind(path).unwrap()),
        "folder" => fs_err::create_dir(path).unwrap(),
        target => symlink(target, path).unwrap(),
    }
}

#[test]
fn fi_01_a_package_with_anything_but_files_is_refused_and_named() {
    let scene = Scene::new();
    for file in ["manifest.json", "cpu/genai_config.json"] {
        for kind in ["socket", "folder", "/dev/zero", "/", "nowhere", "manifest.copy"] {
            let root = scene.path("package");
            write_folder(&root, &files(&noise(3, 100)));
            let path = root.join(file);
            fs_err::copy(&path, path.with_file_name("manifest.copy")).unwrap();
            replace(&path, kind);
            let error = wheelwork_package::open(&root).unwrap_err();
            assert_matches!(&error, PackageError::NotAFile { .. }, "{file} {kind}");
            assert_eq!(error.place(), Some(path.display().to_string()));
            fs_err::remove_dir_all(root).unwrap();
        }
    }
}

#[test]
fn fi_01_a_variant_in_another_folder_is_refused() {
    let scene = Scene::new();
    let root = scene.path("package");
    write_folder(&root, &files(&noise(3, 100)));
    wheelwork_package::open(&root).unwrap();
    fs_err::rename(root.join("cpu"), scene.path("cpu")).unwrap();
    symlink(scene.path("cpu"), root.join("cpu")).unwrap();
    let error = wheelwork_package::open(&root).unwrap_err();
    assert_eq!(error.code(), "package_not_a_folder");
}

#[test]
fn fi_02_a_store_writes_and_removes_nothing_by_way_of_links() {
    let scene = Scene::new();
    let link = |name: &str, target: &str| {
        let path = scene.path(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(scene.path(target), &path).unwrap();
        path
    };
    let package = scene.partial("f").join("package");
    for (models, at) in [
        ("a", link("a/.wheelwork/lock", "victim")),
        ("b", link("b/.wheelwork/lock", "nowhere")),
        ("c", link("c/.wheelwork", "elsewhere")),
        ("d", link("d/.wheelwork/models", "elsewhere")),
        ("e", link("e/.wheelwork/models/tiny", "elsewhere")),
        ("f", link(package.strip_prefix(scene.path("")).unwrap().to_str().unwrap(), "elsewhere")),
    ] {
        let store = Store::new(scene.path(models));
        match install(&store, &tiny(1).bytes(), &unopened()).unwrap_err() {
            StoreError::NotOurs { path } => assert_eq!(path, at),
            error => panic!("{models}: {error}"),
        }
        // What of it is not below the link goes, the link's target stays.
        let _ = store.remove(&name("tiny"));
        let _ = store.collect_garbage(true);
        scene.check_untouched();
        assert!(!scene.path("nowhere").exists());
    }
}

#[test]
fn fi_02_a_lock_that_holds_text_or_has_a_second_name_is_nobodys_lock() {
    let scene = Scene::new();
    for models in ["text", "names"] {
        fs_err::create_dir_all(scene.path(models).join(".wheelwork")).unwrap();
    }
    fs_err::write(scene.path("text/.wheelwork/lock"), "precious").unwrap();
    fs_err::write(scene.path("empty"), "").unwrap();
    fs_err::hard_link(scene.path("empty"), scene.path("names/.wheelwork/lock")).unwrap();
    for models in ["text", "names"] {
        let error = install(&Store::new(scene.path(models)), &tiny(1).bytes(), &unopened()).unwrap_err();
        assert_matches!(error, StoreError::NotOurs { .. }, "{models}");
    }
    assert_eq!(fs_err::read_to_string(scene.path("text/.wheelwork/lock")).unwrap(), "precious");
    assert_eq!(fs_err::read(scene.path("empty")).unwrap(), b"");
}

#[test]
fn fi_02_what_an_unfinished_transfer_has_of_others_is_left_alone() {
    let scene = Scene::new();
    let variant = scene.partial("models").join("package/cpu");
    fs_err::create_dir_all(&variant).unwrap();
    symlink(scene.path("victim"), variant.join("tokenizer.json")).unwrap();
    fs_err::hard_link(scene.path("victim"), variant.join("model.onnx.data")).unwrap();
    let store = Store::new(scene.path("models"));
    install(&store, &tiny(1).bytes(), &unopened()).unwrap();
    assert_eq!(intact_version(&store), 1);
    scene.check_untouched();
}

#[test]
fn fi_03_unpacking_removes_no_folder_that_is_not_ours() {
    let scene = Scene::new();
    let target = scene.path("out");
    let run = |bytes: Vec<u8>| {
        let mut source = Seekable(std::io::Cursor::new(bytes));
        unpack(&mut source, &target, &unopened(), &mut unwatched)
    };
    let damaged = || {
        let mut bytes = tiny(1).bytes();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        bytes
    };
    let theirs = [scene.path("out.partial"), Partial::left_of(&target)];
    for folder in &theirs {
        fs_err::create_dir(folder).unwrap();
        fs_err::write(folder.join("thesis"), "precious").unwrap();
    }
    for bytes in [damaged(), tiny(1).bytes()] {
        assert_matches!(run(bytes), Err(StoreError::NotOurs { .. }));
        assert!(!target.exists());
    }
    fs_err::remove_dir_all(&theirs[1]).unwrap();
    assert!(run(damaged()).is_err());
    assert!(!target.exists() && !theirs[1].exists(), "what we began, we remove");
    // Of a run that was killed.
    std::mem::forget(Partial::folder(&wheelwork_package::vfs::RealVfs, &scene.path("killed")).unwrap());
    run(tiny(1).bytes()).unwrap();
    assert!(target.join("manifest.json").is_file());
    assert_eq!(fs_err::read_to_string(theirs[0].join("thesis")).unwrap(), "precious");
    assert!(!theirs[1].exists());
}

#[test]
fn fi_01_an_open_names_a_link_of_an_installed_package() {
    let scene = Scene::new();
    let store = Store::new(scene.path("models"));
    let report = install(&store, &tiny(1).bytes(), &InstallOptions::default()).unwrap();
    wheelwork_package::open(&report.path).unwrap();
    let file = report.path.join("cpu/model.onnx.data");
    replace(&file, "/dev/zero");
    assert!(!store.verify(&name("tiny"), &mut unwatched).unwrap().damage.is_empty());
    let package = wheelwork_package::open(&report.path).unwrap();
    let provenance = package.provenance().unwrap();
    assert_matches!(provenance.check_sample(0, usize::MAX), Err(PackageError::Io { .. }));
}
