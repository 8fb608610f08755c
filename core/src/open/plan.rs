//! The memory estimate of a model that is not open.

use std::path::Path;

use super::described::Described;
use super::memory::MemoryPlan;
use super::options::OpenOptions;
use crate::error::Error;

/// What [`crate::Model::open_with`] would take with the same options. Reads no weights.
///
/// # Errors
/// Those of [`crate::Model::open_with`] before the graph is loaded. A model that does not fit is none: [`MemoryPlan::fit`].
pub fn plan(path: impl AsRef<Path>, options: &OpenOptions) -> Result<MemoryPlan, Error> {
    let described = Described::of(path.as_ref(), options)?;
    let (prepared, stored) = described.prepared(options)?;
    described.memory_plan(options, prepared, stored.as_ref())
}
