//! Commands about packages. The rules are the library's (`wheelwork_package`); here are words, progress and exit codes.

pub(crate) mod compact;
mod folder;
pub(crate) mod head;
pub(crate) mod install;
pub(crate) mod key;
pub(crate) mod list;
pub(crate) mod pack;
pub(crate) mod remove;
pub(crate) mod sign;
pub(crate) mod unpack;
pub(crate) mod verify;

use wheelwork_package::container::Name;
use wheelwork_package::store::{Store, StoreError};

use crate::arguments::StoreArguments;
use crate::failure::Failure;
use crate::{model_source, trust};

/// The store that the arguments name.
fn store(arguments: &StoreArguments) -> Result<Store, Failure> {
    Ok(Store::new(model_source::models_dir(arguments.models_dir.as_deref())?).trusting(trust::known(&[])?))
}

/// The name of a model, as it stands on the command line.
fn model_name(name: &str) -> Result<Name, Failure> {
    Ok(Name::new(name).map_err(StoreError::from)?)
}

/// Bytes as people read them.
fn megabytes(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}
