//! One installation, step by step. The door sign of [`super`] has the order; here is why nothing is lost between the
//! steps: whatever a step leaves behind is either named by the pointer, complete and durable, or not named at all.

use std::collections::{BTreeSet, HashSet};
use std::io::{self, ErrorKind};
use std::path::PathBuf;

use super::assembly::Assembly;
use super::donors::Donors;
use super::inspect::Current;
use super::layout::{Layout, Slot};
use super::meter::Meter;
use super::record::Record;
use super::{InstallOptions, InstallReport, Store, StoreError};
use crate::container::{Chunk, Head, Source, Step, Watch, default_threads, read_chunks};
use crate::signature::{PublicKey, SignatureState};
use crate::vfs::{self, Kind};

/// Room for folders, names and what a file system keeps for itself.
const SLACK_BYTES: u64 = 1 << 20;

pub(super) struct Installation<'a> {
    store: &'a Store,
    head: &'a Head,
    options: &'a InstallOptions,
    record: Record,
    current: Option<Current>,
    /// Whether the current version, though it is this package, has to be replaced.
    pub(super) current_is_damaged: bool,
    report: InstallReport,
}

impl<'a> Installation<'a> {
    pub(super) fn new(
        store: &'a Store,
        head: &'a Head,
        signature: SignatureState,
        vouched_by: Option<PublicKey>,
        options: &'a InstallOptions,
        current: Option<Current>,
    ) -> Self {
        let index = &head.index;
        let replaced = current.as_ref().and_then(|current| current.head.as_ref());
        let report = InstallReport {
            name: index.name.clone(),
            version: index.version,
            id: head.id,
            path: store.layout.partial(&index.name, &head.id).package(),
            signature,
            is_new: true,
            replaced_version: replaced.map(|head| head.index.version),
            package_bytes: index.stored_bytes(),
            received_bytes: 0,
            resumed_bytes: 0,
            reused_bytes: 0,
        };
        let record = Record { vouched_by: vouched_by.map(|key| key.to_pem()) };
        Self { store, head, options, record, current, current_is_damaged: false, report }
    }

    pub(super) fn run(
        mut self,
        source: &mut dyn Source,
        watch: &mut Watch<'_>,
    ) -> Result<InstallReport, StoreError> {
        self.store.check_own(&self.store.layout.model(&self.report.name))?;
        if let Some(installed) = self.installed() {
            // An earlier try may have ended between the switch and this.
            let models = self.store.layout.models_dir();
            self.store.vfs.sync_dir(models).map_err(StoreError::io("sync", models))?;
            self.store.remove_old_versions(&self.report.name);
            self.report.path = installed;
            self.report.is_new = false;
            return Ok(self.report);
        }
        let partial = self.store.layout.partial(&self.report.name, &self.head.id);
        self.write(&partial, source, watch).map_err(|error| self.explain_full_disk(error, &partial))?;
        let version = self.complete(&partial)?;
        self.switch(&version)?;
        self.report.path = self.store.layout.slot(&self.report.name, &version).package();
        self.store.remove_old_versions(&self.report.name);
        Ok(self.report)
    }

    /// The package folder that the pointer names, if it is this very package, trusted no less than now, and every file
    /// has its size.
    fn installed(&self) -> Option<PathBuf> {
        let current = self.current.as_ref().filter(|_| !self.current_is_damaged)?;
        let is_same = current.head.as_ref().is_some_and(|head| head.id == self.head.id);
        let recorded = Record::read(self.store.vfs.as_ref(), &current.slot);
        let is_trusted = self.record.vouched_by.is_none() || recorded.vouched_by == self.record.vouched_by;
        let package = current.slot.package();
        let is_whole = self.head.index.files.iter().all(|file| {
            let kind = current.slot.kind_of(self.store.vfs.as_ref(), &file.path);
            matches!(kind, Ok(Some(Kind::File { bytes })) if bytes == file.bytes)
        });
        (is_same && is_trusted && is_whole).then_some(package)
    }

    /// Steps 2 and 3: a complete, checked and durable package in the partial's folder.
    fn write(
        &mut self,
        partial: &Slot,
        source: &mut dyn Source,
        watch: &mut Watch<'_>,
    ) -> Result<(), StoreError> {
        let (store, head) = (self.store, self.head);
        let donors = Donors::of(store.vfs.as_ref(), &store.versions(&self.report.name)?);
        let (needed_bytes, free_bytes) = self.space(partial, &donors)?;
        if needed_bytes > free_bytes {
            return Err(self.no_space(needed_bytes, free_bytes));
        }
        self.prepare(partial)?;
        let mut assembly = Assembly::new(store.vfs.as_ref(), &head.index, partial.package())?;
        let mut have = vec![false; head.index.chunks.len()];
        self.resume(&mut assembly, &donors, &mut have, watch)?;
        self.reuse(&mut assembly, &donors, &mut have, watch)?;
        self.receive(&mut assembly, &have, source, watch)?;
        assembly.finish(&mut Meter::new(watch, Step::Sync, head.index.file_bytes())?)?;
        self.options.check_folder(&partial.package())?;
        let path = partial.record();
        vfs::write(store.vfs.as_ref(), &path, &self.record.to_bytes())
            .map_err(StoreError::io("write", &path))?;
        store.vfs.sync_dir(partial.path()).map_err(StoreError::io("sync", partial.path()))
    }

