//! Static graphs, compiled ahead of time: a package that needs no compiler on the device.
//!
//! 1. [`Compiler::open`] loads Qualcomm's compiler, which runs on x86-64.
//! 2. [`add_to`] compiles every graph of a variant for each [`Soc`]: an `.onnx` file of one node, and a binary.
//! 3. Files, sizes, digests and what the compiler says of them stand in the card.
//!
//! By default prefill and decode have a binary each, which is what the simulator loads and the tests compare. One for both
//! is smaller and has been loaded by nobody here ([`Packing`]); the card warns of it.

mod compiler;
mod error;
mod soc;

use std::path::Path;

use wheelwork_package::card::{CompiledPart, ContextBinary, Packing, StaticGraphs};
use wheelwork_package::files::{FileRecord, names};
use wheelwork_package::{Card, disk, json};

use compiler::Job;

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
    packing: Packing,
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
    let mut given_way = Vec::new();
    for &soc in socs {
        let binary = compiled(compiler, graphs, folder, new.path(), soc, packing, begin)?;
        for name in binary.parts.iter().flat_map(CompiledPart::files) {
            files.push(FileRecord::of(new.path(), name)?);
        }
        given_way.extend(graphs.context_binaries.extract_if(.., |old| old.soc == soc.name));
        graphs.context_binaries.push(binary);
    }
    let old_files = given_way.iter().flat_map(|binary| &binary.parts).flat_map(CompiledPart::files);
    let unused: Vec<&str> = old_files.filter(|old| graphs.files().all(|file| file != *old)).collect();
    for file in &files {
        fs_err::rename(new.path().join(&file.name), folder.join(&file.name)).map_err(write)?;
    }
    disk::sync_folder(folder).map_err(write)?;
    let warning = warning(variant);
    card.warnings.retain(|old| *old != warning);
    if graphs.context_binaries.iter().any(|binary| binary.packing == Packing::SharedWeights) {
        card.warnings.push(warning);
    }
    let records = card.variants.entry(variant.to_owned()).or_default();
    records
        .retain(|old| files.iter().all(|new| new.name != old.name) && !unused.contains(&old.name.as_str()));
    records.extend(files);
    records.sort_by(|a, b| a.name.cmp(&b.name));
    json::replace(&package.join(names::CARD), &card)?;
    for file in unused {
        fs_err::remove_file(folder.join(file)).map_err(write)?;
    }
    Ok(card)
}

/// What a package whose binaries share weights has to say of itself.
fn warning(variant: &str) -> String {
    format!(
        "unproven: binaries of `{variant}` share weights between prefill and decode, which no device is known to have \
         loaded; where that fails, the graphs are compiled on the device or the CPU runs, and the placement says why"
    )
}

/// What the graphs become for a system-on-chip.
fn compiled(
    compiler: &Compiler,
    graphs: &StaticGraphs,
    folder: &Path,
    new: &Path,
    soc: Soc,
    packing: Packing,
    begin: &dyn Fn(&str),
) -> Result<ContextBinary, ContextError> {
    let mut binary = ContextBinary {
        soc: soc.name.to_owned(),
        arch: format!("v{}", soc.arch),
        soc_model: soc.soc_model,
        parts: Vec::new(),
        compatibility: String::new(),
        sdk: String::new(),
        packing,
    };
    let shares_weights = packing == Packing::SharedWeights;
    for part in &graphs.parts {
        let of_part = [&part.prefill, &part.decode];
        let outs = of_part.map(|graph| format!("{}.{graph}", soc.name));
        let job = |(graph, out): (&&String, &String)| Job { graph: folder.join(graph), out: new.join(out) };
        let jobs: Vec<Job> = of_part.iter().zip(&outs).map(job).collect();
        let mut binaries = Vec::new();
        for jobs in jobs.chunks(if shares_weights { jobs.len() } else { 1 }) {
            let graphs = jobs.iter().filter_map(|job| job.graph.file_name()?.to_str());
            begin(&format!("{} for {}", graphs.collect::<Vec<_>>().join(" and "), soc.name));
            for made in compiler.compile(jobs, soc, shares_weights)? {
                if !binaries.contains(&made.binary) {
                    binaries.push(made.binary);
                }
                (binary.compatibility, binary.sdk) = (made.compatibility, made.sdk);
            }
        }
        let [prefill, decode] = outs;
        binary.parts.push(CompiledPart { prefill, decode, binaries });
    }
    Ok(binary)
}
