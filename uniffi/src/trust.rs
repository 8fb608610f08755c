//! Who made a package: keys and signatures.

use std::path::Path;

use wheelwork_package::signature::{self, KeyRing, Policy};

use crate::FfiError;
use crate::convert::mirror;
use crate::edge::guarded;

mirror! {
    /// What is done with packages that none of the app's keys has signed.
    SignaturePolicy = Policy {
        /// They are refused.
        Require,
        /// They are used, and how the signature stands is told.
        Warn,
        /// Signatures are not looked at.
        Off,
    }
}

/// How the signature of a package stands.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum SignatureState {
    /// Signed by a trusted key, and unchanged since.
    Valid {
        /// The key's fingerprint.
        key: String,
    },
    /// Nobody signed it.
    Missing,
    /// Signed by a key that was not given as trusted.
    UnknownKey {
        /// What the signature calls the key.
        hint: String,
    },
    /// There is something in the signature's place, and it is no signature of this package.
    Invalid {
        /// The broken rule.
        why: String,
    },
    /// It was not looked at.
    NotChecked,
}

/// A key that verifies signatures.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct PublicKey {
    /// The text of its file: Ed25519, `SubjectPublicKeyInfo` in PEM.
    pub pem: String,
    /// What signatures name it by: SHA-256 in lowercase hexadecimal.
    pub fingerprint: String,
}

/// Reads a key from the text of its PEM file. Takes microseconds, on any thread.
///
/// # Errors
/// `not_a_key`, for a weak key too.
#[uniffi::export]
pub fn public_key(pem: String) -> Result<PublicKey, FfiError> {
    guarded(|| Ok(key_of(&pem)?.into()))
}

/// The keys that were trusted on this device, in the app's own folder for keys: see [`trust_key`]. Reads small files.
///
/// # Errors
/// `key_file` for the folder; `not_a_key` for a file in it that is none.
#[uniffi::export]
pub fn trusted_keys(keys_dir: String) -> Result<Vec<PublicKey>, FfiError> {
    guarded(|| {
        let keys = KeyRing::new(Path::new(&keys_dir)).keys()?;
        Ok(keys.into_iter().map(Into::into).collect())
    })
}

/// Trusts a key from now on: what a person decides. Writes a small file into the app's own folder for keys, which nothing
/// that stands beside a model is.
///
/// # Errors
/// `not_a_key`; `key_file` where the file cannot be written.
#[uniffi::export]
pub fn trust_key(keys_dir: String, pem: String) -> Result<PublicKey, FfiError> {
    guarded(|| {
        let key = key_of(&pem)?;
        KeyRing::new(Path::new(&keys_dir)).remember(&key)?;
        Ok(key.into())
    })
}

/// Keys from the texts of their PEM files.
pub(crate) fn keys_of(pems: &[String]) -> Result<Vec<signature::PublicKey>, FfiError> {
    pems.iter().map(|pem| key_of(pem)).collect()
}

fn key_of(pem: &str) -> Result<signature::PublicKey, FfiError> {
    signature::PublicKey::from_pem(pem).ok_or_else(FfiError::not_a_key)
}

impl From<signature::PublicKey> for PublicKey {
    fn from(key: signature::PublicKey) -> Self {
        Self { pem: key.to_pem(), fingerprint: key.fingerprint().to_string() }
    }
}

impl From<signature::SignatureState> for SignatureState {
    fn from(state: signature::SignatureState) -> Self {
        use signature::SignatureState as Core;
        match state {
            Core::Valid { key } => Self::Valid { key },
            Core::Missing => Self::Missing,
            Core::UnknownKey { hint } => Self::UnknownKey { hint },
            Core::Invalid { why } => Self::Invalid { why },
            Core::NotChecked => Self::NotChecked,
        }
    }
}
