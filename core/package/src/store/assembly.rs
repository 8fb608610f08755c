//! A package folder that is being put together from chunks, in whatever order they come.
//!
//! Files with equal content are written once and linked at the end. A file's digest is computed behind the writes: as
//! long as its chunks come in order they are hashed from memory, the rest is read back.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::StoreError;
use super::hash::Hashed;
use super::meter::Meter;
use crate::container::index::{FileEntry, Place};
use crate::container::{ContainerError, Digest, Index};
use crate::vfs::{self, Vfs, VfsFile};

pub(super) struct Assembly<'a> {
    vfs: &'a dyn Vfs,
    index: &'a Index,
    root: PathBuf,
    /// Per chunk, where it goes; only in files that are written, not in those that will be links.
    places: Vec<Vec<Place>>,
    /// Per file, the earlier file with the same content.
    twins: Vec<Option<usize>>,
    /// Per file, the digest so far.
    hashed: Vec<Hashed>,
    /// Per file, whether it is complete, checked and durable.
    adopted: Vec<bool>,
    /// The file that was written last.
    open: Option<(usize, Box<dyn VfsFile>)>,
}

impl<'a> Assembly<'a> {
    /// Makes the folders.
    pub(super) fn new(vfs: &'a dyn Vfs, index: &'a Index, root: PathBuf) -> Result<Self, StoreError> {
        let mut first = HashMap::new();
        let twins: Vec<_> = index
            .files
            .iter()
            .enumerate()
            .map(|(number, file)| {
                Some(*first.entry(file.sha256).or_insert(number)).filter(|first| *first != number)
            })
            .collect();
        let mut places = index.places();
        for places in &mut places {
            places.retain(|place| matches!(twins.get(place.file), Some(None)));
        }
        let hashed = vec![Hashed::default(); index.files.len()];
        let adopted = vec![false; index.files.len()];
        let assembly = Self { vfs, index, root, places, twins, hashed, adopted, open: None };
        for folder in assembly.folders() {
            vfs.create_dir_all(&folder).map_err(StoreError::io("make the folder", &folder))?;
        }
        Ok(assembly)
    }

    /// The files that are written, each with its number and path; the others become links to one of them.
    pub(super) fn written_files(&self) -> impl Iterator<Item = (usize, &'a FileEntry, PathBuf)> {
        let files = self.index.files.iter().enumerate().zip(&self.twins);
        files.filter(|(_, twin)| twin.is_none()).map(|((number, file), _)| (number, file, self.path(file)))
    }

    /// Says that a file stands where it belongs, with the right content, and that the content is durable.
    pub(super) fn adopt(&mut self, file: usize) {
        if let Some(adopted) = self.adopted.get_mut(file) {
            *adopted = true;
        }
        for places in &mut self.places {
            places.retain(|place| place.file != file);
        }
    }

    /// Whether a chunk has to be written anywhere.
    pub(super) fn needs(&self, chunk: usize) -> bool {
        self.places.get(chunk).is_some_and(|places| !places.is_empty())
    }

