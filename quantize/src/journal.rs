//! What an unfinished package holds already, so that a run can go on where another was killed.
//!
//! ```text
//! {"version":"0.1.0","checkpoint":[["model.safetensors",123,"1700000000.5"]],"graph":"sha256","recipe":{..},"calibration":""}
//! {"content":0,"sha256":"..","tensors":[{"name":"model.embed_tokens.weight", ..}]}
//! {"content":2, ..}
//! ```
//!
//! The first line is the key: only a run that would write the same bytes may go on. Each further line is a matrix that
//! is complete. Its digest is checked before it is believed: after a power failure, the journal may have reached the
//! disk before the weights. A last line that was cut off is dropped.

use std::io::{self, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use wheelwork_package::card::TensorError;
use wheelwork_package::files::hex;
use wheelwork_package::vfs::open_existing_to_write;

use crate::checkpoint::tensors::ShardIdentity;
use crate::disk;
use crate::error::{QuantizeError, RequestError};
use crate::plan::Plan;
use crate::recipe::Recipe;

/// What decides the bytes of a package's weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Key {
    version: String,
    checkpoint: Vec<ShardIdentity>,
    recipe: serde_json::Value,
    calibration: String,
    /// SHA-256 of the graph, which says where everything stands.
    graph: String,
}

/// A matrix that is complete.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Finished {
    /// Its place in [`Plan::contents`].
    pub content: usize,
    /// Of its bytes, as `weights` computes it.
    pub sha256: String,
    /// What rounding cost.
    pub tensors: Vec<TensorError>,
}

/// The journal while a run works.
#[derive(Debug)]
pub(crate) struct Journal {
    file: fs_err::File,
    path: PathBuf,
    /// Something in it is worth going on with.
    pub has_finished: bool,
}

impl Key {
    pub(crate) fn new(
        checkpoint: Vec<ShardIdentity>,
        recipe: &Recipe,
        calibration: String,
        plan: &Plan,
    ) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            checkpoint,
            // A recipe is plain data; what could not be shown would not be equal to itself.
            recipe: serde_json::to_value(recipe).unwrap_or_default(),
            calibration,
            graph: hex(&Sha256::digest(plan.model.to_bytes())),
        }
    }

    /// The first thing in which another run differs.
    fn difference(&self, other: &Self) -> Option<&'static str> {
        [
            (self.version != other.version, "version of wheelwork"),
            (self.checkpoint != other.checkpoint, "checkpoint (its files' sizes or times)"),
            (self.recipe != other.recipe, "recipe"),
            (self.calibration != other.calibration, "calibration"),
            (self.graph != other.graph, "context length or graph"),
        ]
        .into_iter()
        .find_map(|(differs, what)| differs.then_some(what))
    }
}

impl Journal {
    /// Begins a journal.
    pub(crate) fn create(path: &Path, key: &Key) -> Result<Self, QuantizeError> {
        let open = || fs_err::OpenOptions::new().write(true).create_new(true).open(path);
        let file = open().map_err(QuantizeError::write(path))?;
        let mut journal = Self { file, path: path.into(), has_finished: false };
        journal.line(key)?;
        Ok(journal)
    }

    /// Reads what an earlier run has finished, to go on after it; `None` if that run did not get as far as its key.
    pub(crate) fn resume(path: &Path, key: &Key) -> Result<Option<(Self, Vec<Finished>)>, QuantizeError> {
        let write = || QuantizeError::write(path);
        let mut file = match open_existing_to_write(path).map_err(io::Error::from) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(write())?,
        };
        let mut lines = Lines { reader: io::BufReader::new(&mut file), bytes: 0 };
        let Some(found) = lines.next::<Key>().map_err(write())? else { return Ok(None) };
        if let Some(difference) = found.difference(key) {
            return Err(RequestError::ResumeMismatch { path: path.into(), difference }.into());
        }
        let mut finished: Vec<Finished> = Vec::new();
        while let Some(line) = lines.next().map_err(write())? {
            finished.push(line);
        }
        let whole = lines.bytes;
        file.set_len(whole).map_err(write())?;
        file.seek(SeekFrom::Start(whole)).map_err(write())?;
        Ok(Some((Self { file, path: path.into(), has_finished: !finished.is_empty() }, finished)))
    }

    /// Notes that a matrix is complete.
    pub(crate) fn add(&mut self, finished: &Finished) -> Result<(), QuantizeError> {
        self.line(finished)?;
        self.has_finished = true;
        Ok(())
    }

    fn line(&mut self, value: &impl Serialize) -> Result<(), QuantizeError> {
        let write = |error| QuantizeError::write(&self.path)(error);
        let mut line = serde_json::to_vec(value).map_err(|error| write(error.into()))?;
        line.push(b'\n');
        disk::append(&mut self.file, &line).map_err(write)
    }
}

/// Whole lines of JSON, up to the first that is not.
struct Lines<R> {
    reader: R,
    /// Of the lines so far.
    bytes: u64,
}

impl<R: io::BufRead> Lines<R> {
    fn next<T: serde::de::DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        let mut line = Vec::new();
        let count = self.reader.read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            return Ok(None);
        }
        let value = serde_json::from_slice(&line).ok();
        if value.is_some() {
            self.bytes += count as u64;
        }
        Ok(value)
    }
}
