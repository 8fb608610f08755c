//! Preparing a model for this machine, once, so that it opens with less memory.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use wheelwork::CancelToken;
use wheelwork::prepare as preparing;

use crate::convert::count;
use crate::edge::{guarded, safely};
use crate::job::{Item, Job, jobs_at};
use crate::{FfiError, OpenOptions, Prepared};

/// A preparation under way. It goes on whether somebody reads or not; let go of, it is cancelled. A model opens as before
/// meanwhile, and after an error, a cancel or the end of the process.
#[derive(uniffi::Object)]
pub struct PrepareHandle {
    job: Job<PrepareEvent>,
}

/// What a preparation tells: its steps, then the end.
#[derive(Debug, Clone, PartialEq, uniffi::Enum)]
pub enum PrepareEvent {
    /// The weights are packed for this CPU: most of the time.
    Pack,
    /// They are written.
    Collect {
        /// Bytes so far.
        done_bytes: u64,
        /// Bytes in all.
        total_bytes: u64,
    },
    /// Products are timed, computed by ONNX Runtime and by our kernels.
    Measure {
        /// Shapes of matrices so far.
        done: u32,
        /// Shapes in all.
        total: u32,
    },
    /// The prepared form is opened and compared with the plain one.
    Compare,
    /// The end; nothing follows.
    Finished {
        /// What was done.
        report: PrepareReport,
    },
}

/// What a preparation did.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct PrepareReport {
    /// False where a valid prepared form was there already.
    pub is_new: bool,
    /// Bytes on the disk that it takes beside the package.
    pub disk_bytes: u64,
    /// Bytes that preparing needed at its peak, beside the package.
    pub peak_disk_bytes: u64,
    /// Memory of the process's own that opening the plain form took; absent where it was not opened or the system does not
    /// tell.
    pub plain_memory_bytes: Option<u64>,
    /// The same of the prepared form.
    pub prepared_memory_bytes: Option<u64>,
    /// The products of each shape of matrix, and whose kernels compute them; empty where ours compute none.
    pub kernels: Vec<ProductChoice>,
    /// The attentions, and whose kernels compute them; absent where ours were not wanted or cannot.
    pub attention: Option<AttentionChoice>,
    /// Time that it took, in seconds.
    pub seconds: f64,
}

/// The products of one shape of matrix, and whose kernels compute them.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct ProductChoice {
    /// Elements of a row of activations.
    pub k: u64,
    /// Elements of a row of results.
    pub n: u64,
    /// Bits of a weight as it is computed with: its own with our kernels, those that it is stored in with ONNX Runtime's.
    pub bits: u64,
    /// Weights that share a scale.
    pub block_size: u64,
    /// How many the graph has.
    pub products: u32,
    /// What ONNX Runtime's operator takes; absent where it was not measured.
    pub onnxruntime: Option<ProductTime>,
    /// What ours takes; absent where it was not measured.
    pub ours: Option<ProductTime>,
    /// Whether ours compute them.
    pub is_ours: bool,
}

/// The attentions of a graph, and whose kernels compute them.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct AttentionChoice {
    /// How many the graph has.
    pub nodes: u32,
    /// Tokens that were cached when steps were timed; 0 where none were.
    pub context: u32,
    /// What a whole step takes with ONNX Runtime's; absent where it was not measured.
    pub onnxruntime: Option<ProductTime>,
    /// What a whole step takes with ours; absent where it was not measured.
    pub ours: Option<ProductTime>,
    /// Whether ours compute them.
    pub is_ours: bool,
}

/// How long products of one shape take, each of them alone: the best of several takes.
#[derive(Debug, Clone, Copy, PartialEq, uniffi::Record)]
pub struct ProductTime {
    /// For one token, in microseconds.
    pub token_us: f64,
    /// For 64 tokens of a prompt, in microseconds.
    pub prompt_us: f64,
}

#[uniffi::export]
impl PrepareHandle {
    /// Begins to prepare the graph that an open with the same options would take on the CPU. `keys_dir` of the options says
    /// that it is to stand beside an installed model, `cache_dir` where it stands for others. Returns at once. It takes
    /// some seconds a gigabyte, memory as an open without it, and the disk meanwhile holds the weights twice more.
    ///
    /// # Errors
    /// `no_thread`; all others come from [`PrepareHandle::next`].
    #[uniffi::constructor]
    pub fn begin(path: String, options: OpenOptions) -> Result<Arc<Self>, FfiError> {
        guarded(|| Self::start(path, options, |_| ()))
    }

