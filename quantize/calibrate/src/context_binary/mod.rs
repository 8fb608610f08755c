//! Static graphs, compiled ahead of time: a package that needs no compiler on the device.
//!
//! 1. [`Compiler::open`] loads Qualcomm's compiler, which runs on x86-64.
//! 2. [`add_to`] compiles every graph of a variant for each [`Soc`]: an `.onnx` file of one node, and a binary.
//! 3. Files, sizes, digests and what the compiler says of them stand in the card.
//!
//! Prefill and decode have a binary each: a shared one is half the size, but the simulator does not load it, so nobody
//! here could test what a package holds.

mod compiler;
mod error;
mod soc;

use std::path::Path;

use wheelwork_package::card::{CompiledPart, ContextBinary, StaticGraphs};
use wheelwork_package::files::{FileRecord, names};
use wheelwork_package::{Card, disk, json};

pub use compiler::Compiler;
pub use error::ContextError;
pub use soc::{SOCS, Soc};

/// Compiles the graphs of a variant for each system-on-chip; older binaries for the same give way. `begin` is told
/// what is compiled next.
///
/// # Errors
/// [`ContextError`]; the package is then as it was.
pub fn add_to(
    compiler: &Compiler,
    package: &Path,
    variant: &str,
    socs: &[Soc],
    begin: &dyn Fn(&str),
) -> Result<Card, ContextError> {
    let open = wheelwork_package::open(package)?;
    let no_graphs = || ContextError::NoGraphs { variant: variant.to_owned() };
    let mut card = open.card.clone().ok_or_else(no_graphs)?;
    let graphs = card.static_graphs.get_mut(variant).ok_or_else(no_graphs)?;
    let folder = &open.variant(variant)?.folder;
    let write = |source| ContextError::Write { path: package.into(), source };
    let new = tempfile::Builder::new().prefix(".compiled-").tempdir_in(package).map_err(write)?;
    let mut files = Vec::new();
    for &soc in socs {
        let binary = compiled(compiler, graphs, folder, new.path(), soc, begin)?;
        for part in &binary.parts {
            for name in [&part.prefill, &part.decode].into_iter().chain(&part.binaries) {
                files.push(FileRecord::of(new.path(), name)?);
            }
        }
        graphs.context_binaries.retain(|old| old.soc != binary.soc);
        graphs.context_binaries.push(binary);
    }
    for file in &files {
        fs_err::rename(new.path().join(&file.name), folder.join(&file.name)).map_err(write)?;
    }
    disk::sync_folder(folder).map_err(write)?;
    let records = card.variants.entry(variant.to_owned()).or_default();
    records.retain(|old| files.iter().all(|new| new.name != old.name));
    records.extend(files);
    records.sort_by(|a, b| a.name.cmp(&b.name));
    json::replace(&package.join(names::CARD), &card)?;
    Ok(card)
}

fn compiled(
    compiler: &Compiler,
    graphs: &StaticGraphs,
    folder: &Path,
    new: &Path,
    soc: Soc,
    begin: &dyn Fn(&str),
) -> Result<ContextBinary, ContextError> {
    let mut binary = ContextBinary {
        soc: soc.name.to_owned(),
        arch: format!("v{}", soc.arch),
        soc_model: soc.soc_model,
        parts: Vec::new(),
        compatibility: String::new(),
        sdk: String::new(),
    };
    for part in &graphs.parts {
        let mut binaries = Vec::new();
        let mut one = |graph: &str| -> Result<String, ContextError> {
            begin(&format!("{graph} for {}", soc.name));
            let name = format!("{}.{graph}", soc.name);
            let made = compiler.compile(&folder.join(graph), soc, &new.join(&name))?;
            binaries.push(made.binary);
            (binary.compatibility, binary.sdk) = (made.compatibility, made.sdk);
            Ok(name)
        };
        let (prefill, decode) = (one(&part.prefill)?, one(&part.decode)?);
        binary.parts.push(CompiledPart { prefill, decode, binaries });
    }
    Ok(binary)
}
