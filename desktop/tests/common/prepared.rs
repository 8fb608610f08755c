//! What the tests of prepared forms share: tiny-r1 with a cache folder on the same file system.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use wheelwork::{Error, KernelSet, Kernels, Model, OpenOptions, PrepareReport, Prepared};
use wheelwork_quantize::Recipe;

use crate::common::{TemporaryPackage, only_folder};

pub(crate) struct Scene {
    pub(crate) package: TemporaryPackage,
    pub(crate) options: OpenOptions,
}

impl Scene {
    pub(crate) fn of(recipe: Recipe, kernels: Kernels) -> Self {
        Self::of_package(TemporaryPackage::of("tiny-r1", recipe), kernels)
    }

    pub(crate) fn of_package(package: TemporaryPackage, kernels: Kernels) -> Self {
        let cache_dir = Some(package.path().parent().unwrap().join("cache"));
        let options = OpenOptions { cache_dir, kernels, threads: Some(2), ..OpenOptions::default() };
        Self { package, options }
    }

    pub(crate) fn prepare(&self) -> PrepareReport {
        self.try_prepare(usize::MAX).0.unwrap()
    }

    /// Prepares, and ends that behind so many steps; with how many it took.
    pub(crate) fn try_prepare(&self, last: usize) -> (Result<PrepareReport, Error>, usize) {
        let mut step = 0;
        let report = wheelwork::prepare(self.package.path(), &self.options, &mut |_| {
            step += 1;
            if step > last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        (report, step)
    }

    pub(crate) fn open_with(&self, options: &OpenOptions) -> Model {
        Model::open_with(self.package.path(), options).unwrap()
    }

    pub(crate) fn open(&self) -> Model {
        self.open_with(&self.options)
    }

    pub(crate) fn plain(&self) -> Model {
        self.open_with(&OpenOptions { plain: true, ..self.options.clone() })
    }

    /// How it is opened now.
    pub(crate) fn how(&self) -> Prepared {
        self.open().placement().prepared
    }

    /// Where prepared forms stand, beside a lock.
    fn base(&self) -> PathBuf {
        only_folder(&only_folder(self.options.cache_dir.as_ref().unwrap()))
    }

    /// The one prepared form.
    pub(crate) fn form(&self) -> PathBuf {
        only_folder(&self.base())
    }

    /// Bits are flipped all over the packed weights: what is not found does not change what is computed by much.
    pub(crate) fn check_flips(&self) {
        let (plain, packed) = (logits(&self.plain()), self.form().join("packed.bin"));
        let good = fs::read(&packed).unwrap();
        let mut found = 0;
        for part in 1..20 {
            let mut bad = good.clone();
            bad[good.len() * part / 20] ^= 0x80;
            fs::write(&packed, &bad).unwrap();
            let model = self.open();
            let how = model.placement().prepared;
            assert!(how == Prepared::Used || logits(&model) == plain, "the plain form runs");
            found += usize::from(how == Prepared::Damaged);
        }
        // One token tells on most bits; some fall into padding or below the last bit of a sum.
        assert!(found >= 15, "{found} of 19 flips were found");
        fs::write(&packed, &good).unwrap();
    }

    /// A form that was spoiled is not used, and is made anew.
    pub(crate) fn check_spoiled(&self, what: &str, spoil: impl FnOnce(&Path)) {
        spoil(&self.form());
        let model = self.open();
        assert_eq!(model.placement().prepared, Prepared::Damaged, "{what}");
        assert_eq!(model.placement().kernels, KernelSet::OnnxRuntime, "{what}");
        assert!(logits(&model) == logits(&self.plain()), "{what}");
        assert!(self.prepare().is_new, "{what}");
        assert_eq!(self.how(), Prepared::Used, "{what}");
    }

    /// A preparation that is cancelled at any step leaves nothing.
    pub(crate) fn check_cancelling(&self) {
        let (report, steps) = self.try_prepare(usize::MAX);
        report.unwrap();
        fs::remove_dir_all(self.form()).unwrap();
        for last in [0, 1, steps / 2, steps - 1] {
            let (cancelled, taken) = self.try_prepare(last);
            if taken <= last {
                // What is measured differs, and with it the number of steps.
                cancelled.unwrap();
                fs::remove_dir_all(self.form()).unwrap();
                continue;
            }
            assert!(cancelled.is_err(), "after {last} of {steps} steps");
            let names = fs::read_dir(self.base()).unwrap().map(|entry| entry.unwrap().file_name());
            let left: Vec<_> = names.filter(|name| name != "lock").collect();
            assert!(left.is_empty(), "after {last} of {steps} steps: {left:?}");
            assert_eq!(self.how(), Prepared::Missing, "after {last} of {steps} steps");
        }
        assert!(self.prepare().is_new);
        assert_eq!(self.how(), Prepared::Used);
    }
}

/// Logits of a prompt, of single tokens behind it, and of several at once.
pub(crate) fn logits(model: &Model) -> Vec<f32> {
    let mut decoder = model.decoder().unwrap();
    let mut logits = Vec::new();
    let prompt: Vec<u32> = (1..40).collect();
    decoder.prefill(&prompt).unwrap();
    logits.extend_from_slice(decoder.logits());
    for token in [10, 11] {
        decoder.decode(token).unwrap();
        logits.extend_from_slice(decoder.logits());
    }
    for rows in 2..=9 {
        decoder.prefill(&prompt[..rows]).unwrap();
        logits.extend_from_slice(decoder.logits());
    }
    logits
}
