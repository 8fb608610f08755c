//! The compact form of a variant: its weights as our kernels hold them, in place of those of the package.
//!
//! Packing ([`crate::packing`]) is a permutation, codes of 5 and 6 bits take as many bits instead of 8, and scales that are
//! numbers of half precision are stored as such; tables of cosines and sines that follow from the card's angles to the bit are left out. So it can be undone byte by byte, and an installed model needs no other form for our
//! kernels: the package's file of weights is removed, and whoever has to read it (`verify`, `repair`, an update, the sample of an
//! open) reads it out of the compact form.
//!
//! ```text
//! ID.N/compact/VARIANT/
//!   record.json     which matrices stand where, and which ranges are kept as they were     -> record
//!   weights.bin     the matrices, each from a page on, then the kept ranges                 -> making, unpacked
//! ```
//!
//! The form counts only where the package's file is missing, so that nothing is lost between the steps of making or undoing it.
//! The graph is made anew at every open, from the verified one and the record ([`Record::graph`]).

mod making;
mod record;
#[cfg(test)]
mod tests;
mod unpacked;

use std::io;
use std::path::{Path, PathBuf};

pub(crate) use making::make;
pub use record::Record;
use unpacked::Unpacked;

use crate::PackageError;
use crate::files::{FileRecord, digest_of};
use crate::vfs::{self, Kind, RealVfs, Vfs, VfsFile};

/// The file of weights.
pub const WEIGHTS: &str = "weights.bin";
/// The record's file.
const RECORD: &str = "record.json";
/// More than the record of any model takes.
const RECORD_BYTES: u64 = 16 << 20;

/// A compact form on the disk.
#[derive(Debug, Clone, PartialEq)]
pub struct Compact {
    /// Its folder.
    pub folder: PathBuf,
    /// What stands where.
    pub record: Record,
}

impl Compact {
    /// The form in a folder; `None` where there is none, or no whole one.
    pub(crate) fn read(vfs: &dyn Vfs, folder: &Path) -> Option<Self> {
        let bytes = vfs::read(vfs, &folder.join(RECORD), RECORD_BYTES).ok()?;
        let record = Record::from_bytes(&bytes)?;
        let is_whole = match vfs.kind(&folder.join(WEIGHTS)).ok()? {
            Some(Kind::File { bytes }) => bytes == record.packed_bytes(),
            _ => false,
        };
        is_whole.then(|| Self { folder: folder.to_owned(), record })
    }

    /// Compares what comes out of this form with what the package's card says of its file.
    pub(crate) fn check_content(&self, file: &FileRecord) -> Result<(), PackageError> {
        let path = self.folder.join(WEIGHTS);
        let failed = |source| PackageError::Io { path: path.clone(), source };
        let unpacked = self.unpacked(&RealVfs).map_err(failed)?;
        let mut offset = 0;
        let read = |piece: &mut [u8]| {
            let read = unpacked.read_at(piece, offset)?;
            offset += read as u64;
            Ok(read)
        };
        let (_, found) = digest_of(read).map_err(failed)?;
        file.check_digest(path, found)
    }

    /// The file of the package, out of this form.
    ///
    /// # Errors
    /// What the file system says.
    pub(crate) fn unpacked(&self, vfs: &dyn Vfs) -> io::Result<Box<dyn VfsFile>> {
        let packed = vfs.open(&self.folder.join(WEIGHTS))?;
        Ok(Box::new(Unpacked::new(self.record.clone(), packed)))
    }
}
