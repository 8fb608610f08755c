//! The keys whose signatures a user has trusted: one PEM file each, in a folder of their own.
//!
//! A package says who signed it, and a folder of models may come from anywhere. So whether a signer is trusted is asked
//! here each time, and of nothing that stands beside a model.

use std::io;
use std::path::{Path, PathBuf};

use super::error::SignatureError;
use super::key::PublicKey;
use crate::disk::write_new;

const ENDING: &str = ".pub.pem";

/// A folder of trusted keys.
#[derive(Debug, Clone)]
pub struct KeyRing {
    folder: PathBuf,
}

impl KeyRing {
    /// The keys in `trusted` of a user's folder, which need not exist yet.
    #[must_use]
    pub fn new(keys_dir: &Path) -> Self {
        Self { folder: keys_dir.join("trusted") }
    }

    /// All keys.
    ///
    /// # Errors
    /// [`SignatureError`] for the folder, and for a file in it that is no key.
    pub fn keys(&self) -> Result<Vec<PublicKey>, SignatureError> {
        let failed = |source| SignatureError::KeyFile { path: self.folder.clone(), source };
        let entries = match fs_err::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let mut keys = Vec::new();
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            if path.to_string_lossy().ends_with(ENDING) {
                keys.push(PublicKey::read(&path)?);
            }
        }
        Ok(keys)
    }

    /// Trusts a key from now on.
    ///
    /// # Errors
    /// [`SignatureError::KeyFile`].
    pub fn remember(&self, key: &PublicKey) -> Result<(), SignatureError> {
        let path = self.folder.join(format!("{}{ENDING}", key.fingerprint()));
        let written = fs_err::create_dir_all(&self.folder)
            .and_then(|()| write_new(&path, key.to_pem().as_bytes(), 0o600));
        match written {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            written => written.map_err(|source| SignatureError::KeyFile { path, source }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::SecretKey;

    #[test]
    fn what_is_remembered_is_there_once() {
        let folder = tempfile::tempdir().unwrap();
        let ring = KeyRing::new(&folder.path().join("keys"));
        assert!(ring.keys().unwrap().is_empty());
        let key = |seed| SecretKey::from_seed(&[seed; 32]).public();
        for seed in [1, 2, 1] {
            ring.remember(&key(seed)).unwrap();
        }
        let keys = ring.keys().unwrap();
        assert!(keys.len() == 2 && keys.contains(&key(1)) && keys.contains(&key(2)));
        fs_err::write(ring.folder.join("x.pub.pem"), "no key").unwrap();
        assert!(matches!(ring.keys(), Err(SignatureError::NotAKey { .. })));
    }
}
