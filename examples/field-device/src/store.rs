//! The models of the device.

use std::error::Error;
use std::path::{Path, PathBuf};

use wheelwork_package::container::{Seekable, unwatched};
use wheelwork_package::signature::{Policy, PublicKey, Trust};
use wheelwork_package::store::{InstallOptions, Store};

/// Installs a package: checked chunk by chunk, complete or not there at all, a second try goes on where the first ended.
pub(crate) fn install(state: &Path, package: &Path, key: Option<&Path>) -> Result<(), Box<dyn Error>> {
    let trust = match key {
        Some(key) => Trust { policy: Policy::Require, keys: vec![PublicKey::read(key)?] },
        None => Trust::default(),
    };
    let options = InstallOptions { trust, ..InstallOptions::default() };
    let mut source = Seekable(fs_err::File::open(package)?);
    let report = store(state).install(&mut source, &options, &mut unwatched)?;
    if !report.signature.is_valid() {
        eprintln!("nobody vouches for this package: {}", report.signature);
    }
    eprintln!("{} version {} is installed", report.name, report.version);
    Ok(())
}

/// The folder of the one installed model.
pub(crate) fn model(state: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let contents = store(state).list()?;
    match &contents.models[..] {
        [model] => Ok(model.path.clone()),
        [] => Err("no model is installed".into()),
        _ => Err("several models are installed, and this device has use for one".into()),
    }
}

fn store(state: &Path) -> Store {
    Store::new(state.join("models"))
}
