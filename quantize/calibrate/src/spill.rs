//! Activations on disk: rows of float32 in a file that has no name, so that nothing is left behind however the
//! process ends.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::CalibrateError;

/// Rows of a fixed width, for sequences of any number.
#[derive(Debug)]
pub(crate) struct Spill {
    file: File,
    folder: PathBuf,
    columns: usize,
    bytes: Vec<u8>,
}

impl Spill {
    /// An empty file in `folder`, for rows of `columns` values.
    pub(crate) fn create(folder: &Path, columns: usize) -> Result<Self, CalibrateError> {
        let file = tempfile::tempfile_in(folder).map_err(CalibrateError::spill(folder))?;
        Ok(Self { file, folder: folder.into(), columns, bytes: Vec::new() })
    }

    /// Writes whole rows from `row` on.
    ///
    /// # Errors
    /// [`CalibrateError::Spill`], for instance a full disk.
    pub(crate) fn write(&mut self, row: usize, values: &[f32]) -> Result<(), CalibrateError> {
        self.bytes.clear();
        self.bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        self.seek(row).and_then(|()| self.file.write_all(&self.bytes)).map_err(self.error())
    }

    /// Reads `rows` rows from `row` on into `values`, replacing what it held.
    pub(crate) fn read(
        &mut self,
        row: usize,
        rows: usize,
        values: &mut Vec<f32>,
    ) -> Result<(), CalibrateError> {
        self.bytes.resize(rows * self.columns * size_of::<f32>(), 0);
        self.seek(row).and_then(|()| self.file.read_exact(&mut self.bytes)).map_err(self.error())?;
        let (words, _) = self.bytes.as_chunks();
        values.clear();
        values.extend(words.iter().map(|word| f32::from_le_bytes(*word)));
        Ok(())
    }

    fn seek(&mut self, row: usize) -> std::io::Result<()> {
        let offset = row as u64 * self.columns as u64 * size_of::<f32>() as u64;
        self.file.seek(SeekFrom::Start(offset)).map(drop)
    }

    fn error(&self) -> impl FnOnce(std::io::Error) -> CalibrateError + use<> {
        let folder = self.folder.clone();
        move |source| CalibrateError::Spill { folder, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_where_they_were_put_and_leave_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut spill = Spill::create(folder.path(), 3).unwrap();
        spill.write(2, &[7.0, 8.0, 9.0]).unwrap();
        spill.write(0, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        let mut values = vec![0.5; 40];
        spill.read(1, 2, &mut values).unwrap();
        assert_eq!(values, [4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(matches!(spill.read(2, 2, &mut values), Err(CalibrateError::Spill { .. })));
    }
}
