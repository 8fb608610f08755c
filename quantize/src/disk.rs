//! Everything that this crate does to a disk that can be full, so that a test can let the n-th of it fail.

use std::io::Write as _;
use std::path::Path;

use crate::error::QuantizeError;
use crate::positioned::write_all_at;

/// Writes a new file and returns when it has reached the disk.
pub(crate) fn write_file(path: &Path, content: &[u8]) -> Result<(), QuantizeError> {
    let write = || {
        may_write()?;
        let mut file = fs_err::OpenOptions::new().write(true).create_new(true).open(path)?;
        file.write_all(content)?;
        may_write()?;
        // A test lets this fail, and need not wait for it.
        if cfg!(test) { Ok(()) } else { file.sync_all() }
    };
    write().map_err(QuantizeError::write(path))
}

/// Appends bytes to a file.
pub(crate) fn append(file: &mut fs_err::File, bytes: &[u8]) -> std::io::Result<()> {
    may_write()?;
    file.write_all(bytes)
}

/// Writes a piece of the weight file.
pub(crate) fn write_at(file: &fs_err::File, bytes: &[u8], offset: u64) -> Result<(), QuantizeError> {
    may_write().and_then(|()| write_all_at(file, bytes, offset)).map_err(QuantizeError::write(file.path()))
}

/// Returns when the weight file has reached the disk.
pub(crate) fn sync(file: &fs_err::File) -> Result<(), QuantizeError> {
    let sync = || if cfg!(test) { Ok(()) } else { file.sync_all() };
    may_write().and_then(|()| sync()).map_err(QuantizeError::write(file.path()))
}

/// Moves a file or folder.
pub(crate) fn rename(from: &Path, to: &Path) -> std::io::Result<()> {
    may_write()?;
    fs_err::rename(from, to)
}

/// Returns when the folder's list of names has reached the disk.
pub(crate) fn sync_folder(path: &Path) -> std::io::Result<()> {
    if cfg!(test) { Ok(()) } else { wheelwork_package::disk::sync_folder(path) }
}

#[cfg(not(test))]
#[allow(clippy::unnecessary_wraps)] // tests refuse
fn may_write() -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
use tests::may_write;

#[cfg(test)]
#[path = "../tests/suite/contents.rs"]
mod contents;

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::contents::contents;
    use super::*;
    use crate::{Options, quantize};

    thread_local! {
        /// Writes until the disk of this thread is full.
        static ROOM: Cell<usize> = const { Cell::new(usize::MAX) };
    }

    pub(super) fn may_write() -> std::io::Result<()> {
        let room = ROOM.get();
        if room == 0 {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        ROOM.set(room - 1);
        Ok(())
    }

    /// The n-th write fails, for each n until there are no more. What stood under the name stays, nothing new stands
    /// there, and with room again the run goes on to the bytes of an undisturbed one.
    #[test]
    fn ck_20_a_disk_that_is_full_at_any_write_leaves_a_run_that_resumes() {
        let checkpoint = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/families/qwen3");
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("package");
        let options = Options { resume: true, overwrite: true, ..Options::default() };
        // One thread, so that all writes count together.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let run = |room: usize| {
            pool.install(|| {
                ROOM.set(room);
                let result = quantize(&checkpoint, &out, &options, &());
                let left = ROOM.replace(usize::MAX);
                (result, room - left)
            })
        };
        run(usize::MAX).0.unwrap();
        // From now on there is a package that gives way.
        let (result, writes) = run(usize::MAX);
        result.unwrap();
        let expected = contents(folder.path());
        assert!(writes > 20, "{writes} writes");
        for room in 0..writes {
            let error = run(room).0.unwrap_err();
            assert!(matches!(error, QuantizeError::Write { .. }), "{error}");
            assert_eq!(contents(&out), expected, "a failed run changes nothing under the name");
            let (result, again) = run(usize::MAX);
            result.unwrap();
            assert!(again <= writes, "what was finished is not written again");
            assert_eq!(contents(folder.path()), expected, "full after {room} writes");
        }
    }
}
