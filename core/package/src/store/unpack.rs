//! Unpacking into a folder of the caller's choice, outside any store.

use std::path::Path;

use super::assembly::Assembly;
use super::meter::Meter;
use super::{InstallOptions, StoreError};
use crate::container::{Chunk, Head, Source, Step, Watch, default_threads, read_chunks};
use crate::signature::SignatureState;
use crate::vfs::{Partial, RealVfs, Vfs};

/// Writes the package that `source` holds to the new folder `target`: checked as an installation is, all or nothing.
///
/// Of the options, `allow_downgrade` does not matter here.
///
/// # Errors
/// [`StoreError`]; [`StoreError::NotOurs`] if `target` exists.
pub fn unpack(
    source: &mut dyn Source,
    target: &Path,
    options: &InstallOptions,
    watch: &mut Watch<'_>,
) -> Result<(Head, SignatureState), StoreError> {
    let vfs = RealVfs;
    let head = Head::read_of_file(source)?;
    let signature = options.trust.judge(&head)?;
    if vfs.kind(target).map_err(StoreError::io("look at", target))?.is_some() {
        return Err(StoreError::NotOurs { path: target.to_owned() });
    }
    // Nothing resumes here, so nothing stays of a try that fails.
    let partial = Partial::folder(&vfs, target)?;
    write(&vfs, &head, partial.path(), source, options, watch)?;
    partial.keep()?;
    Ok((head, signature))
}

fn write(
    vfs: &RealVfs,
    head: &Head,
    root: &Path,
    source: &mut dyn Source,
    options: &InstallOptions,
    watch: &mut Watch<'_>,
) -> Result<(), StoreError> {
    let mut assembly = Assembly::new(vfs, &head.index, root.to_owned())?;
    let threads = options.threads.unwrap_or_else(default_threads);
    let mut meter = Meter::new(watch, Step::Receive, head.index.content_bytes())?;
    read_chunks(
        head,
        source,
        |_| true,
        threads,
        |chunk: Chunk| {
            let content = chunk.content?;
            assembly.write(chunk.number, &content)?;
            meter.add(content.len() as u64)
        },
    )?;
    assembly.finish(&mut Meter::new(watch, Step::Sync, head.index.file_bytes())?)?;
    // The graphs are verified when the package is opened.
    if options.must_open {
        crate::open(root).map_err(StoreError::DoesNotOpen)?;
    }
    options.check_as_caller(root)
}
