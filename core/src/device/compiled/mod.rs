//! Graphs compiled on this machine: a package without binaries for its system-on-chip is compiled once.
//!
//! ```text
//! BASE/KEY/
//!   GRAPH.onnx        one EPContext node, as a package's own compiled graphs
//!   BINARY            the provider's binary, which it names
//!   record.json       sizes and digests; written last
//! ```
//!
//! - BASE is `VARIANT.compiled` where prepared forms stand too ([`crate::prepare()`]): beside an installed package, or in
//!   [`crate::OpenOptions::cache_dir`]. It holds one KEY; a new one takes the place of the old one.
//! - KEY is a digest of the variant, the system-on-chip and the provider's options, its libraries, and ONNX Runtime.
//! - Everything is written in `KEY.partial`, synced and renamed. Whatever happens before the rename changes nothing.
//! - Drivers load damaged binaries without a word, so every open compares the digests ([`Kept::find`]).

mod kept;
mod make;

use std::path::PathBuf;
use std::sync::Arc;

pub(crate) use kept::{Kept, NotKept};
pub(crate) use make::{MakeError, Making, make};
use wheelwork_package::container::Digest;

/// Graphs of a variant on this machine, and where their compiled form stands.
pub(crate) struct Subject {
    /// The folder of all compiled forms of this variant.
    pub(crate) base: PathBuf,
    key: String,
}

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

/// Raised when the files of a compiled form change.
const LAYOUT: u32 = 1;

impl Subject {
    /// `depends_on` is all that the compiled form depends on.
    pub(crate) fn new(base: PathBuf, depends_on: &[&str]) -> Self {
        let text = format!("{LAYOUT}\0{}", depends_on.join("\0"));
        let key = Digest::of(text.as_bytes()).to_string().chars().take(32).collect();
        Self { base, key }
    }

    /// The folder of the compiled form.
    pub(crate) fn folder(&self) -> PathBuf {
        self.base.join(&self.key)
    }
}
