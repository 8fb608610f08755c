//! A disk that fills up while a model is calibrated: a small tmpfs in a mount namespace of our own, where the system permits one.
//! What may be filled is what passes keep there: activations, moments, and the package itself.
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../../../core/package/tests/wwpkg/support/small_disk.rs"]
mod small_disk;

use std::error::Error;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use small_disk::DISK_BYTES;
use wheelwork_calibrate::moments::{DEFAULT_BUDGET, measure_or_load};
use wheelwork_calibrate::{CalibrateError, CalibrationOptions, TextBudget, Watch, quantize_best};
use wheelwork_quantize::checkpoint::Checkpoint;
use wheelwork_quantize::recipe::BALANCED;
use wheelwork_quantize::{Options, Progress};

fn checkpoint() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/families/qwen2")
}

/// Fills the disk when a number of sequences have passed a layer.
struct FillAfter {
    passes: usize,
    seen: AtomicUsize,
    filler: PathBuf,
}

impl FillAfter {
    fn passes(passes: usize, folder: &Path) -> Self {
        Self { passes, seen: AtomicUsize::new(0), filler: folder.join("filler") }
    }
}

impl Progress for FillAfter {}

impl Watch for FillAfter {
    fn passes(&self, _: usize, _: usize) {
        if self.seen.fetch_add(1, Ordering::Relaxed) + 1 == self.passes {
            fill(&self.filler);
        }
    }
}

fn fill(filler: &Path) {
    let error = fs_err::write(filler, vec![1; 2 * DISK_BYTES]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
}

/// Whether a full disk is somewhere behind an error.
fn is_full(error: &CalibrateError) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::StorageFull) {
            return true;
        }
        cause = error.source();
    }
    false
}

fn names(folder: &Path) -> Vec<String> {
    let name = |entry: io::Result<fs_err::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<_> = fs_err::read_dir(folder).unwrap().map(name).collect();
    names.sort();
    names
}

fn best(out: &Path, watch: &FillAfter) -> Result<Vec<u8>, CalibrateError> {
    let options = Options { recipe: BALANCED, resume: true, ..Options::default() };
    let calibration = CalibrationOptions {
        budget: TextBudget { tokens: 400, sequence_tokens: 96 },
        ..CalibrationOptions::default()
    };
    quantize_best(&checkpoint(), out, &options, &calibration, watch)?;
    Ok(fs_err::read(out.join("cpu/model.onnx.data")).unwrap())
}

/// Not a test: what happens on the small disk.
#[test]
#[ignore = "the child process of the full-disk test"]
fn child() {
    let Some(folder) = small_disk::folder() else { return };
    let folder = folder.as_path();

    let moments = folder.join("moments");
    let opened = Checkpoint::open(&checkpoint()).unwrap();
    fill(&folder.join("filler"));
    let error = measure_or_load(&opened, None, DEFAULT_BUDGET, &moments, &()).unwrap_err();
    assert!(matches!(error, CalibrateError::Spill { .. }) && is_full(&error), "{error:?}");
    assert_eq!(names(folder), ["filler"], "no moments, and no part of them");
    fs_err::remove_file(folder.join("filler")).unwrap();
    measure_or_load(&opened, None, DEFAULT_BUDGET, &moments, &()).unwrap();
    fs_err::remove_file(&moments).unwrap();

    let out = folder.join("package");
    let undisturbed = FillAfter::passes(usize::MAX, folder);
    let expected = best(&out, &undisturbed).unwrap();
    fs_err::remove_dir_all(&out).unwrap();
    let passes = undisturbed.seen.load(Ordering::Relaxed);
    for passes in [1, passes / 2, passes] {
        let error = best(&out, &FillAfter::passes(passes, folder)).unwrap_err();
        assert!(is_full(&error), "full after {passes} passes: {error:?}");
        assert!(!out.exists());
        fs_err::remove_file(folder.join("filler")).unwrap();
        let resumed = best(&out, &FillAfter::passes(usize::MAX, folder)).unwrap();
        assert!(resumed == expected, "full after {passes} passes");
        fs_err::remove_dir_all(&out).unwrap();
        assert_eq!(names(folder), Vec::<String>::new());
    }
}

#[test]
fn ck_20_a_disk_that_fills_up_in_a_calibration_leaves_a_run_that_resumes() {
    if !small_disk::runs("child") {
        eprintln!("skipped: this system permits no mount namespace");
    }
}
