//! `wheelwork compact`, and the same at the end of `wheelwork install --compact`: the weights of an installed model in fewer bytes.

use std::path::Path;

use serde_json::json;
use wheelwork::prepare::PrepareError;
use wheelwork::{CancelToken, CompactReport, Error, OpenOptions};
use wheelwork_package::store::StoreError;

use super::{megabytes, model_name, store};
use crate::arguments::{CompactArguments, ModelArguments};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::{output, progress};

pub(crate) fn run(arguments: &CompactArguments, json: bool) -> Result<(), Failure> {
    let name = model_name(&arguments.name)?;
    let store = store(&arguments.store)?;
    if !store.list()?.models.iter().any(|model| model.name == name) {
        return Err(StoreError::NotInstalled { name }.into());
    }
    let path = store.models_dir().join(format!("{name}.ortpackage"));
    let cancel = Interrupt::install()?.token();
    if arguments.undo {
        let restored =
            progress::shown(json, &cancel, |watch| wheelwork::restore(&path, watch)).map_err(explain)?;
        let told = json!({ "event": "Restored", "name": name.to_string(), "is_new": restored });
        return output::tell(json, &told, || {
            let words =
                if restored { "the package's own weights stand there again" } else { "it is not compact" };
            anstream::println!("{name}: {words}");
        });
    }
    let report = compact(&path, &ModelArguments::default_options(), &cancel, json)?;
    let told = json!({ "event": "Compacted", "name": name.to_string(), "compact": report });
    output::tell(json, &told, || anstream::println!("{name}: {}", describe(&report)))
}

/// Compacts a model and shows how far it is.
pub(super) fn compact(
    path: &Path,
    options: &OpenOptions,
    cancel: &CancelToken,
    json: bool,
) -> Result<CompactReport, Failure> {
    let options = OpenOptions { cancel: cancel.clone(), ..options.clone() };
    progress::shown(json, cancel, |watch| wheelwork::compact(path, &options, watch)).map_err(explain)
}

/// Bytes and time, for people.
pub(super) fn describe(report: &CompactReport) -> String {
    let CompactReport { is_new, package_bytes, compact_bytes, seconds } = report;
    let bytes = format!("weights of {} in {}", megabytes(*package_bytes), megabytes(*compact_bytes));
    if *is_new { format!("{bytes}, {seconds:.1} s") } else { format!("it was compact before: {bytes}") }
}

fn explain(error: Error) -> Failure {
    match error {
        Error::OpenCancelled => Failure::Interrupted,
        Error::Prepare(PrepareError::Store(error)) if matches!(*error, StoreError::Cancelled) => {
            Failure::Interrupted
        }
        error => error.into(),
    }
}
