//! How a model is opened.

use std::path::PathBuf;

use wheelwork_package::card::KvForm;

use super::watch::OpenWatch;
use crate::control::CancelToken;
use crate::device::cache::Own;
use crate::device::compiled::CompileWatch;
use crate::device::{DevicePreference, Kernels};
use crate::error::Error;

/// How a model is opened. `default()` suits most.
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    /// The device to run on.
    pub device: DevicePreference,
    /// Fail where the wanted device can't be used, instead of taking another and saying so.
    pub strict: bool,
    /// Threads of the CPU provider; `None` takes one a core.
    pub threads: Option<usize>,
    /// Threads of the CPU provider for turns in the background and at any pace of an engine but the full one, fewer than
    /// [`OpenOptions::threads`](field@OpenOptions::threads); `None`: as many as ever. It takes a second session of the graph, loaded when it is first
    /// wanted: in the prepared form that maps the same weights, in the plain one it packs them a second time.
    pub power_saving_threads: Option<usize>,
    /// The longest sequence in tokens; `None` takes the package's.
    pub context_length: Option<usize>,
    /// A chat template as Jinja, instead of the package's own.
    pub chat_template: Option<String>,
    /// How keys and values are cached; `None` takes the package's default.
    pub kv_cache: Option<KvForm>,
    /// Leave a prepared form ([`crate::prepare()`]) alone. Without this it is used where there is one.
    pub plain: bool,
    /// Whose kernels the prepared form computes with. A form that was prepared for another choice is not used. The plain
    /// form always runs on ONNX Runtime's.
    pub kernels: Kernels,
    /// Where prepared forms of models that are not installed stand, and their graphs that were compiled on this machine;
    /// must be on the models' file system. `None`: nowhere, each open of such a model compiles anew and waits for it. Without
    /// [`OpenOptions::keys_dir`], those of installed models stand here, too.
    pub cache_dir: Option<PathBuf>,
    /// Where keys of this user stand, in a folder that is theirs alone: the one by which prepared forms and compiled graphs
    /// beside an installed model are known as made here, and those whose signatures the user trusted. `None`: what stands
    /// beside a model is not used.
    pub keys_dir: Option<PathBuf>,
    /// Told of each graph that is compiled for a device. Opens that are `strict` wait for it, and opens of packages that
    /// have nothing for the CPU; others go on in the background ([`crate::Model::compilation`]).
    pub compile_watch: CompileWatch,
    /// Told of each step of the opening.
    pub watch: OpenWatch,
    /// Room for prefixes that sessions share ([`crate::Session::share_prefix`]), in bytes; 0: they share nothing.
    pub prefix_cache_bytes: u64,
    /// Options of the device's execution provider, by the names that [`crate::device::PROVIDERS`] lists; used only
    /// where that provider is.
    pub provider_options: Vec<(String, String)>,
    /// Where it is noted which providers were tried on this machine, so that one that took the process down is not
    /// tried again, and one that passed its self-check need not repeat it. `None`: nowhere, each open tries anew.
    pub trials_dir: Option<PathBuf>,
    /// Take a device as it is, without comparing what it computes for a fixed prompt at its first use.
    pub skip_self_check: bool,
    /// What the model's need of memory is held against before its weights are read.
    pub memory: MemoryCheck,
    /// Ends the opening from another thread, by [`CancelToken::cancel`] or [`CancelToken::suspend`]:
    /// [`Error::OpenCancelled`]. What is compiled in the background goes on.
    pub cancel: CancelToken,
}

/// What memory is held against when a model is opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MemoryCheck {
    /// What the system says is free; nothing where it does not say.
    #[default]
    System,
    /// So many bytes, for apps that know better: from `os_proc_available_memory` on iOS, for instance.
    Bytes(u64),
    /// Nothing: the model is opened whatever it takes.
    Off,
}

impl OpenOptions {
    pub(super) fn go_on(&self) -> Result<(), Error> {
        self.cancel.request().map_or(Ok(()), |_| Err(Error::OpenCancelled))
    }

    /// The caller's folders for what is derived.
    pub(super) fn own(&self) -> Own<'_> {
        Own { cache_dir: self.cache_dir.as_deref(), keys_dir: self.keys_dir.as_deref() }
    }

    pub(super) fn threads(&self) -> usize {
        let default = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.unwrap_or_else(default).max(1)
    }
}
