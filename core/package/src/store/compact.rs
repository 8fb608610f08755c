//! Bringing an installed version into its compact form, and back ([`crate::compact`]).
//!
//! Forth: the form is written and durable, then every byte of the package's file is read out of it and compared, then that file is
//! removed. Back: the file is written beside the form and compared, renamed to its place, and the form is removed. Whatever ends a
//! process in between, the file or the form is whole; where both are, the file counts.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::layout::Slot;
use super::lock::Writer;
use super::meter::Meter;
use super::provenance::Provenance;
use super::{Store, StoreError};
use crate::compact::{self, Compact};
use crate::container::index::FileEntry;
use crate::container::{Digest, EntryPath, Head, Name, Progress, Step, Watch};
use crate::packing::PackingError;
use crate::vfs::{self, Kind, Partial, RealVfs, Vfs as _, VfsFile, rename_durably};
use crate::{OpenPackage, PackageError};

/// The file of weights on its way back.
const RESTORED: &str = "restored";

/// A compact form that is written and compared, while the package's file is still there. Dropped, it is gone.
pub struct Compacting {
    /// The form, in the folder where it is for now.
    pub compact: Compact,
    target: PathBuf,
    partial: Partial<'static>,
    /// The package's file, and its variant's folder.
    file: PathBuf,
    variant: PathBuf,
    _writer: Writer,
}

/// What a compact form saves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompactReport {
    /// Bytes of the package's file of weights.
    pub package_bytes: u64,
    /// Bytes of the compact form.
    pub compact_bytes: u64,
}

impl Provenance {
    /// Writes the compact form of a variant and compares every byte that comes out of it with what was installed.
    ///
    /// # Errors
    /// [`StoreError::NotCompactable`] for what gains nothing or is not ours to remove, [`StoreError::NoSpace`], [`StoreError::NotWhole`] where
    /// the installed file is damaged; [`StoreError::Busy`], [`StoreError::Cancelled`], [`StoreError::Io`].
    pub fn compact(
        &self,
        package: &OpenPackage,
        variant: &str,
        watch: &mut Watch<'_>,
    ) -> Result<Compacting, StoreError> {
        let (store, writer) = self.locked()?;
        let refused =
            |why: &str| StoreError::NotCompactable { variant: variant.to_owned(), why: why.to_owned() };
        if package.card.is_none() {
            return Err(refused("the package has no card"));
        }
        let path = weights_of(package, variant).map_err(StoreError::DoesNotOpen)?;
        let path = path.ok_or_else(|| refused("it has no file of weights of its own"))?;
        let entry = self.head.index.files.iter().find(|file| file.path == path);
        let entry = entry.ok_or_else(|| refused("its file of weights was not installed"))?;
        let file = path.under(&self.slot.package());
        let open = RealVfs.open(&file).map_err(StoreError::io("read", &file))?;
        if open.has_other_names().map_err(StoreError::io("look at", &file))? {
            return Err(refused("another variant has the same file, which would stay"));
        }
        drop(open);
        check_room(self.slot.path(), entry.bytes)?;
        let folder = self.slot.compact();
        store.check_folder(&folder)?;
        RealVfs.create_dir_all(&folder).map_err(StoreError::io("make the folder", &folder))?;
        let target = folder.join(variant);
        let partial = Partial::folder(&RealVfs, &target)?;
        write(package, variant, entry, partial.path(), watch)?
            .ok_or_else(|| refused("our kernels take none of its matrices"))?;
        let compact = Compact::read(&RealVfs, partial.path());
        let compact = compact.ok_or_else(|| refused("what was written of it cannot be read"))?;
        if compact.record.packed_bytes() >= entry.bytes {
            return Err(refused("it would not be smaller"));
        }
        let unpacked = compact.unpacked(&RealVfs).map_err(StoreError::io("read", partial.path()))?;
        for_each_chunk(&self.head, entry, unpacked.as_ref(), &file, watch, |_, _| Ok(()))?;
        let variant = self.slot.package().join(variant);
        Ok(Compacting { compact, target, partial, file, variant, _writer: writer })
    }

