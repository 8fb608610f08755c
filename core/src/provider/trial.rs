//! Trials: what a machine remembers of providers that were used on it.
//!
//! ```text
//! PROVIDER-KEY.trial     there while the provider is loaded and tried, locked by the process that does; one that is
//!                        there unlocked is what a process left that the provider took down
//! PROVIDER-KEY.passed    the self-check passed: it is not repeated
//! ```
//!
//! `KEY` stands for the package's variant, ONNX Runtime, and the provider's library file: another one is another trial.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use sha2::{Digest as _, Sha256};
use wheelwork_package::disk::{self, FileLock};
use wheelwork_package::files::hex;

use super::NotUsedReason;

/// A provider while it is tried. Whatever the outcome, dropping it ends the trial: the process has survived.
#[derive(Debug)]
pub struct Trial {
    marker: Option<(PathBuf, FileLock)>,
    passed: Option<PathBuf>,
}

/// What a trial is about.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// ONNX Runtime's name of the provider.
    pub provider: &'a str,
    /// The variant's fingerprint.
    pub fingerprint: &'a str,
    /// ONNX Runtime's build.
    pub runtime: &'a str,
    /// The provider's library.
    pub library: &'a Path,
}

impl Trial {
    /// Notes that the provider is about to be used. Without a folder nothing is noted.
    ///
    /// # Errors
    /// [`NotUsedReason::CrashedBefore`] or [`NotUsedReason::BeingTried`].
    pub fn begin(folder: Option<&Path>, subject: Subject<'_>) -> Result<Self, NotUsedReason> {
        let Some(folder) = folder else { return Ok(Self { marker: None, passed: None }) };
        let base = folder.join(format!("{}-{}", subject.provider, subject.key()));
        let (path, passed) = (base.with_extension("trial"), base.with_extension("passed"));
        if path.exists() {
            let lock = fs_err::File::options().write(true).open(&path).and_then(FileLock::try_take);
            return Err(match lock {
                Ok(None) => NotUsedReason::BeingTried,
                _ => NotUsedReason::CrashedBefore,
            });
        }
        let passed = Some(passed);
        // A folder that cannot be written protects nothing, and is no reason to do without the device.
        match Self::mark(folder, &path) {
            Ok(Some(lock)) => Ok(Self { marker: Some((path, lock)), passed }),
            Ok(None) => Err(NotUsedReason::BeingTried),
            Err(_) => Ok(Self { marker: None, passed }),
        }
    }

    fn mark(folder: &Path, path: &Path) -> io::Result<Option<FileLock>> {
        fs_err::create_dir_all(folder)?;
        let file = match fs_err::File::options().write(true).create_new(true).open(path) {
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
        self.passed.as_deref().is_some_and(Path::is_file)
    }

    /// Remembers that the self-check has passed.
    pub fn remember_pass(&self) {
        if let (Some(passed), Some(_)) = (&self.passed, &self.marker) {
            // Forgotten, it is only repeated.
            let _ = fs_err::write(passed, []);
        }
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        if let Some((path, lock)) = self.marker.take() {
            // Before the lock goes: nobody may find the marker unlocked. Where it cannot be removed, the next process
            // takes the processor and says why.
            let _ = fs_err::remove_file(path);
            drop(lock);
        }
    }
}

impl Subject<'_> {
    fn key(&self) -> String {
        let metadata = std::fs::metadata(self.library).ok();
        let changed = metadata
            .as_ref()
            .and_then(|metadata| metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok())
            .map_or(0, |time| time.as_nanos());
        let bytes = metadata.map_or(0, |metadata| metadata.len());
        let library = self.library.display();
        let text = format!("{}\0{}\0{library}\0{bytes}\0{changed}", self.fingerprint, self.runtime);
        hex(&Sha256::digest(text)).chars().take(16).collect()
    }
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
        if path.extension().is_none_or(|extension| extension != "trial" && extension != "passed") {
            continue;
        }
        let lock = FileLock::try_take(fs_err::File::options().write(true).open(&path)?)?;
        if lock.is_some() {
            fs_err::remove_file(&path)?;
            forgotten += usize::from(path.extension().is_some_and(|extension| extension == "trial"));
        }
    }
    Ok(forgotten)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(library: &Path) -> Subject<'_> {
        Subject { provider: "TestProvider", fingerprint: "f", runtime: "r", library }
    }

    #[test]
    fn rt_02_a_marker_that_a_process_left_keeps_the_provider_away_until_it_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let (path, library) = (Some(folder.path()), folder.path().join("lib.so"));
        let trial = Trial::begin(path, subject(&library)).unwrap();
        assert_eq!(Trial::begin(path, subject(&library)).unwrap_err(), NotUsedReason::BeingTried);
        assert_eq!(forget(folder.path()).unwrap(), 0, "a trial that runs stays");
        let (marker, _lock) = (trial.marker.as_ref().unwrap().0.clone(), ());
        drop(trial);
        assert!(!marker.exists());
        // What a process leaves that ends at once: the marker, and no lock.
        std::fs::write(&marker, "").unwrap();
        assert_eq!(Trial::begin(path, subject(&library)).unwrap_err(), NotUsedReason::CrashedBefore);
        // Another library is another trial.
        std::fs::write(&library, "new").unwrap();
        assert!(Trial::begin(path, subject(&library)).is_ok());
        assert_eq!(forget(folder.path()).unwrap(), 1);
        std::fs::remove_file(&library).unwrap();
        assert!(Trial::begin(path, subject(&library)).is_ok());
    }

    #[test]
    fn a_pass_is_remembered_for_the_same_library_only() {
        let folder = tempfile::tempdir().unwrap();
        let (path, library) = (Some(folder.path()), folder.path().join("lib.so"));
        let trial = Trial::begin(path, subject(&library)).unwrap();
        assert!(!trial.has_passed_before());
        trial.remember_pass();
        drop(trial);
        assert!(Trial::begin(path, subject(&library)).unwrap().has_passed_before());
        std::fs::write(&library, "another").unwrap();
        assert!(!Trial::begin(path, subject(&library)).unwrap().has_passed_before());
        assert!(!Trial::begin(None, subject(&library)).unwrap().has_passed_before());
    }
}
