//! Why static graphs could not be compiled.

use std::borrow::Cow;
use std::path::PathBuf;

use wheelwork_ort::LibraryError;
use wheelwork_package::{Class, Diagnostic, PackageError};

/// Why static graphs could not be compiled. The package is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContextError {
    /// ONNX Runtime could not be loaded.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The compiler is not here, or does not load.
    #[error("the compiler for NPUs cannot be used, {reason}: {detail}")]
    NoCompiler {
        /// The reason, as in "because its library is not installed".
        reason: String,
        /// What the system said.
        detail: String,
    },
    /// The package has no such variant of static graphs.
    #[error("the package has no static graphs `{variant}` to compile")]
    NoGraphs {
        /// The variant.
        variant: String,
    },
    /// The compiler refuses a graph.
    #[error("the graph `{graph}` cannot be compiled for {soc}: {message}")]
    Refused {
        /// The graph's file.
        graph: String,
        /// The system-on-chip.
        soc: String,
        /// The compiler's words.
        message: String,
    },
    /// The compiler wrote something else than it was asked for.
    #[error("`{graph}` was compiled for {found}, expected {expected}")]
    OtherForm {
        /// The compiled graph's file.
        graph: String,
        /// What it says of itself.
        found: String,
        /// What was asked for.
        expected: String,
    },
    /// A binary that an NPU's process cannot hold.
    #[error("the binary `{file}` has {bytes} bytes, expected at most {limit}")]
    TooLarge {
        /// The file.
        file: String,
        /// Its size.
        bytes: u64,
        /// The largest size that loads beside a cache.
        limit: u64,
    },
    /// The package could not be read or changed.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// A file could not be written.
    #[error("`{}` cannot be written: {source}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Diagnostic for ContextError {
    fn code(&self) -> &'static str {
        match self {
            Self::Library(error) => error.code(),
            Self::Package(error) => error.code(),
            Self::NoCompiler { .. } => "npu_no_compiler",
            Self::NoGraphs { .. } => "npu_no_graphs",
            Self::Refused { .. } => "npu_compile_refused",
            Self::OtherForm { .. } => "npu_compiled_otherwise",
            Self::TooLarge { .. } => "npu_binary_too_large",
            Self::Write { .. } => "npu_write",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Library(error) => error.class(),
            Self::Package(error) => error.class(),
            Self::NoCompiler { .. } | Self::NoGraphs { .. } | Self::Write { .. } => Class::Retry,
            Self::Refused { .. } | Self::OtherForm { .. } | Self::TooLarge { .. } => Class::Unsupported,
        }
    }

    fn remedy(&self) -> Cow<'static, str> {
        match self {
            Self::Library(error) => error.remedy(),
            Self::Package(error) => error.remedy(),
            Self::NoCompiler { .. } => {
                "fetch the package `onnxruntime-qnn` for x86-64 (`cargo xtask fetch`) and let WHEELWORK_QNN_DIR name \
                 its folder"
                    .into()
            }
            Self::NoGraphs { .. } => "quantise with `--target qnn-htp` or `--target qnn-htp-float`".into(),
            Self::Refused { .. } | Self::OtherForm { .. } => {
                "leave this system-on-chip out: the graphs are compiled there at first use".into()
            }
            Self::TooLarge { .. } => "quantise with smaller weights, or leave this system-on-chip out".into(),
            Self::Write { .. } => "check that the disk has room and the folder can be written".into(),
        }
    }

    fn place(&self) -> Option<String> {
        match self {
            Self::Library(error) => error.place(),
            Self::Package(error) => error.place(),
            Self::NoGraphs { variant } => Some(variant.clone()),
            Self::Refused { graph, .. } | Self::OtherForm { graph, .. } => Some(graph.clone()),
            Self::TooLarge { file, .. } => Some(file.clone()),
            Self::Write { path, .. } => Some(path.display().to_string()),
            Self::NoCompiler { .. } => None,
        }
    }
}
