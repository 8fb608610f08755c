//! Making a prepared form, step by step, in a folder that nobody looks at until it is whole.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::Instant;

use wheelwork_ort::version::SAVED_PACKED_WEIGHTS;
use wheelwork_package::files::FileRecord;
use wheelwork_package::graph::prepacked::{self, From, Plan};
use wheelwork_package::vfs::{DiskError, Links, open_file};

use super::form::{self, Form, GRAPH, OurKernels, PACKED, PROBE};
use super::our_record::PACKED_LOCATION;
use super::report::{PrepareReport, PrepareStep, Watch, ask};
use super::{memory, ours};
use crate::decoder::ort::dynamic::OrtDecoder;
use crate::decoder::ort::model::{OrtModel, SessionOptions};
use crate::device::cache::{CacheError, Made};
use crate::device::{Kernels, Prepared};
use crate::error::{Error, PrepareError};
use crate::open::described::Described;
use crate::open::dynamic_opening;
use crate::open::options::OpenOptions;

/// ONNX Runtime's graph and its file of weights, both gone at the end.
const SAVED_GRAPH: &str = "saved.onnx";
const SAVED_WEIGHTS: &str = "saved.bin";
/// Copied at once.
const PIECE_BYTES: usize = 1 << 20;

/// Prepares the variant and graph that [`crate::Model::open_with`] would take on the CPU with the same options.
///
/// Takes some seconds a gigabyte and memory as an open without preparation does; the disk holds the weights and
/// their packed copy a second time until it ends. `watch` is called before each step and within the longer ones; a break
/// cancels, and so does [`OpenOptions::cancel`], in the middle of packing too. After an error, a cancel or a power cut the
/// model opens as before, and the next call starts anew.
///
/// # Errors
/// [`Error::Prepare`] and the errors of [`crate::Model::open_with`].
pub fn prepare(
    path: impl AsRef<Path>,
    options: &OpenOptions,
    watch: Watch<'_>,
) -> Result<PrepareReport, Error> {
    let start = Instant::now();
    let prepared = prepare_until(path.as_ref(), options, watch);
    match options.cancel.request() {
        // Whatever it was that failed, it was ended.
        Some(_) if prepared.is_err() => Err(PrepareError::Cancelled.into()),
        _ => Ok(PrepareReport { seconds: start.elapsed().as_secs_f64(), ..prepared? }),
    }
}

fn prepare_until(path: &Path, options: &OpenOptions, watch: Watch<'_>) -> Result<PrepareReport, Error> {
    let described = Described::of(path, options)?;
    if let Some(stored) = described.compact(options)? {
        let OurKernels { products: kernels, attention } = stored.kernels;
        return Ok(PrepareReport {
            disk_bytes: stored.disk_bytes,
            kernels,
            attention,
            ..PrepareReport::default()
        });
    }
    let form = described.form(options)?.ok_or(PrepareError::NoPlace)?;
    let held = form.entry.hold().map_err(PrepareError::from)?;
    let mut report = PrepareReport::default();
    match form.find() {
        Ok(stored) if dynamic_opening::confirmed(&described, &stored).is_some() => {
            report.disk_bytes = stored.disk_bytes;
            report.kernels = stored.kernels.products;
            report.attention = stored.kernels.attention;
        }
        _ => {
            let weights: u64 = form.verified.files.values().sum();
            // ONNX Runtime's: the weights and at most one and a half times as much packed, the packed part twice while it is
            // collected. Ours: the packed part alone.
            let needed_bytes = weights.saturating_mul(if form.kernels == Kernels::Off { 4 } else { 1 });
            held.make(needed_bytes, |folder| {
                if form.kernels != Kernels::Off
                    && let Some(made) = ours::make(&described, &form, folder, watch, &mut report)?
                {
                    return Ok(made);
                }
                make(&described, &form, folder, watch, &mut report)
            })?;
        }
    }
    Ok(report)
}

