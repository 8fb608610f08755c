//! Filling the weight file: each matrix is cut into pieces of a few rows, and each piece is read, quantised and
//! written by itself, on all cores.
//!
//! A piece knows its place in the checkpoint and in the weight file beforehand, so pieces need no order and memory
//! holds one of them a thread: about [`PIECE_WEIGHTS`] x 10 bytes, whatever the size of the model. Sums over pieces
//! are added up in the order of the file, so that two runs give the same bytes and the same figures.

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use sha2::{Digest as _, Sha256};
use wheelwork_kernels::angles;
use wheelwork_onnx::Extent;
use wheelwork_package::card::TensorError;
use wheelwork_package::files::hex;

use crate::calibration::{Calibration, Rounder, StoredRows};
use crate::checkpoint::Checkpoint;
use crate::checkpoint::tensors::{FloatTensor, ReadBuffer};
use crate::disk;
use crate::error::QuantizeError;
use crate::journal::{Finished, Journal};
use crate::plan::{Content, Plan, Storage, StoredMatrix};
use crate::positioned;
use crate::progress::Progress;
use crate::scheme::rows::{self, EncodedRows, SquaredError};
use crate::scheme::{BlockScheme, ScaleBits};

/// Weights in a piece, unless a single row has more.
pub(crate) const PIECE_WEIGHTS: usize = 1 << 18;

/// Bytes that are digested together.
const DIGEST_BYTES: u64 = 1 << 20;

/// Fills the weight file of a plan and reports what rounding cost each tensor.
pub(crate) struct Writer<'a> {
    checkpoint: &'a Checkpoint,
    plan: &'a Plan,
    file: fs_err::File,
    progress: &'a dyn Progress,
    done_bytes: AtomicU64,
    total_bytes: u64,
}

/// Leaves the codes to the scheme.
struct Search;

impl Rounder for Search {
    fn encode(
        &self,
        scheme: BlockScheme,
        _: usize,
        weights: &mut [f32],
        columns: usize,
        encoded: &mut EncodedRows,
    ) {
        rows::encode(scheme, weights, columns, encoded);
    }
}

fn pieces(extent: Extent) -> impl Iterator<Item = Extent> {
    (0..extent.bytes.div_ceil(DIGEST_BYTES)).map(move |piece| {
        let start = piece * DIGEST_BYTES;
        Extent { offset: extent.offset + start, bytes: DIGEST_BYTES.min(extent.bytes - start) }
    })
}

/// What storing rows cost.
struct Cost {
    error: SquaredError,
    /// Whether all scales are numbers of 8 bits.
    has_short_scales: bool,
}

/// Memory that a worker reuses from piece to piece.
#[derive(Default)]
struct Scratch {
    input: ReadBuffer,
    encoded: EncodedRows,
    bytes: Vec<u8>,
}

impl<'a> Writer<'a> {
    /// Creates the weight file at its full size, or opens the one that an earlier run has left.
    pub(crate) fn open(
        path: &Path,
        checkpoint: &'a Checkpoint,
        plan: &'a Plan,
        progress: &'a dyn Progress,
    ) -> Result<Self, QuantizeError> {
        let mut total_bytes = 0;
        for name in plan.sources() {
            total_bytes += checkpoint.tensors.get(name)?.bytes();
        }
        let file = positioned::reopen(path, plan.model.data_bytes).map_err(QuantizeError::write(path))?;
        Ok(Self { checkpoint, plan, file, progress, done_bytes: AtomicU64::new(0), total_bytes })
    }

