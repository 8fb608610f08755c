//! `wheelwork sign`: a signature into a package file that was packed before.

use std::io::{BufWriter, Write};

use serde_json::json;
use wheelwork_package::signature::SecretKey;
use wheelwork_package::vfs::{Partial, RealVfs};
use wheelwork_package::{container, disk};

use crate::arguments::SignArguments;
use crate::failure::Failure;
use crate::{origin, output};

pub(crate) fn run(arguments: &SignArguments, json: bool) -> Result<(), Failure> {
    let key = SecretKey::read(&arguments.key)?;
    let out = arguments.out.as_deref().unwrap_or(&arguments.file);
    let mut source = origin::open_file(&arguments.file)?;
    // The file may be signed in place, so it is closed before its name changes.
    let partial = Partial::file(&RealVfs, out)?;
    let mut sink = BufWriter::new(disk::create_new(partial.path(), 0o644)?);
    let head = container::sign(source.as_mut(), &key, &mut sink)?;
    sink.flush()?;
    sink.get_ref().sync_all()?;
    drop((source, sink));
    partial.keep()?;
    let fingerprint = key.public().fingerprint();
    let signed = json!({
        "event": "Signed", "package": out, "id": head.id.to_string(), "key": fingerprint.to_string(),
    });
    output::tell(json, &signed, || anstream::println!("{}: signed by {fingerprint}", out.display()))
}
