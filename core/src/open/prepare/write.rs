//! Making a prepared form, step by step, in a folder that nobody looks at until it is renamed.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use wheelwork_package::files::FileRecord;
use wheelwork_package::graph::prepacked::{self, From, Plan};
use wheelwork_package::json;
use wheelwork_package::vfs::{Lock, RealVfs, Vfs as _};

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};

use super::stored::{self, GRAPH, PACKED, RECORD, Record, Stored};
use super::{PrepareError, PrepareReport, PrepareStep, Subject, memory};
use crate::decoder::ort::dynamic::OrtDecoder;
use crate::decoder::ort::model::OrtModel;
use crate::error::Error;
use crate::open::Opening;

/// ONNX Runtime's graph and its file of weights, both gone at the end.
const SAVED_GRAPH: &str = "saved.onnx";
const SAVED_WEIGHTS: &str = "saved.bin";
/// Copied at once.
const PIECE_BYTES: usize = 1 << 20;

pub(super) type Watch<'a> = &'a mut dyn FnMut(PrepareStep) -> ControlFlow<()>;

pub(super) fn prepare(
    opening: &Opening,
    subject: &Subject,
    watch: Watch<'_>,
) -> Result<PrepareReport, Error> {
    let start = Instant::now();
    fs_err::create_dir_all(&subject.base).map_err(PrepareError::io("make the folder", &subject.base))?;
    let lock_file = subject.base.join("lock");
    let owner = format!("{}\n", std::process::id());
    let _lock = match RealVfs.lock(&lock_file, &owner).map_err(PrepareError::io("lock", &lock_file))? {
        Lock::Held(lock) => lock,
        Lock::Busy { .. } => return Err(PrepareError::Busy.into()),
    };
    if let Ok(stored) = Stored::find(subject)
        && opening.confirmed(&stored).is_some()
    {
        let disk_bytes = stored.disk_bytes();
        let seconds = start.elapsed().as_secs_f64();
        return Ok(PrepareReport {
            is_new: false,
            disk_bytes,
            peak_disk_bytes: 0,
            plain_memory_bytes: None,
            prepared_memory_bytes: None,
            seconds,
        });
    }
    let partial = subject.base.join(format!("{}.partial", subject.key));
    let made = make(opening, subject, &partial, watch);
    if made.is_err() {
        // What cannot be removed now, the next try removes.
        let _ = RealVfs.remove_dir_all(&partial);
    }
    let report = made?;
    remove_others(subject);
    Ok(PrepareReport { seconds: start.elapsed().as_secs_f64(), ..report })
}

/// Returns the report, without the time.
fn make(
    opening: &Opening,
    subject: &Subject,
    partial: &Path,
    watch: Watch<'_>,
) -> Result<PrepareReport, Error> {
    RealVfs.remove_dir_all(partial).map_err(PrepareError::io("remove", partial))?;
    fs_err::create_dir(partial).map_err(PrepareError::io("make the folder", partial))?;
    check_space(subject)?;

    ask(watch, PrepareStep::Pack)?;
    let before = memory::anonymous_bytes();
    let (probe, plain_memory_bytes) = {
        let plain = OrtModel::load_and_save(
            &opening.runtime.environment,
            &subject.graph,
            &opening.variant().config.model,
            opening.session_options(),
            &partial.join(SAVED_GRAPH),
            SAVED_WEIGHTS,
        )
        .map_err(|error| PrepareError::Save { message: error.to_string() })?;
        let mut decoder = OrtDecoder::start(&plain)?;
        (stored::probe(&mut decoder)?, memory::added(before))
    };

    let saved = partial.join(SAVED_GRAPH);
    let read = |path: &Path| fs_err::read(path).map_err(PrepareError::io("read", path));
    let plan =
        prepacked::plan(&read(&subject.graph)?, &read(&saved)?, PACKED).map_err(PrepareError::Graph)?;
    let plan = plan.ok_or(PrepareError::NothingPacked)?;
    let saved_bytes = RealVfs
        .open(&partial.join(SAVED_WEIGHTS))
        .and_then(|file| file.byte_len())
        .map_err(PrepareError::io("read", partial))?;
    collect(subject, partial, &plan, watch)?;
    for name in [SAVED_GRAPH, SAVED_WEIGHTS] {
        let path = partial.join(name);
        fs_err::remove_file(&path).map_err(PrepareError::io("remove", &path))?;
    }
    write(&partial.join(GRAPH), &plan.graph)?;
    for name in subject.verified.files.keys() {
        stored::link(&subject.package_folder().join(name), &partial.join(name))?;
    }

    ask(watch, PrepareStep::Compare)?;
    let before = memory::anonymous_bytes();
    let prepared = OrtModel::load(
        &opening.runtime.environment,
        &partial.join(GRAPH),
        &opening.variant().config.model,
        opening.session_options(),
    )?;
    let mut decoder = OrtDecoder::start(&prepared)?;
    if stored::probe(&mut decoder)? != probe {
        return Err(PrepareError::Differs.into());
    }
    let prepared_memory_bytes = memory::added(before);
    drop((decoder, prepared));

    let record = Record {
        key: subject.key.clone(),
        graph: FileRecord::of(partial, GRAPH)?,
        packed: FileRecord::of(partial, PACKED)?,
        probe,
    };
    let path = partial.join(RECORD);
    json::write(&path, &record)?;
    sync(&path)?;
    RealVfs.sync_dir(partial).map_err(PrepareError::io("sync", partial))?;
    let folder = subject.folder();
    RealVfs.remove_dir_all(&folder).map_err(PrepareError::io("remove", &folder))?;
    fs_err::rename(partial, &folder).map_err(PrepareError::io("rename", partial))?;
    RealVfs.sync_dir(&subject.base).map_err(PrepareError::io("sync", &subject.base))?;
    Ok(PrepareReport {
        is_new: true,
        disk_bytes: plan.file_bytes + plan.graph.len() as u64,
        peak_disk_bytes: plan.file_bytes + saved_bytes,
        plain_memory_bytes,
        prepared_memory_bytes,
        seconds: 0.0,
    })
}

