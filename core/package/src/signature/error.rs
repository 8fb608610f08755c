//! Errors of keys and signatures.

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

use super::state::SignatureState;
use crate::diagnostic::{Class, Diagnostic};

/// Why a key could not be used, or a package is not trusted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// A key file cannot be read or written.
    #[error("the key file `{path}` cannot be used: {source}")]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A key file holds something else.
    #[error("`{path}` holds no Ed25519 {kind} key in PEM")]
    NotAKey {
        /// The file.
        path: PathBuf,
        /// `secret` or `public`.
        kind: &'static str,
    },
    /// The system has no random numbers.
    #[error("the system gave no random numbers: {detail}")]
    Random {
        /// What the system said.
        detail: String,
    },
    /// The policy asks for a valid signature and there is none.
    #[error("the policy requires a signature of a trusted key, and {state}")]
    Required {
        /// How the signature stands.
        state: SignatureState,
    },
}

impl Diagnostic for SignatureError {
    fn code(&self) -> &'static str {
        match self {
            Self::KeyFile { .. } => "key_file",
            Self::NotAKey { .. } => "not_a_key",
            Self::Random { .. } => "no_random_numbers",
            Self::Required { .. } => "signature_required",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Random { .. } => Class::Unsupported,
            _ => Class::Retry,
        }
    }

    fn remedy(&self) -> Cow<'static, str> {
        match self {
            Self::KeyFile { .. } => {
                "check that the file exists and can be read; a key is never overwritten".into()
            }
            Self::NotAKey { .. } => "give a key that `wheelwork key` has made".into(),
            Self::Random { .. } => "make the key on another machine".into(),
            Self::Required { state: SignatureState::Invalid { .. } } => {
                "get the package from its publisher again: this one was changed after it was signed".into()
            }
            Self::Required { .. } => {
                "get the publisher's public key by a way you trust and add it, or allow unsigned packages"
                    .into()
            }
        }
    }

    fn place(&self) -> Option<String> {
        match self {
            Self::KeyFile { path, .. } | Self::NotAKey { path, .. } => Some(path.display().to_string()),
            Self::Random { .. } | Self::Required { .. } => None,
        }
    }
}
