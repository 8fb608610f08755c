//! What tells a result that was made on this machine from one that came with a folder.
//!
//! What is derived from an installed package stands beside it, and such folders are copied, carried and received whole. A
//! record with digests proves nothing then: whoever changes a file changes the record. So a record also holds
//!
//! ```text
//! proof = HKDF-SHA-256(key of this user and machine, info = the record without its proof)      as hexadecimal digits
//! ```
//!
//! and the key, 32 random bytes, stands in a folder of the user's own ([`crate::OpenOptions::keys_dir`]) that only they can
//! read. HKDF with one block is HMAC over `info`.
//!
//! To read a gigabyte at each open only to compare it would cost more than preparing saves. The record therefore says
//! which file it was: its number in the file system and the time of its last change, which no program can set. A copy
//! is another file, and is read whole.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};

use hkdf::Hkdf;
use sha2::Sha256;
use wheelwork_package::disk;
use wheelwork_package::files::hex;
use wheelwork_package::vfs::{DiskError, read_secret};
use zeroize::Zeroizing;

pub(super) const KEY_FILE: &str = "made-here.key";
const KEY_BYTES: usize = 32;

/// Who can prove that a result was made here: the folder with the user's key.
#[derive(Debug, Clone)]
pub(crate) struct Maker {
    keys_dir: PathBuf,
}

impl Maker {
    pub(crate) fn new(keys_dir: &Path) -> Self {
        Self { keys_dir: keys_dir.to_owned() }
    }

    /// The proof of a record; `None` where no key stands there, so that nothing was made here.
    pub(super) fn proof(&self, record: &[u8]) -> Result<Option<String>, DiskError> {
        Ok(self.key()?.map(|key| proof(&key, record)))
    }

    /// As [`Maker::proof`], and makes the key if there is none.
    pub(super) fn prove(&self, record: &[u8]) -> Result<String, DiskError> {
        let path = self.path();
        if self.key()?.is_none() {
            let mut key = Zeroizing::new([0; KEY_BYTES]);
            getrandom::fill(&mut *key).map_err(io::Error::other).map_err(DiskError::of("make", &path))?;
            fs_err::create_dir_all(&self.keys_dir)
                .map_err(DiskError::of("make the folder", &self.keys_dir))?;
            match disk::write_new(&path, &*key, 0o600) {
                // Another process was first.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                written => written.map_err(DiskError::of("write", &path))?,
            }
        }
        let key = self.key()?.ok_or_else(|| DiskError::of("read", &path)(io::ErrorKind::NotFound.into()))?;
        Ok(proof(&key, record))
    }

    fn path(&self) -> PathBuf {
        self.keys_dir.join(KEY_FILE)
    }

    fn key(&self) -> Result<Option<Zeroizing<Vec<u8>>>, DiskError> {
        let path = self.path();
        let read = || -> io::Result<_> {
            let bytes = Zeroizing::new(read_secret(&path, KEY_BYTES as u64)?);
            if bytes.len() == KEY_BYTES { Ok(bytes) } else { Err(io::ErrorKind::InvalidData.into()) }
        };
        match read() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            key => key.map(Some).map_err(DiskError::of("read", &path)),
        }
    }
}

fn proof(key: &[u8], record: &[u8]) -> String {
    let mut proof = [0; KEY_BYTES];
    Hkdf::<Sha256>::new(None, key).expand(record, &mut proof).expect("HKDF gives as much as one digest");
    hex(&proof)
}

/// Which file it is, and as of which change; `None` where the system does not tell.
pub(super) fn identity(path: &Path) -> Option<String> {
    let metadata = fs_err::symlink_metadata(path).ok()?;
    changed(&metadata)
}

#[cfg(unix)]
fn changed(metadata: &Metadata) -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    let (seconds, nanoseconds) = (metadata.ctime(), metadata.ctime_nsec());
    Some(format!("{} {seconds}.{nanoseconds:09}", metadata.ino()))
}

#[cfg(not(unix))]
fn changed(_: &Metadata) -> Option<String> {
    None
}
