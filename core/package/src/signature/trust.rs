//! Which signatures count, and what follows from one that does not.

use super::bundle::Bundle;
use super::error::SignatureError;
use super::key::PublicKey;
use super::state::SignatureState;
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

    /// The trusted key that signed the package, if one did.
    #[must_use]
    pub fn signer(&self, head: &Head) -> Option<&PublicKey> {
        match self.state(head) {
            SignatureState::Valid { key } => {
                self.keys.iter().find(|trusted| trusted.fingerprint().to_string() == key)
            }
            _ => None,
        }
    }

    /// Trust in these keys that refuses nothing.
    pub(crate) fn shown(keys: &[PublicKey]) -> Self {
        Self { policy: Policy::Warn, keys: keys.to_vec() }
    }

    /// How the signature stands, whatever the policy.
    #[must_use]
    pub fn state(&self, head: &Head) -> SignatureState {
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
