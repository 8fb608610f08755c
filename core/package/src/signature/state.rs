//! How a signature stands.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How the signature of a package stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum SignatureState {
    /// Signed by a trusted key, and unchanged since.
    Valid {
        /// The key's fingerprint.
        key: String,
    },
    /// Nobody signed it.
    Missing,
    /// Signed by a key that the user has not said to trust.
    UnknownKey {
        /// What the signature calls the key.
        hint: String,
    },
    /// There is something in the signature's place, and it is no signature of this package.
    Invalid {
        /// The broken rule.
        why: String,
    },
    /// The policy is not to look.
    NotChecked,
}

impl SignatureState {
    /// Whether a trusted key signed the package as it is.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        matches!(self, Self::Valid { .. })
    }
}

impl fmt::Display for SignatureState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Valid { key } => write!(formatter, "it is signed by the trusted key {key}"),
            Self::Missing => formatter.write_str("it is not signed"),
            Self::UnknownKey { hint } => {
                write!(formatter, "it is signed by an unknown key, {}", excerpt(hint))
            }
            Self::Invalid { why } => write!(formatter, "its signature is not valid: {why}"),
            Self::NotChecked => formatter.write_str("its signature was not checked"),
        }
    }
}

/// The start of text from a file, printable.
pub(super) fn excerpt(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_default).collect()
}
