//! The file of a graph's external data while it is filled, from several threads and in any order.

use std::io;
use std::path::Path;

use wheelwork_package::vfs::open_existing_to_write;

use crate::positioned::{read_exact_at, write_all_at};

/// The data file while it is filled.
#[derive(Debug)]
pub(crate) struct ExternalFile {
    file: fs_err::File,
}

impl ExternalFile {
    /// Creates a new file of the given size, all zeros.
    ///
    /// # Errors
    /// What the operating system says, for instance that the file exists.
    pub(crate) fn create(path: &Path, bytes: u64) -> io::Result<Self> {
        let file = fs_err::OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        file.set_len(bytes)?;
        Ok(Self { file })
    }

    /// Opens a file that was created before, with what it holds; one that is missing or of another size is made anew.
    ///
    /// # Errors
    /// What the operating system says.
    pub(crate) fn reopen(path: &Path, bytes: u64) -> io::Result<Self> {
        match open_existing_to_write(path).map_err(io::Error::from) {
            Ok(file) if file.metadata()?.len() == bytes => return Ok(Self { file }),
            Ok(_) => fs_err::remove_file(path)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Self::create(path, bytes)
    }

    /// Writes all bytes from `offset` on, whatever other threads write elsewhere.
    ///
    /// # Errors
    /// What the operating system says, for instance that the disk is full.
    pub(crate) fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        write_all_at(&self.file, bytes, offset)
    }

    /// Fills the buffer with what was written from `offset` on.
    ///
    /// # Errors
    /// What the operating system says, also where the file ends too early.
    pub(crate) fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        read_exact_at(&self.file, buffer, offset)
    }

    /// Returns when the data has reached the disk.
    ///
    /// # Errors
    /// What the operating system says.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_write_in_any_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        let file = ExternalFile::create(&path, 4096).unwrap();
        std::thread::scope(|scope| {
            for piece in 0..16_u8 {
                let file = &file;
                scope.spawn(move || file.write_at(&[piece; 256], u64::from(piece) * 256).unwrap());
            }
        });
        file.sync().unwrap();
        let expected: Vec<u8> = (0..4096).map(|index| u8::try_from(index / 256).unwrap()).collect();
        assert_eq!(fs_err::read(&path).unwrap(), expected);
        let mut piece = [0; 256];
        file.read_at(&mut piece, 512).unwrap();
        assert_eq!(piece, [2; 256]);
        assert!(file.read_at(&mut piece, 4000).is_err(), "nothing is read past the end");
        assert!(ExternalFile::create(&path, 1).is_err(), "an existing file must not be overwritten");
        ExternalFile::reopen(&path, 4096).unwrap().read_at(&mut piece, 256).unwrap();
        assert_eq!(piece, [1; 256]);
        ExternalFile::reopen(&path, 8192).unwrap().read_at(&mut piece, 256).unwrap();
        assert_eq!(piece, [0; 256], "a file of another size is not believed");
    }
}
