//! Compiling, graph by graph, in a folder that nobody looks at until it is renamed.

use std::io;
use std::path::{Path, PathBuf};

use wheelwork_package::files::FileRecord;
use wheelwork_package::json;
use wheelwork_package::vfs::{RealVfs, Vfs as _};

use super::kept::{self, RECORD, Record};
use super::{CompileStep, Subject};
use crate::decoder::DecoderError;

/// What is compiled, and with what.
pub(crate) struct Making<'a> {
    /// The folder of the graphs.
    pub(crate) folder: &'a Path,
    pub(crate) graphs: &'a [&'a str],
    /// Bytes of weights that all of them read.
    pub(crate) weight_bytes: u64,
    /// From a graph to its compiled form.
    pub(crate) compile: &'a dyn Fn(&Path, &Path) -> Result<(), DecoderError>,
    /// Told before each graph.
    pub(crate) watch: &'a dyn Fn(&CompileStep),
}

/// Why nothing was made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MakeError {
    /// The provider refused.
    #[error("{0}")]
    Refused(String),
    /// What was compiled could not be kept, which says nothing of the provider.
    #[error("what is compiled cannot be kept in `{}`: {source}", .folder.display())]
    Io { folder: PathBuf, source: io::Error },
    /// As for `Io`.
    #[error("`{}` needs about {needed_bytes} bytes for what is compiled, there are {free_bytes} free", .folder.display())]
    NoSpace { folder: PathBuf, needed_bytes: u64, free_bytes: u64 },
}

/// Compiles every graph and keeps the result in place of older ones. A process that ends meanwhile leaves a folder that
/// the next try removes.
pub(crate) fn make(subject: &Subject, making: &Making<'_>) -> Result<(), MakeError> {
    let io = |source| MakeError::Io { folder: subject.base.clone(), source };
    fs_err::create_dir_all(&subject.base).map_err(io)?;
    check_space(subject, making)?;
    let partial = subject.base.join(format!("{}.partial", subject.key));
    RealVfs.remove_dir_all(&partial).map_err(io)?;
    fs_err::create_dir(&partial).map_err(io)?;
    let made = compile(&partial, making).and_then(|files| keep(subject, &partial, files).map_err(io));
    if made.is_err() {
        // What cannot be removed now, the next try removes.
        let _ = RealVfs.remove_dir_all(&partial);
    }
    made
}

fn compile(partial: &Path, making: &Making<'_>) -> Result<Vec<FileRecord>, MakeError> {
    let refused = |error: &dyn std::fmt::Display| MakeError::Refused(error.to_string());
    let mut files = Vec::new();
    for (index, graph) in making.graphs.iter().enumerate() {
        let graphs = making.graphs.len();
        (making.watch)(&CompileStep { graph: (*graph).to_owned(), number: index + 1, graphs });
        let out = partial.join(graph);
        (making.compile)(&making.folder.join(graph), &out).map_err(|error| refused(&error))?;
        let binary = kept::binary(&out).map_err(|error| refused(&error))?;
        for name in [graph, binary.as_str()] {
            files.push(FileRecord::of(partial, name).map_err(|error| refused(&error))?);
        }
    }
    Ok(files)
}

fn keep(subject: &Subject, partial: &Path, files: Vec<FileRecord>) -> io::Result<()> {
    let sync = |name: &str| fs_err::File::open(partial.join(name))?.sync_all();
    files.iter().try_for_each(|file| sync(&file.name))?;
    let record = Record { key: subject.key.clone(), files };
    json::write(&partial.join(RECORD), &record).map_err(io::Error::other)?;
    sync(RECORD)?;
    RealVfs.sync_dir(partial)?;
    let folder = subject.folder();
    RealVfs.remove_dir_all(&folder)?;
    fs_err::rename(partial, &folder)?;
    RealVfs.sync_dir(&subject.base)?;
    for (name, _) in RealVfs.list(&subject.base)? {
        if name != subject.key {
            // Nobody looks at it again; the next one that is kept tries once more.
            let _ = RealVfs.remove_dir_all(&subject.base.join(name));
        }
    }
    Ok(())
}

/// The provider may not tell that the disk is full, so that is asked before. Each graph's binary is about as large as the
/// weights that it reads.
fn check_space(subject: &Subject, making: &Making<'_>) -> Result<(), MakeError> {
    let folder = subject.base.clone();
    let needed_bytes = making.weight_bytes.saturating_mul(3) / 2;
    let free_bytes =
        RealVfs.free_bytes(&folder).map_err(|source| MakeError::Io { folder: folder.clone(), source })?;
    if needed_bytes > free_bytes {
        return Err(MakeError::NoSpace { folder, needed_bytes, free_bytes });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::compiled::{Kept, NotKept};

    fn making<'a>(
        folder: &'a Path,
        compile: &'a dyn Fn(&Path, &Path) -> Result<(), DecoderError>,
    ) -> Making<'a> {
        Making { folder, graphs: &["g.onnx"], weight_bytes: 1, compile, watch: &|_| {} }
    }

    #[test]
    fn a_compiler_that_refuses_or_writes_something_else_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let subject = Subject::new(folder.path().join("base"), &["a"]);
        let run = |compile: &dyn Fn(&Path, &Path) -> Result<(), DecoderError>| {
            make(&subject, &making(folder.path(), compile)).unwrap_err().to_string()
        };
        let error = run(&|_, _| {
            Err(DecoderError::Load { graph: "g.onnx".into(), message: "no such operator".into() })
        });
        assert!(error.contains("no such operator"), "{error}");
        let error = run(&|_, out| {
            std::fs::write(out, "no graph").unwrap();
            Ok(())
        });
        assert!(error.contains("graph"), "{error}");
        assert_eq!(std::fs::read_dir(&subject.base).unwrap().count(), 0);
        assert_eq!(Kept::find(&subject, &["g.onnx"]).unwrap_err(), NotKept::Missing);
    }

    #[test]
    fn a_disk_that_is_too_small_is_told_before_the_compiler_runs() {
        let folder = tempfile::tempdir().unwrap();
        let subject = Subject::new(folder.path().join("base"), &["a"]);
        let compile = |_: &Path, _: &Path| -> Result<(), DecoderError> { panic!("it ran") };
        let making = Making { weight_bytes: u64::MAX, ..making(folder.path(), &compile) };
        assert!(matches!(make(&subject, &making), Err(MakeError::NoSpace { .. })));
    }
}
