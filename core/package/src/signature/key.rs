//! Ed25519 keys and their files: PEM, as OpenSSL reads and writes them.

use std::fmt;
use std::io;
use std::path::Path;

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{
    DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey, KeypairBytes,
};
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};

use super::error::SignatureError;
use crate::container::Digest;
use crate::disk::write_new;
use crate::vfs::{FileError, FileFault, Links, read_file, read_secret};

/// More than any PEM of an Ed25519 key with comments around it.
const KEY_FILE_BYTES: u64 = 16 << 10;

/// The key that signs. Zeroed when it is dropped; shows nothing of itself.
pub struct SecretKey(SigningKey);

/// The key that verifies.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl SecretKey {
    /// A new key from the system's random numbers.
    ///
    /// # Errors
    /// [`SignatureError::Random`].
    pub fn generate() -> Result<Self, SignatureError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| SignatureError::Random { detail: error.to_string() })?;
        Ok(Self::from_seed(&seed))
    }

    /// The key of a seed of 32 random bytes (RFC 8032, 5.1.5).
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// Reads a PKCS #8 PEM file that only its owner can read.
    ///
    /// # Errors
    /// [`SignatureError::KeyFile`], [`SignatureError::KeyExposed`] or [`SignatureError::NotAKey`].
    pub fn read(path: &Path) -> Result<Self, SignatureError> {
        let key = text(path, read_secret(path, KEY_FILE_BYTES))?
            .and_then(|pem| SigningKey::from_pkcs8_pem(&pem).ok());
        key.map(Self).ok_or_else(|| SignatureError::NotAKey { path: path.into(), kind: "secret" })
    }

    /// Writes a PKCS #8 PEM file that only its owner can read. Never overwrites.
    ///
    /// # Errors
    /// [`SignatureError::KeyFile`].
    pub fn write(&self, path: &Path) -> Result<(), SignatureError> {
        // Without the public half, which OpenSSL before 3.0 does not expect.
        let bytes = KeypairBytes { secret_key: self.0.to_bytes(), public_key: None };
        let pem = bytes.to_pkcs8_pem(LineEnding::LF).map_err(io::Error::other);
        pem.and_then(|pem| write_new(path, pem.as_bytes(), 0o600))
            .map_err(|source| SignatureError::KeyFile { path: path.into(), source })
    }

    /// The key that verifies what this one signs.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs bytes.
    pub(super) fn sign_bytes(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SecretKey of {:?}", self.public())
    }
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo PEM file.
    ///
    /// # Errors
    /// [`SignatureError::KeyFile`] or [`SignatureError::NotAKey`], which a weak key is as well.
    pub fn read(path: &Path) -> Result<Self, SignatureError> {
        text(path, read_file(path, Links::Followed, KEY_FILE_BYTES))?
            .and_then(|pem| Self::from_pem(&pem))
            .ok_or_else(|| SignatureError::NotAKey { path: path.into(), kind: "public" })
    }

    /// A key from the text of its PEM file; `None` for anything else, and for a weak key.
    #[must_use]
    pub fn from_pem(pem: &str) -> Option<Self> {
        VerifyingKey::from_public_key_pem(pem).ok().filter(|key| !key.is_weak()).map(Self)
    }

    /// Writes a SubjectPublicKeyInfo PEM file. Never overwrites.
    ///
    /// # Errors
    /// [`SignatureError::KeyFile`].
    pub fn write(&self, path: &Path) -> Result<(), SignatureError> {
        write_new(path, self.to_pem().as_bytes(), 0o644)
            .map_err(|source| SignatureError::KeyFile { path: path.into(), source })
    }

    /// The text of its PEM file.
    #[must_use]
    pub fn to_pem(&self) -> String {
        self.0.to_public_key_pem(LineEnding::LF).expect("a key of 32 bytes is always PEM")
    }

    /// What a signature names this key by: the SHA-256 of its PEM.
    #[must_use]
    pub fn fingerprint(&self) -> Digest {
        Digest::of(self.to_pem().as_bytes())
    }

    /// Whether the signature is of this message and this key, by the strict rules of RFC 8032.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verify_strict(message, &ed25519_dalek::Signature::from_bytes(signature)).is_ok()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PublicKey {}", self.fingerprint())
    }
}

