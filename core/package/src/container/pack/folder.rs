//! The folder that is packed: which files it has, and that they are the ones its card lists.

use std::path::{Path, PathBuf};

use super::error::PackError;
use crate::container::{EntryPath, Index, Name};
use crate::files::FileRecord;

/// A file to be packed.
pub(super) struct File {
    pub(super) path: EntryPath,
    pub(super) source: PathBuf,
    pub(super) bytes: u64,
}

/// All files of a package, in the index's order.
pub(super) fn scan(folder: &Path) -> Result<Vec<File>, PackError> {
    let package = crate::open(folder)?;
    if let Some((variant, _)) = package.variants.iter().find(|(_, variant)| variant.compact.is_some()) {
        return Err(PackError::Compact { variant: variant.clone() });
    }
    let root = package.root;
    let mut files = Vec::new();
    list(&root, None, &mut files)?;
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

/// Holds every variant's files against the card, if there is one: the same names, the same digests, and codes of the bits
/// that it states.
pub(super) fn check_card(folder: &Path, index: &Index) -> Result<(), PackError> {
    let package = crate::open(folder)?;
    package.variants.keys().try_for_each(|variant| package.check_codes(variant))?;
    let Some(card) = package.card else { return Ok(()) };
    for (variant, records) in &card.variants {
        let files = index
            .files
            .iter()
            .filter(|file| file.path.folder.as_ref().is_some_and(|folder| folder.as_str() == variant));
        for file in files {
            let recorded = |record: &&FileRecord| record.name == file.path.name.as_str();
            let record = records
                .iter()
                .find(recorded)
                .ok_or_else(|| PackError::NotInCard { file: file.path.to_string() })?;
            if record.sha256 != file.sha256.to_string() {
                return Err(PackError::Card { file: file.path.to_string(), found: file.sha256 });
            }
        }
    }
    Ok(())
}

fn list(root: &Path, folder: Option<&Name>, files: &mut Vec<File>) -> Result<(), PackError> {
    let path = folder.map_or_else(|| root.to_owned(), |folder| root.join(folder.as_str()));
    let failed = || PackError::io("list", &path);
    for entry in fs_err::read_dir(&path).map_err(failed())? {
        let source = entry.map_err(failed())?.path();
        let name = source.file_name().unwrap_or_default().to_string_lossy();
        let name = Name::new(&name).map_err(|error| PackError::Name { path: source.clone(), error })?;
        // Of the entry itself: a link is no file, wherever it points.
        let metadata = fs_err::symlink_metadata(&source).map_err(PackError::io("look at", &source))?;
        if metadata.is_file() {
            let path = EntryPath { folder: folder.cloned(), name };
            files.push(File { path, source, bytes: metadata.len() });
        } else if metadata.is_dir() && folder.is_none() {
            list(root, Some(&name), files)?;
        } else {
            return Err(PackError::NotAFile { path: source });
        }
    }
    Ok(())
}
