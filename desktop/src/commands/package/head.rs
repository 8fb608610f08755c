//! `wheelwork inspect FILE.wwpkg`: what the head of a package file says, without reading on.

use std::path::{Path, PathBuf};

use serde_json::json;
use wheelwork_package::container::Head;
use wheelwork_package::signature::{Policy, Trust};

use super::megabytes;
use crate::failure::Failure;
use crate::{origin, output, trust};

pub(crate) fn inspect(path: &Path, keys: &[PathBuf], json: bool) -> Result<(), Failure> {
    let head = Head::read(origin::open_file(path)?.as_mut())?;
    let signature = Trust { policy: Policy::Warn, keys: trust::known(keys)? }.judge(&head)?;
    let index = &head.index;
    let container_bytes = head.byte_len() + index.stored_bytes();
    if json {
        let files = index.files.iter().map(|file| {
            json!({
                "path": file.path.to_string(), "bytes": file.bytes, "sha256": file.sha256.to_string(),
                "chunks": file.chunks.len(), "stored_bytes": stored(&head, file),
            })
        });
        return output::json_line(&json!({
            "event": "Package", "name": index.name.to_string(), "version": index.version, "id": head.id.to_string(),
            "signature": signature, "container_bytes": container_bytes, "file_bytes": index.file_bytes(),
            "content_bytes": index.content_bytes(), "stored_bytes": index.stored_bytes(),
            "chunks": index.chunks.len(), "files": files.collect::<Vec<_>>(),
        }));
    }
    anstream::println!("{} version {}\n  id {}\n  {signature}", index.name, index.version, head.id);
    anstream::println!(
        "  {} in the file, {} unpacked, {} chunks\n",
        megabytes(container_bytes),
        megabytes(index.file_bytes()),
        index.chunks.len(),
    );
    for file in &index.files {
        anstream::println!(
            "  {:<40} {:>10}  stored in {:>10}",
            file.path.to_string(),
            megabytes(file.bytes),
            megabytes(stored(&head, file)),
        );
    }
    Ok(())
}

/// Bytes of a file's chunks as stored; chunks that files share are counted for each.
fn stored(head: &Head, file: &wheelwork_package::container::index::FileEntry) -> u64 {
    head.index.chunks_of(file).map(|(_, chunk, _)| u64::from(chunk.stored_bytes)).sum()
}
