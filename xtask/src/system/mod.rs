//! The systems that archives are made for, and how their programs run on this machine.
//!
//! [`build`] compiles by zig, which carries the C libraries of all of them; [`runner`] runs what came of it: as it is, under
//! qemu-user, under Wine.

pub(crate) mod arm;
pub(crate) mod build;
pub(crate) mod debian;
pub(crate) mod runner;
pub(crate) mod sdk;
pub(crate) mod wine;

use clap::ValueEnum;

/// Where a program of ours runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum System {
    LinuxX64,
    LinuxArm64,
    WindowsX64,
    WindowsArm64,
    #[value(name = "macos-arm64")]
    MacOsArm64,
}

/// The oldest glibc that programs for Linux start with: ONNX Runtime's wheel wants that, too.
pub(crate) const GLIBC: &str = "2.28";

impl System {
    /// Those that this machine compiles for: a Mac for itself, Linux for the others.
    pub(crate) fn built_here() -> Vec<Self> {
        let is_mac = cfg!(target_os = "macos");
        let all = Self::value_variants().iter().copied();
        all.filter(|system| (*system == Self::MacOsArm64) == is_mac).collect()
    }

    /// This machine, where it is one of them.
    pub(crate) fn here() -> Option<Self> {
        use std::env::consts::{ARCH, OS};
        Self::value_variants().iter().copied().find(|system| (system.os(), system.arch()) == (OS, ARCH))
    }

    /// As on the command line and in the archive's name.
    pub(crate) fn name(self) -> String {
        crate::steps::name(&self)
    }

    /// Rust's name of it. Windows' are those with LLVM's runtime: what they link needs the system's own libraries alone.
    pub(crate) fn triple(self) -> &'static str {
        match self {
            Self::LinuxX64 => "x86_64-unknown-linux-gnu",
            Self::LinuxArm64 => "aarch64-unknown-linux-gnu",
            Self::WindowsX64 => "x86_64-pc-windows-gnullvm",
            Self::WindowsArm64 => "aarch64-pc-windows-gnullvm",
            Self::MacOsArm64 => "aarch64-apple-darwin",
        }
    }

    /// As in [`std::env::consts::OS`].
    pub(crate) fn os(self) -> &'static str {
        match self {
            Self::LinuxX64 | Self::LinuxArm64 => "linux",
            Self::WindowsX64 | Self::WindowsArm64 => "windows",
            Self::MacOsArm64 => "macos",
        }
    }

    /// As in [`std::env::consts::ARCH`].
    pub(crate) fn arch(self) -> &'static str {
        match self {
            Self::LinuxX64 | Self::WindowsX64 => "x86_64",
            Self::LinuxArm64 | Self::WindowsArm64 | Self::MacOsArm64 => "aarch64",
        }
    }

    /// The command's file.
    pub(crate) fn program(self) -> &'static str {
        if self.is_windows() { "wheelwork.exe" } else { "wheelwork" }
    }

    pub(crate) fn is_windows(self) -> bool {
        self.os() == "windows"
    }
}
