//! External data: where each initializer stands in the data file, and the file itself.
//!
//! Offsets are handed out in the order of declaration, so a decoder's weights lie in the order of their use. Large
//! tensors start at a page, so that each can be mapped, prefetched or dropped by itself; small ones only at a
//! vector register's width, so that a small model does not consist of padding. Padding bytes are zero.

use std::path::Path;

/// Alignment of large tensors in bytes: the page size of the machines that we write for.
pub const PAGE_BYTES: u64 = 4096;
/// Alignment of small tensors in bytes: the widest vector register.
pub const VECTOR_BYTES: u64 = 64;
/// A tensor of at least this many bytes is large: its padding then costs less than a sixteenth.
pub const LARGE_BYTES: u64 = 16 * PAGE_BYTES;

/// A range of the data file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// First byte.
    pub offset: u64,
    /// Number of bytes.
    pub bytes: u64,
}

/// Hands out ranges one after another.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    end: u64,
}

impl Layout {
    /// The next range of that size; `None` past the end of 64-bit addresses.
    pub(crate) fn place(&mut self, bytes: u64) -> Option<Extent> {
        let alignment = if bytes >= LARGE_BYTES { PAGE_BYTES } else { VECTOR_BYTES };
        let offset = self.end.checked_next_multiple_of(alignment)?;
        self.end = offset.checked_add(bytes)?;
        Some(Extent { offset, bytes })
    }

    /// Bytes of the whole file.
    pub(crate) fn file_bytes(&self) -> u64 {
        self.end
    }
}

/// The data file while it is filled.
#[derive(Debug)]
pub struct ExternalFile {
    file: fs_err::File,
}

impl ExternalFile {
    /// Creates a new file of the given size, all zeros.
    ///
    /// # Errors
    /// What the operating system says, for instance that the file exists.
    pub fn create(path: &Path, bytes: u64) -> std::io::Result<Self> {
        let file = fs_err::OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        file.set_len(bytes)?;
        Ok(Self { file })
    }

    /// Opens a file that was created before, with what it holds; one that is missing or of another size is made anew.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn reopen(path: &Path, bytes: u64) -> std::io::Result<Self> {
        match fs_err::OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) if file.metadata()?.len() == bytes => return Ok(Self { file }),
            Ok(_) => fs_err::remove_file(path)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Self::create(path, bytes)
    }

    /// Writes all bytes from `offset` on, whatever other threads write elsewhere.
    ///
    /// # Errors
    /// What the operating system says, for instance that the disk is full.
    pub fn write_at(&self, bytes: &[u8], offset: u64) -> std::io::Result<()> {
        write_all_at(&self.file, bytes, offset)
    }

    /// Fills the buffer with what was written from `offset` on.
    ///
    /// # Errors
    /// What the operating system says, also where the file ends too early.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
        read_exact_at(&self.file, buffer, offset)
    }

    /// Returns when the data has reached the disk.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn sync(&self) -> std::io::Result<()> {
        self.file.sync_all()
    }
}

#[cfg(unix)]
fn write_all_at(file: &fs_err::File, bytes: &[u8], offset: u64) -> std::io::Result<()> {
    use fs_err::os::unix::fs::FileExt as _;
    file.write_all_at(bytes, offset)
}

#[cfg(unix)]
fn read_exact_at(file: &fs_err::File, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
    use fs_err::os::unix::fs::FileExt as _;
    file.read_exact_at(buffer, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &fs_err::File, mut buffer: &mut [u8], mut offset: u64) -> std::io::Result<()> {
    use fs_err::os::windows::fs::FileExt as _;
    while !buffer.is_empty() {
        let read = file.seek_read(buffer, offset)?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        buffer = buffer.get_mut(read..).unwrap_or_default();
        offset += read as u64;
    }
    Ok(())
}

#[cfg(windows)]
fn write_all_at(file: &fs_err::File, mut bytes: &[u8], mut offset: u64) -> std::io::Result<()> {
    use fs_err::os::windows::fs::FileExt as _;
    while !bytes.is_empty() {
        let written = file.seek_write(bytes, offset)?;
        if written == 0 {
            return Err(std::io::ErrorKind::WriteZero.into());
        }
        bytes = bytes.get(written..).unwrap_or_default();
        offset += written as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn extents_are_aligned_and_never_overlap(sizes in prop::collection::vec(0_u64..200_000, 0..40)) {
            let mut layout = Layout::default();
            let mut end = 0;
            for bytes in sizes {
                let extent = layout.place(bytes).unwrap();
                let alignment = if bytes >= LARGE_BYTES { PAGE_BYTES } else { VECTOR_BYTES };
                prop_assert!(extent.offset >= end);
                prop_assert!(extent.offset - end < alignment);
                prop_assert_eq!(extent.offset % alignment, 0);
                end = extent.offset + extent.bytes;
            }
            prop_assert_eq!(layout.file_bytes(), end);
        }
    }

    #[test]
    fn a_layout_past_64_bits_is_refused() {
        let mut layout = Layout::default();
        layout.place(u64::MAX - 100).unwrap();
        assert_eq!(layout.place(200), None);
    }

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