    /// Bytes that are still to be written, and bytes that are free.
    fn space(&self, partial: &Slot, donors: &Donors<'_>) -> Result<(u64, u64), StoreError> {
        let vfs = self.store.vfs.as_ref();
        let (links, mut counted) = (self.has_links(), HashSet::new());
        let mut needed_bytes = SLACK_BYTES + self.head.byte_len();
        for file in &self.head.index.files {
            if links && (!counted.insert(file.sha256) || donors.has_file(&file.sha256)) {
                continue;
            }
            let path = file.path.under(&partial.package());
            let written = match vfs.kind(&path).map_err(StoreError::io("look at", &path))? {
                Some(Kind::File { bytes }) => bytes,
                _ => 0,
            };
            needed_bytes = needed_bytes.saturating_add(file.bytes.saturating_sub(written));
        }
        let path = self.store.layout.models_dir();
        let free_bytes = vfs.free_bytes(path).map_err(StoreError::io("look for space on", path))?;
        Ok((needed_bytes, free_bytes))
    }

    /// Whether a file may have a second name. Android refuses them to apps; equal files are then stored as often as they
    /// are named, and while a version gives way to the next, what both have is stored twice.
    fn has_links(&self) -> bool {
        let (vfs, layout) = (self.store.vfs.as_ref(), &self.store.layout);
        let [file, name] = layout.linked();
        // At first, what a killed process has left.
        let clear = || [&name, &file].map(|path| vfs.remove_file(path));
        let _ = clear();
        let linked = vfs.open_for_writing(&file).and_then(|_| vfs.hard_link(&file, &name));
        let _ = clear();
        let is_refusal =
            |error: &io::Error| matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::Unsupported);
        !linked.is_err_and(|error| is_refusal(&error))
    }

    fn no_space(&self, needed_bytes: u64, free_bytes: u64) -> StoreError {
        StoreError::NoSpace { path: self.store.layout.models_dir().to_owned(), needed_bytes, free_bytes }
    }

    /// A disk that became full on the way is told as one that was too small from the start: with the bytes needed.
    fn explain_full_disk(&self, error: StoreError, partial: &Slot) -> StoreError {
        let is_full =
            matches!(&error, StoreError::Io { source, .. } if source.kind() == ErrorKind::StorageFull);
        if !is_full {
            return error;
        }
        let versions = self.store.versions(&self.report.name).unwrap_or_default();
        match self.space(partial, &Donors::of(self.store.vfs.as_ref(), &versions)) {
            Ok((needed_bytes, free_bytes)) => self.no_space(needed_bytes, free_bytes),
            Err(_) => error,
        }
    }

    /// Makes the partial's folder, or keeps the one that an earlier try of the same package has left.
    fn prepare(&self, partial: &Slot) -> Result<(), StoreError> {
        let vfs = self.store.vfs.as_ref();
        let path = partial.path();
        let package = partial.package();
        let inner = self.head.index.files.iter().filter_map(|file| file.path.folder.as_ref());
        let inner: BTreeSet<_> = inner.map(|folder| package.join(folder.as_str())).collect();
        self.store.check_folder(path)?;
        self.store.check_folder(&package)?;
        inner.iter().try_for_each(|folder| self.store.check_folder(folder))?;
        vfs.create_dir_all(path).map_err(StoreError::io("make the folder", path))?;
        let head = self.head.to_bytes();
        vfs::write(vfs, &partial.head(), &head).map_err(StoreError::io("write", &partial.head()))
    }

    /// Marks the chunks that are there already.
    fn resume(
        &mut self,
        assembly: &mut Assembly<'_>,
        donors: &Donors<'_>,
        have: &mut [bool],
        watch: &mut Watch<'_>,
    ) -> Result<(), StoreError> {
        let vfs = self.store.vfs.as_ref();
        let mut was_begun = false;
        for (_, file, path) in assembly.written_files() {
            match vfs.kind(&path).map_err(StoreError::io("look at", &path))? {
                None => {}
                // What a donor has may be a link to the donor's own file, which must not be written; nor must any other
                // file of which this is only one name.
                Some(Kind::File { bytes })
                    if bytes <= file.bytes
                        && !donors.has_file(&file.sha256)
                        && !vfs
                            .open(&path)
                            .and_then(|file| file.has_other_names())
                            .map_err(StoreError::io("look at", &path))? =>
                {
                    was_begun = true;
                }
                Some(_) => vfs.remove_file(&path).map_err(StoreError::io("remove", &path))?,
            }
        }
        if !was_begun {
            return Ok(());
        }
        let mut meter = Meter::new(watch, Step::Resume, self.head.index.content_bytes())?;
        for (number, chunk) in self.head.index.chunks.iter().enumerate() {
            if assembly.has(number)? {
                self.report.resumed_bytes += u64::from(chunk.stored_bytes);
                mark(have, number);
            }
            meter.add(chunk.content_bytes.into())?;
        }
        Ok(())
    }

    /// Links and copies what other versions of the model have.
    fn reuse(
        &mut self,
        assembly: &mut Assembly<'_>,
        donors: &Donors<'_>,
        have: &mut [bool],
        watch: &mut Watch<'_>,
    ) -> Result<(), StoreError> {
        let (vfs, index) = (self.store.vfs.as_ref(), &self.head.index);
        let mut meter = Meter::new(watch, Step::Reuse, index.content_bytes())?;
        let files: Vec<_> = assembly.written_files().collect();
        for (number, file, path) in files {
            let is_missing = vfs.kind(&path).map_err(StoreError::io("look at", &path))?.is_none();
            if is_missing && donors.link(file, &path, &mut meter)? {
                assembly.adopt(number);
                for (chunk, entry, _) in index.chunks_of(file) {
                    // A chunk that other files need as well is taken from the donor below.
                    if !assembly.needs(chunk) && mark(have, chunk) {
                        self.report.reused_bytes += u64::from(entry.stored_bytes);
                    }
                }
            }
        }
        for (number, chunk) in index.chunks.iter().enumerate() {
            if have.get(number) == Some(&false)
                && let Some(content) = donors.chunk(chunk)
            {
                assembly.write(number, &content)?;
                self.report.reused_bytes += u64::from(chunk.stored_bytes);
                mark(have, number);
                meter.add(chunk.content_bytes.into())?;
            }
        }
        Ok(())
    }

    /// Reads the rest from the source.
    fn receive(
        &mut self,
        assembly: &mut Assembly<'_>,
        have: &[bool],
        source: &mut dyn Source,
        watch: &mut Watch<'_>,
    ) -> Result<(), StoreError> {
        let chunks = &self.head.index.chunks;
        let missing = |number: usize| have.get(number) == Some(&false);
        let total = chunks
            .iter()
            .enumerate()
            .filter(|(number, _)| missing(*number))
            .map(|(_, chunk)| u64::from(chunk.content_bytes));
        let mut meter = Meter::new(watch, Step::Receive, total.sum())?;
        let threads = self.options.threads.unwrap_or_else(default_threads);
        let received = &mut self.report.received_bytes;
        read_chunks(self.head, source, missing, threads, |chunk: Chunk| {
            let content = chunk.content?;
            assembly.write(chunk.number, &content)?;
            *received += chunks.get(chunk.number).map_or(0, |entry| u64::from(entry.stored_bytes));
            meter.add(content.len() as u64)
        })
    }

    /// Step 4a: the partial becomes a version that no pointer names yet. Returns the version's folder name.
    fn complete(&self, partial: &Slot) -> Result<String, StoreError> {
        let (vfs, layout, name) = (self.store.vfs.as_ref(), &self.store.layout, &self.report.name);
        let taken = self.store.folders(name)?;
        let version = (0..)
            .map(|number| Layout::version(&self.head.id, number))
            .find(|version| !taken.contains(version))
            .expect("there are more numbers than folders");
        let slot = layout.slot(name, &version);
        vfs::rename_durably(vfs, partial.path(), slot.path())?;
        // Every name on the way from the models' folder to the version.
        for folder in [layout.models(), layout.internal(), layout.models_dir().to_owned()] {
            vfs.sync_dir(&folder).map_err(StoreError::io("sync", &folder))?;
        }
        Ok(version)
    }

    /// Step 4b: the one rename that everything before has prepared.
    fn switch(&self, version: &str) -> Result<(), StoreError> {
        let (vfs, layout, name) = (self.store.vfs.as_ref(), &self.store.layout, &self.report.name);
        let (next, pointer) = (layout.next_pointer(), layout.pointer(name));
        let text = Layout::pointer_text(name, version);
        vfs::write(vfs, &next, text.as_bytes()).map_err(StoreError::io("write", &next))?;
        // Only after this may the old version go: until then the old pointer could come back.
        Ok(vfs::rename_durably(vfs, &next, &pointer)?)
    }
}

/// Marks a chunk as there; false if it was marked before.
fn mark(have: &mut [bool], chunk: usize) -> bool {
    have.get_mut(chunk).is_some_and(|have| !std::mem::replace(have, true))
}
