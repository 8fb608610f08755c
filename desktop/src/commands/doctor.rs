//! `wheelwork doctor`: what a model needs of this machine, looked at one by one, each fault with what to do.
//!
//! Nothing is made and nothing is sent. Exit code 1 where a model cannot run.

mod drivers;
mod telemetry;

use std::path::{Path, PathBuf};

use serde::Serialize;
use wheelwork_diagnostic::Diagnostic;
use wheelwork_ort::Runtime;
use wheelwork_ort::version::SAVED_PACKED_WEIGHTS;
use wheelwork_package::store::Store;
use wheelwork_package::vfs::{RealVfs, Vfs};

use super::devices::look;
use crate::arguments::{StoreArguments, trials_dir};
use crate::failure::Failure;
use crate::terminal::{columns, wrapped};
use crate::{machine, model_source, output, remedy};

/// Less than this is told: a package of a 1.5B distil in int4 has about so many bytes.
const LITTLE_DISK_BYTES: u64 = 2_000_000_000;

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// As it should be.
    Good,
    /// Worth knowing; models run.
    Note,
    /// No model runs so.
    Fault,
}

/// What was found of one thing.
#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    state: State,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

impl Finding {
    fn good(what: &'static str, found: impl Into<String>) -> Self {
        Self { what, state: State::Good, found: found.into(), remedy: None }
    }

    fn note(what: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what, state: State::Note, found: found.into(), remedy: Some(remedy.into()) }
    }

    fn fault(what: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what, state: State::Fault, found: found.into(), remedy: Some(remedy.into()) }
    }
}

pub(crate) fn run(arguments: &StoreArguments, json: bool) -> Result<(), Failure> {
    let models_dir = model_source::models_dir(arguments.models_dir.as_deref())?;
    let runtime = wheelwork_ort::environment();
    let mut findings = vec![processor()];
    match &runtime {
        Ok(runtime) => findings.extend([library(runtime), telemetry::of(runtime)]),
        Err(error) => {
            findings.push(Finding::fault("ONNX Runtime", error.to_string(), remedy::worded(&error.remedy())));
        }
    }
    for (provider, found) in look(runtime.as_ref()).filter(|(row, _)| row.is_for_this_system()) {
        if provider.library.is_some() && runtime.is_ok() {
            findings.push(device(provider.ep, provider.hardware, provider.library, found));
        }
    }
    findings.extend(drivers::found());
    findings.push(memory());
    findings.push(disk("models", &models_dir));
    if let Some(folder) = trials_dir() {
        findings.push(disk("cache", &folder));
    }
    findings.push(models(&models_dir));
    for finding in &findings {
        output::tell(json, finding, || print(finding))?;
    }
    match findings.iter().filter(|finding| finding.state == State::Fault).count() {
        0 => Ok(()),
        count => Err(Failure::Unwell { count }),
    }
}

fn print(finding: &Finding) {
    let (mark, style) = match finding.state {
        State::Good => ("ok  ", anstyle::AnsiColor::Green.on_default()),
        State::Note => ("note", anstyle::AnsiColor::Yellow.on_default()),
        State::Fault => ("bad ", anstyle::AnsiColor::Red.on_default().bold()),
    };
    let text = wrapped(&format!("{}: {}", finding.what, finding.found), columns().saturating_sub(6), 6);
    anstream::println!("{style}{mark}{style:#}  {text}");
    if let Some(remedy) = &finding.remedy {
        anstream::println!(
            "      {}",
            wrapped(&format!("what to do: {remedy}"), columns().saturating_sub(6), 6)
        );
    }
}

fn processor() -> Finding {
    let name = machine::processor().unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    Finding::good("processor", format!("{name}, {threads} threads{}", instructions()))
}

/// Instructions that make integer products fast, where Rust can ask for them.
#[cfg(target_arch = "x86_64")]
fn instructions() -> String {
    let known = [
        (std::is_x86_feature_detected!("avx2"), "AVX2"),
        (std::is_x86_feature_detected!("avx512f"), "AVX-512"),
        (std::is_x86_feature_detected!("avx512vnni"), "VNNI"),
    ];
    let found: Vec<_> = known.iter().filter_map(|(has, name)| has.then_some(*name)).collect();
    if found.is_empty() { ", no AVX2: slow".to_owned() } else { format!(", {}", found.join(", ")) }
}