/// Puts the packed ranges one behind the other into their file.
fn collect(subject: &Subject, partial: &Path, plan: &Plan, watch: Watch<'_>) -> Result<(), PrepareError> {
    let path = partial.join(PACKED);
    let failed = |source| PrepareError::Io { action: "write", path: path.clone(), source };
    let mut packed = fs_err::File::create(&path).map_err(failed)?;
    packed.set_len(plan.file_bytes).map_err(failed)?;
    let mut piece = vec![0; PIECE_BYTES];
    for range in &plan.ranges {
        ask(watch, PrepareStep::Collect { done_bytes: range.to, total_bytes: plan.file_bytes })?;
        let from = match &range.from {
            From::Saved => partial.join(SAVED_WEIGHTS),
            From::Original(name) => subject.package_folder().join(name),
        };
        let read_failed = PrepareError::io("read", &from);
        let copy = |packed: &mut fs_err::File| {
            let mut file = fs_err::File::open(&from)?;
            file.seek(SeekFrom::Start(range.offset))?;
            packed.seek(SeekFrom::Start(range.to))?;
            let mut left = range.bytes;
            while left > 0 {
                let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE_BYTES);
                let buffer = piece.get_mut(..wanted).unwrap_or_default();
                file.read_exact(buffer)?;
                packed.write_all(buffer)?;
                left -= wanted as u64;
            }
            Ok(())
        };
        let mut copy = copy;
        copy(&mut packed).map_err(read_failed)?;
    }
    packed.sync_all().map_err(failed)
}

/// ONNX Runtime may not tell that the disk is full while it saves, so that is asked before.
fn check_space(subject: &Subject) -> Result<(), PrepareError> {
    let weights: u64 = subject.verified.files.values().sum();
    // The weights and at most one and a half times as much packed, the packed part twice while it is collected.
    let needed_bytes = weights.saturating_mul(4);
    let path = subject.base.clone();
    let free_bytes = RealVfs.free_bytes(&path).map_err(PrepareError::io("look for space on", &path))?;
    if needed_bytes > free_bytes {
        return Err(PrepareError::NoSpace { path, needed_bytes, free_bytes });
    }
    Ok(())
}

/// Removes what earlier keys have left: nobody will look at it again.
fn remove_others(subject: &Subject) {
    let Ok(entries) = RealVfs.list(&subject.base) else { return };
    for (name, _) in entries {
        if name != subject.key && name != "lock" {
            let _ = RealVfs.remove_dir_all(&subject.base.join(name));
        }
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), PrepareError> {
    fs_err::write(path, bytes).map_err(PrepareError::io("write", path))?;
    sync(path)
}

fn sync(path: &Path) -> Result<(), PrepareError> {
    fs_err::File::open(path).and_then(|file| file.sync_all()).map_err(PrepareError::io("sync", path))
}

fn ask(watch: Watch<'_>, step: PrepareStep) -> Result<(), PrepareError> {
    if watch(step).is_break() { Err(PrepareError::Cancelled) } else { Ok(()) }
}
