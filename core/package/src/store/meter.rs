//! Progress of one step, and whether the caller wants the next.

use super::StoreError;
use crate::container::{Progress, Step, Watch};

/// Counts bytes, tells the caller, and passes on that they cancelled.
pub(super) struct Meter<'a, 'w> {
    watch: &'a mut Watch<'w>,
    progress: Progress,
}

impl<'a, 'w> Meter<'a, 'w> {
    /// Begins a step of `total_bytes`.
    pub(super) fn new(watch: &'a mut Watch<'w>, step: Step, total_bytes: u64) -> Result<Self, StoreError> {
        let mut meter = Self { watch, progress: Progress { step, done_bytes: 0, total_bytes } };
        meter.add(0)?;
        Ok(meter)
    }

    /// Counts `bytes` more.
    pub(super) fn add(&mut self, bytes: u64) -> Result<(), StoreError> {
        // What has to be done twice is counted once.
        self.progress.done_bytes = (self.progress.done_bytes + bytes).min(self.progress.total_bytes);
        if (self.watch)(self.progress).is_break() { Err(StoreError::Cancelled) } else { Ok(()) }
    }
}
