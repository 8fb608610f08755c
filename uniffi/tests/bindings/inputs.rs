//! What an app may meet: no room, another version, another process, another model, no ONNX Runtime.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use wheelwork_package::container::index::{ChunkEntry, FileEntry, Index};
use wheelwork_package::container::{Digest, EntryPath, Head, Name};
use wheelwork_quantize::recipe::FLOAT;
use wheelwork_quantize::{Options, quantize};
use wheelwork_uniffi::{
    EngineHandle, Event, InstallEvent, OpenHandle, PackagePipe, PackageSource, Priority, StoreHandle,
    StoreStep, detect_devices, devices, memory_plan, onnx_runtime, package_facts,
};

use crate::support::{
    ANY, ENGINE, code, end, engine, events, model, open_options, options, package_file, text, wait,
};

fn store(folder: &Path) -> Arc<StoreHandle> {
    StoreHandle::open(text(folder), Vec::new()).unwrap()
}

fn from(path: &Path) -> PackageSource {
    PackageSource::File { path: text(path) }
}

#[test]
fn a_package_without_room_for_it_is_refused_before_anything_is_written() {
    // Twelve terabytes, of one chunk over and over.
    let (content_bytes, times) = (4 << 20, 3_000_000);
    let chunk = ChunkEntry {
        content_sha256: Digest::of(b"content"),
        stored_sha256: Digest::of(b"stored"),
        content_bytes,
        stored_bytes: 100,
    };
    let file = FileEntry {
        path: EntryPath { folder: None, name: Name::new("manifest.json").unwrap() },
        bytes: u64::from(content_bytes) * times,
        sha256: Digest::of(b"file"),
        chunks: vec![0; usize::try_from(times).unwrap()],
    };
    let name = Name::new("huge").unwrap();
    let head = Head::new(&Index { version: 1, name, files: vec![file], chunks: vec![chunk] }).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let huge = folder.path().join("huge.wwpkg");
    fs::write(&huge, head.to_bytes()).unwrap();
    let store = store(&folder.path().join("models"));
    let told = store.head(from(&huge)).unwrap();
    assert!(told.file_bytes > store.free_bytes().unwrap(), "a disk of twelve terabytes?");
    assert_eq!(code(end(&store.install(from(&huge), ANY).unwrap())), "store_no_space");
    assert!(store.list().unwrap().partials.is_empty());
}

#[test]
fn a_package_of_another_version_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = fs::read(package_file()).unwrap();
    bytes[8] = 2;
    let newer = folder.path().join("newer.wwpkg");
    fs::write(&newer, &bytes).unwrap();
    let store = store(&folder.path().join("models"));
    assert_eq!(code(store.head(from(&newer))), "container_version");
    assert_eq!(code(end(&store.install(from(&newer), ANY).unwrap())), "container_version");
    let (report, _) = end(&store.install(from(package_file()), ANY).unwrap()).unwrap();
    let card = Path::new(&report.path).join("wheelwork.json");
    let mut later: serde_json::Value = serde_json::from_slice(&fs::read(&card).unwrap()).unwrap();
    later["format_version"] = "2.0".into();
    fs::write(&card, later.to_string()).unwrap();
    let open = OpenHandle::begin(report.path.clone(), open_options(), ENGINE).unwrap();
    assert_eq!(
        code(wait(async {
            while open.next().await?.is_some() {}
            Ok(())
        })),
        "package_version"
    );
    assert_eq!(code(package_facts(report.path.clone(), Vec::new())), "package_version");
    assert_eq!(code(memory_plan(report.path, open_options())), "package_version");
}

#[test]
fn a_session_of_another_model_keeps_its_messages_and_is_computed_anew() {
    let folder = tempfile::tempdir().unwrap();
    let file = text(&folder.path().join("session"));
    let chat = engine().chat().unwrap();
    events(&chat.ask("1 + 1 = ?".into(), options(5), Priority::Normal).unwrap()).unwrap();
    chat.save(file.clone(), None).unwrap();
    let other = folder.path().join("other.ortpackage");
    let checkpoint = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/tiny-r1");
    quantize(&checkpoint, &other, &Options { recipe: FLOAT, ..Options::default() }, &()).unwrap();
    let engine = EngineHandle::open(text(&other), open_options(), ENGINE).unwrap();
    let restored = engine.restore(file, None).unwrap();
    assert!(restored.recomputed_because.is_some_and(|because| !because.is_empty()));
    assert_eq!(restored.cached_tokens, 0);
    assert_eq!(restored.chat.messages().unwrap(), chat.messages().unwrap());
    let turn = restored.chat.ask("And 2 + 2?".into(), options(2), Priority::Normal).unwrap();
    assert!(matches!(events(&turn).unwrap().last(), Some(Event::Finished { .. })));
}

