//! Which model a command uses, and where it runs.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use wheelwork::{DevicePreference, Kernels, KvForm, MemoryCheck, OpenOptions};

use super::package::StoreArguments;
use crate::{compiling, folders};

/// Which model, and where it runs.
#[derive(Debug, Args)]
#[command(next_help_heading = "Model and device")]
pub(crate) struct ModelArguments {
    /// A model's name, a package or genai folder, or an installed .wwpkg file [default: tiny-r1]
    #[arg(long, short)]
    pub(crate) model: Option<String>,
    /// Where models are installed [default: the user's data folder]
    #[arg(long, env = "WHEELWORK_MODELS_DIR", value_name = "DIR", hide_short_help = true)]
    pub(crate) models_dir: Option<PathBuf>,
    /// The device to run on
    #[arg(long, value_enum, value_name = "auto|npu|gpu|cpu", default_value_t = Device::Auto, hide_possible_values = true)]
    pub(crate) device: Device,
    /// Fail where that device cannot be used, instead of taking another and saying so
    #[arg(long, hide_short_help = true)]
    pub(crate) strict: bool,
    /// CPU threads [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// The most tokens of a conversation [default: the model's]
    #[arg(long, value_name = "TOKENS")]
    pub(crate) context_length: Option<usize>,
    /// How keys and values are cached [default: what the package's self-check chose]
    #[arg(long, value_enum, value_name = "FORM", hide_short_help = true)]
    pub(crate) kv: Option<Kv>,
    /// Leave the form that `wheelwork prepare` made alone
    #[arg(long, hide_short_help = true)]
    pub(crate) plain: bool,
    /// Whose kernels the prepared form computes with; `wheelwork prepare` must have been told the same
    #[arg(long, value_enum, env = "WHEELWORK_KERNELS", default_value_t = KernelChoice::Auto, value_name = "CHOICE", hide_short_help = true)]
    pub(crate) kernels: KernelChoice,
    /// An option of the device's execution provider, such as soc_model=57; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = provider_option, hide_short_help = true)]
    pub(crate) provider_option: Vec<(String, String)>,
    /// Take the device as it is, without comparing what it computes with the CPU at its first use
    #[arg(long, hide_short_help = true)]
    pub(crate) no_self_check: bool,
    /// The memory that the model may need, instead of what the system says is free; off: open it whatever it needs
    #[arg(long, value_name = "MB|off", value_parser = parse_memory, hide_short_help = true)]
    pub(crate) memory: Option<MemoryCheck>,
}

/// Which model to prepare.
#[derive(Debug, Args)]
pub(crate) struct PrepareArguments {
    /// A package folder, a genai model folder, or the name of an installed model
    pub(crate) model: String,
    #[command(flatten)]
    pub(crate) store: StoreArguments,
    /// The device: for the CPU, weights are packed; for an NPU, graphs are compiled for this system-on-chip
    #[arg(long, value_enum, default_value_t = Device::Cpu)]
    pub(crate) device: Device,
    /// An option of the device's execution provider, such as soc_model=57; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = provider_option)]
    pub(crate) provider_option: Vec<(String, String)>,
    /// CPU threads [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// The form of the cache whose graph is prepared [default: what the package's self-check chose]
    #[arg(long, value_enum, value_name = "FORM")]
    pub(crate) kv: Option<Kv>,
    /// Whose kernels compute on the CPU
    #[arg(long, value_enum, env = "WHEELWORK_KERNELS", default_value_t = KernelChoice::Auto, value_name = "CHOICE", hide_short_help = true)]
    pub(crate) kernels: KernelChoice,
}

impl PrepareArguments {
    /// As the other commands name a model.
    pub(crate) fn model_arguments(&self) -> ModelArguments {
        ModelArguments {
            model: Some(self.model.clone()),
            models_dir: self.store.models_dir.clone(),
            device: self.device,
            strict: true,
            threads: self.threads,
            context_length: None,
            kv: self.kv,
            plain: false,
            kernels: self.kernels,
            provider_option: self.provider_option.clone(),
            no_self_check: false,
            memory: None,
        }
    }
}

/// What `devices` does beside looking.
#[derive(Debug, Args)]
pub(crate) struct DevicesArguments {
    /// Let providers be tried again that took a process down, and repeat self-checks
    #[arg(long)]
    pub(crate) retry: bool,
}

choice! {
    pub(crate) enum Kv => KvForm {
        /// A quarter of the memory; faster decoding at long contexts, slower prefill
        Int8 => KvForm::Int8,
        /// float32, exact
        Float => KvForm::Float,
    }
}

choice! {
    pub(crate) enum KernelChoice => Kernels {
        /// Those that preparing measured to be faster on this machine, for each shape of matrix
        Auto => Kernels::Auto,
        /// ONNX Runtime's
        Off => Kernels::Off,
        /// Ours wherever they can, without measuring
        Own => Kernels::Own,
    }
}

choice! {
    pub(crate) enum Device => DevicePreference {
        /// The best one that can be used
        Auto => DevicePreference::Auto,
        /// Neural processing unit
        Npu => DevicePreference::Npu,
        /// GPU
        Gpu => DevicePreference::Gpu,
        /// CPU
        Cpu => DevicePreference::Cpu,
    }
}

impl ModelArguments {
    pub(crate) fn open_options(&self) -> OpenOptions {
        OpenOptions {
            device: self.device.into(),
            strict: self.strict,
            threads: self.threads.map(usize::from),
            context_length: self.context_length,
            kv_cache: self.kv.map(Into::into),
            plain: self.plain,
            kernels: self.kernels.into(),
            compile_watch: compiling::watch(),
            provider_options: self.provider_option.clone(),
            skip_self_check: self.no_self_check,
            memory: self.memory.unwrap_or_default(),
            ..Self::default_options()
        }
    }

    /// How a model is opened where no flag says otherwise.
    pub(crate) fn default_options() -> OpenOptions {
        OpenOptions {
            kernels: default_kernels(),
            cache_dir: prepared_dir(),
            trials_dir: trials_dir(),
            keys_dir: keys_dir(),
            ..OpenOptions::default()
        }
    }
}

/// What `WHEELWORK_KERNELS` says; commands that have the flag refuse what it cannot be.
pub(crate) fn default_kernels() -> Kernels {
    let choice = std::env::var("WHEELWORK_KERNELS").ok();
    choice.and_then(|text| KernelChoice::from_str(&text, false).ok()).unwrap_or(KernelChoice::Auto).into()
}

fn provider_option(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Where it is noted which providers were tried on this machine.
pub(crate) fn trials_dir() -> Option<PathBuf> {
    Some(folders::cache()?.join("providers"))
}

/// Where this user's keys stand: those that were trusted, and the one by which what was made here is known.
pub(crate) fn keys_dir() -> Option<PathBuf> {
    Some(folders::data()?.join("keys"))
}

/// `off`, or megabytes.
fn parse_memory(text: &str) -> Result<MemoryCheck, String> {
    if text == "off" {
        return Ok(MemoryCheck::Off);
    }
    let megabytes: u64 = text.parse().map_err(|_| "expected off or a number of megabytes".to_owned())?;
    Ok(MemoryCheck::Bytes(megabytes.saturating_mul(1_000_000)))
}

/// Prepared forms of folders that are not installed; without such a folder there are none.
fn prepared_dir() -> Option<PathBuf> {
    Some(folders::cache()?.join("prepared"))
}
