//! From `--trust` and `--key` to the keys and the policy that a package is judged by, and the keys that were trusted before.

use std::path::PathBuf;

use wheelwork_package::signature::{KeyRing, Policy, PublicKey, SignatureState, Trust};

use crate::arguments::{TrustArguments, keys_dir};
use crate::failure::Failure;

/// The trust that the arguments ask for.
///
/// Without `--trust`: who gives a key wants its signature, and what comes from outside this machine needs one. A local
/// file without either is used, and how its signature stands by the keys that were trusted before is said.
pub(crate) fn of(arguments: &TrustArguments, is_remote: bool) -> Result<Trust, Failure> {
    let policy = match arguments.trust {
        Some(policy) => policy.into(),
        None if is_remote || !arguments.key.is_empty() => Policy::Require,
        None => Policy::Warn,
    };
    // Whoever gives a key and wants a signature wants one of that key; without one, those count that were trusted before.
    let wants_these = policy == Policy::Require && !arguments.key.is_empty();
    let keys = if wants_these { keys(&arguments.key)? } else { known(&arguments.key)? };
    Ok(Trust { policy, keys })
}

/// Reads public keys.
fn keys(files: &[PathBuf]) -> Result<Vec<PublicKey>, Failure> {
    files.iter().map(|file| Ok(PublicKey::read(file)?)).collect()
}

/// The keys in these files and those that were trusted before.
pub(crate) fn known(files: &[PathBuf]) -> Result<Vec<PublicKey>, Failure> {
    let remembered = ring().map_or_else(|| Ok(Vec::new()), |ring| ring.keys())?;
    Ok([keys(files)?, remembered].concat())
}

/// Remembers the key that vouched for what was installed.
pub(crate) fn remember(trust: &Trust, state: &SignatureState) -> Result<(), Failure> {
    let SignatureState::Valid { key } = state else { return Ok(()) };
    let key = trust.keys.iter().find(|trusted| trusted.fingerprint().to_string() == *key);
    if let Some((ring, key)) = ring().zip(key) {
        ring.remember(key)?;
    }
    Ok(())
}

fn ring() -> Option<KeyRing> {
    keys_dir().map(|folder| KeyRing::new(&folder))
}

/// Says on stderr how a signature stands that is not valid.
pub(crate) fn warn_of(state: &SignatureState) {
    if !state.is_valid() {
        anstream::eprintln!("warning: nobody vouches for this package: {state}");
    }
}
