//! Writing a container (feature `pack`, which links libzstd).
//!
//! 1. `folder`: which files there are, and that the package opens and agrees with its card.
//! 2. `layout`: each file is read once, cut into chunks and hashed, and the filter of each chunk is chosen. Now the length of
//!    the head is known.
//! 3. `body`: each chunk is read again, compressed on several threads and written behind the room for the head.
//! 4. The head is signed and written, the file synced and renamed to its name.

mod body;
mod chunker;
mod error;
mod folder;
mod layout;
mod options;

use std::path::Path;

pub use error::PackError;
pub use options::{LEVELS, PackOptions};

use super::{Digest, Head, Step, Watch};
use crate::signature::SecretKey;
use crate::vfs::{Partial, RealVfs, Vfs, write_all_at};
use layout::Layout;
use options::Steps;

/// What [`pack`] wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackReport {
    /// The package's id.
    pub id: Digest,
    /// Files in it.
    pub files: usize,
    /// Bytes of these files.
    pub file_bytes: u64,
    /// Chunks, each stored once.
    pub chunks: usize,
    /// Bytes of the chunks' content.
    pub content_bytes: u64,
    /// Bytes of the container.
    pub container_bytes: u64,
}

/// Packs the package folder `folder` into the new file `output`, signed if there is a key.
///
/// The same folder, options, key and libzstd give the same bytes. `output` appears whole or not at all; an existing
/// file is replaced.
///
/// # Errors
/// [`PackError`]. Every file of the folder is packed; one that the format has no place for is an error, not left out.
pub fn pack(
    folder: &Path,
    output: &Path,
    options: &PackOptions,
    key: Option<&SecretKey>,
    watch: &mut Watch<'_>,
) -> Result<PackReport, PackError> {
    pack_with(&RealVfs, folder, output, options, key, watch)
}

/// [`pack`], writing to another file system.
///
/// # Errors
/// As [`pack`].
pub fn pack_with(
    vfs: &dyn Vfs,
    folder: &Path,
    output: &Path,
    options: &PackOptions,
    key: Option<&SecretKey>,
    watch: &mut Watch<'_>,
) -> Result<PackReport, PackError> {
    if !LEVELS.contains(&options.level) {
        return Err(PackError::Level { level: options.level });
    }
    if output.starts_with(folder) {
        return Err(PackError::OutputInside { path: output.to_owned() });
    }
    let files = folder::scan(folder)?;
    let total_bytes = files.iter().map(|file| file.bytes).sum();
    let layout =
        Layout::of(options, files, &mut Steps { watch, step: Step::Scan, done_bytes: 0, total_bytes })?;
    folder::check_card(folder, &layout.index)?;
    let partial = Partial::file(vfs, output)?;
    let report = write(vfs, layout, partial.path(), options, key, watch)?;
    partial.keep()?;
    Ok(report)
}

fn write(
    vfs: &dyn Vfs,
    mut layout: Layout,
    partial: &Path,
    options: &PackOptions,
    key: Option<&SecretKey>,
    watch: &mut Watch<'_>,
) -> Result<PackReport, PackError> {
    let file = vfs.open_for_writing(partial).map_err(PackError::io("write", partial))?;
    let planned = signed_head(&layout, key)?.byte_len();
    let total_bytes = layout.index.content_bytes();
    let mut steps = Steps { watch, step: Step::Compress, done_bytes: 0, total_bytes };
    body::write(&mut layout, options, file.as_ref(), partial, planned, &mut steps)?;
    let head = signed_head(&layout, key)?;
    if head.byte_len() != planned {
        return Err(PackError::HeadLength { planned, found: head.byte_len() });
    }
    write_all_at(file.as_ref(), &head.to_bytes(), 0).map_err(PackError::io("write", partial))?;
    file.sync().map_err(PackError::io("sync", partial))?;
    Ok(PackReport {
        id: head.id,
        files: head.index.files.len(),
        file_bytes: head.index.file_bytes(),
        chunks: head.index.chunks.len(),
        content_bytes: head.index.content_bytes(),
        container_bytes: head.byte_len() + head.index.stored_bytes(),
    })
}

/// Its length depends on the files, their names and the number of chunks only, so it is known before anything is
/// compressed.
fn signed_head(layout: &Layout, key: Option<&SecretKey>) -> Result<Head, PackError> {
    let mut head = layout.head()?;
    head.signature = key.map(|key| key.sign(&head));
    Ok(head)
}