    /// Brings every variant back to the package's own files; the number of those that were compact.
    ///
    /// # Errors
    /// As [`Provenance::compact`].
    pub fn restore(&self, watch: &mut Watch<'_>) -> Result<usize, StoreError> {
        let (store, _writer) = self.locked()?;
        let folder = self.slot.compact();
        store.check_folder(&folder)?;
        let names = RealVfs.list(&folder).map_err(StoreError::io("list", &folder))?;
        let mut restored = 0;
        for (name, _) in names {
            let Some(compact) = self.slot.compact_form(&RealVfs, &name) else { continue };
            let entry = self.head.index.files.iter().find(|file| {
                let is_there = file.path.folder.as_ref().is_some_and(|folder| folder.as_str() == name);
                is_there && file.path.name.as_str() == compact.record.file
            });
            let Some(entry) = entry else { continue };
            let file = entry.path.under(&self.slot.package());
            if RealVfs.kind(&file).map_err(StoreError::io("look at", &file))?.is_none() {
                self.restore_one(&compact, entry, &file, watch)?;
                restored += 1;
            }
            RealVfs.remove_dir_all(&compact.folder).map_err(StoreError::io("remove", &compact.folder))?;
        }
        Ok(restored)
    }

    fn restore_one(
        &self,
        compact: &Compact,
        entry: &FileEntry,
        file: &Path,
        watch: &mut Watch<'_>,
    ) -> Result<(), StoreError> {
        check_room(&compact.folder, entry.bytes)?;
        let path = compact.folder.join(RESTORED);
        let partial = Partial::file(&RealVfs, &path)?;
        let out =
            RealVfs.open_for_writing(partial.path()).map_err(StoreError::io("write", partial.path()))?;
        let unpacked = compact.unpacked(&RealVfs).map_err(StoreError::io("read", &compact.folder))?;
        for_each_chunk(&self.head, entry, unpacked.as_ref(), file, watch, |content, offset| {
            vfs::write_all_at(out.as_ref(), content, offset).map_err(StoreError::io("write", partial.path()))
        })?;
        out.sync().map_err(StoreError::io("sync", partial.path()))?;
        drop((out, unpacked));
        Ok(rename_durably(&RealVfs, partial.path(), file)?)
    }

    /// The store, and the right to change it: of the version that is installed now.
    fn locked(&self) -> Result<(Store, Writer), StoreError> {
        let name = &self.head.index.name;
        let gone = || StoreError::NotInstalled { name: name.clone() };
        let store = Store::new(self.slot.models_dir().ok_or_else(gone)?);
        let writer = store.lock()?;
        store.check_own(&store.layout.model(name))?;
        let current = store
            .current(name)?
            .filter(|current| current.slot.path().file_name() == self.slot.path().file_name());
        current.map(|_| (store, writer)).ok_or_else(gone)
    }
}

impl Store {
    /// Removes what a killed process has left of a version's compact forms on their way, forth or back; its bytes.
    pub(super) fn remove_unfinished_forms(&self, slot: &Slot) -> Result<u64, StoreError> {
        let (vfs, all) = (self.vfs.as_ref(), slot.compact());
        let mut bytes = 0;
        for (name, kind) in vfs.list(&all).map_err(StoreError::io("list", &all))? {
            let folder = all.join(&name);
            let target = Path::new(&name).file_stem().map(|stem| all.join(stem)).unwrap_or_default();
            if kind == Kind::Folder && Partial::left_of(&target) == folder {
                bytes += self.bytes_below(folder)?;
                drop(Partial::folder(vfs, &target)?);
            } else if kind == Kind::Folder {
                let restored = folder.join(RESTORED);
                let left = Partial::left_of(&restored);
                if let Some(Kind::File { bytes: size }) =
                    vfs.kind(&left).map_err(StoreError::io("look at", &left))?
                {
                    bytes += size;
                    drop(Partial::file(vfs, &restored)?);
                }
            }
        }
        Ok(bytes)
    }
}

