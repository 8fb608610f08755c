//! What a session file begins with: its form, and for an encrypted one what tells the right key.
//!
//! ```text
//! plain      "wheelse" 3
//! encrypted  "wheelse" 4 | salt[32] | check[32] | SHA-256 of all this, cut to 16 bytes
//! ```
//!
//! The digest needs no key: a head that is damaged is told from a key that is wrong.

use std::io::{self, Read, Write};

use sha2::{Digest as _, Sha256};

use super::frame::{Chain, DIGEST_BYTES, fill};
use super::seal::{CHECK_BYTES, SALT_BYTES, Seal};
use super::{SessionKey, SnapshotError};

/// The last byte is the form and its version: 1 and 2 had keys and values as they are.
const PLAIN: [u8; 8] = *b"wheelse\x03";
const ENCRYPTED: [u8; 8] = *b"wheelse\x04";

/// Writes the head of a new file and gives its size in bytes with what its records are chained by.
///
/// # Errors
/// The writer's; the system's where it has no random bytes.
pub(super) fn write(out: &mut impl Write, key: Option<&SessionKey>) -> io::Result<(u64, Chain)> {
    let Some(key) = key else {
        out.write_all(&PLAIN)?;
        return Ok((PLAIN.len() as u64, Chain::start(&PLAIN)));
    };
    let mut salt = [0; SALT_BYTES];
    getrandom::fill(&mut salt).map_err(io::Error::other)?;
    let (seal, check) = Seal::new(key, &salt)?;
    let last = digest(&salt, &check);
    let head = [&ENCRYPTED[..], &salt, &check, &last].concat();
    out.write_all(&head)?;
    Ok((head.len() as u64, Chain { last, seal: Some(seal) }))
}

/// Reads a head and gives what the records are chained by.
///
/// # Errors
/// [`SnapshotError::NotASession`], [`SnapshotError::OldForm`], [`SnapshotError::KeyNeeded`], [`SnapshotError::NotEncrypted`],
/// [`SnapshotError::WrongKey`], and the reader's.
pub(super) fn read(
    input: &mut impl Read,
    key: Option<&SessionKey>,
    file: &str,
) -> Result<Chain, SnapshotError> {
    let not_a_session = |fault| SnapshotError::NotASession { file: file.into(), fault };
    let mut magic = [0; PLAIN.len()];
    let is_whole = fill(input, &mut magic)?;
    match (magic, key) {
        (PLAIN, None) => Ok(Chain::start(&PLAIN)),
        (PLAIN, Some(_)) => Err(SnapshotError::NotEncrypted { file: file.into() }),
        (ENCRYPTED, key) => {
            let (mut salt, mut check, mut found) = ([0; SALT_BYTES], [0; CHECK_BYTES], [0; DIGEST_BYTES]);
            let is_whole = fill(input, &mut salt)? && fill(input, &mut check)? && fill(input, &mut found)?;
            if !is_whole || digest(&salt, &check) != found {
                return Err(not_a_session("its head is damaged"));
            }
            let key = key.ok_or_else(|| SnapshotError::KeyNeeded { file: file.into() })?;
            let (seal, right) = Seal::new(key, &salt)?;
            // Whoever has the file may know this value: comparing it needs no constant time.
            if check != right {
                return Err(SnapshotError::WrongKey { file: file.into() });
            }
            Ok(Chain { last: found, seal: Some(seal) })
        }
        ([b'w', b'h', b'e', b'e', b'l', b's', b'e', found @ 1..=2], _) => {
            Err(SnapshotError::OldForm { file: file.into(), found })
        }
        _ if !is_whole => Err(not_a_session("it ends within its first bytes")),
        _ => Err(not_a_session("it does not begin like one")),
    }
}

fn digest(salt: &[u8], check: &[u8]) -> [u8; DIGEST_BYTES] {
    Chain::cut(Sha256::new().chain_update(ENCRYPTED).chain_update(salt).chain_update(check).finalize().into())
}
