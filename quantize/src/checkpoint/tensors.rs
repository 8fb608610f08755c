//! The tensors of a checkpoint: where each stands, and reading rows of it.

use std::collections::{HashMap, HashSet};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::dtype::FloatType;
use super::files::{Folder, RegularFile, shortened};
use super::low_rank::LowRank;
use super::{CheckpointError, header, index, recognise};

/// Elements that a worker reads at once.
const PIECE_ELEMENTS: usize = 1 << 18;
/// The weights of a checkpoint that is one file.
pub(super) const SINGLE: &str = "model.safetensors";
/// Elements that are compared at a time.
const COMPARED: usize = 1 << 20;

/// All tensors of a checkpoint.
#[derive(Debug)]
pub struct Tensors {
    files: Vec<RegularFile>,
    by_name: HashMap<String, Location>,
}

/// Name, size and time of change of a weight file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardIdentity {
    /// Without its folder: a checkpoint may move.
    pub name: String,
    /// Size of the file.
    pub bytes: u64,
    /// Unix time in nanoseconds, in decimal digits.
    pub modified_ns: String,
}

#[derive(Debug)]
struct Location {
    file: usize,
    dtype: super::dtype::Dtype,
    shape: Vec<usize>,
    offset: u64,
    low_rank: Option<LowRank>,
}

/// A tensor of floating-point numbers, ready to be read.
#[derive(Debug, Clone, Copy)]
pub struct FloatTensor<'a> {
    name: &'a str,
    file: &'a RegularFile,
    dtype: FloatType,
    shape: &'a [usize],
    offset: u64,
    low_rank: Option<&'a LowRank>,
}

/// Memory that reading reuses.
#[derive(Debug, Default)]
pub struct ReadBuffer {
    bytes: Vec<u8>,
    /// The rows read last, one after another.
    pub weights: Vec<f32>,
}

impl Tensors {
    /// Reads the headers of `model.safetensors`, or of the shards that `model.safetensors.index.json` names; with a
    /// sentence for a person where both stand.
    ///
    /// # Errors
    /// Any [`CheckpointError`] about weight files.
    pub(super) fn open(folder: &Folder) -> Result<(Self, Option<String>), CheckpointError> {
        let mut tensors = Self { files: Vec::new(), by_name: HashMap::new() };
        let has_single = folder.has(SINGLE);
        if !folder.has(index::NAME) {
            if !has_single {
                return Err(recognise::no_weights(folder)?);
            }
            tensors.add_single(folder)?;
            return Ok((tensors, None));
        }
        let shards = index::read(folder)?;
        if has_single && !shards.contains_key(SINGLE) {
            if shards.keys().all(|shard| folder.has(shard)) {
                return Err(CheckpointError::WeightsTwice { path: folder.path().into() });
            }
            tensors.add_single(folder)?;
            let index = index::NAME;
            return Ok((
                tensors,
                Some(format!("{index} names files that are missing; {SINGLE} is read, as it is whole")),
            ));
        }
        index::check_complete(folder, &shards)?;
        let mut differences = index::Differences::default();
        for (shard, expected) in shards {
            let file = folder.file(&shard)?;
            let entries = header::read(&file)?;
            differences.add(&shard, &expected, &entries);
            tensors.add(file, entries);
        }
        differences.check(folder)?;
        Ok((tensors, None))
    }

    fn add_single(&mut self, folder: &Folder) -> Result<(), CheckpointError> {
        let file = folder.file(SINGLE)?;
        let entries = header::read(&file)?;
        self.add(file, entries);
        Ok(())
    }

    /// The tensors of one file.
    ///
    /// # Errors
    /// Any [`CheckpointError`] about weight files.
    pub(super) fn of_file(file: RegularFile) -> Result<Self, CheckpointError> {
        let mut tensors = Self { files: Vec::new(), by_name: HashMap::new() };
        let entries = header::read(&file)?;
        tensors.add(file, entries);
        Ok(tensors)
    }

    /// Adds to a matrix whenever it is read.
    pub(super) fn add_low_rank(&mut self, name: &str, low_rank: LowRank) {
        if let Some(location) = self.by_name.get_mut(name) {
            location.low_rank = Some(low_rank);
        }
    }

    /// What is read depends on these files too.
    pub(super) fn depend_on(&mut self, files: impl IntoIterator<Item = RegularFile>) {
        self.files.extend(files);
    }

    /// The files, without the tensors in them.
    pub(super) fn into_files(self) -> Vec<RegularFile> {
        self.files
    }

    /// Gives every tensor another name; false, and nothing changes, if two would get the same.
    pub(super) fn rename(&mut self, renamed: impl Fn(&str) -> String) -> bool {
        let names: HashSet<_> = self.by_name.keys().map(|name| renamed(name)).collect();
        if names.len() != self.by_name.len() {
            return false;
        }
        self.by_name = self.by_name.drain().map(|(name, location)| (renamed(&name), location)).collect();
        true
    }

