//! Graphs compiled on this machine: a package without binaries for its system-on-chip is compiled once.
//!
//! ```text
//! GRAPH.onnx        one EPContext node, as a package's own compiled graphs
//! BINARY            the provider's binary, which it names
//! ```
//!
//! They are kept in the device cache, below `VARIANT.compiled`. Drivers load damaged binaries without a word, so
//! every open compares the digests.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use wheelwork_package::files::FileRecord;
use wheelwork_package::graph::{self, limits};
use wheelwork_package::{PackageError, json};

use super::cache::{CacheError, DependsOn, Entry, Made, NotFound};
use super::placement::NotUsedReason;
use crate::decoder::error::DecoderError;

/// Raised when the files of a compiled form change.
const LAYOUT: u32 = 3;

/// A graph that is being compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompileStep {
    /// The graph's file.
    pub graph: String,
    /// Which one it is, from 1.
    pub number: usize,
    /// How many there are.
    pub graphs: usize,
}

/// Who is told of graphs that are compiled.
#[derive(Clone, Default)]
pub struct CompileWatch(Option<Arc<Watch>>);

type Watch = dyn Fn(&CompileStep) + Send + Sync;

impl CompileWatch {
    /// `watch` is called before each graph, on the thread that compiles.
    pub fn new(watch: impl Fn(&CompileStep) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(watch)))
    }

    pub(crate) fn tell(&self, step: &CompileStep) {
        if let Some(watch) = &self.0 {
            watch(step);
        }
    }
}

impl std::fmt::Debug for CompileWatch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "CompileWatch({})", if self.0.is_some() { "set" } else { "none" })
    }
}

/// Begins the list of what compiled graphs depend on.
pub(crate) fn depends_on() -> DependsOn {
    DependsOn::new("compiled", LAYOUT)
}

/// Bytes of the binary of each of `graphs`, after a look at every byte of what is kept.
pub(crate) fn find(entry: &Entry, graphs: &[&str]) -> Result<BTreeMap<String, u64>, NotFound> {
    let (record, folder) = (entry.find()?, entry.folder());
    let damaged = |error: PackageError| NotFound::Damaged(error.to_string());
    record.files.iter().try_for_each(|file| file.check_content(&folder)).map_err(damaged)?;
    let recorded = |name: &str| {
        record.file(name).map(|file| file.bytes).ok_or_else(|| format!("its record does not list `{name}`"))
    };
    let bytes_of = |graph: &&str| {
        recorded(graph)?;
        Ok(((*graph).to_owned(), recorded(&binary(&folder.join(graph))?)?))
    };
    graphs.iter().map(bytes_of).collect::<Result<_, _>>().map_err(NotFound::Damaged)
}

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
    #[error("what is compiled cannot be kept: {0}")]
    NotKept(#[from] CacheError),
}

impl MakeError {
    /// What keeps the device from being used.
    pub(crate) fn reason(&self) -> NotUsedReason {
        match self {
            Self::NotKept(CacheError::Busy { .. }) => NotUsedReason::Compiling,
            Self::Refused(_) | Self::NotKept(_) => NotUsedReason::CompileFailed,
        }
    }
}

/// Compiles every graph and keeps the result.
pub(crate) fn make(entry: &Entry, making: &Making<'_>) -> Result<(), MakeError> {
    // Each graph's binary is about as large as the weights that it reads.
    let needed_bytes = making.weight_bytes.saturating_mul(3) / 2;
    entry.hold()?.make(needed_bytes, |folder| compile(folder, making)).map(drop)
}

fn compile(partial: &Path, making: &Making<'_>) -> Result<Made, MakeError> {
    let refused = |error: &dyn Display| MakeError::Refused(error.to_string());
    let mut files = Vec::new();
    for (index, graph) in making.graphs.iter().enumerate() {
        let graphs = making.graphs.len();
        (making.watch)(&CompileStep { graph: (*graph).to_owned(), number: index + 1, graphs });
        let out = partial.join(graph);
        (making.compile)(&making.folder.join(graph), &out).map_err(|error| refused(&error))?;
        let binary = binary(&out).map_err(|error| refused(&error))?;
        for name in [graph, binary.as_str()] {
            files.push(FileRecord::of(partial, name).map_err(|error| refused(&error))?);
        }
    }
    Ok(Made { files, facts: BTreeMap::new() })
}

