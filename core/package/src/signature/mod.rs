//! Who made a package: Ed25519 signatures in the OpenSSF model-signing form (`docs/package-format.md`, "Signature").
//!
//! 1. [`SecretKey::generate`] and [`SecretKey::write`] make a key pair, [`PublicKey::write`] what others need of it.
//! 2. [`SecretKey::sign`] makes the bundle that goes into a container's head: a statement that names every file and
//!    the index, in an envelope with one signature.
//! 3. [`Trust::judge`] holds a head against the keys that the user trusts. It reads no chunk. [`KeyRing`] remembers keys.

mod bundle;
mod error;
mod key;
mod key_ring;
mod state;
mod statement;
mod trust;

pub use bundle::BundleError;
pub use error::SignatureError;
pub use key::{PublicKey, SecretKey};
pub use key_ring::KeyRing;
pub use state::SignatureState;
pub use trust::{Policy, Trust};
