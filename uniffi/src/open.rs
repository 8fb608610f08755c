//! How a model is opened.

use std::collections::HashMap;

use wheelwork::{CancelToken, CompileWatch};

use crate::convert::{limit, mirror};

/// How a model is opened. The defaults suit most.
#[derive(Debug, Clone, uniffi::Record)]
pub struct OpenOptions {
    /// The device to run on; absent, the best one that package and build can use.
    #[uniffi(default = None)]
    pub device: Option<DevicePreference>,
    /// Fail where the wanted device can't be used, instead of taking another and saying so.
    #[uniffi(default = false)]
    pub strict: bool,
    /// CPU threads; absent, one a core.
    #[uniffi(default = None)]
    pub threads: Option<u32>,
    /// CPU threads for turns in the background and on a warm device; absent, as many as ever. It takes a
    /// second session of the graph, loaded when it is first wanted.
    #[uniffi(default = None)]
    pub power_saving_threads: Option<u32>,
    /// The longest sequence in tokens; absent, the package's.
    #[uniffi(default = None)]
    pub context_length: Option<u32>,
    /// A chat template as Jinja; absent, the package's.
    #[uniffi(default = None)]
    pub chat_template: Option<String>,
    /// How keys and values are cached; absent, the package's default.
    #[uniffi(default = None)]
    pub kv_cache: Option<KvForm>,
    /// Leave a form that was prepared for this machine alone.
    #[uniffi(default = false)]
    pub plain: bool,
    /// Where prepared forms of models that are not installed stand; must be on the models' file system.
    #[uniffi(default = None)]
    pub cache_dir: Option<String>,
    /// Room for prefixes that conversations share ([`crate::ChatHandle::share_prefix`]), in bytes; 0: they share nothing.
    #[uniffi(default = 0)]
    pub prefix_cache_bytes: u64,
    /// Options of the device's execution provider, used only where that provider is.
    #[uniffi(default)]
    pub provider_options: HashMap<String, String>,
    /// Where it is noted which providers were tried on this machine, so that one that took the process down is not
    /// tried again; absent, nowhere.
    #[uniffi(default = None)]
    pub trials_dir: Option<String>,
    /// Where the app keeps the key by which forms that were prepared or compiled beside an installed model are known as made
    /// here; absent, those are not used.
    #[uniffi(default = None)]
    pub keys_dir: Option<String>,
    /// What memory is held against; absent, what the system says is free.
    #[uniffi(default = None)]
    pub memory: Option<MemoryCheck>,
}

/// What memory is held against when a model is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum MemoryCheck {
    /// What the system says is free; nothing where it does not say.
    System,
    /// What the app says is free: from `os_proc_available_memory` on iOS, for instance.
    Bytes {
        /// So many bytes.
        bytes: u64,
    },
    /// Nothing: the model is opened whatever it takes.
    Off,
}

mirror! {
    /// The device that the caller wants.
    DevicePreference = wheelwork::DevicePreference {
        /// The best one that package and build can use.
        Auto,
        /// A neural processing unit.
        Npu,
        /// A GPU.
        Gpu,
        /// The CPU.
        Cpu,
    }
    /// How keys and values are cached.
    KvForm = wheelwork::KvForm {
        /// 32-bit floats.
        Float,
        /// 8-bit integers with scales.
        Int8,
    }
}

impl From<OpenOptions> for wheelwork::OpenOptions {
    fn from(options: OpenOptions) -> Self {
        Self {
            device: options.device.map_or_else(Default::default, Into::into),
            strict: options.strict,
            threads: options.threads.map(limit),
            power_saving_threads: options.power_saving_threads.map(limit),
            context_length: options.context_length.map(limit),
            chat_template: options.chat_template,
            kv_cache: options.kv_cache.map(Into::into),
            plain: options.plain,
            cache_dir: options.cache_dir.map(Into::into),
            prefix_cache_bytes: options.prefix_cache_bytes,
            provider_options: options.provider_options.into_iter().collect(),
            trials_dir: options.trials_dir.map(Into::into),
            keys_dir: options.keys_dir.map(Into::into),
            memory: options.memory.map_or_else(Default::default, Into::into),
            compile_watch: CompileWatch::default(),
            skip_self_check: false,
            cancel: CancelToken::default(),
        }
    }
}

impl From<MemoryCheck> for wheelwork::MemoryCheck {
    fn from(check: MemoryCheck) -> Self {
        match check {
            MemoryCheck::System => Self::System,
            MemoryCheck::Bytes { bytes } => Self::Bytes(bytes),
            MemoryCheck::Off => Self::Off,
        }
    }
}
