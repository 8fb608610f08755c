//! Why static graphs could not be compiled.

use std::path::PathBuf;

use wheelwork_diagnostic::{Diagnosis, Diagnostic, Remedy, Requantize, leave_out, retry, unsupported};
use wheelwork_ort::LibraryError;
use wheelwork_package::PackageError;

/// Why static graphs could not be compiled. The package is as it was.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum ContextError {
    /// ONNX Runtime could not be loaded.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The compiler is not here, or does not load.
    #[error("the compiler for NPUs cannot be used, {reason}: {detail}")]
    NoCompiler { reason: String, detail: String },
    /// The package has no such variant of static graphs.
    #[error("the package has no static graphs `{variant}` to compile")]
    NoGraphs { variant: String },
    /// The compiler refuses a graph.
    #[error("the graph `{graph}` cannot be compiled for {soc}: {message}")]
    Refused { graph: String, soc: String, message: String },
    /// The compiler wrote something else than it was asked for.
    #[error("`{graph}` was compiled for {found}, expected {expected}")]
    OtherForm { graph: String, found: String, expected: String },
    /// A binary that an NPU's process cannot hold.
    #[error("the binary `{file}` has {bytes} bytes, expected at most {limit}")]
    TooLarge { file: String, bytes: u64, limit: u64 },
    /// The package could not be read or changed.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// A file could not be written.
    #[error("`{}` cannot be written: {source}", .path.display())]
    Write { path: PathBuf, source: std::io::Error },
}

impl Diagnostic for ContextError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Library(error) => error.diagnosis(),
            Self::Package(error) => error.diagnosis(),
            Self::NoCompiler { .. } => retry("npu_no_compiler", Remedy::InstallCompiler),
            Self::NoGraphs { variant } => {
                retry("npu_no_graphs", Remedy::Requantize(Requantize::StaticGraphs)).at(variant)
            }
            Self::Refused { graph, .. } => unsupported("npu_compile_refused", leave_out(THIS_SOC)).at(graph),
            Self::OtherForm { graph, .. } => {
                unsupported("npu_compiled_otherwise", leave_out(THIS_SOC)).at(graph)
            }
            Self::TooLarge { file, .. } => {
                unsupported("npu_binary_too_large", Remedy::Requantize(Requantize::SmallerWeights)).at(file)
            }
            Self::Write { path, .. } => retry("npu_write", Remedy::CheckStorage).file(path),
        }
    }
}

const THIS_SOC: &str = "this system-on-chip: its graphs are compiled there at first use";
