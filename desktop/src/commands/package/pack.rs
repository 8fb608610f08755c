//! `wheelwork pack`: a package folder into one file.

use std::time::Instant;

use serde_json::json;
use wheelwork_package::container::pack::PackOptions;
use wheelwork_package::signature::SecretKey;

use super::{folder, megabytes, model_name};
use crate::arguments::PackArguments;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::output;

pub(crate) fn run(arguments: &PackArguments, json: bool) -> Result<(), Failure> {
    let key = arguments.key.as_deref().map(SecretKey::read).transpose()?;
    let options = PackOptions {
        name: match &arguments.name {
            Some(name) => model_name(name)?,
            None => folder::name_of(&arguments.folder)?,
        },
        version: arguments.package_version,
        level: arguments.level,
        threads: None,
    };
    let (start, cancel) = (Instant::now(), Interrupt::install()?.token());
    let report =
        folder::pack_folder(&arguments.folder, &arguments.out, &options, key.as_ref(), &cancel, json)?;
    let seconds = start.elapsed().as_secs_f64();
    let packed = json!({
        "event": "Packed", "package": arguments.out, "name": options.name.to_string(), "version": options.version,
        "id": report.id.to_string(), "is_signed": key.is_some(), "files": report.files,
        "file_bytes": report.file_bytes, "chunks": report.chunks, "content_bytes": report.content_bytes,
        "container_bytes": report.container_bytes, "seconds": seconds,
    });
    let signed = key.map_or("not signed", |_| "signed");
    output::tell(json, &packed, || {
        anstream::println!(
            "{}: {} version {}, {signed}; {} from {} in {} files, {seconds:.1} s",
            arguments.out.display(),
            options.name,
            options.version,
            megabytes(report.container_bytes),
            megabytes(report.file_bytes),
            report.files,
        );
    })
}
