//! Qualcomm's compiler, as ONNX Runtime's provider drives it: a session that writes what it compiled.
//!
//! Session options `ep.context_*`, provider options `soc_model` and `htp_arch`: ONNX Runtime, "EP context design" and the
//! provider's own documentation. A file and what it says of itself are read back: an unknown architecture would
//! silently become another.

use std::path::{Path, PathBuf};

use ort::session::Session;
use wheelwork::device::{NotUsedReason, PROVIDERS, Provider, detect};
use wheelwork_onnx::Edit;
use wheelwork_ort::{Runtime, shared_contexts};
use wheelwork_package::files::names;
use wheelwork_package::graph::{self, limits};
use wheelwork_package::json;

use super::error::ContextError;
use super::soc::Soc;

const PROVIDER: &str = "QNNExecutionProvider";
const COMPATIBILITY: &str = "ep_compatibility_info.QNNExecutionProvider";
/// A process of the NPU addresses less than 4 GB, cache and activations included.
const BINARY_LIMIT: u64 = 1_500_000_000;

/// The compiler, loaded.
pub struct Compiler {
    runtime: Runtime,
    backend: PathBuf,
}

/// One graph to compile.
pub(super) struct Job {
    pub(super) graph: PathBuf,
    /// The graph file to make.
    pub(super) out: PathBuf,
}

/// What one graph became.
pub(super) struct Compiled {
    /// The name of the file with the binary, beside the graph.
    pub(super) binary: String,
    /// As the provider writes it.
    pub(super) compatibility: String,
    /// Version of the compiler.
    pub(super) sdk: String,
}

impl Compiler {
    /// Whether the provider and its backend are there, without loading them.
    ///
    /// # Errors
    /// [`ContextError::Library`], [`ContextError::NoCompiler`].
    pub fn find() -> Result<(), ContextError> {
        let (_, files) = files(&wheelwork_ort::environment()?)?;
        match files.iter().find(|file| !file.is_file()) {
            Some(file) => {
                Err(no_compiler(NotUsedReason::LibraryMissing.describe(), file.display().to_string()))
            }
            None => Ok(()),
        }
    }

    /// Loads ONNX Runtime and the provider, which `WHEELWORK_QNN_DIR` names. Before or after calibrating is all the
    /// same: this project's sessions name their device. Those of others in this process, if they name none, go to the
    /// provider from then on.
    ///
    /// # Errors
    /// [`ContextError::Library`], [`ContextError::NoCompiler`].
    pub fn open() -> Result<Self, ContextError> {
        let runtime = wheelwork_ort::environment()?;
        let (row, [_, backend]) = files(&runtime)?;
        detect(row, &runtime)
            .map_err(|(reason, detail)| no_compiler(reason.describe(), detail.unwrap_or_default()))?;
        Ok(Self { runtime, backend })
    }

    /// A session of a graph, compiled or not, on the simulator of a system-on-chip; all nodes there or an error.
    ///
    /// # Errors
    /// ONNX Runtime's.
    pub fn session(&self, graph: &Path, soc: Soc) -> ort::Result<Session> {
        self.start(graph, soc, &[])
    }

    /// Compiles the graphs of a part, in order, each into its own file with a binary beside it; graphs that share weights
    /// have one in all.
    pub(super) fn compile(
        &self,
        graphs: &[Job],
        soc: Soc,
        shares_weights: bool,
    ) -> Result<Vec<Compiled>, ContextError> {
        let _group = shares_weights.then(shared_contexts::lock);
        let mut sessions = Vec::new();
        for (index, Job { graph, out }) in graphs.iter().enumerate() {
            let out = out.display().to_string();
            let mut entries = vec![
                ("ep.context_enable", "1"),
                ("ep.context_embed_mode", "0"),
                ("ep.context_file_path", out.as_str()),
            ];
            if shares_weights {
                entries.extend(shared_contexts::entries(index + 1 == graphs.len()));
            }
            let refused = |error: ort::Error| ContextError::Refused {
                graph: file_name(graph),
                soc: soc.name.to_owned(),
                message: error.to_string(),
            };
            let session = self.start(graph, soc, &entries).map_err(refused)?;
            // The last of a group writes what all of them hold.
            sessions.extend(shares_weights.then_some(session));
        }
        drop(sessions);
        graphs.iter().map(|Job { out, .. }| read_back(out, soc)).collect()
    }

