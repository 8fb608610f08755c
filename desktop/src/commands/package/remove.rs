//! `wheelwork remove` and `wheelwork gc`: disk space back.

use serde_json::json;

use super::{megabytes, model_name, store};
use crate::arguments::{GarbageArguments, RemoveArguments};
use crate::failure::Failure;
use crate::model_source::SHIPPED_NAME;
use crate::output;

pub(crate) fn run(arguments: &RemoveArguments, json: bool) -> Result<(), Failure> {
    let name = model_name(&arguments.name)?;
    let store = store(&arguments.store)?;
    let is_installed =
        || -> Result<bool, Failure> { Ok(store.list()?.models.iter().any(|model| model.name == name)) };
    if name.as_str() == SHIPPED_NAME && !is_installed()? {
        return Err(Failure::Shipped { name: name.to_string() });
    }
    store.remove(&name)?;
    let removed = json!({ "event": "Removed", "name": name.to_string() });
    output::tell(json, &removed, || anstream::println!("{name}: removed"))
}

pub(crate) fn collect_garbage(arguments: &GarbageArguments, json: bool) -> Result<(), Failure> {
    let report = store(&arguments.store)?.collect_garbage(arguments.partials)?;
    let collected = json!({
        "event": "GarbageCollected", "versions": report.versions, "partials": report.partials,
        "staged": report.staged, "bytes": report.bytes,
    });
    output::tell(json, &collected, || {
        anstream::println!(
            "{} old versions, {} unfinished transfers and {} unfinished packages removed, {}",
            report.versions,
            report.partials,
            report.staged,
            megabytes(report.bytes),
        );
    })
}