/// The text of a key file; `None` if it is no text or longer than any key.
fn text(path: &Path, read: Result<Vec<u8>, FileError>) -> Result<Option<String>, SignatureError> {
    let path = || path.to_owned();
    match read.map_err(|error| error.fault) {
        Ok(bytes) => Ok(String::from_utf8(bytes).ok()),
        Err(FileFault::TooLarge { .. }) => Ok(None),
        Err(FileFault::Exposed { permissions }) => {
            Err(SignatureError::KeyExposed { path: path(), permissions })
        }
        Err(fault) => Err(SignatureError::KeyFile { path: path(), source: fault.into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that only its owner can read, as ssh wants keys to be.
    fn private(path: &Path, content: &[u8]) {
        let _ = fs_err::remove_file(path);
        write_new(path, content, 0o600).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn fi_06_a_secret_key_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        SecretKey::generate().unwrap().write(&path).unwrap();
        for mode in [0o644, 0o640, 0o602, 0o610, 0o666] {
            fs_err::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let error = SecretKey::read(&path).unwrap_err();
            let SignatureError::KeyExposed { permissions, .. } = error else { panic!("{error}") };
            assert!(permissions.contains(&format!("{mode:03o}")), "{permissions}");
        }
        for mode in [0o600, 0o400] {
            fs_err::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            SecretKey::read(&path).unwrap();
        }
    }

    #[test]
    fn keys_survive_their_files_and_are_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let (secret, public) = (folder.path().join("key.pem"), folder.path().join("key.pub.pem"));
        let key = SecretKey::generate().unwrap();
        key.write(&secret).unwrap();
        key.public().write(&public).unwrap();
        assert_eq!(SecretKey::read(&secret).unwrap().0.to_bytes(), key.0.to_bytes());
        assert_eq!(PublicKey::read(&public).unwrap(), key.public());
        let again = SecretKey::generate().unwrap();
        assert!(matches!(again.write(&secret), Err(SignatureError::KeyFile { .. })));
        assert_eq!(SecretKey::read(&secret).unwrap().0.to_bytes(), key.0.to_bytes());
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_the_secret_key() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        SecretKey::generate().unwrap().write(&path).unwrap();
        assert_eq!(fs_err::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    /// RFC 8410, 10.1 and 10.3: the example key pair, as OpenSSL writes it.
    #[test]
    fn the_keys_of_rfc_8410_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        let secret = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
        let public = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
        private(&path, secret.as_bytes());
        assert_eq!(SecretKey::read(&path).unwrap().public().to_pem(), public);
    }

    #[test]
    fn other_files_are_no_keys() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        let pair = SecretKey::from_seed(&[1; 32]);
        let weak = VerifyingKey::from_bytes(&[0; 32]).unwrap().to_public_key_pem(LineEnding::LF).unwrap();
        for content in [b"".as_slice(), b"\xFF\xFE", weak.as_bytes(), &vec![b'-'; 1 << 20]] {
            private(&path, content);
            assert!(matches!(SecretKey::read(&path), Err(SignatureError::NotAKey { .. })));
            assert!(matches!(PublicKey::read(&path), Err(SignatureError::NotAKey { .. })));
        }
        private(&path, pair.public().to_pem().as_bytes());
        assert!(matches!(SecretKey::read(&path), Err(SignatureError::NotAKey { kind: "secret", .. })));
    }

    #[test]
    fn nothing_of_the_secret_is_shown() {
        let key = SecretKey::from_seed(&[0xAB; 32]);
        assert!(!format!("{key:?}").to_lowercase().contains("abab"));
    }
}
