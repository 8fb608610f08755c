//! Checking a container without unpacking it.

use super::pipeline::default_threads;
use super::{Chunk, ContainerError, Head, Progress, Source, Step, Watch, read_chunks};

/// What [`verify`] found.
#[derive(Debug)]
pub struct Verification {
    /// The head, whose index is intact.
    pub head: Head,
    /// The damaged chunks, each a [`ContainerError::Chunk`], and bytes that do not belong there. Empty for an intact file.
    pub damage: Vec<ContainerError>,
    /// False if the caller cancelled before the end.
    pub is_complete: bool,
}

/// Reads a container to its end and checks every chunk, as stored and decompressed.
///
/// Goes on after a damaged chunk, so that all are named. The signature is for
/// [`Trust::judge`](crate::signature::Trust::judge) to judge, the files' digests are compared where files are written.
///
/// # Errors
/// [`ContainerError`] for a damaged head or a source that ends early or cannot be read.
pub fn verify(source: &mut dyn Source, watch: &mut Watch<'_>) -> Result<Verification, ContainerError> {
    let head = Head::read(source)?;
    let mut damage = Vec::new();
    let total_bytes = head.index.content_bytes();
    let mut done_bytes = 0;
    let read = read_chunks(
        &head,
        source,
        |_| true,
        default_threads(),
        |chunk: Chunk| {
            if let Err(error) = chunk.content {
                damage.push(error);
            }
            done_bytes +=
                head.index.chunks.get(chunk.number).map_or(0, |entry| u64::from(entry.content_bytes));
            let progress = Progress { step: Step::Verify, done_bytes, total_bytes };
            if watch(progress).is_break() { Err(Stop::Cancelled) } else { Ok(()) }
        },
    );
    let is_complete = match read {
        Ok(()) => true,
        Err(Stop::Cancelled) => false,
        Err(Stop::Failed(error)) => return Err(error),
    };
    if is_complete && source.read(&mut [0]).map_err(|source| ContainerError::Source { source })? > 0 {
        damage.push(ContainerError::Trailing { at: head.byte_len() + head.index.stored_bytes() });
    }
    Ok(Verification { head, damage, is_complete })
}

/// Why reading ended early.
enum Stop {
    Cancelled,
    Failed(ContainerError),
}

impl From<ContainerError> for Stop {
    fn from(error: ContainerError) -> Self {
        Self::Failed(error)
    }
}
