//! What a row of the table of providers says.

use wheelwork_package::card::ContextBinary;

use super::options::{self, OptionError, OptionRule};
use super::placement::Device;
use crate::decoder::effort::PerformanceModes;

/// How far a provider was proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// Tested; taken wherever it can be used.
    Supported,
    /// This build drives it, and nobody ran it on the hardware that it is for. Taken where its device is asked for by
    /// name, never by `auto`.
    Unproven,
    /// The table knows it; this build has no code for it.
    NotInThisBuild,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Provider {
    /// ONNX Runtime's name.
    pub ep: &'static str,
    /// The device it drives.
    pub device: Device,
    /// What the device is, for a person.
    pub hardware: &'static str,
    /// The systems that it exists for, as [`std::env::consts::OS`] names them; empty: all.
    pub systems: &'static [&'static str],
    /// Whether this build can use it.
    pub support: Support,
    /// The library that holds it; `None` for what ONNX Runtime's own library holds.
    pub library: Option<PluginLibrary>,
    /// The providers whose package variants it runs, the best first: those made for it, then those whose graph it takes
    /// as it is.
    pub variants: &'static [&'static str],
    /// ONNX Runtime's name of the device's own memory, where caches stay; `None` for the host's.
    pub(crate) memory: Option<&'static str>,
    /// The options that a caller may give; providers take anything misspelt without a word.
    pub options: &'static [OptionRule],
    /// The CPU for which the libraries compute what the device would, as [`std::env::consts::ARCH`] names it.
    pub(crate) simulated_on: Option<&'static str>,
    /// How it is driven, where it runs static graphs.
    pub(crate) static_driver: Option<&'static StaticDriver>,
}

impl Provider {
    /// Whether it exists for this system at all.
    #[must_use]
    pub fn is_for_this_system(&self) -> bool {
        self.systems.is_empty() || self.systems.contains(&std::env::consts::OS)
    }

    /// Whether the libraries for this machine's CPU only compute what the device would.
    #[must_use]
    pub fn is_simulated_here(&self) -> bool {
        self.simulated_on == Some(std::env::consts::ARCH)
    }

    /// The system-on-chip that this provider drives here, by its maker's part number in lower case, as in `sc8380xp`. `None`
    /// where the system does not tell it, where libraries only simulate the device, and for providers that ask no such thing.
    #[must_use]
    pub fn system_on_chip(&self) -> Option<String> {
        if self.is_simulated_here() { None } else { (self.static_driver?.system_on_chip)() }
    }

    /// Checks options before the provider sees them.
    ///
    /// # Errors
    /// [`OptionError`], the first one.
    pub fn check_options(&self, options: &[(String, String)]) -> Result<(), OptionError> {
        options::check(self.ep, self.options, options)
    }
}

/// What opening static graphs asks of their provider.
#[derive(Debug)]
pub(crate) struct StaticDriver {
    /// How the provider is told with each run how hard to work.
    pub(crate) performance: PerformanceModes,
    /// The option with the backend's path.
    pub(crate) backend_option: &'static str,
    /// A file of the variant that the float form needs, and the option with its path.
    pub(crate) float_file: (&'static str, &'static str),
    /// Files of the compiler, one of which stands beside the backend where there is a compiler.
    pub(crate) compilers: &'static [&'static str],
    /// What the simulator stands for where nothing is said.
    pub(crate) simulated: &'static [(&'static str, &'static str)],
    /// This machine's system-on-chip, as far as the system tells it.
    pub(crate) system_on_chip: fn() -> Option<String>,
    /// The compiled graphs for the system-on-chip that the caller's options name, else for this machine's.
    pub(crate) binary: ChooseBinary,
    /// The options that go with compiled graphs.
    pub(crate) binary_options: fn(&ContextBinary) -> Vec<(&'static str, String)>,
}

/// From binaries, options and this machine's system-on-chip to the binary that fits.
type ChooseBinary =
    for<'b> fn(&'b [ContextBinary], &[(String, String)], Option<&str>) -> Option<&'b ContextBinary>;

/// A provider's library and where it is looked for.
#[derive(Debug, Clone, Copy)]
pub struct PluginLibrary {
    /// The file's name without the system's prefix and suffix.
    pub stem: &'static str,
    /// Names the folder; nowhere else is looked where it is set, and an empty value does without the provider.
    pub folder_variable: &'static str,
    /// What the provider loads by path, named as `stem` is.
    pub backend: Option<&'static str>,
    /// The package that carries the files.
    pub package: &'static str,
}
