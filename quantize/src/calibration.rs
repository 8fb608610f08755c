//! Codes from elsewhere: how a calibration that knows the inputs of each matrix takes part in writing a package.
//!
//! Matrices are stored one after another, in the order of the weight file: embedding, layer 0 (query, key and value as
//! one matrix, output, gate, up, down), layer 1, ..., output projection. For each:
//!
//! 1. [`Calibration::rounder`] may give a [`Rounder`]; it is called between matrices and may take its time.
//! 2. The rounder, or the scheme's own search, turns pieces of a few rows into codes, on all cores.
//! 3. [`Calibration::stored`] learns that the matrix is complete, and can read back what the runtime will read, so
//!    that the next layer is calibrated on inputs that hold this one's error.
//!
//! A run that resumes skips 1 and 2 for matrices that are complete already, and still does 3.

use wheelwork_diagnostic::Diagnostic;

use crate::checkpoint::Checkpoint;
use crate::plan::{Storage, StoredMatrix};
use crate::positioned::read_exact_at;
use crate::scheme::BlockScheme;
use crate::scheme::rows::{self, EncodedRows};

/// Why a calibration cannot go on.
pub type CalibrationError = Box<dyn Diagnostic>;

/// Takes part in writing a package; `()` leaves every matrix to its scheme's search.
pub trait Calibration {
    /// What distinguishes this calibration from others that would give other codes: its method and a digest of its text.
    /// A run resumes only where this is the same.
    fn identity(&self) -> String {
        String::new()
    }

    /// What finds the codes of a matrix that is about to be stored in blocks; `None` is the scheme's own search.
    ///
    /// # Errors
    /// Ends the run with [`crate::QuantizeError::Calibration`].
    fn rounder<'a>(
        &'a mut self,
        _checkpoint: &Checkpoint,
        _matrix: &StoredMatrix,
    ) -> Result<Option<Box<dyn Rounder + 'a>>, CalibrationError> {
        Ok(None)
    }

    /// A matrix is complete, in whatever scheme.
    ///
    /// # Errors
    /// Ends the run with [`crate::QuantizeError::Calibration`].
    fn stored(
        &mut self,
        _checkpoint: &Checkpoint,
        _matrix: &StoredMatrix,
        _rows: &StoredRows<'_>,
    ) -> Result<(), CalibrationError> {
        Ok(())
    }
}

impl Calibration for () {}

/// Finds the codes of one matrix, a piece of rows at a time, on several threads.
pub trait Rounder: Sync {
    /// Quantises rows of `columns` finite weights each into `encoded`, replacing what it held; the first is row
    /// `first_row` of the stored matrix. `weights` is working memory afterwards.
    ///
    /// The same rows must give the same codes whatever the piece they come in. [`rows::encode_for`] and
    /// [`rows::lay_out`] fill `encoded`.
    fn encode(
        &self,
        scheme: BlockScheme,
        first_row: usize,
        weights: &mut [f32],
        columns: usize,
        encoded: &mut EncodedRows,
    );
}

/// A complete matrix in the weight file.
#[derive(Debug)]
pub struct StoredRows<'a> {
    pub(crate) file: &'a fs_err::File,
    pub(crate) matrix: &'a StoredMatrix,
}

impl StoredRows<'_> {
    /// Replaces `weights` with `count` rows from row `first` on, as the runtime reads them: `[count, columns]`.
    ///
    /// # Errors
    /// What the operating system says, also for rows that the matrix does not have.
    pub fn read(&self, first: usize, count: usize, weights: &mut Vec<f32>) -> std::io::Result<()> {
        if first.checked_add(count).is_none_or(|end| end > self.matrix.rows()) {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let columns = self.matrix.columns;
        let read = |offset: u64, row_bytes: usize| {
            let mut bytes = vec![0; count * row_bytes];
            read_exact_at(self.file, &mut bytes, offset + first as u64 * row_bytes as u64)?;
            std::io::Result::Ok(bytes)
        };
        match self.matrix.storage {
            Storage::Float32(extent) => {
                let bytes = read(extent.offset, columns * size_of::<f32>())?;
                weights.clear();
                weights.extend(bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)));
            }
            Storage::Blocks { scheme, codes, scales, zero_points } => {
                let codes = read(codes.offset, scheme.code_bytes(columns))?;
                let scales = read(scales.offset, scheme.blocks(columns) * size_of::<f32>())?;
                let zero_points = match zero_points {
                    Some(extent) => read(extent.offset, scheme.zero_point_bytes(columns))?,
                    None => Vec::new(),
                };
                rows::decode(scheme, columns, (&codes, &scales, &zero_points), weights);
            }
        }
        Ok(())
    }
}
