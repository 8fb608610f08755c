//! `wheelwork unpack`: a package file into a folder of the user's choice.

use serde_json::json;
use wheelwork_package::store;

use super::{install, megabytes};
use crate::arguments::UnpackArguments;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::origin::{self, Origin};
use crate::{output, progress, trust};

pub(crate) fn run(arguments: &UnpackArguments, json: bool) -> Result<(), Failure> {
    let origin = Origin::of(&arguments.origin)?;
    let options = install::options(&arguments.trust, &origin)?;
    let cancel = Interrupt::install()?.token();
    let mut source = origin.open(&cancel)?;
    let (head, signature) = progress::shown(json, &cancel, |watch| {
        store::unpack(source.as_mut(), &arguments.out, &options, watch)
    })
    .map_err(|error| origin::explain(error, &cancel))?;
    trust::warn_of(&signature);
    let unpacked = json!({
        "event": "Unpacked", "path": arguments.out, "name": head.index.name.to_string(),
        "version": head.index.version, "id": head.id.to_string(), "signature": signature,
        "bytes": head.index.file_bytes(),
    });
    output::tell(json, &unpacked, || {
        anstream::println!(
            "{}: {} version {}, {}; {signature}",
            arguments.out.display(),
            head.index.name,
            head.index.version,
            megabytes(head.index.file_bytes()),
        );
    })
}