    /// Writes everything that is not finished, notes each matrix in the journal, and returns when all has reached the
    /// disk.
    pub(crate) fn fill(
        self,
        calibration: &mut dyn Calibration,
        finished: &[Finished],
        journal: &mut Journal,
    ) -> Result<Vec<TensorError>, QuantizeError> {
        let mut errors = Vec::new();
        for (index, content) in self.plan.contents.iter().enumerate() {
            match content {
                Content::Matrix(matrix) => {
                    let earlier = finished.iter().find(|finished| finished.content == index);
                    let tensors = match earlier {
                        Some(earlier) if self.digest(matrix)? == earlier.sha256 => {
                            for (name, _) in &matrix.parts {
                                self.advance(name, self.checkpoint.tensors.get(name)?.bytes());
                            }
                            earlier.tensors.clone()
                        }
                        _ => {
                            let tensors = self.calibrated(matrix, calibration)?;
                            let sha256 = self.digest(matrix)?;
                            journal.add(&Finished { content: index, sha256, tensors: tensors.clone() })?;
                            tensors
                        }
                    };
                    errors.extend(tensors);
                    let rows = StoredRows { file: &self.file, matrix };
                    calibration.stored(self.checkpoint, matrix, &rows).map_err(QuantizeError::Calibration)?;
                }
                Content::Vector { tensors, extent } => self.vector(tensors, *extent)?,
                Content::Rope { positions, cosines, sines } => self.rope(*positions, *cosines, *sines)?,
            }
        }
        disk::sync(&self.file)?;
        Ok(errors)
    }

    /// SHA-256 over the SHA-256 of each [`DIGEST_BYTES`] of a stored matrix, as hexadecimal digits.
    fn digest(&self, matrix: &StoredMatrix) -> Result<String, QuantizeError> {
        let pieces: Vec<Extent> = matrix.storage.extents().flat_map(pieces).collect();
        let digests: Vec<_> = pieces
            .into_par_iter()
            .map_init(Vec::new, |bytes, piece| {
                self.check_cancelled()?;
                bytes.resize(usize::try_from(piece.bytes).unwrap_or(usize::MAX), 0);
                positioned::read_exact_at(&self.file, bytes, piece.offset)
                    .map_err(QuantizeError::write(self.file.path()))?;
                Ok(Sha256::digest(bytes.as_slice()))
            })
            .collect::<Result<_, QuantizeError>>()?;
        let mut whole = Sha256::new();
        digests.iter().for_each(|digest| whole.update(digest));
        Ok(hex(&whole.finalize()))
    }

    /// Stores a matrix with the codes of its scheme, or of the calibration.
    fn calibrated(
        &self,
        matrix: &StoredMatrix,
        calibration: &mut dyn Calibration,
    ) -> Result<Vec<TensorError>, QuantizeError> {
        let rounder = match matrix.storage {
            Storage::Blocks { .. } => calibration.rounder(self.checkpoint, matrix),
            Storage::Float32(_) => Ok(None),
        };
        let rounder = rounder.map_err(QuantizeError::Calibration)?;
        self.matrix(matrix, rounder.as_deref().unwrap_or(&Search))
    }

    fn matrix(
        &self,
        matrix: &StoredMatrix,
        rounder: &dyn Rounder,
    ) -> Result<Vec<TensorError>, QuantizeError> {
        let scheme = matrix.storage.scheme();
        let mut errors = Vec::new();
        let mut first_row = 0;
        for (name, rows) in &matrix.parts {
            let tensor = self.checkpoint.tensors.get(name)?;
            let cost = self.part(matrix, rounder, (name, tensor), first_row..first_row + rows)?;
            errors.push(TensorError {
                name: name.clone(),
                bits: scheme.bits(),
                block_size: scheme.block_size(),
                scale_bits: cost.has_short_scales.then_some(ScaleBits::Eight.into()),
                relative_mse: cost.error.relative(),
            });
            first_row += rows;
        }
        Ok(errors)
    }