    /// The next event; nothing after the last one. Waits without a thread. One reader at a time.
    ///
    /// # Errors
    /// `prepare_no_place`, `prepare_onnxruntime_too_old`, `prepare_nothing`, `prepare_no_space`, `prepare_busy` while another
    /// process prepares, and those of opening a model; `prepare_cancelled` after a cancel. Nothing follows any of them.
    /// `busy` for a second reader.
    pub async fn next(&self) -> Result<Option<PrepareEvent>, FfiError> {
        self.job.next().await
    }

    /// Ends it, in the middle of packing too. The end, `prepare_cancelled`, can still be read. Microseconds, on any thread.
    pub fn cancel(&self) {
        safely("PrepareHandle.cancel", || (), || self.job.cancel());
    }
}

impl PrepareHandle {
    /// As [`PrepareHandle::begin`], with something to do behind each step that was told.
    ///
    /// # Errors
    /// `no_thread`.
    pub(crate) fn start(
        path: String,
        options: OpenOptions,
        behind_step: impl Fn(&CancelToken) + Send + 'static,
    ) -> Result<Arc<Self>, FfiError> {
        let cancel = CancelToken::new();
        let options = wheelwork::OpenOptions { cancel: cancel.clone(), ..options.into() };
        let jobs = jobs_at(Path::new(&path));
        let its_jobs = Arc::clone(&jobs);
        let job = Job::start(cancel, move |teller| {
            its_jobs.wait_for_leaving(teller.cancel_token());
            let mut watch = |step: wheelwork::PrepareStep| {
                teller.tell(step.into());
                behind_step(teller.cancel_token());
                if teller.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            let report = wheelwork::prepare(&path, &options, &mut watch)?;
            Ok(Some(PrepareEvent::Finished { report: report.into() }))
        })?;
        jobs.add(job.handle());
        Ok(Arc::new(Self { job }))
    }
}

/// Whether a model has a form that is prepared for this machine, and why it would not be used: judged by its record and its
/// sizes. Reads no weights: some ten milliseconds, and the first call loads ONNX Runtime.
///
/// # Errors
/// Those of opening a model before its graph is loaded.
#[uniffi::export]
pub fn prepared_form(path: String, options: OpenOptions) -> Result<Prepared, FfiError> {
    guarded(|| Ok(wheelwork::prepared_form(path, &options.into())?.into()))
}

impl Item for PrepareEvent {
    fn replaces(&self, earlier: &Self) -> bool {
        matches!((self, earlier), (Self::Collect { .. }, Self::Collect { .. }))
    }
}

impl From<wheelwork::PrepareStep> for PrepareEvent {
    fn from(step: wheelwork::PrepareStep) -> Self {
        use wheelwork::PrepareStep as Core;
        match step {
            Core::Pack => Self::Pack,
            Core::Collect { done_bytes, total_bytes } => Self::Collect { done_bytes, total_bytes },
            Core::Measure { done, total } => Self::Measure { done: count(done), total: count(total) },
            Core::Compare => Self::Compare,
        }
    }
}

impl From<wheelwork::PrepareReport> for PrepareReport {
    fn from(report: wheelwork::PrepareReport) -> Self {
        let wheelwork::PrepareReport {
            is_new,
            disk_bytes,
            peak_disk_bytes,
            plain_memory_bytes,
            prepared_memory_bytes,
            kernels,
            attention,
            seconds,
        } = report;
        let kernels = kernels.into_iter().map(Into::into).collect();
        let attention = attention.map(Into::into);
        Self {
            is_new,
            disk_bytes,
            peak_disk_bytes,
            plain_memory_bytes,
            prepared_memory_bytes,
            kernels,
            attention,
            seconds,
        }
    }
}

impl From<preparing::AttentionChoice> for AttentionChoice {
    fn from(choice: preparing::AttentionChoice) -> Self {
        let preparing::AttentionChoice { nodes, context, onnxruntime, ours, is_ours } = choice;
        let (nodes, context) = (count(nodes), count(context));
        Self { nodes, context, onnxruntime: onnxruntime.map(Into::into), ours: ours.map(Into::into), is_ours }
    }
}

impl From<preparing::ProductChoice> for ProductChoice {
    fn from(choice: preparing::ProductChoice) -> Self {
        let preparing::ProductChoice {
            k,
            n,
            bits,
            stored_bits: _,
            block_size,
            products,
            onnxruntime,
            ours,
            is_ours,
        } = choice;
        let (products, onnxruntime, ours) =
            (count(products), onnxruntime.map(Into::into), ours.map(Into::into));
        Self { k, n, bits, block_size, products, onnxruntime, ours, is_ours }
    }
}

impl From<preparing::ProductTime> for ProductTime {
    fn from(time: preparing::ProductTime) -> Self {
        let preparing::ProductTime { token_us, prompt_us } = time;
        Self { token_us, prompt_us }
    }
}
