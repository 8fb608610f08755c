//! Runs that stop anywhere and go on: the package is byte for byte that of an undisturbed run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use wheelwork_quantize::checkpoint::CheckpointError;
use wheelwork_quantize::{Options, Progress, QuantizeError, RequestError, Stage, quantize, recipe};

use crate::assert_matches::assert_matches;
use crate::checkpoint::Tiny;
use crate::contents::contents;

const CHECKPOINT: &str = "RESUME_TEST_CHECKPOINT";
const OUT: &str = "RESUME_TEST_OUT";
const CALLS: &str = "RESUME_TEST_CALLS";

/// Does something at the n-th call.
struct At<F: Fn() + Sync> {
    calls: AtomicUsize,
    at: usize,
    act: F,
}

impl<F: Fn() + Sync> At<F> {
    fn new(at: usize, act: F) -> Self {
        Self { calls: AtomicUsize::new(0), at, act }
    }

    fn call(&self) {
        if self.calls.fetch_add(1, Ordering::SeqCst) == self.at {
            (self.act)();
        }
    }
}

impl<F: Fn() + Sync> Progress for At<F> {
    fn stage(&self, _: Stage) {
        self.call();
    }

    fn weights(&self, _: &str, _: u64, _: u64) {
        self.call();
    }

    fn cancelled(&self) -> bool {
        self.call();
        false
    }
}

fn options(resume: bool) -> Options {
    Options { resume, ..Options::default() }
}

fn partial(tiny: &Tiny) -> PathBuf {
    tiny.out().with_file_name("tiny.ortpackage.partial")
}

/// Not a test by itself: the process that is killed in the test below.
#[test]
#[cfg(unix)]
fn resume_child() {
    let Ok(checkpoint) = std::env::var(CHECKPOINT) else { return };
    let calls = std::env::var(CALLS).unwrap().parse().unwrap();
    let kill = At::new(calls, || {
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL).unwrap();
    });
    quantize(Path::new(&checkpoint), Path::new(&std::env::var(OUT).unwrap()), &options(true), &kill).unwrap();
}

/// Killed at a call, begun again and killed a few calls further, until a run gets through.
#[test]
#[cfg(unix)]
fn ck_20_a_killed_run_resumes_to_the_same_bytes() {
    let tiny = Tiny::qwen2();
    tiny.write_sharded();
    let counter = At::new(usize::MAX, || {});
    quantize(&tiny.path(), &tiny.out(), &Options::default(), &counter).unwrap();
    let expected = contents(&tiny.out());
    let all = counter.calls.into_inner();
    assert!(all > 50, "{all} calls");

    let child = |calls: usize| {
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "resume::resume_child"])
            .env(CHECKPOINT, tiny.path())
            .env(OUT, tiny.out())
            .env(CALLS, calls.to_string())
            .stdout(std::process::Stdio::null())
            .status()
            .unwrap();
        status.success()
    };
    let mut killed = 0;
    for stride in [1, 7, all / 3] {
        fs_err::remove_dir_all(tiny.out()).unwrap();
        let mut calls = stride;
        while !child(calls) {
            assert!(!tiny.out().exists(), "nothing stands under the name before all is done");
            killed += 1;
            calls += stride;
        }
        assert_eq!(contents(&tiny.out()), expected, "killed every {stride} calls");
        assert_eq!(tiny.siblings(), ["tiny", "tiny.ortpackage"]);
    }
    assert!(killed > 50, "killed {killed} times");
}

/// A run that stops after some matrices are complete.
fn unfinished(tiny: &Tiny) {
    let stop = CancelAt(AtomicUsize::new(0), 30);
    let error = quantize(&tiny.path(), &tiny.out(), &options(false), &stop).unwrap_err();
    assert_matches!(error, QuantizeError::Cancelled);
    assert!(partial(tiny).is_dir());
}

struct CancelAt(AtomicUsize, usize);

impl Progress for CancelAt {
    fn cancelled(&self) -> bool {
        self.0.fetch_add(1, Ordering::SeqCst) >= self.1
    }
}

