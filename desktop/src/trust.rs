//! From `--trust` and `--key` to the keys and the policy that a package is judged by.

use std::path::PathBuf;

use wheelwork_package::signature::{Policy, PublicKey, SignatureState, Trust};

use crate::arguments::{TrustArguments, TrustPolicy};
use crate::failure::Failure;

/// The trust that the arguments ask for.
///
/// Without `--trust`: who gives a key wants its signature, and what comes from outside this machine needs one. A local
/// file without either is used, and how its signature stands is said.
pub(crate) fn of(arguments: &TrustArguments, is_remote: bool) -> Result<Trust, Failure> {
    let policy = match arguments.trust {
        Some(TrustPolicy::Require) => Policy::Require,
        Some(TrustPolicy::Warn) => Policy::Warn,
        Some(TrustPolicy::Off) => Policy::Off,
        None if is_remote || !arguments.key.is_empty() => Policy::Require,
        None => Policy::Warn,
    };
    Ok(Trust { policy, keys: keys(&arguments.key)? })
}

/// Reads public keys.
pub(crate) fn keys(files: &[PathBuf]) -> Result<Vec<PublicKey>, Failure> {
    files.iter().map(|file| Ok(PublicKey::read(file)?)).collect()
}

/// Says on stderr how a signature stands that is not valid.
pub(crate) fn warn_of(state: &SignatureState) {
    if !state.is_valid() {
        anstream::eprintln!("warning: nobody vouches for this package: {state}");
    }
}