#[cfg(not(target_arch = "x86_64"))]
fn instructions() -> String {
    String::new()
}

fn library(runtime: &Runtime) -> Finding {
    let found = format!("{} in {}", runtime.version, runtime.path.display());
    if runtime.version < SAVED_PACKED_WEIGHTS {
        let remedy = format!("take {SAVED_PACKED_WEIGHTS} or newer where `wheelwork prepare` is wanted");
        return Finding::note("ONNX Runtime", found, remedy);
    }
    Finding::good("ONNX Runtime", found)
}

/// A provider of another device than the CPU. That it is missing is no fault: the CPU runs every package.
fn device(
    ep: &'static str,
    hardware: &str,
    library: Option<wheelwork::device::PluginLibrary>,
    found: Result<Vec<wheelwork_ort::PluginDevice>, String>,
) -> Finding {
    match found {
        Ok(devices) => Finding::good(ep, format!("{hardware}, {} found", devices.len())),
        Err(reason) => {
            let remedy = library.map_or_else(String::new, |library| {
                format!(
                    "the CPU runs every package; for this device, put the libraries of `{}` beside the program, or let {} name \
                     their folder",
                    library.package, library.folder_variable
                )
            });
            Finding::note(ep, format!("{hardware}, not used: {reason}"), remedy)
        }
    }
}

fn memory() -> Finding {
    match wheelwork::available_memory() {
        Some(free) => Finding::good(
            "memory",
            format!(
                "{:.1} GB can be taken, as {} says; `wheelwork plan --model NAME` tells what a model takes",
                free.bytes as f64 / 1e9,
                free.told_by
            ),
        ),
        None => Finding::note(
            "memory",
            "nobody says here what is free",
            "a model that does not fit is not refused by itself: say what it may take with `--memory MB`",
        ),
    }
}

/// Whether a folder can be written, or will be once it is made, and what is free there.
fn disk(what: &'static str, folder: &Path) -> Finding {
    let standing: PathBuf =
        folder.ancestors().find(|part| part.is_dir()).unwrap_or_else(|| Path::new(".")).to_owned();
    let place = folder.display();
    if let Err(error) = tempfile::tempfile_in(&standing) {
        return Finding::fault(
            what,
            format!("{place} cannot be written: {error}"),
            "give a folder of yours with `--models-dir`, or set WHEELWORK_MODELS_DIR",
        );
    }
    match RealVfs.free_bytes(&standing) {
        Ok(bytes) if bytes < LITTLE_DISK_BYTES => Finding::note(
            what,
            format!("{place}, {:.1} GB free", bytes as f64 / 1e9),
            "make room: `wheelwork gc`, or `wheelwork remove NAME`",
        ),
        Ok(bytes) => Finding::good(what, format!("{place}, {:.1} GB free", bytes as f64 / 1e9)),
        Err(error) => Finding::note(what, format!("{place}: {error}"), "look at the disk"),
    }
}

/// What is installed, and whether its records can be read.
fn models(models_dir: &Path) -> Finding {
    let contents = match Store::new(models_dir.to_owned()).list() {
        Ok(contents) => contents,
        Err(error) => {
            return Finding::fault("installed", error.to_string(), remedy::worded(&error.diagnosis().remedy));
        }
    };
    let damaged: Vec<_> = contents
        .models
        .iter()
        .filter(|model| model.package.is_none())
        .map(|model| model.name.as_str())
        .collect();
    if !damaged.is_empty() {
        return Finding::note(
            "installed",
            format!("damaged records: {}", damaged.join(", ")),
            "`wheelwork repair NAME FILE` with the file that it was installed from",
        );
    }
    let count = contents.models.len();
    if !contents.partials.is_empty() {
        return Finding::note(
            "installed",
            format!("{count} models, {} unfinished", contents.partials.len()),
            "install them again to go on, or `wheelwork gc --partials`",
        );
    }
    Finding::good(
        "installed",
        format!("{count} models, and {}, which ships with wheelwork", model_source::SHIPPED_NAME),
    )
}
