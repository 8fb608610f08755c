//! Trials: what a machine remembers of providers that were used on it.
//!
//! ```text
//! PROVIDER-KEY.trial     there while the provider is loaded and tried, locked by the process that does; one that is
//!                        there unlocked is what a process left that the provider took down
//! PROVIDER-KEY.passed    the self-check passed: it is not repeated
//! PROVIDER-KEY.compiling there while graphs are compiled, locked as above; holds how many processes have begun it. A
//!                        system ends apps as it likes, so only the third that did not get through counts as taken down
//! PROVIDER-KEY.failed    the provider refused to compile the graphs; holds its words
//! ```
//!
//! `KEY` stands for the package's variant, ONNX Runtime, the provider's library files and options: another
//! one is another trial.

use std::io::{self, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use wheelwork_package::disk::{self, FileLock};
use wheelwork_package::vfs;

use super::cache::Key;
use super::detect::Refusal;
use super::placement::NotUsedReason;

const TRIAL: &str = "trial";
const PASSED: &str = "passed";
const COMPILING: &str = "compiling";
const FAILED: &str = "failed";
/// More than any provider says of a failure.
const WORDS_BYTES: u64 = 64 << 10;
/// Processes that may end while they compile before no other one tries.
const COMPILE_ATTEMPTS: u32 = 3;

/// A provider while it is tried. Whatever the outcome, dropping it ends the trial: the process has survived.
#[derive(Debug)]
pub struct Trial {
    marker: Option<(PathBuf, FileLock)>,
    /// The files' path without extension.
    base: Option<PathBuf>,
}

impl Trial {
    /// Notes that the provider is about to be used. Without a folder nothing is noted.
    pub(crate) fn begin(folder: Option<&Path>, provider: &str, key: &Key) -> Result<Self, NotUsedReason> {
        let Some(folder) = folder else { return Ok(Self { marker: None, base: None }) };
        let base = folder.join(format!("{provider}-{}", key.as_str()));
        if is_locked(&base.with_extension(COMPILING)) == Some(true) {
            return Err(NotUsedReason::Compiling);
        }
        let path = base.with_extension(TRIAL);
        match is_locked(&path) {
            Some(true) => return Err(NotUsedReason::BeingTried),
            Some(false) => return Err(NotUsedReason::CrashedBefore),
            None => {}
        }
        let base = Some(base);
        // A folder that cannot be written protects nothing, and is no reason to do without the device.
        match Self::mark(folder, &path) {
            Ok(Some(lock)) => Ok(Self { marker: Some((path, lock)), base }),
            Ok(None) => Err(NotUsedReason::BeingTried),
            Err(_) => Ok(Self { marker: None, base }),
        }
    }

    /// Notes that graphs are about to be compiled, which may take so long that the system ends the process. May be called
    /// again.
    ///
    /// # Errors
    /// [`NotUsedReason::CompileFailed`] where the provider refused them before, [`NotUsedReason::CrashedBefore`] where
    /// several processes ended over it.
    pub fn begin_compiling(&mut self) -> Result<(), Refusal> {
        let Some(base) = &self.base else { return Ok(()) };
        if let Some(words) = words(&base.with_extension(FAILED)) {
            return Err((NotUsedReason::CompileFailed, Some(words)));
        }
        let path = base.with_extension(COMPILING);
        if self.marker.as_ref().is_none_or(|(marker, _)| *marker == path) {
            return Ok(());
        }
        // What cannot be read was being written by a process that ended.
        let before = words(&path).map_or(0, |count| count.trim().parse().unwrap_or(1));
        if before >= COMPILE_ATTEMPTS {
            let detail = format!("{before} processes ended while they compiled its graphs");
            return Err((NotUsedReason::CrashedBefore, Some(detail)));
        }
        // Only the holder of the other marker comes here. Where this one cannot be written, the other one stays.
        if let Ok(Some(lock)) = count(&path, before + 1)
            && let Some((trial, held)) = self.marker.replace((path, lock))
        {
            let _ = fs_err::remove_file(trial);
            drop(held);
        }
        Ok(())
    }

    /// Remembers that the provider refused to compile the graphs, in its own words.
    pub fn remember_failure(&self, words: &str) {
        if let (Some(base), Some(_)) = (&self.base, &self.marker) {
            // Forgotten, it is only tried again.
            let _ = vfs::replace(&base.with_extension(FAILED), words.as_bytes());
        }
    }

    fn mark(folder: &Path, path: &Path) -> io::Result<Option<FileLock>> {
        fs_err::create_dir_all(folder)?;
        let file = match disk::create_new(path, 0o644) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
            file => file?,
        };
        let Some(mut lock) = FileLock::try_take(file)? else { return Ok(None) };
        lock.file().write_all(b"a provider is being tried\n")?;
        lock.file().sync_all()?;
        disk::sync_folder(folder)?;
        Ok(Some(lock))
    }

    /// Whether the self-check has passed at an earlier trial.
    #[must_use]
    pub fn has_passed_before(&self) -> bool {
        self.base.as_ref().is_some_and(|base| base.with_extension(PASSED).is_file())
    }

    /// Remembers that the self-check has passed.
    pub fn remember_pass(&self) {
        if let (Some(base), Some(_)) = (&self.base, &self.marker) {
            // Forgotten, it is only repeated.
            let _ = vfs::replace(&base.with_extension(PASSED), &[]);
        }
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        if let Some((path, lock)) = self.marker.take() {
            // Before the lock goes: nobody may find the marker unlocked. Where it cannot be removed, the next process
            // takes the CPU and says why.
            let _ = fs_err::remove_file(path);
            drop(lock);
        }
    }
}

