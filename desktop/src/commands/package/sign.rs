//! `wheelwork sign`: a signature into a package file that was packed before.

use std::io::{BufWriter, Write};

use serde_json::json;
use wheelwork_package::signature::SecretKey;
use wheelwork_package::{container, disk};

use crate::arguments::SignArguments;
use crate::failure::Failure;
use crate::{origin, output};

pub(crate) fn run(arguments: &SignArguments, json: bool) -> Result<(), Failure> {
    let key = SecretKey::read(&arguments.key)?;
    let out = arguments.out.as_deref().unwrap_or(&arguments.file);
    let mut source = origin::open_file(&arguments.file)?;
    // Beside its name until it is whole: the file may be signed in place.
    let folder = disk::folder_of(out);
    let prefix = out.file_name().unwrap_or_default();
    let mut file = tempfile::Builder::new().prefix(prefix).suffix(".partial").tempfile_in(folder)?;
    let mut sink = BufWriter::new(file.as_file_mut());
    let head = container::sign(source.as_mut(), &key, &mut sink)?;
    sink.flush()?;
    drop(sink);
    set_usual_mode(file.as_file())?;
    file.as_file().sync_all()?;
    file.persist(out).map_err(|error| error.error)?;
    disk::sync_folder(folder)?;
    let fingerprint = key.public().fingerprint();
    if json {
        return output::json_line(&json!({
            "event": "Signed", "package": out, "id": head.id.to_string(), "key": fingerprint.to_string(),
        }));
    }
    anstream::println!("{}: signed by {fingerprint}", out.display());
    Ok(())
}

/// A temporary file is its owner's alone; a package is for everybody.
#[cfg(unix)]
fn set_usual_mode(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn set_usual_mode(_: &std::fs::File) -> std::io::Result<()> {
    Ok(())
}
