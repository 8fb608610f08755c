//! What an installation found out and later operations want to know.

use serde::{Deserialize, Serialize};

use super::layout::Slot;
use crate::container::Head;
use crate::container::limits::{INDEX_BYTES, SIGNATURE_BYTES};
use crate::signature::PublicKey;
use crate::vfs::{self, Vfs};

/// More than any head: prelude, two digests and a length come to 100 bytes.
const HEAD_BYTES: u64 = INDEX_BYTES as u64 + SIGNATURE_BYTES as u64 + 4096;
const RECORD_BYTES: u64 = 64 << 10;

/// `record.json`. It may have come with its folder: nothing is trusted because of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Record {
    /// The PEM of the key whose signature was trusted at installation: what gives way only to what such a key signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) vouched_by: Option<String>,
}

impl Record {
    /// The bytes of the file.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a struct of texts is always JSON")
    }

    /// What stands in the file; nothing if that cannot be read.
    pub(super) fn read(vfs: &dyn Vfs, slot: &Slot) -> Self {
        let bytes = vfs::read(vfs, &slot.record(), RECORD_BYTES).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// The key that vouched, if it is one.
    pub(super) fn voucher(&self) -> Option<PublicKey> {
        PublicKey::from_pem(self.vouched_by.as_deref()?)
    }
}

/// The head that a slot was made from; `None` if it is missing or damaged.
pub(super) fn read_head(vfs: &dyn Vfs, slot: &Slot) -> Option<Head> {
    let bytes = vfs::read(vfs, &slot.head(), HEAD_BYTES).ok()?;
    Head::read(&mut bytes.as_slice()).ok()
}
