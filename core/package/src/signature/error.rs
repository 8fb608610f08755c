//! Errors of keys and signatures.

use std::io;
use std::path::PathBuf;

use wheelwork_diagnostic::{Diagnosis, Diagnostic, Remedy, check, choose, get, retry, set, unsupported};

use super::state::SignatureState;

/// Why a key could not be used, or a package is not trusted.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum SignatureError {
    /// A key file cannot be read or written.
    #[error("the key file `{path}` cannot be used: {source}")]
    KeyFile { path: PathBuf, source: io::Error },
    /// A secret key that others than its owner can read or write.
    #[error("the key file `{path}` can be read by others: {permissions}")]
    KeyExposed { path: PathBuf, permissions: String },
    /// A key file holds something else.
    #[error("`{path}` holds no Ed25519 {kind} key in PEM")]
    NotAKey { path: PathBuf, kind: &'static str },
    /// The system has no random numbers.
    #[error("the system gave no random numbers: {detail}")]
    Random { detail: String },
    /// The policy asks for a valid signature and there is none.
    #[error("the policy requires a signature of a trusted key, and {state}")]
    Required { state: SignatureState },
}

impl Diagnostic for SignatureError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::KeyFile { path, .. } => {
                retry("key_file", check("that the file exists and can be read; a key is never overwritten"))
                    .file(path)
            }
            Self::KeyExposed { path, .. } => retry(
                "key_exposed",
                set("the file's permissions", "its owner's alone, 600, and think of who had the key"),
            )
            .file(path),
            Self::NotAKey { path, .. } => retry("not_a_key", Remedy::GiveKey).file(path),
            Self::Random { .. } => {
                unsupported("no_random_numbers", choose("another machine to make the key on"))
            }
            Self::Required { state: SignatureState::Invalid { .. } } => retry(
                "signature_required",
                get("the package from its publisher again: this one was changed after it was signed"),
            ),
            Self::Required { .. } => retry(
                "signature_required",
                get("the publisher's public key by a way you trust and add it, or allow unsigned packages"),
            ),
        }
    }
}
