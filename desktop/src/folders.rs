//! This user's folders of this program.
//!
//! Models and keys belong to one machine: on Windows they stand in the local folder, not in the one that a company copies to
//! every machine that its user logs in to.

use std::path::PathBuf;

use etcetera::BaseStrategy;

const OWN: &str = "wheelwork";

/// What is to stay: models, keys, typed lines. `None` where the system names no folder.
pub(crate) fn data() -> Option<PathBuf> {
    let strategy = etcetera::choose_base_strategy().ok()?;
    // etcetera's data folder on Windows is the one that roams, its cache folder the local one.
    let folder = if cfg!(windows) { strategy.cache_dir() } else { strategy.data_dir() };
    Some(folder.join(OWN))
}

/// What can be made again.
pub(crate) fn cache() -> Option<PathBuf> {
    Some(etcetera::choose_base_strategy().ok()?.cache_dir().join(OWN))
}
