//! The architectures that the library is built for.

use clap::ValueEnum;

/// By Android's names, which are those of the folders in an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Abi {
    /// Phones and tablets.
    #[value(name = "arm64-v8a")]
    Arm64,
    /// Emulators and Chromebooks.
    #[value(name = "x86_64")]
    X86,
}

impl Abi {
    /// Android's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64-v8a",
            Self::X86 => "x86_64",
        }
    }

    /// Rust's name of the target.
    pub(super) fn target(self) -> &'static str {
        match self {
            Self::Arm64 => "aarch64-linux-android",
            Self::X86 => "x86_64-linux-android",
        }
    }
}
