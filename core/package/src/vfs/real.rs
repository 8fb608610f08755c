//! The file system that there is.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::error::FileError;
use super::regular::{self, Links, open_file, open_to_write};
use super::{Kind, Lock, Vfs, VfsFile};
use crate::disk::{self, FileLock};

/// More than anything that [`Vfs::lock`] writes.
const OWNER_BYTES: u64 = 256;
/// Of a file that others may read.
const PUBLIC: u32 = 0o644;

/// The system's files, through fs-err, whose errors name the path.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealVfs;

impl Vfs for RealVfs {
    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        fs_err::create_dir_all(path)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        Ok(Box::new(open_file(path, Links::Refused)?))
    }

    fn open_for_writing(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        Ok(Box::new(open_to_write(path, PUBLIC)?))
    }

    fn kind(&self, path: &Path) -> io::Result<Option<Kind>> {
        match fs_err::symlink_metadata(path) {
            Ok(metadata) => Ok(Some(kind_of(&metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<(String, Kind)>> {
        let entries = match fs_err::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            // A name that is no Unicode is none of ours; what it is replaced with isn't either.
            let name = entry.file_name().to_string_lossy().into_owned();
            names.push((name, kind_of(&fs_err::symlink_metadata(entry.path())?)));
        }
        Ok(names)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs_err::rename(from, to)
    }

    fn hard_link(&self, existing: &Path, link: &Path) -> io::Result<()> {
        fs_err::hard_link(existing, link)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs_err::remove_file(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        match fs_err::remove_dir_all(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }

    fn sync_dir(&self, folder: &Path) -> io::Result<()> {
        disk::sync_folder(folder)
    }

    fn free_bytes(&self, folder: &Path) -> io::Result<u64> {
        fs4::available_space(folder)
    }

    fn lock(&self, path: &Path, owner: &str) -> io::Result<Lock> {
        let Some(mut lock) = FileLock::try_take_at(path, PUBLIC)? else {
            // Where a lock keeps readers away, its owner stays unknown.
            let owner = open_file(path, Links::Refused).map_err(io::Error::from).and_then(written_by);
            return Ok(Lock::Busy { owner: owner.unwrap_or_default() });
        };
        let found = written_by(&mut *lock.file())?;
        if !is_owner(&found) && found != owner {
            return Err(FileError::not_ours(path, "it holds what no lock does").into());
        }
        lock.file().set_len(0)?;
        lock.file().rewind()?;
        lock.file().write_all(owner.as_bytes())?;
        Ok(Lock::Held(Box::new(lock)))
    }
}

/// What stands in a lock's file, as far as it can be a lock's.
fn written_by(file: impl Read) -> io::Result<String> {
    let mut owner = Vec::new();
    file.take(OWNER_BYTES).read_to_end(&mut owner)?;
    Ok(String::from_utf8_lossy(&owner).into_owned())
}

/// Whether an earlier holder may have written that: numbers in a line, or nothing yet.
fn is_owner(text: &str) -> bool {
    text.len() < 64 && text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_whitespace())
}

/// Seeks, then reads or writes: portable, and nobody shares our open files.
impl VfsFile for fs_err::File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut file = self;
        file.seek(SeekFrom::Start(offset))?;
        file.read(buffer)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut file = self;
        file.seek(SeekFrom::Start(offset))?;
        file.write(bytes)
    }

    fn byte_len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn has_other_names(&self) -> io::Result<bool> {
        Ok(regular::names_of(self.file())? > 1)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_all()
    }
}

fn kind_of(metadata: &std::fs::Metadata) -> Kind {
    let file_type = metadata.file_type();
    if file_type.is_symlink() {
        Kind::Link
    } else if file_type.is_dir() {
        Kind::Folder
    } else if file_type.is_file() {
        Kind::File { bytes: metadata.len() }
    } else {
        Kind::Other
    }
}