/// What a file of a trial says; `None` where there is none.
fn words(path: &Path) -> Option<String> {
    let bytes = vfs::read_file(path, vfs::Links::Refused, WORDS_BYTES).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Whether a marker's process is at work; `None` where there is no marker.
fn is_locked(path: &Path) -> Option<bool> {
    match FileLock::try_take_existing(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        lock => Some(matches!(lock, Ok(None))),
    }
}

/// Writes how many processes have begun to compile, and holds the file.
fn count(path: &Path, processes: u32) -> io::Result<Option<FileLock>> {
    let Some(mut lock) = FileLock::try_take_at(path, 0o644)? else { return Ok(None) };
    lock.file().rewind()?;
    lock.file().set_len(0)?;
    writeln!(lock.file(), "{processes}")?;
    lock.file().sync_all()?;
    disk::sync_folder(disk::folder_of(path))?;
    Ok(Some(lock))
}

/// Forgets every trial that no process is in, so that refused providers are tried again. Gives the number of markers.
///
/// # Errors
/// What the system says.
pub fn forget(folder: &Path) -> io::Result<usize> {
    let entries = match fs_err::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let mut forgotten = 0;
    for entry in entries {
        let path = entry?.path();
        let is =
            |kinds: &[&str]| path.extension().is_some_and(|found| kinds.iter().any(|kind| found == *kind));
        if !is(&[TRIAL, PASSED, COMPILING, FAILED]) {
            continue;
        }
        let lock = FileLock::try_take_existing(&path);
        // What is no file was no process's marker, and keeps providers away all the same.
        if lock.as_ref().is_err_and(vfs::is_not_ours) || lock?.is_some() {
            fs_err::remove_file(&path)?;
            forgotten += usize::from(!is(&[PASSED]));
        }
    }
    Ok(forgotten)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::cache::DependsOn;

    fn list() -> DependsOn {
        DependsOn::new("trial", 2)
    }

    fn begin(folder: Option<&Path>, library: &Path) -> Result<Trial, NotUsedReason> {
        Trial::begin(folder, "TestProvider", &list().and_libraries([library]).key())
    }

    #[test]
    fn rt_02_a_marker_that_a_process_left_keeps_the_provider_away_until_it_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let (path, library) = (Some(folder.path()), folder.path().join("lib.so"));
        let trial = begin(path, &library).unwrap();
        assert_eq!(begin(path, &library).unwrap_err(), NotUsedReason::BeingTried);
        assert_eq!(forget(folder.path()).unwrap(), 0, "a trial that runs stays");
        let (marker, _lock) = (trial.marker.as_ref().unwrap().0.clone(), ());
        drop(trial);
        assert!(!marker.exists());
        // What a process leaves that ends at once: the marker, and no lock.
        std::fs::write(&marker, "").unwrap();
        assert_eq!(begin(path, &library).unwrap_err(), NotUsedReason::CrashedBefore);
        // Another library is another trial.
        std::fs::write(&library, "new").unwrap();
        assert!(begin(path, &library).is_ok());
        assert_eq!(forget(folder.path()).unwrap(), 1);
        std::fs::remove_file(&library).unwrap();
        assert!(begin(path, &library).is_ok());
    }

    #[test]
    fn rt_02_processes_that_end_while_they_compile_try_again_but_not_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let (path, library) = (Some(folder.path()), folder.path().join("lib.so"));
        let begin = || begin(path, &library);
        for _ in 0..COMPILE_ATTEMPTS {
            let mut trial = begin().unwrap();
            trial.begin_compiling().unwrap();
            trial.begin_compiling().unwrap();
            assert_eq!(begin().unwrap_err(), NotUsedReason::Compiling);
            // What a process leaves that ends at once: the marker, and no lock.
            let (marker, lock) = trial.marker.take().unwrap();
            drop(lock);
            assert!(marker.exists());
        }
        let mut trial = begin().unwrap();
        let (reason, detail) = trial.begin_compiling().unwrap_err();
        assert_eq!(reason, NotUsedReason::CrashedBefore);
        assert!(detail.unwrap().contains("3 processes"));
        drop(trial);
        assert_eq!(forget(folder.path()).unwrap(), 1);
        let mut trial = begin().unwrap();
        trial.begin_compiling().unwrap();
        drop(trial);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "who comes through leaves nothing");
    }

    #[test]
    fn a_refusal_to_compile_is_remembered_with_its_words_until_it_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let (path, library) = (Some(folder.path()), folder.path().join("lib.so"));
        let mut trial = begin(path, &library).unwrap();
        trial.begin_compiling().unwrap();
        trial.remember_failure("no such operator");
        drop(trial);
        let mut trial = begin(path, &library).unwrap();
        let refusal = (NotUsedReason::CompileFailed, Some("no such operator".to_owned()));
        assert_eq!(trial.begin_compiling(), Err(refusal));
        drop(trial);
        let options = [("chip".to_owned(), "57".to_owned())];
        let other = list().and_libraries([&library]).and_options(&options).key();
        assert_eq!(
            Trial::begin(path, "TestProvider", &other).unwrap().begin_compiling(),
            Ok(()),
            "another chip is another trial"
        );
        assert_eq!(forget(folder.path()).unwrap(), 1);
    }

    #[test]
    fn a_pass_is_remembered_for_the_same_library_only() {
        let folder = tempfile::tempdir().unwrap();
        let (path, library) = (Some(folder.path()), folder.path().join("lib.so"));
        let trial = begin(path, &library).unwrap();
        assert!(!trial.has_passed_before());
        trial.remember_pass();
        drop(trial);
        assert!(begin(path, &library).unwrap().has_passed_before());
        std::fs::write(&library, "another").unwrap();
        assert!(!begin(path, &library).unwrap().has_passed_before());
        assert!(!begin(None, &library).unwrap().has_passed_before());
    }
}
