//! Other systems than this one: compiling for them, and running what came of it.
//!
//! [`build`] compiles by zig, which carries the C libraries of all of them; [`arm`] runs programs under qemu-user.

pub(crate) mod arm;
pub(crate) mod build;
pub(crate) mod debian;

/// The oldest glibc that programs for Linux start with: ONNX Runtime's wheel wants that, too.
pub(crate) const GLIBC: &str = "2.28";

/// Rust's name of Linux on 64-bit ARM.
pub(crate) const LINUX_ARM64: &str = "aarch64-unknown-linux-gnu";