/// The prepared form of the variant and graph that [`crate::Model::open_with`] would take on the CPU: [`Prepared::Used`] where
/// record, graph and sizes are right. The packed ranges are judged by an open only. Loads no weights.
///
/// # Errors
/// The errors of [`crate::Model::open_with`] before the graph is loaded.
pub fn prepared_form(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Prepared, Error> {
    let described = Described::of(path.as_ref(), options)?;
    if described.compact(options)?.is_some() {
        return Ok(Prepared::Used);
    }
    let Some(form) = described.form(options)? else { return Ok(Prepared::NoPlace) };
    Ok(form.find().map_or_else(|reason| reason, |_| Prepared::Used))
}

/// Whose kernels compute what in that form, with what was measured.
///
/// # Errors
/// As [`prepared_form`].
pub fn prepared_kernels(path: impl AsRef<Path>, options: &OpenOptions) -> Result<OurKernels, Error> {
    let described = Described::of(path.as_ref(), options)?;
    if let Some(stored) = described.compact(options)? {
        return Ok(stored.kernels);
    }
    let Some(form) = described.form(options)? else { return Ok(OurKernels::default()) };
    Ok(form.find().map_or_else(|_| OurKernels::default(), |stored| stored.kernels))
}

fn make(
    described: &Described,
    form: &Form,
    folder: &Path,
    watch: Watch<'_>,
    report: &mut PrepareReport,
) -> Result<Made, Error> {
    let (needed, found) = (SAVED_PACKED_WEIGHTS, described.runtime.version);
    if found < needed {
        return Err(PrepareError::RuntimeTooOld { needed, found }.into());
    }
    ask(watch, PrepareStep::Pack)?;
    let before = memory::anonymous_bytes();
    let (environment, model) = (&described.runtime.environment, &described.variant.config.model);
    let saved = folder.join(SAVED_GRAPH);
    let options = described.session_options();
    let plain = OrtModel::load_and_save(environment, &form.graph, model, options, &saved, SAVED_WEIGHTS)
        .map_err(|error| PrepareError::Save { message: error.to_string() })?;
    let probe = form::probe(&mut OrtDecoder::start(&plain)?)?;
    report.plain_memory_bytes = memory::added(before);
    drop(plain);

    let plan = prepacked::plan(&form.original, &form::read(&saved)?, PACKED_LOCATION);
    let plan = plan.map_err(PrepareError::Graph)?.ok_or(PrepareError::NothingPacked)?;
    let weights = folder.join(SAVED_WEIGHTS);
    let saved_bytes = fs_err::metadata(&weights).map_err(failed("look at", &weights))?.len();
    collect(form, folder, &plan, watch)?;
    for path in [saved, weights] {
        fs_err::remove_file(&path).map_err(failed("remove", &path))?;
    }
    let path = folder.join(GRAPH);
    fs_err::write(&path, &plan.graph).map_err(failed("write", &path))?;

    ask(watch, PrepareStep::Compare)?;
    let before = memory::anonymous_bytes();
    let located = form.located(&plan.graph, folder, false)?;
    let options = SessionOptions { located, ..described.session_options() };
    let prepared = OrtModel::load(environment, &path, model, options)?;
    if form::probe(&mut OrtDecoder::start(&prepared)?)? != probe {
        return Err(PrepareError::Differs.into());
    }
    report.prepared_memory_bytes = memory::added(before);

    let files = vec![FileRecord::of(folder, GRAPH)?, FileRecord::of(folder, PACKED)?];
    report.is_new = true;
    report.disk_bytes = files.iter().map(|file| file.bytes).sum();
    report.peak_disk_bytes = plan.file_bytes + saved_bytes;
    Ok(Made { files, facts: BTreeMap::from([(PROBE.to_owned(), probe)]) })
}

/// Puts the packed ranges one behind the other into their file.
fn collect(form: &Form, partial: &Path, plan: &Plan, watch: Watch<'_>) -> Result<(), PrepareError> {
    let path = partial.join(PACKED);
    let mut packed = fs_err::File::create(&path).map_err(failed("write", &path))?;
    packed.set_len(plan.file_bytes).map_err(failed("write", &path))?;
    let mut piece = vec![0; PIECE_BYTES];
    for range in &plan.ranges {
        ask(watch, PrepareStep::Collect { done_bytes: range.to, total_bytes: plan.file_bytes })?;
        let from = match &range.from {
            From::Saved => partial.join(SAVED_WEIGHTS),
            From::Original(name) => form.package_folder.join(name),
        };
        let mut copy = || {
            let mut file = open_file(&from, Links::Refused)?;
            file.seek(SeekFrom::Start(range.offset))?;
            packed.seek(SeekFrom::Start(range.to))?;
            let mut left = range.bytes;
            while left > 0 {
                let wanted = usize::try_from(left).map_or(PIECE_BYTES, |left| left.min(PIECE_BYTES));
                let buffer = piece.get_mut(..wanted).expect("no more than a piece is wanted");
                file.read_exact(buffer)?;
                packed.write_all(buffer)?;
                left -= wanted as u64;
            }
            Ok(())
        };
        copy().map_err(failed("read", &from))?;
    }
    Ok(())
}

fn failed<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> PrepareError + 'a {
    move |source| CacheError::from(DiskError::of(action, path)(source)).into()
}