    /// Stores one tensor as rows of a stored matrix.
    fn part(
        &self,
        matrix: &StoredMatrix,
        rounder: &dyn Rounder,
        (name, tensor): (&str, FloatTensor<'_>),
        stored_rows: Range<usize>,
    ) -> Result<Cost, QuantizeError> {
        let (columns, rows) = (matrix.columns, stored_rows.len());
        let piece_rows = (PIECE_WEIGHTS / columns).max(1);
        let pieces: Vec<Result<Cost, QuantizeError>> = (0..rows.div_ceil(piece_rows))
            .into_par_iter()
            .map_init(Scratch::default, |scratch, piece| {
                self.check_cancelled()?;
                let row = piece * piece_rows;
                let count = piece_rows.min(rows - row);
                tensor.read(row * columns, count * columns, &mut scratch.input)?;
                let cost = self.store(matrix, rounder, stored_rows.start + row, scratch)?;
                self.advance(name, count as u64 * tensor.bytes() / rows as u64);
                Ok(cost)
            })
            .collect();
        // The first error by its place, not by time: the message is the same in each run.
        let none = Cost { error: SquaredError::default(), has_short_scales: true };
        pieces.into_iter().try_fold(none, |sum, piece| {
            let Cost { error, has_short_scales } = piece?;
            Ok(Cost {
                error: sum.error.plus(error),
                has_short_scales: sum.has_short_scales && has_short_scales,
            })
        })
    }

    /// Stores the rows that were read as rows of the stored matrix from `row` on.
    fn store(
        &self,
        matrix: &StoredMatrix,
        rounder: &dyn Rounder,
        row: usize,
        scratch: &mut Scratch,
    ) -> Result<Cost, QuantizeError> {
        let Scratch { input, encoded, bytes } = scratch;
        match matrix.storage {
            Storage::Float32(extent) => {
                self.write_floats(&input.weights, extent, row * matrix.columns, bytes)?;
                Ok(Cost { error: SquaredError::default(), has_short_scales: false })
            }
            Storage::Blocks { scheme, codes, scales, zero_points } => {
                rounder.encode(scheme, row, &mut input.weights, matrix.columns, encoded);
                let code_bytes = scheme.code_bytes(matrix.columns);
                self.write(codes, row * code_bytes, &encoded.codes)?;
                self.write(scales, row * scheme.blocks(matrix.columns) * size_of::<f32>(), &encoded.scales)?;
                if let Some(zero_points) = zero_points {
                    let row_bytes = scheme.zero_point_bytes(matrix.columns);
                    self.write(zero_points, row * row_bytes, &encoded.zero_points)?;
                }
                Ok(Cost { error: encoded.error, has_short_scales: encoded.has_short_scales() })
            }
        }
    }

    fn vector(&self, tensors: &[String], extent: Extent) -> Result<(), QuantizeError> {
        self.check_cancelled()?;
        let mut scratch = Scratch::default();
        let mut first = 0;
        for name in tensors {
            let tensor = self.checkpoint.tensors.get(name)?;
            let count = tensor.elements();
            tensor.read(0, count, &mut scratch.input)?;
            self.write_floats(&scratch.input.weights, extent, first, &mut scratch.bytes)?;
            self.advance(name, tensor.bytes());
            first += count;
        }
        Ok(())
    }

    fn rope(&self, positions: usize, cosines: Extent, sines: Extent) -> Result<(), QuantizeError> {
        let config = &self.checkpoint.config;
        let frequencies = config.rope.inverse_frequencies(config.head_dim);
        let piece_rows = (PIECE_WEIGHTS / frequencies.len().max(1)).max(1);
        (0..positions.div_ceil(piece_rows)).into_par_iter().try_for_each(|piece| {
            self.check_cancelled()?;
            let row = piece * piece_rows;
            let last = (row + piece_rows).min(positions);
            let (cosine, sine): (Vec<f32>, Vec<f32>) =
                (row..last).flat_map(|position| angles(&frequencies, position)).unzip();
            let mut bytes = Vec::new();
            self.write_floats(&cosine, cosines, row * frequencies.len(), &mut bytes)?;
            self.write_floats(&sine, sines, row * frequencies.len(), &mut bytes)
        })
    }

    /// Writes numbers as the elements of a float32 tensor from `first` on.
    fn write_floats(
        &self,
        values: &[f32],
        extent: Extent,
        first: usize,
        bytes: &mut Vec<u8>,
    ) -> Result<(), QuantizeError> {
        bytes.clear();
        bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        self.write(extent, first * size_of::<f32>(), bytes)
    }

    fn write(&self, extent: Extent, start: usize, bytes: &[u8]) -> Result<(), QuantizeError> {
        let start = start as u64;
        debug_assert!(start + bytes.len() as u64 <= extent.bytes, "a piece must stay in its tensor");
        disk::write_at(&self.file, bytes, extent.offset + start)
    }

    fn advance(&self, name: &str, bytes: u64) {
        let done_bytes = self.done_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.progress.weights(name, done_bytes, self.total_bytes);
    }

    fn check_cancelled(&self) -> Result<(), QuantizeError> {
        if self.progress.cancelled() { Err(QuantizeError::Cancelled) } else { Ok(()) }
    }
}
