//! The file system as the store sees it: one small trait, so that a test can make the n-th operation fail, or lose
//! what was not synced.
//!
//! Durability is the caller's business and the trait's vocabulary: content is durable after [`VfsFile::sync`], names
//! (made, renamed, removed) after [`Vfs::sync_dir`] of their folder. [`Partial`] is the one way to put both together.

pub(crate) mod error;
mod partial;
mod real;
pub(crate) mod regular;

use std::fmt;
use std::io;
use std::path::Path;

pub use error::{DiskError, FileError, FileFault, is_not_ours};
pub use partial::{Partial, rename_durably, replace};
pub use real::RealVfs;
pub use regular::{
    Links, check_folder, file_bytes, open_existing_to_write, open_file, open_to_write, read_file,
    read_secret, read_text, stands,
};

/// A file system.
pub trait Vfs: Send + Sync + fmt::Debug {
    /// Makes a folder and its parents, where they do not exist.
    ///
    /// # Errors
    /// What the system says, here and below.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;
    /// Opens a file for reading; anything else, a link too, is an error.
    fn open(&self, path: &Path) -> io::Result<Box<dyn VfsFile>>;
    /// Opens a file for reading and writing, makes it if it does not exist, and keeps its content. A link and a file
    /// that has another name as well are errors.
    fn open_for_writing(&self, path: &Path) -> io::Result<Box<dyn VfsFile>>;
    /// What stands at a path; a link is a link. `None` where there is nothing.
    fn kind(&self, path: &Path) -> io::Result<Option<Kind>>;
    /// The names in a folder with what they are, in any order. A folder that does not exist is empty.
    fn list(&self, folder: &Path) -> io::Result<Vec<(String, Kind)>>;
    /// Renames a file or a folder; a file at the new name is replaced in one step.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Gives a file a second name.
    fn hard_link(&self, existing: &Path, link: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Removes a folder with everything in it. Nothing there is no error.
    fn remove_dir_all(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a folder durable.
    fn sync_dir(&self, folder: &Path) -> io::Result<()>;
    /// Bytes that may still be written below a folder.
    fn free_bytes(&self, folder: &Path) -> io::Result<u64>;
    /// Takes the lock of a file, which is made if need be, and writes `owner` into it. Gone with the process. What stands
    /// there that no lock has written is an error, and stays.
    fn lock(&self, path: &Path, owner: &str) -> io::Result<Lock>;
}

/// An open file.
pub trait VfsFile {
    /// Reads at a position; fewer bytes than asked for are no error, none are the end.
    ///
    /// # Errors
    /// What the system says, here and below.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes at a position; fewer bytes than given are no error.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;
    /// Size in bytes.
    fn byte_len(&self) -> io::Result<u64>;
    /// Whether what is written appears under another name, too.
    fn has_other_names(&self) -> io::Result<bool> {
        Ok(false)
    }
    /// Makes the content durable.
    fn sync(&self) -> io::Result<()>;
}

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file of so many bytes.
    File {
        /// Its size.
        bytes: u64,
    },
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A pipe, a device, a socket.
    Other,
}

/// The answer to [`Vfs::lock`].
pub enum Lock {
    /// The lock is held until this is dropped.
    Held(Box<dyn Send>),
    /// Somebody else holds it.
    Busy {
        /// What they wrote into it, as far as it can be read.
        owner: String,
    },
}

/// How much of a file is read at once where all of it is wanted.
pub(crate) const PIECE_BYTES: usize = 1 << 20;

/// Writes all of `bytes` at a position.
///
/// # Errors
/// What the file says; [`io::ErrorKind::WriteZero`] where it takes nothing.
pub(crate) fn write_all_at(file: &dyn VfsFile, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = match file.write_at(bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        bytes = bytes.get(written..).ok_or(io::ErrorKind::InvalidData)?;
        offset += written as u64;
    }
    Ok(())
}

/// Reads up to `length` bytes at a position: fewer only at the end of the file.
///
/// # Errors
/// What the file says.
pub(crate) fn read_at(file: &dyn VfsFile, length: usize, offset: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let mut have = 0;
    while let Some(rest) = bytes.get_mut(have..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + have as u64) {
            Ok(0) => break,
            Ok(read) => have += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(have);
    Ok(bytes)
}

/// Reads a whole file of at most `limit` bytes.
///
/// # Errors
/// What the file system says; [`io::ErrorKind::FileTooLarge`].
pub(crate) fn read(vfs: &dyn Vfs, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = vfs.open(path)?;
    match usize::try_from(file.byte_len()?) {
        Ok(length) if length as u64 <= limit => read_at(file.as_ref(), length, 0),
        _ => Err(io::ErrorKind::FileTooLarge.into()),
    }
}

/// Writes a new file and makes its content durable.
///
/// # Errors
/// What the file system says.
pub fn write(vfs: &dyn Vfs, path: &Path, bytes: &[u8]) -> io::Result<()> {
    if vfs.kind(path)?.is_some() {
        vfs.remove_file(path)?;
    }
    let file = vfs.open_for_writing(path)?;
    write_all_at(file.as_ref(), bytes, 0)?;
    file.sync()
}