    /// Leaves a tensor out.
    pub(super) fn remove(&mut self, name: &str) {
        self.by_name.remove(name);
    }

    /// Whether two tensors have the same shape and numbers. Reads both.
    pub(super) fn are_equal(&self, one: &str, other: &str) -> Result<bool, CheckpointError> {
        let (one, other) = (self.get(one)?, self.get(other)?);
        if one.shape() != other.shape() {
            return Ok(false);
        }
        let mut buffers = [ReadBuffer::default(), ReadBuffer::default()];
        let mut first = 0;
        while first < one.elements() {
            let count = COMPARED.min(one.elements() - first);
            let [left, right] = &mut buffers;
            one.read(first, count, left)?;
            other.read(first, count, right)?;
            if left.weights != right.weights {
                return Ok(false);
            }
            first += count;
        }
        Ok(true)
    }

    /// All names, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.by_name.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// The shape of a tensor.
    #[must_use]
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        Some(&self.by_name.get(name)?.shape)
    }

    /// A tensor's numbers.
    ///
    /// # Errors
    /// [`CheckpointError::MissingTensors`] or [`CheckpointError::UnsupportedDtype`].
    pub fn get(&self, name: &str) -> Result<FloatTensor<'_>, CheckpointError> {
        let missing = || CheckpointError::MissingTensors { missing: vec![name.to_owned()] };
        let (name, location) = self.by_name.get_key_value(name).ok_or_else(missing)?;
        let file = self.files.get(location.file).ok_or_else(missing)?;
        let dtype = location.dtype.float.ok_or_else(|| CheckpointError::UnsupportedDtype {
            path: file.path().into(),
            tensor: shortened(name),
            dtype: location.dtype.name,
        })?;
        Ok(FloatTensor {
            name,
            file,
            dtype,
            shape: &location.shape,
            offset: location.offset,
            low_rank: location.low_rank.as_ref(),
        })
    }

    /// What tells these weights from others without reading them.
    #[must_use]
    pub fn identity(&self) -> Vec<ShardIdentity> {
        let identity = |file: &RegularFile| ShardIdentity {
            name: file.path().file_name().unwrap_or_default().to_string_lossy().into_owned(),
            bytes: file.bytes(),
            // Text: JSON numbers of other readers end at 2^53.
            modified_ns: file.modified_ns().unwrap_or_default().to_string(),
        };
        self.files.iter().map(identity).collect()
    }

    /// No file has changed since it was opened.
    ///
    /// # Errors
    /// [`CheckpointError::Changed`] or [`CheckpointError::Io`].
    pub fn check_unchanged(&self) -> Result<(), CheckpointError> {
        self.files.iter().try_for_each(RegularFile::check_unchanged)
    }

    fn add(&mut self, file: RegularFile, entries: Vec<header::Entry>) {
        for header::Entry { name, dtype, shape, offset } in entries {
            self.by_name
                .insert(name, Location { file: self.files.len(), dtype, shape, offset, low_rank: None });
        }
        self.files.push(file);
    }
}

impl FloatTensor<'_> {
    /// The size of each dimension.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        self.shape
    }

    /// The number of elements.
    #[must_use]
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Bytes in the checkpoint.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.elements() as u64 * self.dtype.bytes() as u64
    }

    /// Fills `weights` with the elements from element `first` on, on all cores.
    ///
    /// # Errors
    /// As [`FloatTensor::read`].
    pub fn read_into(&self, first: usize, weights: &mut [f32]) -> Result<(), CheckpointError> {
        let pieces = weights.par_chunks_mut(PIECE_ELEMENTS).enumerate();
        pieces.try_for_each_init(ReadBuffer::default, |buffer, (piece, slots)| {
            self.read(first + piece * PIECE_ELEMENTS, slots.len(), buffer)?;
            slots.copy_from_slice(&buffer.weights);
            Ok(())
        })
    }

    /// Reads `count` elements from element `first` on into `buffer.weights`, as 32-bit floating point.
    ///
    /// # Errors
    /// [`CheckpointError::NonFinite`] with the first NaN or infinity, or [`CheckpointError::Io`].
    pub fn read(&self, first: usize, count: usize, buffer: &mut ReadBuffer) -> Result<(), CheckpointError> {
        let ReadBuffer { bytes, weights } = buffer;
        let element = self.dtype.bytes();
        bytes.resize(count * element, 0);
        self.file.read_at(bytes, self.offset + first as u64 * element as u64)?;
        self.dtype.decode(bytes, weights);
        if let Some(low_rank) = self.low_rank {
            low_rank.add(first, weights);
        }
        if weights.iter().fold(true, |finite, weight| finite & weight.is_finite()) {
            return Ok(());
        }
        let position = weights.iter().position(|weight| !weight.is_finite()).unwrap_or_default();
        Err(CheckpointError::NonFinite {
            path: self.file.path().into(),
            tensor: self.name.to_owned(),
            index: first + position,
            value: weights.get(position).copied().unwrap_or(f32::NAN),
        })
    }
}
