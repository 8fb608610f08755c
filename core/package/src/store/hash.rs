//! A file's digest, computed in pieces.

use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::StoreError;
use super::meter::Meter;
use crate::container::Digest;
use crate::vfs::{self, VfsFile};

/// The digest of the first bytes of a file.
#[derive(Clone, Default)]
pub(super) struct Hashed {
    hasher: Sha256,
    bytes: u64,
}

impl Hashed {
    /// Of how many bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds the bytes that follow.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    /// Adds the rest of the file.
    pub(super) fn read_on(
        &mut self,
        file: &dyn VfsFile,
        path: &Path,
        meter: &mut Meter<'_, '_>,
    ) -> Result<(), StoreError> {
        loop {
            let piece =
                vfs::read_at(file, vfs::PIECE_BYTES, self.bytes).map_err(StoreError::io("read", path))?;
            if piece.is_empty() {
                return Ok(());
            }
            self.update(&piece);
            meter.add(piece.len() as u64)?;
        }
    }

    /// The digest.
    pub(super) fn finish(self) -> Digest {
        Digest::finish(self.hasher)
    }
}
