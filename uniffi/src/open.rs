//! How a model is opened.

use std::collections::HashMap;

use wheelwork::{CancelToken, CompileWatch, OpenWatch};

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
    /// Whose kernels the prepared form computes with on the CPU; absent, those that preparing measures to be faster. A form that
    /// was prepared for another choice is not used.
    #[uniffi(default = None)]
    pub kernels: Option<Kernels>,
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
    /// Take a device as it is, without comparing what it computes for a fixed prompt at its first use.
    #[uniffi(default = false)]
    pub skip_self_check: bool,
}

/// How an engine works. The defaults suit most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Record)]
pub struct EngineOptions {
    /// Events that may wait for a reader before its turn has to, at least 1. A step brings few, so that at most a handful
    /// more wait.
    #[uniffi(default = 64)]
    pub waiting_events: u32,
    /// The most tokens of a prompt in one step, at least 1: how long other turns wait for a long prompt.
    #[uniffi(default = 128)]
    pub prefill_tokens: u32,
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
    /// Whose kernels a model is prepared for on the CPU.
    Kernels = wheelwork::Kernels {
        /// Those that are faster on this machine, by shape of matrix: both are measured when the model is prepared.
        Auto,
        /// ONNX Runtime's.
        Off,
        /// Ours wherever they can, without measuring.
        Own,
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
        let OpenOptions {
            device,
            strict,
            threads,
            power_saving_threads,
            context_length,
            chat_template,
            kv_cache,
            plain,
            kernels,
            cache_dir,
            prefix_cache_bytes,
            provider_options,
            trials_dir,
            keys_dir,
            memory,
            skip_self_check,
        } = options;
        Self {
            device: device.map_or_else(Default::default, Into::into),
            strict,
            threads: threads.map(limit),
            power_saving_threads: power_saving_threads.map(limit),
            context_length: context_length.map(limit),
            chat_template,
            kv_cache: kv_cache.map(Into::into),
            plain,
            kernels: kernels.map_or_else(Default::default, Into::into),
            cache_dir: cache_dir.map(Into::into),
            prefix_cache_bytes,
            provider_options: provider_options.into_iter().collect(),
            trials_dir: trials_dir.map(Into::into),
            keys_dir: keys_dir.map(Into::into),
            memory: memory.map_or_else(Default::default, Into::into),
            skip_self_check,
            // A handle sets those.
            compile_watch: CompileWatch::default(),
            watch: OpenWatch::default(),
            cancel: CancelToken::default(),
        }
    }
}

impl From<EngineOptions> for wheelwork::engine::EngineOptions {
    fn from(options: EngineOptions) -> Self {
        let EngineOptions { waiting_events, prefill_tokens } = options;
        Self { waiting_events: limit(waiting_events), prefill_tokens: limit(prefill_tokens) }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_absent_is_the_default_of_core() {
        let absent = OpenOptions {
            device: None,
            strict: false,
            threads: None,
            power_saving_threads: None,
            context_length: None,
            chat_template: None,
            kv_cache: None,
            plain: false,
            kernels: None,
            cache_dir: None,
            prefix_cache_bytes: 0,
            provider_options: HashMap::new(),
            trials_dir: None,
            keys_dir: None,
            memory: None,
            skip_self_check: false,
        };
        let (ours, default) = (wheelwork::OpenOptions::from(absent), wheelwork::OpenOptions::default());
        assert_eq!(format!("{ours:?}"), format!("{default:?}"));
    }

    #[test]
    fn the_engine_of_no_options_is_that_of_core() {
        // As the attributes above say, which the other language reads.
        let ours = EngineOptions { waiting_events: 64, prefill_tokens: 128 };
        let (ours, default) =
            (wheelwork::engine::EngineOptions::from(ours), wheelwork::engine::EngineOptions::default());
        assert_eq!(format!("{ours:?}"), format!("{default:?}"));
    }
}