    fn start(&self, graph: &Path, soc: Soc, entries: &[(&str, &str)]) -> ort::Result<Session> {
        let environment = &self.runtime.environment;
        let device = environment.devices().find(|device| device.ep().is_ok_and(|name| name == PROVIDER));
        let device = device.ok_or_else(|| ort::Error::new("the provider offers no device"))?;
        let mut options = vec![
            ("backend_path", self.backend.display().to_string()),
            ("soc_model", soc.soc_model.to_string()),
            ("htp_arch", soc.arch.to_string()),
        ];
        // Without it the provider leaves attention of the float form to the CPU.
        let affinity = graph.with_file_name(names::OP_AFFINITY);
        if affinity.is_file() {
            options.push(("op_affinity", affinity.display().to_string()));
        }
        let options: Vec<_> =
            options.into_iter().map(|(name, value)| (format!("{PROVIDER}.{name}"), value)).collect();
        let mut builder = Session::builder(environment)?.with_disable_cpu_fallback()?;
        for (name, value) in entries {
            builder = builder.with_config_entry(*name, *value)?;
        }
        builder.with_devices([device], Some(&options))?.commit_from_file(graph)
    }
}

/// The provider's entry, its library and its backend, wherever they should be.
fn files(runtime: &Runtime) -> Result<(&'static Provider, [PathBuf; 2]), ContextError> {
    let row = PROVIDERS.iter().find(|row| row.ep == PROVIDER);
    let found = row.and_then(|row| Some((row, row.library.as_ref()?)));
    let (row, library) =
        found.ok_or_else(|| no_compiler(NotUsedReason::NotInThisBuild.describe(), PROVIDER.to_owned()))?;
    let missing = |detail| no_compiler(NotUsedReason::LibraryMissing.describe(), detail);
    let path = library.find(&runtime.path).map_err(missing)?;
    let backend = library.backend_beside(&path).unwrap_or_default();
    Ok((row, [path, backend]))
}

fn no_compiler(reason: &str, detail: String) -> ContextError {
    ContextError::NoCompiler { reason: format!("because {reason}"), detail }
}

/// Verifies a compiled graph and reads what it says of itself.
fn read_back(path: &Path, soc: Soc) -> Result<Compiled, ContextError> {
    let bytes = json::read_bytes(path, limits::GRAPH_BYTES)?;
    let otherwise = |found: String| ContextError::OtherForm {
        graph: file_name(path),
        found,
        expected: format!("{} (number {}, v{})", soc.name, soc.soc_model, soc.arch),
    };
    let verified = graph::verify(&bytes).map_err(|error| otherwise(error.to_string()))?;
    let binary = verified.files.into_keys().next().filter(|_| verified.is_compiled);
    let binary = binary.ok_or_else(|| otherwise("nothing".to_owned()))?;
    let mut edit = Edit::read(&bytes).map_err(|error| otherwise(error.to_string()))?;
    let compatibility = edit.metadata(COMPATIBILITY).unwrap_or_default().to_owned();
    // "v2:6:SDK:provider:architecture:number:..", as onnxruntime-qnn 2.7 writes it.
    let mut fields = compatibility.split(':').skip(4);
    let found = [fields.next(), fields.next()].map(|field| field.unwrap_or_default().to_owned());
    if found != [soc.arch.to_string(), soc.soc_model.to_string()] {
        return Err(otherwise(format!("`{compatibility}`")));
    }
    let sdk = edit.take_nodes().iter().find_map(|node| node.text("ep_sdk_version").map(str::to_owned));
    let size = fs_err::metadata(path.with_file_name(&binary))
        .map_err(|source| ContextError::Write { path: path.with_file_name(&binary), source })?
        .len();
    if size > BINARY_LIMIT {
        return Err(ContextError::TooLarge { file: binary, bytes: size, limit: BINARY_LIMIT });
    }
    Ok(Compiled { binary, compatibility, sdk: sdk.unwrap_or_default() })
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