    /// Whether the chunk stands, with the right content, at all of its places.
    pub(super) fn has(&self, chunk: usize) -> Result<bool, StoreError> {
        let Some(entry) = self.index.chunks.get(chunk) else { return Ok(false) };
        for place in self.places.get(chunk).into_iter().flatten() {
            let Some(path) = self.index.files.get(place.file).map(|file| self.path(file)) else {
                return Ok(false);
            };
            if self.vfs.kind(&path).map_err(StoreError::io("look at", &path))?.is_none() {
                return Ok(false);
            }
            let read = self
                .vfs
                .open(&path)
                .and_then(|file| vfs::read_at(file.as_ref(), entry.content_bytes as usize, place.offset));
            if Digest::of(&read.map_err(StoreError::io("read", &path))?) != entry.content_sha256 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Writes a chunk to all of its places.
    pub(super) fn write(&mut self, chunk: usize, content: &[u8]) -> Result<(), StoreError> {
        for place in self.places.get(chunk).cloned().unwrap_or_default() {
            self.write_at(place, content)?;
            if let Some(hashed) = self.hashed.get_mut(place.file)
                && hashed.bytes() == place.offset
            {
                hashed.update(content);
            }
        }
        Ok(())
    }

    /// Compares every file with its digest, makes the links and syncs everything.
    ///
    /// `meter` counts the bytes of all files.
    pub(super) fn finish(mut self, meter: &mut Meter<'_, '_>) -> Result<(), StoreError> {
        self.open = None;
        for (number, file) in self.index.files.iter().enumerate() {
            let path = self.path(file);
            match self.twins.get(number).copied().flatten().and_then(|twin| self.index.files.get(twin)) {
                Some(twin) => {
                    link_or_copy(self.vfs, &self.path(twin), &path)
                        .map_err(StoreError::io("write", &path))?;
                    meter.add(file.bytes)?;
                }
                None if self.adopted.get(number) == Some(&true) => meter.add(file.bytes)?,
                None => {
                    let hashed = self.hashed.get_mut(number).map(std::mem::take).unwrap_or_default();
                    self.check(hashed, file, &path, meter)?;
                }
            }
        }
        // Inner folders first; the root last.
        for folder in self.folders().into_iter().rev() {
            self.vfs.sync_dir(&folder).map_err(StoreError::io("sync", &folder))?;
        }
        Ok(())
    }

    /// The root, then its folders.
    fn folders(&self) -> Vec<PathBuf> {
        let inner = self.index.files.iter().filter_map(|file| file.path.folder.as_ref());
        let mut folders: Vec<_> = inner.map(|folder| self.root.join(folder.as_str())).collect();
        folders.sort();
        folders.dedup();
        folders.insert(0, self.root.clone());
        folders
    }

    fn path(&self, file: &FileEntry) -> PathBuf {
        file.path.under(&self.root)
    }

    fn write_at(&mut self, place: Place, content: &[u8]) -> Result<(), StoreError> {
        let Some(path) = self.index.files.get(place.file).map(|file| self.path(file)) else { return Ok(()) };
        let failed = StoreError::io("write", &path);
        if self.open.as_ref().is_none_or(|(number, _)| *number != place.file) {
            self.open = match self.vfs.open_for_writing(&path) {
                Ok(file) => Some((place.file, file)),
                Err(error) => return Err(failed(error)),
            };
        }
        match &self.open {
            Some((_, file)) => vfs::write_all_at(file.as_ref(), content, place.offset).map_err(failed),
            None => Ok(()),
        }
    }

    /// Hashes what was not hashed on the way, compares, and syncs.
    fn check(
        &self,
        mut hashed: Hashed,
        file: &FileEntry,
        path: &Path,
        meter: &mut Meter<'_, '_>,
    ) -> Result<(), StoreError> {
        // For writing, because an empty file has not been made yet.
        let open = self.vfs.open_for_writing(path).map_err(StoreError::io("write", path))?;
        meter.add(hashed.bytes())?;
        hashed.read_on(open.as_ref(), path, meter)?;
        let found = hashed.finish();
        if found != file.sha256 {
            let (file, expected) = (file.path.to_string(), file.sha256);
            return Err(ContainerError::FileDigest { file, found, expected }.into());
        }
        open.sync().map_err(StoreError::io("sync", path))
    }
}

/// A second name for a file, or a copy where the file system has no such thing.
fn link_or_copy(vfs: &dyn Vfs, existing: &Path, link: &Path) -> std::io::Result<()> {
    if vfs.kind(link)?.is_some() {
        vfs.remove_file(link)?;
    }
    if vfs.hard_link(existing, link).is_ok() {
        return Ok(());
    }
    let (from, to) = (vfs.open(existing)?, vfs.open_for_writing(link)?);
    let mut offset = 0;
    loop {
        let piece = vfs::read_at(from.as_ref(), vfs::PIECE_BYTES, offset)?;
        if piece.is_empty() {
            return to.sync();
        }
        vfs::write_all_at(to.as_ref(), &piece, offset)?;
        offset += piece.len() as u64;
    }
}
