//! What a caller can see and stop while a checkpoint is quantised.

/// Called from the thread that quantises and from its workers.
pub trait Progress: Sync {
    /// A part of the work begins.
    fn stage(&self, _stage: Stage) {}

    /// `tensor` is being stored; of the checkpoint's `total_bytes` weights, `done_bytes` are.
    fn weights(&self, _tensor: &str, _done_bytes: u64, _total_bytes: u64) {}

    /// Asked many times a second. After true, nothing new begins, the output is removed and
    /// [`crate::QuantizeError::Cancelled`] is returned.
    fn cancelled(&self) -> bool {
        false
    }
}

/// The parts of the work, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Descriptions are read and checked.
    Reading,
    /// Weights are read, quantised and written.
    Weights,
    /// Files are copied, hashed and moved to their final name.
    Finishing,
}

/// No one looks.
impl Progress for () {}