/// This program once more, for one of the tests below that do nothing here.
fn again(test: &str, variable: (&str, &Path)) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--ignored", "--exact", "--nocapture", test])
        .env(variable.0, variable.1)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command.spawn().unwrap()
}

/// The line that it says `found` in.
fn says(child: &mut Child, found: &str) -> String {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut said = Vec::new();
    for line in lines {
        if let Some((_, rest)) = line.split_once(found) {
            return rest.to_owned();
        }
        said.push(line);
    }
    panic!("it did not say `{found}`: {said:?}");
}

const MODELS: &str = "WHEELWORK_TEST_MODELS";

#[test]
#[ignore = "another process of the next test"]
#[allow(clippy::print_stdout)]
fn installs_half_a_package() {
    let bytes = fs::read(PathBuf::from(std::env::var_os(MODELS).unwrap()).join("tiny.wwpkg")).unwrap();
    let store = store(&PathBuf::from(std::env::var_os(MODELS).unwrap()).join("models"));
    let pipe = PackagePipe::open().unwrap();
    let install = store.install(PackageSource::Pushed { pipe: Arc::clone(&pipe) }, ANY).unwrap();
    wait(pipe.push(0, bytes[..bytes.len() - 10].to_vec())).unwrap();
    while !matches!(
        wait(install.next()).unwrap(),
        Some(InstallEvent::Progress { step: StoreStep::Receive, .. })
    ) {}
    println!("holds: the store");
    let _ = std::io::stdin().read_line(&mut String::new());
}

#[test]
fn two_processes_on_one_store_take_turns_and_a_killed_one_leaves_it_free() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(package_file(), folder.path().join("tiny.wwpkg")).unwrap();
    let store = store(&folder.path().join("models"));
    for _ in 0..3 {
        let mut other = again("inputs::installs_half_a_package", (MODELS, folder.path()));
        says(&mut other, "holds: ");
        assert_eq!(code(end(&store.install(from(package_file()), ANY).unwrap())), "store_busy");
        assert_eq!(code(store.remove("tiny".into())), "store_busy");
        other.kill().unwrap();
        other.wait().unwrap();
        assert!(store.list().unwrap().models.is_empty());
    }
    let (report, _) = end(&store.install(from(package_file()), ANY).unwrap()).unwrap();
    assert!(report.is_new && report.name == "tiny");
}

#[test]
#[ignore = "another process of the next test"]
#[allow(clippy::print_stdout)]
fn tells_what_fails_without_a_runtime() {
    let open = OpenHandle::begin(text(model()), open_options(), ENGINE).unwrap();
    let codes = [
        code(onnx_runtime()),
        code(detect_devices()),
        code(memory_plan(text(model()), open_options())),
        code(EngineHandle::open(text(model()), open_options(), ENGINE)),
        code(wait(async {
            while open.next().await?.is_some() {}
            Ok(())
        })),
    ];
    // These need none.
    assert!(!devices().is_empty());
    package_facts(text(model()), Vec::new()).unwrap();
    println!("codes: {}", codes.join(" "));
}

#[test]
#[cfg_attr(feature = "linked", ignore = "there is nothing to look for")]
fn an_onnx_runtime_that_is_missing_or_made_for_another_machine_is_told_by_every_call_that_needs_one() {
    let folder = tempfile::tempdir().unwrap();
    let foreign = folder.path().join("libforeign.so");
    // ELF, 64 bits, little endian, a shared object for a processor that nobody has.
    let mut elf = vec![0; 64];
    elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
    elf[16..20].copy_from_slice(&[3, 0, 0xfe, 0xca]);
    fs::write(&foreign, elf).unwrap();
    let no_library = folder.path().join("libtext.so");
    fs::write(&no_library, "no library").unwrap();
    for library in [folder.path().join("none.so"), foreign, no_library] {
        let child = again("inputs::tells_what_fails_without_a_runtime", ("ORT_DYLIB_PATH", &library));
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{said}");
        let codes = said.lines().find_map(|line| line.split_once("codes: ")).unwrap().1;
        assert_eq!(
            codes.split(' ').collect::<Vec<_>>(),
            ["onnxruntime_not_loadable"; 5],
            "{}",
            library.display()
        );
    }
}
