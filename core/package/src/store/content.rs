//! Reading the files of a version, wherever their bytes are: in the package's folder, or in a compact form.

use std::io;
use std::path::Path;

use super::layout::Slot;
use crate::compact::Compact;
use crate::container::EntryPath;
use crate::vfs::{Kind, RealVfs, Vfs, VfsFile};

impl Slot {
    /// What stands where a file of the package belongs.
    pub(super) fn kind_of(&self, vfs: &dyn Vfs, path: &EntryPath) -> io::Result<Option<Kind>> {
        let kind = vfs.kind(&path.under(&self.package()))?;
        Ok(kind.or_else(|| Some(Kind::File { bytes: self.compact_of(vfs, path)?.record.bytes })))
    }

    /// Opens a file of the package for reading.
    pub(super) fn open(&self, vfs: &dyn Vfs, path: &EntryPath) -> io::Result<Box<dyn VfsFile>> {
        match vfs.open(&path.under(&self.package())) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.compact_of(vfs, path).map_or(Err(error), |compact| compact.unpacked(vfs))
            }
            opened => opened,
        }
    }

    /// The compact form that stands for a file.
    fn compact_of(&self, vfs: &dyn Vfs, path: &EntryPath) -> Option<Compact> {
        let compact = self.compact_form(vfs, path.folder.as_ref()?.as_str())?;
        (compact.record.file == path.name.as_str()).then_some(compact)
    }

    /// The compact form of a variant, whether its file of weights is gone or not.
    pub(super) fn compact_form(&self, vfs: &dyn Vfs, variant: &str) -> Option<Compact> {
        let (all, own) = (self.compact(), self.compact().join(variant));
        let is_folder = |path| matches!(vfs.kind(path), Ok(Some(Kind::Folder)));
        (is_folder(&all) && is_folder(&own)).then(|| Compact::read(vfs, &own))?
    }
}

/// The compact form of a variant of an installed package, if it stands for a file that is gone.
pub(crate) fn compact_of(root: &Path, variant: &str) -> Option<Compact> {
    let slot = Slot::of_package(&fs_err::canonicalize(root).ok()?)?;
    let compact = slot.compact_form(&RealVfs, variant)?;
    let file = slot.package().join(variant).join(&compact.record.file);
    matches!(RealVfs.kind(&file), Ok(None)).then_some(compact)
}
