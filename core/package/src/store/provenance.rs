//! What an installed package is opened with: how its signature stands, and a sample of its content.
//!
//! Every byte was compared when it was installed, and `verify` does so again. An open can't wait for that; it reads a
//! few chunks, other ones each time, and finds a bad disk or a changed file sooner or later.

use super::layout::Slot;
use super::record::read_head;
use crate::container::{Digest, Head};
use crate::signature::{PublicKey, SignatureState, Trust};
use crate::vfs::{self, RealVfs};
use crate::{OpenPackage, PackageError};

/// Where an installed package comes from.
#[derive(Debug, Clone)]
pub struct Provenance {
    pub(super) slot: Slot,
    pub(super) head: Head,
}

impl OpenPackage {
    /// Where the package comes from, if it was installed by a [`super::Store`]; reads some ten kilobytes.
    #[must_use]
    pub fn provenance(&self) -> Option<Provenance> {
        let root = fs_err::canonicalize(&self.root).ok()?;
        let slot = Slot::of_package(&root)?;
        let head = read_head(&RealVfs, &slot)?;
        Some(Provenance { slot, head })
    }
}

impl Provenance {
    /// The counter that the package's maker raises with every release.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.head.index.version
    }

    /// How the signature stands, by these keys of the user's.
    #[must_use]
    pub fn signature(&self, keys: &[PublicKey]) -> SignatureState {
        Trust::shown(keys).state(&self.head)
    }

    /// Compares `chunks` chunks, chosen by `seed`, with what was installed: at most 4 MiB and some milliseconds each.
    ///
    /// # Errors
    /// [`PackageError::Damaged`] or [`PackageError::Io`].
    pub fn check_sample(&self, seed: u64, chunks: usize) -> Result<(), PackageError> {
        let index = &self.head.index;
        let all: usize = index.files.iter().map(|file| file.chunks.len()).sum();
        for draw in 0..chunks.min(all) as u64 {
            // Any spread will do: the remainder of a multiplicative hash (Knuth 6.4), one for each draw.
            let mixed = (seed ^ draw).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let wanted = usize::try_from((mixed >> 32) % all as u64).unwrap_or(0);
            let mut places =
                index.files.iter().flat_map(|file| index.chunks_of(file).map(move |chunk| (file, chunk)));
            let Some((file, (_, entry, offset))) = places.nth(wanted) else { continue };
            let path = file.path.under(&self.slot.package());
            let bytes = entry.content_bytes;
            let open = self.slot.open(&RealVfs, &file.path);
            let content = open.and_then(|file| vfs::read_at(file.as_ref(), bytes as usize, offset));
            let content = content.map_err(|source| PackageError::Io { path: path.clone(), source })?;
            if Digest::of(&content) != entry.content_sha256 {
                return Err(PackageError::Damaged { path, offset, bytes });
            }
        }
        Ok(())
    }
}
