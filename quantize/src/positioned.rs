//! Reading and writing at a position, whatever other threads do with the file, the same on Unix and Windows; and files
//! that are filled in this way.
//!
//! Reads fill the buffer or fail where the file ends too early; writes write everything.

use std::path::Path;

use wheelwork_package::vfs::open_existing_to_write;

/// Creates a new file of the given size, all zeros.
pub(crate) fn create(path: &Path, bytes: u64) -> std::io::Result<fs_err::File> {
    let file = fs_err::OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
    file.set_len(bytes)?;
    Ok(file)
}

/// Opens a file that was created before, with what it holds; one that is missing or of another size is made anew.
pub(crate) fn reopen(path: &Path, bytes: u64) -> std::io::Result<fs_err::File> {
    match open_existing_to_write(path).map_err(std::io::Error::from) {
        Ok(file) if file.metadata()?.len() == bytes => return Ok(file),
        Ok(other) => {
            // Windows keeps the name of what is removed while it is open.
            drop(other);
            fs_err::remove_file(path)?;
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    create(path, bytes)
}

#[cfg(unix)]
pub(crate) fn write_all_at(file: &fs_err::File, bytes: &[u8], offset: u64) -> std::io::Result<()> {
    use fs_err::os::unix::fs::FileExt as _;
    file.write_all_at(bytes, offset)
}

#[cfg(unix)]
pub(crate) fn read_exact_at(file: &fs_err::File, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
    use fs_err::os::unix::fs::FileExt as _;
    file.read_exact_at(buffer, offset)
}

#[cfg(windows)]
pub(crate) fn read_exact_at(
    file: &fs_err::File,
    mut buffer: &mut [u8],
    mut offset: u64,
) -> std::io::Result<()> {
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
pub(crate) fn write_all_at(file: &fs_err::File, mut bytes: &[u8], mut offset: u64) -> std::io::Result<()> {
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
    use super::*;

    #[test]
    fn threads_write_in_any_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        let file = create(&path, 4096).unwrap();
        std::thread::scope(|scope| {
            for piece in 0..16_u8 {
                let file = &file;
                scope.spawn(move || write_all_at(file, &[piece; 256], u64::from(piece) * 256).unwrap());
            }
        });
        file.sync_all().unwrap();
        let expected: Vec<u8> = (0..4096).map(|index| u8::try_from(index / 256).unwrap()).collect();
        assert_eq!(fs_err::read(&path).unwrap(), expected);
        let mut piece = [0; 256];
        read_exact_at(&file, &mut piece, 512).unwrap();
        assert_eq!(piece, [2; 256]);
        assert!(read_exact_at(&file, &mut piece, 4000).is_err(), "nothing is read past the end");
        assert!(create(&path, 1).is_err(), "an existing file must not be overwritten");
        read_exact_at(&reopen(&path, 4096).unwrap(), &mut piece, 256).unwrap();
        assert_eq!(piece, [1; 256]);
        drop(file);
        read_exact_at(&reopen(&path, 8192).unwrap(), &mut piece, 256).unwrap();
        assert_eq!(piece, [0; 256], "a file of another size is not believed");
    }
}