#[test]
fn ck_20_an_unfinished_package_is_neither_overwritten_nor_mixed_without_being_asked() {
    let tiny = Tiny::qwen2().written();
    let request = |options: &Options| match quantize(&tiny.path(), &tiny.out(), options, &()) {
        Ok(_) => None,
        Err(QuantizeError::Request(error)) => Some(error),
        Err(error) => panic!("{error}"),
    };
    unfinished(&tiny);
    assert_matches!(request(&options(false)), Some(RequestError::Unfinished { .. }));
    for (other, expected) in [
        (Options { recipe: recipe::FAST, ..options(true) }, "recipe"),
        (Options { context_length: Some(16), ..options(true) }, "context length or graph"),
    ] {
        let Some(RequestError::ResumeMismatch { difference, .. }) = request(&other) else {
            panic!("a run of another {expected} must not go on");
        };
        assert_eq!(difference, expected);
    }
    assert_eq!(request(&options(true)), None);
    let expected = contents(&tiny.out());

    fs_err::remove_dir_all(tiny.out()).unwrap();
    unfinished(&tiny);
    tiny.write();
    assert_matches!(
        request(&options(true)),
        Some(RequestError::ResumeMismatch { difference: "checkpoint (its files' sizes or times)", .. })
    );
    assert_eq!(request(&Options { overwrite: true, ..options(false) }), None);
    assert_eq!(contents(&tiny.out()), expected);
    assert!(!partial(&tiny).exists());
}

#[test]
fn ck_20_what_an_unfinished_package_lost_is_written_again() {
    let tiny = Tiny::qwen2().written();
    quantize(&tiny.path(), &tiny.out(), &Options::default(), &()).unwrap();
    let expected = contents(&tiny.out());
    let weights = partial(&tiny).join("package/cpu/model.onnx.data");
    let journal = partial(&tiny).join("journal.jsonl");
    let spoil: [&dyn Fn(); 5] = [
        // What a power failure leaves of pages that were not written back.
        &|| fs_err::write(&weights, vec![0; fs_err::read(&weights).unwrap().len()]).unwrap(),
        &|| fs_err::remove_file(&weights).unwrap(),
        &|| fs_err::write(&weights, [1, 2, 3]).unwrap(),
        &|| fs_err::remove_dir_all(partial(&tiny).join("package")).unwrap(),
        &|| {
            let bytes = fs_err::read(&journal).unwrap();
            fs_err::write(&journal, &bytes[..bytes.len() - 20]).unwrap();
        },
    ];
    for spoil in spoil {
        fs_err::remove_dir_all(tiny.out()).unwrap();
        unfinished(&tiny);
        spoil();
        quantize(&tiny.path(), &tiny.out(), &options(true), &()).unwrap();
        assert!(contents(&tiny.out()) == expected);
    }
}

#[test]
fn two_runs_do_not_write_one_package() {
    let tiny = Tiny::llama().written();
    let second = At::new(8, || {
        let error = quantize(&tiny.path(), &tiny.out(), &options(true), &()).unwrap_err();
        assert_matches!(error, QuantizeError::Request(RequestError::Busy { .. }));
    });
    quantize(&tiny.path(), &tiny.out(), &Options::default(), &second).unwrap();
    assert_eq!(tiny.siblings(), ["tiny", "tiny.ortpackage"]);
}

#[test]
fn a_folder_of_another_purpose_is_left_alone() {
    let tiny = Tiny::llama().written();
    let note = partial(&tiny).join("note.txt");
    fs_err::create_dir(partial(&tiny)).unwrap();
    fs_err::write(&note, "mine").unwrap();
    for resume in [false, true] {
        let options = Options { overwrite: true, ..options(resume) };
        let error = quantize(&tiny.path(), &tiny.out(), &options, &()).unwrap_err();
        assert_matches!(error, QuantizeError::Request(RequestError::NotOurs { .. }));
    }
    assert_eq!(fs_err::read_to_string(note).unwrap(), "mine");
}

#[test]
fn ck_19_a_checkpoint_that_changes_while_it_is_read_is_refused() {
    let tiny = Tiny::llama().written();
    let file = tiny.file("model.safetensors");
    let change = At::new(10, || {
        let file = fs_err::OpenOptions::new().write(true).open(&file).unwrap();
        file.file().set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    });
    let error = quantize(&tiny.path(), &tiny.out(), &Options::default(), &change).unwrap_err();
    assert_matches!(error, QuantizeError::Checkpoint(CheckpointError::Changed { .. }));
    assert_eq!(tiny.siblings(), ["tiny"]);
}
