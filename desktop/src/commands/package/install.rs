//! `wheelwork install` and `wheelwork repair`: a package into the store. An installed model is then prepared for this
//! CPU; where that cannot be, it is said, and the model is installed all the same.

use std::time::Instant;

use serde_json::json;
use wheelwork::{CancelToken, CompactReport, DevicePreference, OpenOptions, PrepareReport};
use wheelwork_package::container::pack::PackOptions;
use wheelwork_package::container::{Source, Watch};
use wheelwork_package::store::{InstallOptions, InstallReport, PackageCheck, Store, StoreError};

use super::{compact, folder, megabytes, model_name, store};
use crate::arguments::{InstallArguments, RepairArguments, TrustArguments, default_kernels, keys_dir};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::origin::{self, Origin};
use crate::{output, progress, trust};

/// A folder is compressed only to be decompressed at once.
const FOLDER_LEVEL: i32 = 1;

pub(crate) fn run(arguments: &InstallArguments, json: bool) -> Result<(), Failure> {
    let (store, origin) = (store(&arguments.store)?, Origin::of(&arguments.origin)?);
    let cancel = Interrupt::install()?.token();
    let mut options = options(&arguments.trust, &origin)?;
    options.allow_downgrade = arguments.allow_downgrade;
    let start = Instant::now();
    let report = match &origin {
        Origin::Folder(path) => install_folder(path, &store, &options, &cancel, json)?,
        origin => transfer(origin, &cancel, json, |source, watch| store.install(source, &options, watch))?,
    };
    trust::remember(&options.trust, &report.signature)?;
    let seconds = start.elapsed().as_secs_f64();
    let options = OpenOptions {
        device: DevicePreference::Cpu,
        strict: true,
        keys_dir: keys_dir(),
        kernels: default_kernels(),
        ..OpenOptions::default()
    };
    let form = if arguments.compact {
        Some(compact::compact(&report.path, &options, &cancel, json).map(Form::Compact))
    } else if arguments.no_prepare {
        None
    } else {
        let prepared = crate::commands::prepare::prepare(&report.path, &options, &cancel, json);
        Some(prepared.map(|report| Form::Prepared(Box::new(report))))
    };
    tell("Installed", &report, seconds, form.as_ref(), json)
}

/// What was made of an installed model for this CPU.
enum Form {
    Prepared(Box<PrepareReport>),
    Compact(CompactReport),
}

pub(crate) fn repair(arguments: &RepairArguments, json: bool) -> Result<(), Failure> {
    let (store, origin) = (store(&arguments.store)?, Origin::of(&arguments.origin)?);
    let name = model_name(&arguments.name)?;
    let cancel = Interrupt::install()?.token();
    let options = options(&arguments.trust, &origin)?;
    let start = Instant::now();
    let report =
        transfer(&origin, &cancel, json, |source, watch| store.repair(&name, source, &options, watch))?;
    trust::remember(&options.trust, &report.signature)?;
    tell("Repaired", &report, start.elapsed().as_secs_f64(), None, json)
}

pub(super) fn options(trust: &TrustArguments, origin: &Origin) -> Result<InstallOptions, Failure> {
    let check = Some(PackageCheck::new(|folder| wheelwork::examine(folder)));
    Ok(InstallOptions { trust: trust::of(trust, origin.is_remote())?, check, ..InstallOptions::default() })
}

/// Runs an operation of the store on an origin.
fn transfer(
    origin: &Origin,
    cancel: &CancelToken,
    json: bool,
    operation: impl FnOnce(&mut dyn Source, &mut Watch<'_>) -> Result<InstallReport, StoreError>,
) -> Result<InstallReport, Failure> {
    let mut source = origin.open(cancel)?;
    let outcome = progress::shown(json, cancel, |watch| operation(source.as_mut(), watch));
    outcome.map_err(|error| match origin::explain(error, cancel) {
        Failure::Interrupted => Failure::Paused,
        failure => failure,
    })
}

/// Packs a folder beside the models and installs that. A folder has no version counter: it gets the installed one's, so
/// that it is never a downgrade.
fn install_folder(
    path: &std::path::Path,
    store: &Store,
    options: &InstallOptions,
    cancel: &CancelToken,
    json: bool,
) -> Result<InstallReport, Failure> {
    let name = folder::name_of(path)?;
    let installed = store.list()?.models.into_iter().find(|model| model.name == name);
    let version = installed.and_then(|model| model.package).map_or(1, |package| package.version);
    let pack = PackOptions { name, version, level: FOLDER_LEVEL, threads: None };
    let staging = store.stage()?;
    let file = staging.path().join("package.wwpkg");
    folder::pack_folder(path, &file, &pack, None, cancel, json)?;
    transfer(&Origin::File(file), cancel, json, |source, watch| store.install(source, options, watch))
}

fn tell(
    event: &str,
    report: &InstallReport,
    seconds: f64,
    form: Option<&Result<Form, Failure>>,
    json: bool,
) -> Result<(), Failure> {
    trust::warn_of(&report.signature);
    if json {
        let (mut prepared, mut compact) = (None, None);
        match form {
            None => {}
            Some(Ok(Form::Prepared(report))) => prepared = Some(json!(report)),
            Some(Ok(Form::Compact(report))) => compact = Some(json!(report)),
            Some(Err(failure)) => prepared = Some(failure.to_json()),
        }
        return output::json_line(&json!({
            "event": event, "name": report.name.to_string(), "version": report.version,
            "id": report.id.to_string(), "path": report.path, "signature": report.signature,
            "is_new": report.is_new, "replaced_version": report.replaced_version,
            "package_bytes": report.package_bytes, "received_bytes": report.received_bytes,
            "resumed_bytes": report.resumed_bytes, "reused_bytes": report.reused_bytes, "seconds": seconds,
            "prepared": prepared, "compact": compact,
        }));
    }
    if !report.is_new {
        anstream::println!("{} version {}: nothing to do, it is whole", report.name, report.version);
        tell_form(form);
        return Ok(());
    }
    let replaced =
        report.replaced_version.map_or_else(String::new, |old| format!(" in place of version {old}"));
    anstream::println!(
        "{} version {}{replaced}: {} received, {seconds:.1} s; {}",
        report.name,
        report.version,
        megabytes(report.received_bytes),
        report.signature,
    );
    if report.resumed_bytes > 0 {
        anstream::println!("{} had arrived before", megabytes(report.resumed_bytes));
    }
    if report.reused_bytes > 0 {
        anstream::println!(
            "{} of {} saved: the installed version had them",
            megabytes(report.reused_bytes),
            megabytes(report.package_bytes),
        );
    }
    tell_form(form);
    anstream::println!("try it: wheelwork chat --model {}", report.name);
    Ok(())
}

fn tell_form(form: Option<&Result<Form, Failure>>) {
    match form {
        None => {}
        Some(Ok(Form::Compact(report))) => anstream::println!("compact: {}", compact::describe(report)),
        Some(Ok(Form::Prepared(report))) => {
            anstream::println!("{}", crate::commands::prepare::describe(report));
        }
        Some(Err(failure)) => {
            anstream::eprintln!("it is installed and runs, but was not prepared for this CPU: {failure}");
        }
    }
}
