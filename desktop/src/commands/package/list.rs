//! `wheelwork list`: what is installed, and what has not arrived completely.

use serde_json::json;

use super::{megabytes, store};
use crate::arguments::StoreArguments;
use crate::failure::Failure;
use crate::model_source::{SHIPPED_NAME, shipped_bytes, shipped_package};
use crate::output;

pub(crate) fn run(arguments: &StoreArguments, json: bool) -> Result<(), Failure> {
    let store = store(arguments)?;
    let contents = store.list()?;
    // A model that was installed under the same name is the one that is meant by it.
    let is_hidden = contents.models.iter().any(|model| model.name.as_str() == SHIPPED_NAME);
    let shipped = (!is_hidden).then(|| shipped_package(store.models_dir()));
    if json {
        for model in &contents.models {
            let package = model.package.as_ref();
            output::json_line(&json!({
                "event": "Model", "name": model.name.to_string(), "path": model.path, "signature": model.signature,
                "version": package.map(|package| package.version),
                "id": package.map(|package| package.id.to_string()),
                "bytes": package.map(|package| package.bytes),
            }))?;
        }
        if let Some(path) = &shipped {
            output::json_line(&json!({
                "event": "Shipped", "name": SHIPPED_NAME, "path": path, "is_made": path.is_dir(),
                "bytes": shipped_bytes(),
            }))?;
        }
        for partial in &contents.partials {
            output::json_line(&json!({
                "event": "Partial", "name": partial.name.to_string(), "version": partial.version,
                "bytes": partial.bytes,
            }))?;
        }
        return Ok(());
    }
    if shipped.is_some() {
        let size = megabytes(shipped_bytes());
        anstream::println!("{SHIPPED_NAME:<32} {:<12} {size:>10}  ships with wheelwork", "");
    }
    for model in &contents.models {
        match &model.package {
            Some(package) => anstream::println!(
                "{:<32} version {:<4} {:>10}  {}",
                model.name.as_str(),
                package.version,
                megabytes(package.bytes),
                model.signature,
            ),
            None => anstream::println!("{:<32} its record is damaged: repair it", model.name.as_str()),
        }
    }
    for partial in &contents.partials {
        let version = partial.version.map_or_else(String::new, |version| format!("version {version} "));
        anstream::println!(
            "{:<32} {version}unfinished, {} are there: install it again to continue",
            partial.name.as_str(),
            megabytes(partial.bytes),
        );
    }
    Ok(())
}
