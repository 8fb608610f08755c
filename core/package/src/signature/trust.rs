//! Which signatures count, and what follows from one that does not.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::bundle::{Bundle, excerpt};
use super::{PublicKey, SignatureError};
use crate::container::Head;

/// The user's answer to packages that nobody they trust has signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// Refuse them.
    Require,
    /// Use them and show how the signature stands.
    #[default]
    Warn,
    /// Do not look at signatures.
    Off,
}

/// The keys that the user trusts, and the policy for everything else.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// What to do without a valid signature.
    pub policy: Policy,
    /// Whose signatures count.
    pub keys: Vec<PublicKey>,
}

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

impl Trust {
    /// Says how the signature stands, or refuses the package if the policy asks for more.
    ///
    /// # Errors
    /// [`SignatureError::Required`], only under [`Policy::Require`].
    pub fn judge(&self, head: &Head) -> Result<SignatureState, SignatureError> {
        if self.policy == Policy::Off {
            return Ok(SignatureState::NotChecked);
        }
        let state = self.state(head);
        if self.policy == Policy::Require && !state.is_valid() {
            return Err(SignatureError::Required { state });
        }
        Ok(state)
    }

    fn state(&self, head: &Head) -> SignatureState {
        let Some(signature) = &head.signature else { return SignatureState::Missing };
        let bundle = match Bundle::parse(signature) {
            Ok(bundle) => bundle,
            Err(error) => return SignatureState::Invalid { why: error.to_string() },
        };
        let Some(key) = self.keys.iter().find(|key| key.fingerprint().to_string() == bundle.hint()) else {
            return SignatureState::UnknownKey { hint: bundle.hint().to_owned() };
        };
        match bundle.verify(key, head) {
            Ok(()) => SignatureState::Valid { key: key.fingerprint().to_string() },
            Err(error) => SignatureState::Invalid { why: error.to_string() },
        }
    }
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
