//! Graphs that are compiled in the background of first use, on the Snapdragon simulator, which `WHEELWORK_QNN_DIR` names.

// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod common;
#[path = "common/npu.rs"]
#[allow(dead_code)]
mod npu;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use common::{flip_bit, success, wheelwork};
use npu::{FOLDER, first_binary, json_lines, kill_once, package, simulator};
use serde_json::Value;
use wheelwork::device::{Device, NotUsedReason};
use wheelwork::{CompilationState, DevicePreference, Model, OpenOptions, Options, Placement, Session};
use wheelwork_testing::Outcome;

const LIMIT: Duration = Duration::from_secs(300);

const ONE_TOKEN: &str = "generate --prompt Thanks --max-tokens 1 --json --device npu --model";

/// The folders of a user's cache, as the command uses them.
struct Cache(tempfile::TempDir);

impl Cache {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn providers(&self) -> PathBuf {
        self.0.path().join("wheelwork").join("providers")
    }

    /// The compiled forms, wherever they stand; with those that are not finished.
    fn compiled(&self) -> Vec<PathBuf> {
        let folders = |folder: &Path| -> Vec<PathBuf> {
            let entries = std::fs::read_dir(folder).into_iter().flatten();
            entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect()
        };
        let models = folders(&self.0.path().join("wheelwork").join("prepared"));
        let forms = models.iter().flat_map(|model| folders(model));
        forms
            .filter(|form| form.extension().is_some_and(|kind| kind == "compiled"))
            .flat_map(|form| folders(&form))
            .collect()
    }

    fn options(&self) -> OpenOptions {
        OpenOptions {
            device: DevicePreference::Npu,
            cache_dir: Some(self.0.path().join("wheelwork").join("prepared")),
            trials_dir: Some(self.providers()),
            ..OpenOptions::default()
        }
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = wheelwork(arguments);
        command.env(FOLDER, simulator().unwrap()).env("XDG_CACHE_HOME", self.0.path());
        command
    }

    /// A process of its own that answers with one token.
    fn generate(&self, more: &[&str]) -> Output {
        success(self.command(ONE_TOKEN).arg(package()).args(more))
    }
}

fn started(output: &Output) -> Value {
    json_lines(&output.stdout)[0]["placement"].take()
}

fn is_compiled(placement: &Value) -> bool {
    let graphs = placement["graphs"].as_array().unwrap();
    placement["device"] == "npu"
        && graphs.iter().all(|graph| graph["shares"][0]["operators"][0] == "EPContext")
}

/// The placement of the first event, whether the device changed, and the tokens.
fn turn(session: &mut Session) -> (Placement, bool, Vec<u32>) {
    session.clear();
    let options = Options { temperature: Some(0.0), max_tokens: Some(12), ..Options::default() };
    let outcome = Outcome::of(session.ask("Thanks", &options).unwrap()).unwrap();
    let ids = outcome.token_ids().to_vec();
    let changed = outcome.placements.len() > 1;
    (outcome.placements.into_iter().next().unwrap(), changed, ids)
}

#[test]
fn the_first_use_runs_on_the_cpu_while_graphs_are_compiled_and_then_on_the_device() {
    if simulator().is_none() {
        return;
    }
    let cache = Cache::new();
    let model = Model::open_with(package(), &cache.options()).unwrap();
    let row = &model.placement().not_used[0];
    assert_eq!((model.placement().device, row.reason), (Device::Cpu, NotUsedReason::Compiling));
    assert!(row.detail.as_ref().unwrap().contains(&cache.0.path().display().to_string()), "{row}");
    let compilation = model.compilation().unwrap();
    let mut session = model.session().unwrap();
    let (before, changed, on_cpu) = turn(&mut session);
    // Unless the compiler was quicker than one could ask.
    if compilation.state() == CompilationState::UnderWay {
        assert_eq!((before.device, changed), (Device::Cpu, false));
    }
    assert_eq!(compilation.wait(LIMIT), CompilationState::Ready);
    let (after, changed, on_device) = turn(&mut session);
    assert_eq!((after.device, after.simulator), (Device::Npu, true));
    assert!(changed || before.device == Device::Npu);
    assert!(after.graphs.iter().all(|graph| graph.shares[0].operators == ["EPContext"]), "{after:?}");
    assert_eq!(on_device, on_cpu);
    let (_, changed, again) = turn(&mut session);
    assert!(!changed, "told once");
    assert_eq!(again, on_cpu);
    let (fresh, _, _) = turn(&mut model.session().unwrap());
    assert_eq!(fresh.device, Device::Npu);

    // A process of its own finds what was kept.
    let output = cache.generate(&["--strict"]);
    assert!(is_compiled(&started(&output)));
    assert!(!String::from_utf8_lossy(&output.stderr).contains("compiling"), "{output:?}");
    let again = Model::open_with(package(), &cache.options()).unwrap();
    assert!(again.compilation().is_none());
    assert_eq!(again.placement().device, Device::Npu);
}

#[test]
fn pk_11_a_compiled_form_with_a_flipped_bit_is_refused_and_compiled_again() {
    if simulator().is_none() {
        return;
    }
    let cache = Cache::new();
    let output = success(cache.command("prepare --device npu").arg(package()));
    assert!(String::from_utf8_lossy(&output.stderr).contains("1 of 2"), "{output:?}");
    let [form] = &cache.compiled()[..] else { panic!("{:?}", cache.compiled()) };
    let binary = first_binary(form);
    flip_bit(&binary);
    let flipped = std::fs::read(&binary).unwrap();

    let placement = started(&cache.generate(&[]));
    let row = &placement["not_used"][0];
    assert_eq!((&placement["device"], &row["reason"]), (&"cpu".into(), &"compiling".into()), "{placement}");
    assert!(row["detail"].as_str().unwrap().contains("compiled here"), "{row}");
    assert!(is_compiled(&started(&cache.generate(&[]))), "the process has waited for it");
    assert_ne!(std::fs::read(&binary).unwrap(), flipped);
}

#[cfg(unix)]
#[test]
fn a_process_that_is_killed_while_it_compiles_leaves_nothing_in_the_way() {
    if simulator().is_none() {
        return;
    }
    let cache = Cache::new();
    kill_once(cache.command(ONE_TOKEN).arg(package()), LIMIT, || !cache.compiled().is_empty());

    let output = cache.generate(&["--strict"]);
    assert!(is_compiled(&started(&output)));
    let [form] = &cache.compiled()[..] else { panic!("{:?}", cache.compiled()) };
    assert!(form.extension().is_none(), "nothing unfinished is left");
    let left = std::fs::read_dir(cache.providers()).unwrap().map(|entry| entry.unwrap().path());
    assert!(left.into_iter().all(|path| path.extension().is_some_and(|kind| kind == "passed")));
}
