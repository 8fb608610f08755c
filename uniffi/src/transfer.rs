//! Long calls of a store: installing, repairing, verifying.

use std::ops::ControlFlow;
use std::sync::Arc;

use wheelwork_package::container::{self, Name, Progress, Source};
use wheelwork_package::store::{self, Store, StoreError};

use crate::convert::{count, mirror};
use crate::edge::safely;
use crate::job::{Item, Job, Jobs, Teller};
use crate::pipe::PipeStopper;
use crate::source::{Opened, explain};
use crate::{FfiError, SignatureState};

/// An installation or a repair under way. It goes on whether somebody reads or not; let go of, it is cancelled. Progress
/// that nobody has read is replaced by newer progress of the same step.
#[derive(uniffi::Object)]
pub struct InstallHandle {
    job: Job<InstallEvent>,
    pipe: Option<PipeStopper>,
}

/// What an installation tells: progress, then the end.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum InstallEvent {
    /// How far it is.
    Progress {
        /// What is being done.
        step: StoreStep,
        /// Bytes of content done in this step.
        done_bytes: u64,
        /// Bytes of content that this step has to do.
        total_bytes: u64,
    },
    /// The end; nothing follows.
    Finished {
        /// What was done.
        report: InstallReport,
    },
}

/// What an installation did.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct InstallReport {
    /// The model.
    pub name: String,
    /// The counter that its maker raises with every release.
    pub version: u64,
    /// SHA-256 of its index, in lowercase hexadecimal.
    pub id: String,
    /// The folder to open.
    pub path: String,
    /// How the signature stands.
    pub signature: SignatureState,
    /// False where this very package was installed already, whole.
    pub is_new: bool,
    /// The version that was installed before.
    pub replaced_version: Option<u64>,
    /// Bytes, as stored, that the package has.
    pub package_bytes: u64,
    /// Of these, bytes that were read from the source.
    pub received_bytes: u64,
    /// Of these, bytes that an interrupted try had left.
    pub resumed_bytes: u64,
    /// Of these, bytes that the installed version had already.
    pub reused_bytes: u64,
}

/// A look at every byte of an installed model. It goes on whether somebody reads or not; let go of, it is cancelled.
#[derive(uniffi::Object)]
pub struct VerifyHandle {
    job: Job<VerifyEvent>,
}

/// What a verification tells: progress, then the end.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum VerifyEvent {
    /// How far it is.
    Progress {
        /// Bytes read.
        done_bytes: u64,
        /// Bytes to read.
        total_bytes: u64,
    },
    /// The end; nothing follows.
    Finished {
        /// What was found.
        report: VerifyReport,
    },
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct VerifyReport {
    /// The model.
    pub name: String,
    /// Files that it has.
    pub files: u32,
    /// Bytes of these files.
    pub bytes: u64,
    /// Everything that is wrong; empty for a model that is whole. A repair cures it.
    pub damage: Vec<Damage>,
}

/// Something that is not as it was installed.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum Damage {
    /// The record of what was installed is missing or damaged, so nothing can be compared.
    Head,
    /// A file is missing.
    Missing {
        /// Its path in the package.
        file: String,
    },
    /// A file has another size.
    Size {
        /// Its path in the package.
        file: String,
        /// Bytes on the disk.
        found: u64,
        /// Bytes that were installed.
        expected: u64,
    },
    /// A part of a file has another content.
    Chunk {
        /// Its path in the package.
        file: String,
        /// The number of the chunk in the package.
        chunk: u32,
        /// Where it begins in the file, in bytes.
        offset: u64,
        /// Its length in bytes.
        bytes: u32,
    },
    /// A file that was not installed.
    Unexpected {
        /// Its path in the package.
        file: String,
    },
}

mirror! {
    /// A step of a store's operation.
    StoreStep = container::Step {
        /// Packing: reading the files. Not on a phone.
        Scan,
        /// Packing: compressing. Not on a phone.
        Compress,
        /// Comparing what an interrupted try has left.
        Resume,
        /// Taking equal files and parts from the installed version.
        Reuse,
        /// Reading from the source.
        Receive,
        /// Comparing digests.
        Verify,
        /// Checking the result and waiting for the disk.
        Sync,
    }
}

#[uniffi::export]
impl InstallHandle {
    /// The next event; nothing after the last one. Waits without a thread. One reader at a time.
    ///
    /// # Errors
    /// Why it failed, after which nothing follows; `store_cancelled` after a cancel. `busy` for a second reader.
    pub async fn next(&self) -> Result<Option<InstallEvent>, FfiError> {
        self.job.next().await
    }

    /// Ends it within a part of some megabytes; what has arrived is kept for the next try. The end, `store_cancelled`, can
    /// still be read. Microseconds, on any thread.
    pub fn cancel(&self) {
        safely("InstallHandle.cancel", || (), || self.stop());
    }
}

