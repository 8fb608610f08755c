//! What a long operation tells while it runs, and how it is stopped.

use std::ops::ControlFlow;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

impl Step {
    /// The step as it stands in JSON output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Compress => "compress",
            Self::Resume => "resume",
            Self::Reuse => "reuse",
            Self::Receive => "receive",
            Self::Verify => "verify",
            Self::Sync => "sync",
        }
    }
}

/// Called at least once a chunk, always on the caller's thread; [`ControlFlow::Break`] cancels.
pub type Watch<'a> = dyn FnMut(Progress) -> ControlFlow<()> + 'a;

/// A [`Watch`] that wants to know nothing and never cancels.
pub fn unwatched(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}
