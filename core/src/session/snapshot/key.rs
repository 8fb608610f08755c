//! The key that encrypts session files.

use std::fmt;

use zeroize::Zeroizing;

/// 32 secret bytes that encrypt session files. They come from the app, which keeps them where the system keeps secrets
/// (Android's Keystore, Apple's Keychain) and makes them with a generator for keys: a password is not one.
///
/// Zeroed when it is dropped; shows nothing of itself.
#[derive(Clone)]
pub struct SessionKey(Zeroizing<[u8; Self::BYTES]>);

impl SessionKey {
    /// Bytes of a key.
    pub const BYTES: usize = 32;

    /// A key of the caller's, who should zero what it was made from.
    #[must_use]
    pub fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &*self.0
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SessionKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_shows_nothing_of_itself() {
        assert_eq!(format!("{:?}", SessionKey::new([7; 32])), "SessionKey(..)");
    }
}