#[uniffi::export]
impl VerifyHandle {
    /// The next event; nothing after the last one. Waits without a thread. One reader at a time.
    ///
    /// # Errors
    /// `store_not_installed`, `store_io` for a file that cannot be read, `store_cancelled`; after any of them nothing
    /// follows. `busy` for a second reader.
    pub async fn next(&self) -> Result<Option<VerifyEvent>, FfiError> {
        self.job.next().await
    }

    /// Ends it within a part of some megabytes. Microseconds, on any thread.
    pub fn cancel(&self) {
        safely("VerifyHandle.cancel", || (), || self.job.cancel());
    }
}

/// What is done with a package.
pub(crate) enum Operation {
    Install,
    Repair(Name),
}

impl Operation {
    fn run(
        &self,
        store: &Store,
        source: &mut dyn Source,
        options: &store::InstallOptions,
        teller: &Teller<InstallEvent>,
    ) -> Result<store::InstallReport, StoreError> {
        let watch = &mut |progress: Progress| {
            let Progress { step, done_bytes, total_bytes } = progress;
            teller.tell(InstallEvent::Progress { step: step.into(), done_bytes, total_bytes });
            go_on(teller)
        };
        match self {
            Self::Install => store.install(source, options, watch),
            Self::Repair(name) => store.repair(name, source, options, watch),
        }
    }
}

impl InstallHandle {
    pub(crate) fn begin(
        store: Store,
        jobs: Arc<Jobs>,
        operation: Operation,
        source: Opened,
        options: store::InstallOptions,
    ) -> Result<Arc<Self>, FfiError> {
        let (mut source, pipe): (Box<dyn Source + Send>, _) = match source {
            Opened::Seekable(source) => (source, None),
            Opened::Pushed(reader, stopper) => (Box::new(reader), Some(stopper)),
        };
        let its_jobs = Arc::clone(&jobs);
        let job = Job::start(wheelwork::CancelToken::new(), move |teller| {
            its_jobs.wait_for_leaving(teller.cancel_token());
            let installed = operation.run(&store, source.as_mut(), &options, teller);
            let report = installed.map_err(|error| explain(error, teller.is_cancelled()))?;
            Ok(Some(InstallEvent::Finished { report: report.into() }))
        })?;
        jobs.add(job.handle());
        Ok(Arc::new(Self { job, pipe }))
    }

    fn stop(&self) {
        self.job.cancel();
        // It may wait for bytes.
        if let Some(pipe) = &self.pipe {
            pipe.stop();
        }
    }
}

impl Drop for InstallHandle {
    fn drop(&mut self) {
        safely("InstallHandle.free", || (), || self.stop());
    }
}

impl VerifyHandle {
    pub(crate) fn begin(store: Store, name: Name) -> Result<Arc<Self>, FfiError> {
        let job = Job::start(wheelwork::CancelToken::new(), move |teller| {
            let watch = &mut |progress: Progress| {
                let Progress { step: _, done_bytes, total_bytes } = progress;
                teller.tell(VerifyEvent::Progress { done_bytes, total_bytes });
                go_on(teller)
            };
            let report = store.verify(&name, watch)?;
            Ok(Some(VerifyEvent::Finished { report: report.into() }))
        })?;
        Ok(Arc::new(Self { job }))
    }
}

fn go_on<I: Item>(teller: &Teller<I>) -> ControlFlow<()> {
    if teller.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

impl Item for InstallEvent {
    fn replaces(&self, earlier: &Self) -> bool {
        match (self, earlier) {
            (Self::Progress { step, .. }, Self::Progress { step: earlier, .. }) => step == earlier,
            _ => false,
        }
    }
}

impl Item for VerifyEvent {
    fn replaces(&self, earlier: &Self) -> bool {
        matches!((self, earlier), (Self::Progress { .. }, Self::Progress { .. }))
    }
}

impl From<store::InstallReport> for InstallReport {
    fn from(report: store::InstallReport) -> Self {
        let store::InstallReport {
            name,
            version,
            id,
            path,
            signature,
            is_new,
            replaced_version,
            package_bytes,
            received_bytes,
            resumed_bytes,
            reused_bytes,
        } = report;
        Self {
            name: name.to_string(),
            version,
            id: id.to_string(),
            path: path.display().to_string(),
            signature: signature.into(),
            is_new,
            replaced_version,
            package_bytes,
            received_bytes,
            resumed_bytes,
            reused_bytes,
        }
    }
}

impl From<store::VerifyReport> for VerifyReport {
    fn from(report: store::VerifyReport) -> Self {
        let store::VerifyReport { name, files, bytes, damage } = report;
        let damage = damage.into_iter().map(Into::into).collect();
        Self { name: name.to_string(), files: count(files), bytes, damage }
    }
}

impl From<store::Damage> for Damage {
    fn from(damage: store::Damage) -> Self {
        use store::Damage as Core;
        match damage {
            Core::Head => Self::Head,
            Core::Missing { file } => Self::Missing { file },
            Core::Size { file, found, expected } => Self::Size { file, found, expected },
            Core::Chunk { file, chunk, offset, bytes } => {
                Self::Chunk { file, chunk: count(chunk), offset, bytes }
            }
            Core::Unexpected { file } => Self::Unexpected { file },
        }
    }
}