/// The file with the binary of a compiled graph.
fn binary(graph: &Path) -> Result<String, String> {
    let bytes = json::read_bytes(graph, limits::GRAPH_BYTES).map_err(|error| error.to_string())?;
    let verified = graph::verify(&bytes).map_err(|error| error.to_string())?;
    let binary = verified.files.into_keys().next().filter(|_| verified.is_compiled);
    binary.ok_or_else(|| format!("`{}` is no compiled graph", graph.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::cache::Place;

    fn entry(base: &Path, key: &str) -> Entry {
        let place = Place::own(base.parent().unwrap().to_owned());
        Entry::new(place, base.file_name().unwrap().to_str().unwrap(), depends_on().and("test", key).key())
    }

    #[test]
    fn what_is_not_what_was_written_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().join("base");
        let entry = entry(&base, "a");
        let find = || find(&entry, &[]).map(drop);
        assert_eq!(find(), Err(NotFound::Missing));
        let kept = entry.folder();
        std::fs::create_dir_all(&kept).unwrap();
        assert!(matches!(find(), Err(NotFound::Damaged(_))), "no record");
        std::fs::remove_dir(&kept).unwrap();
        let made = entry.hold().unwrap().make(0, |folder| {
            std::fs::write(folder.join("b"), "of the compiler").unwrap();
            let files = vec![FileRecord::of(folder, "b").unwrap()];
            Ok::<_, CacheError>(Made { files, facts: BTreeMap::new() })
        });
        made.unwrap();
        assert_eq!(find(), Ok(()));
        let other = self::entry(&base, "b");
        assert_ne!(other.folder(), kept);
        assert_eq!(super::find(&other, &[]), Err(NotFound::Stale));
        let record = std::fs::read_to_string(kept.join("record.json")).unwrap();
        let another = record.replace("\"key\": \"", "\"key\": \"another");
        std::fs::write(kept.join("record.json"), another).unwrap();
        assert!(matches!(find(), Err(NotFound::Damaged(why)) if why.contains("another")));
        std::fs::write(kept.join("record.json"), record).unwrap();
        assert_eq!(find(), Ok(()));
        std::fs::write(kept.join("b"), "of the compileR").unwrap();
        assert!(matches!(find(), Err(NotFound::Damaged(_))), "a flipped bit");
    }

    fn making<'a>(
        folder: &'a Path,
        compile: &'a dyn Fn(&Path, &Path) -> Result<(), DecoderError>,
    ) -> Making<'a> {
        Making { folder, graphs: &["g.onnx"], weight_bytes: 1, compile, watch: &|_| {} }
    }

    #[test]
    fn a_compiler_that_refuses_or_writes_something_else_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let entry = entry(&folder.path().join("base"), "a");
        let run = |compile: &dyn Fn(&Path, &Path) -> Result<(), DecoderError>| {
            make(&entry, &making(folder.path(), compile)).unwrap_err().to_string()
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
        // The empty file of its lock stays where names are not removed while they are locked.
        assert_eq!(std::fs::read_dir(folder.path().join("base")).unwrap().count(), usize::from(!cfg!(unix)));
        assert_eq!(find(&entry, &["g.onnx"]), Err(NotFound::Missing));
    }

    #[test]
    fn a_disk_that_is_too_small_is_told_before_the_compiler_runs() {
        let folder = tempfile::tempdir().unwrap();
        let entry = entry(&folder.path().join("base"), "a");
        let compile = |_: &Path, _: &Path| -> Result<(), DecoderError> { panic!("it ran") };
        let making = Making { weight_bytes: u64::MAX, ..making(folder.path(), &compile) };
        assert!(matches!(make(&entry, &making), Err(MakeError::NotKept(CacheError::NoSpace { .. }))));
    }
}
