//! A variant's identity in one short text.

use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::files::{FileRecord, hex};
use crate::vfs::{Links, open_file};
use crate::{OpenPackage, PackageError};

/// Pieces of a file that is too large to read.
const SAMPLES: u64 = 64;
/// Bytes of a piece.
const SAMPLE_BYTES: u64 = 4096;

impl OpenPackage {
    /// SHA-256 over the records of a variant's files, in lowercase hexadecimal. Where no card has digests, samples of the
    /// files stand for them: weights that were quantised again differ everywhere, and reading all of them takes seconds.
    ///
    /// # Errors
    /// [`PackageError::Io`], and as [`OpenPackage::variant`].
    pub fn fingerprint(&self, variant: &str) -> Result<String, PackageError> {
        let recorded = self.card.as_ref().and_then(|card| card.variants.get(variant)).cloned();
        let mut records = match recorded {
            Some(records) => records,
            None => sampled(&self.variant(variant)?.folder)?,
        };
        records.sort_by(|a, b| a.name.cmp(&b.name));
        let mut hasher = Sha256::new();
        for FileRecord { name, bytes, sha256 } in &records {
            hasher.update(format!("{name}\0{bytes}\0{sha256}\n"));
        }
        Ok(hex(&hasher.finalize()))
    }
}

/// A folder's files, each with a digest of samples of it.
fn sampled(folder: &Path) -> Result<Vec<FileRecord>, PackageError> {
    let io = |source| PackageError::Io { path: folder.into(), source };
    let mut records = Vec::new();
    for entry in fs_err::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        // What is no file is no part of it.
        let is_file = fs_err::symlink_metadata(&path).map_err(io)?.is_file();
        let Some(name) = path.file_name().filter(|_| is_file) else { continue };
        let (bytes, sha256) =
            sample(&path).map_err(|source| PackageError::Io { path: path.clone(), source })?;
        records.push(FileRecord { name: name.to_string_lossy().into_owned(), bytes, sha256 });
    }
    Ok(records)
}

/// A file's size, and the digest of [`SAMPLES`] pieces from its start to its end; of all of it where it is small.
fn sample(path: &Path) -> io::Result<(u64, String)> {
    let mut file = open_file(path, Links::Refused)?;
    let bytes = file.metadata()?.len();
    let mut hasher = Sha256::new();
    let mut read = |at: u64, len: u64| -> io::Result<()> {
        file.seek(SeekFrom::Start(at))?;
        let mut piece = Vec::new();
        (&mut file).take(len).read_to_end(&mut piece)?;
        hasher.update(piece);
        Ok(())
    };
    match bytes.checked_sub(SAMPLES * SAMPLE_BYTES) {
        None => read(0, bytes)?,
        Some(_) => {
            let last = bytes - SAMPLE_BYTES;
            (0..SAMPLES).try_for_each(|piece| read(last / (SAMPLES - 1) * piece, SAMPLE_BYTES))?;
            read(last, SAMPLE_BYTES)?;
        }
    }
    Ok((bytes, hex(&hasher.finalize())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_content_of_the_same_size_has_another_sample() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights");
        for bytes in
            [0, 1, SAMPLES * SAMPLE_BYTES - 1, SAMPLES * SAMPLE_BYTES, 5 * SAMPLES * SAMPLE_BYTES + 7]
        {
            let bytes = usize::try_from(bytes).unwrap();
            let mut seen = std::collections::HashSet::new();
            // All of it changed, the last byte alone, the first byte alone.
            let all = [vec![0; bytes], vec![1; bytes]];
            let one = [bytes.checked_sub(1), (bytes > 1).then_some(0)].into_iter().flatten().map(|place| {
                let mut content = vec![0_u8; bytes];
                content[place] = 2;
                content
            });
            let contents: Vec<_> = all.into_iter().take(bytes + 1).chain(one).collect();
            for content in &contents {
                std::fs::write(&path, content).unwrap();
                let (size, digest) = sample(&path).unwrap();
                assert_eq!(size, bytes as u64);
                seen.insert(digest);
            }
            assert_eq!(seen.len(), contents.len(), "{bytes} bytes");
        }
    }
}
