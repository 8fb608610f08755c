//! Encrypted records: XChaCha20-Poly1305 under a key of the file's own.
//!
//! ```text
//! file key | check = HKDF-SHA-256(app's key, salt = the file's 32 random bytes)
//! record   = header | nonce[24], random | ciphertext | tag[16]
//! data authenticated with it = tag of the record before (the file's head for the first) | header
//! ```
//!
//! A nonce must never come twice with one key. Here it is 192 random bits for every record ever written, so nothing has
//! to be counted or remembered, and nothing that could go wrong with counting matters: a record that failed half-way and
//! is written again, a session that goes on in a second process, a fork, a copied file, a cloned virtual machine. Two of
//! 2^64 records have the same nonce with a probability of 2^-65. That each file has a key of its own is a second wall.
//!
//! Through the tag of the record before, a record holds only behind the one that it was written behind: none can be left
//! out, moved, doubled or taken from another file.

use std::io;

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::SessionKey;

/// Random bytes of a file, which make its key its own.
pub(super) const SALT_BYTES: usize = 32;
/// What tells another key from damage.
pub(super) const CHECK_BYTES: usize = 32;
/// In front of each ciphertext.
pub(super) const NONCE_BYTES: usize = 24;
/// Behind each ciphertext.
pub(super) const TAG_BYTES: usize = 16;

/// Encrypts and decrypts the records of one file.
pub(super) struct Seal {
    cipher: XChaCha20Poly1305,
}

impl Seal {
    /// The seal of a file, and what its head says of the key.
    pub(super) fn new(key: &SessionKey, salt: &[u8; SALT_BYTES]) -> io::Result<(Self, [u8; CHECK_BYTES])> {
        let expanded = Hkdf::<Sha256>::new(Some(salt), key.bytes());
        let mut file_key = Zeroizing::new([0; SessionKey::BYTES]);
        let mut check = [0; CHECK_BYTES];
        expanded
            .expand(b"wheelwork session file: records", &mut *file_key)
            .and_then(|()| expanded.expand(b"wheelwork session file: check", &mut check))
            .map_err(io::Error::other)?;
        let cipher = XChaCha20Poly1305::new_from_slice(&*file_key).map_err(io::Error::other)?;
        Ok((Self { cipher }, check))
    }

    /// Encrypts a payload in place, behind the record with the tag `before`.
    pub(super) fn seal(
        &self,
        before: [u8; TAG_BYTES],
        header: &[u8],
        payload: &mut [u8],
    ) -> io::Result<([u8; NONCE_BYTES], [u8; TAG_BYTES])> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(io::Error::other)?;
        let data = [&before[..], header].concat();
        let tag = self
            .cipher
            .encrypt_inout_detached(&nonce.into(), &data, payload.into())
            .map_err(io::Error::other)?;
        Ok((nonce, tag.into()))
    }

    /// Decrypts a payload in place; false, and the payload as it was, where anything of the record or what it stands
    /// behind is not what it was.
    pub(super) fn open(
        &self,
        before: [u8; TAG_BYTES],
        header: &[u8],
        nonce: [u8; NONCE_BYTES],
        payload: &mut [u8],
        tag: [u8; TAG_BYTES],
    ) -> bool {
        let data = [&before[..], header].concat();
        self.cipher.decrypt_inout_detached(&nonce.into(), &data, payload.into(), &tag.into()).is_ok()
    }
}
