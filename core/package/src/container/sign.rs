//! Signing a container that was packed before.

use std::io::Write;

use super::chunks::copy_chunks;
use super::{ContainerError, Head, Source};
use crate::signature::SecretKey;

/// Copies a container from `source` to `sink` with a new signature in place of the old, if any.
///
/// Only the index is signed, and only what has the index's digests is copied: the result is as intact as the
/// signature says. Returns the new head.
///
/// # Errors
/// [`ContainerError`] for a source that is no intact container, [`std::io::Error`] as [`ContainerError::Sink`] for a
/// sink that cannot be written.
pub fn sign(source: &mut dyn Source, key: &SecretKey, sink: &mut dyn Write) -> Result<Head, ContainerError> {
    let mut head = Head::read(source)?;
    let written = |source| ContainerError::Sink { source };
    // The chunks are where the old head says.
    let old = head.clone();
    head.signature = Some(key.sign(&head));
    sink.write_all(&head.to_bytes()).map_err(written)?;
    copy_chunks(&old, source, |stored| sink.write_all(stored).map_err(written))?;
    sink.flush().map_err(written)?;
    Ok(head)
}
