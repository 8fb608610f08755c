//! The licences that a package carries, as text to show to a person.

use sha2::{Digest as _, Sha256};

use crate::files::hex;
use crate::vfs::{Links, read_file};
use crate::{OpenPackage, PackageError};

/// The longest licence text, in bytes; the longest in use have some tens of kilobytes.
pub const LICENCE_BYTES: u64 = 1 << 20;

/// A licence or notice that came with the checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Licence {
    /// The file's name.
    pub file: String,
    /// Its text; what is no UTF-8 in it is U+FFFD.
    pub text: String,
}

impl OpenPackage {
    /// The licences that the card names, in its order, each read and compared with the card; none where there is no card.
    ///
    /// # Errors
    /// [`PackageError::Invalid`] for a name that is no file of a variant, [`PackageError::HashMismatch`],
    /// [`PackageError::TooLarge`] beyond [`LICENCE_BYTES`], [`PackageError::NotAFile`], [`PackageError::Io`].
    pub fn licences(&self) -> Result<Vec<Licence>, PackageError> {
        let Some(card) = &self.card else { return Ok(Vec::new()) };
        let read = |file: &String| {
            let of_variant = |(name, variant): (&String, _)| {
                let records = card.variants.get(name)?;
                Some((records.iter().find(|record| record.name == *file)?, variant))
            };
            let found = self.variants.iter().find_map(of_variant);
            let (record, variant) = found.ok_or_else(|| {
                let what = format!("the licence `{}` is no file of a variant", file.escape_default());
                PackageError::invalid(&self.root, what)
            })?;
            let path = variant.folder.join(&record.name);
            let bytes = read_file(&path, Links::Refused, LICENCE_BYTES)?;
            let found = hex(&Sha256::digest(&bytes));
            if found != record.sha256 {
                return Err(PackageError::HashMismatch { path, found, expected: record.sha256.clone() });
            }
            Ok(Licence { file: file.clone(), text: String::from_utf8_lossy(&bytes).into_owned() })
        };
        card.licences.iter().map(read).collect()
    }
}
