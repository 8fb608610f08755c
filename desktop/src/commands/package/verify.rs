//! `wheelwork verify`: every byte of a package compared with its digests.

use std::path::Path;

use serde_json::json;
use wheelwork::Prepared;
use wheelwork_package::container::{self, Head};
use wheelwork_package::store::Damage;

use super::{megabytes, model_name, store};
use crate::arguments::{ModelArguments, VerifyArguments};
use crate::commands::inspect;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::{origin, output, progress, trust};

pub(crate) fn run(arguments: &VerifyArguments, json: bool) -> Result<(), Failure> {
    let path = Path::new(&arguments.model);
    if path.is_file() {
        verify_file(arguments, path, json)
    } else if path.is_dir() {
        verify_folder(path, json)
    } else {
        verify_installed(arguments, json)
    }
}

fn verify_file(arguments: &VerifyArguments, path: &Path, json: bool) -> Result<(), Failure> {
    let trust = trust::of(&arguments.trust, false)?;
    // Who signed it comes first: nothing is decompressed that the policy refuses.
    let head = Head::read(origin::open_file(path)?.as_mut())?;
    let signature = trust.judge(&head)?;
    let cancel = Interrupt::install()?.token();
    let mut source = origin::open_file(path)?;
    let found = progress::shown(json, &cancel, |watch| container::verify(source.as_mut(), watch))
        .map_err(|error| origin::explain_container(error, &cancel))?;
    if !found.is_complete {
        return Err(Failure::Interrupted);
    }
    if !found.damage.is_empty() {
        return Err(Failure::Damaged {
            what: path.display().to_string(),
            damage: found.damage.iter().map(ToString::to_string).collect(),
            remedy: "copy the file again, or install it: only the damaged chunks are missing then".to_owned(),
        });
    }
    trust::warn_of(&signature);
    let index = &found.head.index;
    let verified = json!({
        "event": "Verified", "package": path, "name": index.name.to_string(), "version": index.version,
        "id": found.head.id.to_string(), "signature": signature, "files": index.files.len(),
        "chunks": index.chunks.len(), "bytes": index.content_bytes(),
    });
    output::tell(json, &verified, || {
        anstream::println!(
            "{}: {} version {}, {} chunks with {} are whole; {signature}",
            path.display(),
            index.name,
            index.version,
            index.chunks.len(),
            megabytes(index.content_bytes()),
        );
    })
}

fn verify_folder(path: &Path, json: bool) -> Result<(), Failure> {
    let files = inspect::verify(&wheelwork_package::open(path)?)?;
    let verified = json!({ "event": "Verified", "package": path, "files": files });
    output::tell(json, &verified, || {
        anstream::println!("{}: {files} files have the content that the card says", path.display());
    })
}

fn verify_installed(arguments: &VerifyArguments, json: bool) -> Result<(), Failure> {
    let name = model_name(&arguments.model)?;
    let cancel = Interrupt::install()?.token();
    let store = store(&arguments.store)?;
    let report = progress::shown(json, &cancel, |watch| store.verify(&name, watch))
        .map_err(|error| origin::explain(error, &cancel))?;
    if !report.damage.is_empty() {
        return Err(Failure::Damaged {
            what: name.to_string(),
            damage: report.damage.iter().map(describe).collect(),
            remedy: format!(
                "run `wheelwork repair {name} FILE|URL` with the package that it was installed from"
            ),
        });
    }
    // What is derived from it and stands beside it. Without ONNX Runtime nothing is known of that.
    let path = store.models_dir().join(format!("{name}.ortpackage"));
    let prepared = wheelwork::prepared_form(&path, &ModelArguments::default_options()).ok();
    if let Some(form @ (Prepared::NotMadeHere | Prepared::Damaged)) = prepared {
        return Err(Failure::Damaged {
            what: name.to_string(),
            damage: vec![format!("its prepared form is not used: {}", form.describe())],
            remedy: format!("run `wheelwork prepare {name}`; its {} files are whole", report.files),
        });
    }
    let verified = json!({
        "event": "Verified", "name": name.to_string(), "files": report.files, "bytes": report.bytes,
        "prepared": prepared,
    });
    output::tell(json, &verified, || {
        anstream::println!("{name}: {} files with {} are whole", report.files, megabytes(report.bytes));
    })
}

fn describe(damage: &Damage) -> String {
    match damage {
        Damage::Head => "the record of what was installed is missing or damaged".to_owned(),
        Damage::Missing { file } => format!("{file} is missing"),
        Damage::Size { file, found, expected } => format!("{file} has {found} bytes, expected {expected}"),
        Damage::Chunk { file, chunk, offset, bytes } => {
            format!("{file} differs in the {bytes} bytes from {offset}, chunk {chunk}")
        }
        Damage::Unexpected { file } => format!("{file} does not belong to it"),
    }
}
