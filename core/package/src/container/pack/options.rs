//! What to pack and how, and who is told.

use super::error::PackError;
use crate::container::{Name, Progress, Step, Watch};

/// What to pack, and how.
#[derive(Debug, Clone)]
pub struct PackOptions {
    /// The package's name: it will be installed as `NAME.ortpackage`.
    pub name: Name,
    /// The publisher's counter against rollback: higher with every release.
    pub version: u64,
    /// zstd's compression level; [`LEVELS`] are allowed.
    pub level: i32,
    /// Threads that compress; `None` for one a core.
    pub threads: Option<usize>,
}

/// The compression levels, from fastest to smallest.
pub const LEVELS: std::ops::RangeInclusive<i32> = 1..=22;

/// Progress of one step.
pub(super) struct Steps<'a, 'w> {
    pub(super) watch: &'a mut Watch<'w>,
    pub(super) step: Step,
    pub(super) done_bytes: u64,
    pub(super) total_bytes: u64,
}

impl Steps<'_, '_> {
    pub(super) fn add(&mut self, bytes: usize) -> Result<(), PackError> {
        self.done_bytes += bytes as u64;
        let progress =
            Progress { step: self.step, done_bytes: self.done_bytes, total_bytes: self.total_bytes };
        if (self.watch)(progress).is_break() { Err(PackError::Cancelled) } else { Ok(()) }
    }
}