impl Compacting {
    /// Lets the package's file give way to the form. Nobody may have either open where the system does not remove what is open.
    ///
    /// # Errors
    /// [`StoreError::Io`]: the package's file is still there.
    pub fn keep(self) -> Result<CompactReport, StoreError> {
        let Self { compact, target, partial, file, variant, _writer } = self;
        RealVfs.remove_dir_all(&target).map_err(StoreError::io("remove", &target))?;
        partial.keep()?;
        let folders = [target.parent(), target.parent().and_then(Path::parent)];
        for folder in folders.into_iter().flatten() {
            RealVfs.sync_dir(folder).map_err(StoreError::io("sync", folder))?;
        }
        if let Err(error) = RealVfs.remove_file(&file) {
            let _ = RealVfs.remove_dir_all(&target);
            return Err(StoreError::io("remove", &file)(error));
        }
        RealVfs.sync_dir(&variant).map_err(StoreError::io("sync", &variant))?;
        let (package_bytes, compact_bytes) = (compact.record.bytes, compact.record.packed_bytes());
        Ok(CompactReport { package_bytes, compact_bytes })
    }
}

/// Refuses where the disk has not so many bytes left.
fn check_room(folder: &Path, needed_bytes: u64) -> Result<(), StoreError> {
    let free_bytes = RealVfs.free_bytes(folder).map_err(StoreError::io("look for space on", folder))?;
    if needed_bytes > free_bytes {
        return Err(StoreError::NoSpace { path: folder.to_owned(), needed_bytes, free_bytes });
    }
    Ok(())
}

/// The file of weights that a variant's graphs share.
fn weights_of(package: &OpenPackage, variant: &str) -> Result<Option<EntryPath>, PackageError> {
    let graphs = package.graphs(variant)?;
    let Some(main) = graphs.first() else { return Ok(None) };
    let files = package.verify_graph(variant, main)?.files;
    let largest = files.into_iter().max_by_key(|(_, bytes)| *bytes);
    let path = largest.and_then(|(file, _)| {
        Some(EntryPath { folder: Some(Name::new(variant).ok()?), name: Name::new(&file).ok()? })
    });
    Ok(path)
}

fn write(
    package: &OpenPackage,
    variant: &str,
    entry: &FileEntry,
    to: &Path,
    watch: &mut Watch<'_>,
) -> Result<Option<compact::Record>, StoreError> {
    let graphs = package.graphs(variant).map_err(StoreError::DoesNotOpen)?.into_iter();
    let graphs = graphs
        .map(|graph| Ok(package.verified_graph(variant, graph)?.1))
        .collect::<Result<Vec<_>, PackageError>>();
    let graphs = graphs.map_err(StoreError::DoesNotOpen)?;
    let stated = package.stated(variant);
    let folder = &package.variant(variant).map_err(StoreError::DoesNotOpen)?.folder;
    let mut is_cancelled = false;
    let mut go_on = |bytes: u64| {
        let total_bytes = entry.bytes;
        let progress = Progress { step: Step::Compress, done_bytes: bytes.min(total_bytes), total_bytes };
        is_cancelled = watch(progress) == ControlFlow::Break(());
        if is_cancelled { Err(io::ErrorKind::Interrupted.into()) } else { Ok(()) }
    };
    let made = compact::make(&graphs, &stated, (folder, entry.path.name.as_str()), to, &mut go_on);
    made.map_err(|error| match error {
        _ if is_cancelled => StoreError::Cancelled,
        PackingError::Io(error) => StoreError::io("write", to)(error),
        PackingError::Graph(source) => {
            StoreError::DoesNotOpen(PackageError::Graph { path: folder.clone(), source })
        }
    })
}

/// Reads a file chunk by chunk and compares each.
fn for_each_chunk(
    head: &Head,
    entry: &FileEntry,
    content: &dyn VfsFile,
    path: &Path,
    watch: &mut Watch<'_>,
    mut with: impl FnMut(&[u8], u64) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut meter = Meter::new(watch, Step::Verify, entry.bytes)?;
    for (_, chunk, offset) in head.index.chunks_of(entry) {
        let bytes = chunk.content_bytes;
        let read = vfs::read_at(content, bytes as usize, offset).map_err(StoreError::io("read", path))?;
        if Digest::of(&read) != chunk.content_sha256 {
            return Err(StoreError::NotWhole { file: entry.path.to_string(), offset });
        }
        with(&read, offset)?;
        meter.add(bytes.into())?;
    }
    Ok(())
}
