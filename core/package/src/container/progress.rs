//! What a long operation tells while it runs, and how it is stopped.

use std::ops::ControlFlow;

use serde::Serialize;

/// How far an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub step: Step,
    /// Bytes of content done in this step.
    pub done_bytes: u64,
    /// Bytes of content that this step has to do.
    pub total_bytes: u64,
}

/// A step of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Packing: reading the files, cutting and hashing them.
    Scan,
    /// Packing: compressing chunks.
    Compress,
    /// Installing: comparing what an interrupted try has left.
    Resume,
    /// Installing: taking equal files and chunks from the installed version.
    Reuse,
    /// Reading chunks from the source.
    Receive,
    /// Comparing digests.
    Verify,
    /// Waiting for the disk.
    Sync,
}

/// Called at least once a chunk, always on the caller's thread; [`ControlFlow::Break`] cancels.
pub type Watch<'a> = dyn FnMut(Progress) -> ControlFlow<()> + 'a;

/// A [`Watch`] that wants to know nothing and never cancels.
pub fn unwatched(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}
