//! An executor, tiny-r1 as a package and as a package file.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use wheelwork_package::container::Name;
use wheelwork_package::container::pack::{PackOptions, pack};
use wheelwork_package::container::unwatched;
use wheelwork_package::signature::SecretKey;
use wheelwork_quantize::recipe::BALANCED;
use wheelwork_quantize::{Options, quantize};
use wheelwork_uniffi::{
    EngineHandle, EngineOptions, Event, FfiError, InstallEvent, InstallHandle, InstallOptions, InstallReport,
    Message, OpenOptions, Role, SignaturePolicy, TurnHandle,
};

/// Wakes the thread that waits.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future on this thread.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

/// A folder that lives as long as the tests.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    FOLDER.get_or_init(|| tempfile::tempdir().unwrap()).path()
}

/// tiny-r1 as a package folder.
pub(crate) fn model() -> &'static Path {
    static MODEL: OnceLock<PathBuf> = OnceLock::new();
    MODEL.get_or_init(|| {
        let checkpoint = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/tiny-r1");
        let package = folder().join("tiny.ortpackage");
        quantize(&checkpoint, &package, &Options { recipe: BALANCED, ..Options::default() }, &()).unwrap();
        package
    })
}

/// tiny-r1 as a package file, not signed.
pub(crate) fn package_file() -> &'static Path {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    FILE.get_or_init(|| packed("tiny.wwpkg", 1, None))
}

pub(crate) fn key() -> SecretKey {
    SecretKey::from_seed(&[7; 32])
}

/// tiny-r1 as a package file.
pub(crate) fn packed(file: &str, version: u64, key: Option<&SecretKey>) -> PathBuf {
    let file = folder().join(file);
    let options = PackOptions { name: Name::new("tiny").unwrap(), version, level: 1, threads: None };
    pack(model(), &file, &options, key, &mut unwatched).unwrap();
    file
}

/// Nothing asked for but one thread.
pub(crate) fn open_options() -> OpenOptions {
    OpenOptions {
        device: None,
        strict: false,
        threads: Some(1),
        power_saving_threads: None,
        context_length: None,
        chat_template: None,
        kv_cache: None,
        plain: false,
        kernels: None,
        cache_dir: None,
        prefix_cache_bytes: 0,
        provider_options: Default::default(),
        trials_dir: None,
        keys_dir: None,
        memory: None,
        skip_self_check: false,
    }
}

pub(crate) const ENGINE: EngineOptions = EngineOptions { waiting_events: 64, prefill_tokens: 128 };

/// An open tiny-r1.
pub(crate) fn engine() -> Arc<EngineHandle> {
    EngineHandle::open(text(model()), open_options(), ENGINE).unwrap()
}

/// Greedy.
pub(crate) fn options(max_tokens: u32) -> wheelwork_uniffi::Options {
    wheelwork_uniffi::Options {
        max_tokens: Some(max_tokens),
        temperature: Some(0.0),
        top_k: None,
        top_p: None,
        min_p: None,
        repetition_penalty: None,
        seed: None,
        output: None,
        tools: Vec::new(),
        tool_choice: None,
        stop: Vec::new(),
        thinking: None,
        open_reasoning: None,
        closing_phrase: None,
        answer_reserve: 0,
        on_loop: Some(wheelwork_uniffi::OnLoop::Ignore),
        on_context_full: None,
        prompt_lookup: None,
    }
}

/// Goes on for hundreds of tokens whatever the model wants.
pub(crate) fn endless() -> wheelwork_uniffi::Options {
    let pattern = "(734){200}".to_owned();
    wheelwork_uniffi::Options {
        output: Some(wheelwork_uniffi::OutputFormat::Regex { pattern }),
        thinking: Some(wheelwork_uniffi::Thinking::Off),
        ..options(500)
    }
}

/// Only a text.
pub(crate) fn message(role: Role, text: &str) -> Message {
    Message {
        role,
        text: Some(text.into()),
        tool_calls: Vec::new(),
        tool_call_id: None,
        name: None,
        reasoning: None,
        answer: String::new(),
    }
}

/// All events of a turn.
pub(crate) fn events(turn: &TurnHandle) -> Result<Vec<Event>, FfiError> {
    let mut events = Vec::new();
    while let Some(event) = wait(turn.next())? {
        events.push(event);
    }
    Ok(events)
}

pub(crate) fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

pub(crate) fn code<T>(result: Result<T, FfiError>) -> String {
    match result {
        Ok(_) => panic!("it succeeded"),
        Err(FfiError::Failed { code, .. }) => code,
    }
}

pub(crate) const ANY: InstallOptions =
    InstallOptions { policy: SignaturePolicy::Warn, allow_downgrade: false, threads: None };

/// The end of an installation, and the steps on the way.
pub(crate) fn end(install: &InstallHandle) -> Result<(InstallReport, Vec<InstallEvent>), FfiError> {
    let mut steps = Vec::new();
    while let Some(event) = wait(install.next())? {
        match event {
            InstallEvent::Finished { report } => {
                assert_eq!(wait(install.next())?, None, "something follows the end");
                return Ok((report, steps));
            }
            step => steps.push(step),
        }
    }
    panic!("it ended without an end");
}

/// The exports without a result, each with the name that the panic edge knows it by; what is called on the way out of memory
/// is one of them.
pub(crate) const SAFE: [&str; 27] = [
    "ChatHandle.answer_now",
    "ChatHandle.cancel",
    "ChatHandle.free",
    "ChatHandle.save_now",
    "ChatHandle.shut_down",
    "ChatHandle.suspend",
    "CompilationHandle.cancel",
    "EngineHandle.free",
    "EngineHandle.shut_down",
    "InstallHandle.cancel",
    "InstallHandle.free",
    "OpenHandle.cancel",
    "PackagePipe.abandon",
    "PackagePipe.finish",
    "PackagePipe.free",
    "PrepareHandle.cancel",
    "Probe.decoded_tokens",
    "SharePrefixHandle.cancel",
    "TurnHandle.answer_now",
    "TurnHandle.cancel",
    "TurnHandle.free",
    "TurnHandle.leave",
    "TurnHandle.stop_gathering",
    "TurnHandle.suspend",
    "VerifyHandle.cancel",
    "devices",
    "job.free",
];
