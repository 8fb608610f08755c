//! Records as bytes: lengths, kinds and a chain of digests.

use std::io::{self, Read, Write};

use sha2::{Digest as _, Sha256};

/// What a session file begins with; the last byte is the format's version.
pub(super) const MAGIC: [u8; 8] = *b"wheelse\x01";
/// The longest payload: no allocation from a length goes beyond it.
pub(super) const PAYLOAD_LIMIT: usize = 64 << 20;

const DIGEST_BYTES: usize = 16;

/// The digest of all records so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chain([u8; DIGEST_BYTES]);

impl Chain {
    /// Before the first record.
    pub(super) fn start() -> Self {
        Self::cut(Sha256::digest(MAGIC).into())
    }

    fn next(self, header: [u8; 5], payload: &[u8]) -> Self {
        let hasher = Sha256::new().chain_update(self.0).chain_update(header).chain_update(payload);
        Self::cut(hasher.finalize().into())
    }

    fn cut(digest: [u8; 32]) -> Self {
        let mut cut = [0; DIGEST_BYTES];
        cut.copy_from_slice(&digest[..DIGEST_BYTES]);
        Self(cut)
    }
}

/// Writes one record.
///
/// # Errors
/// The writer's; [`io::ErrorKind::InvalidInput`] for a payload over [`PAYLOAD_LIMIT`].
pub(super) fn write(out: &mut impl Write, chain: &mut Chain, kind: u8, payload: &[u8]) -> io::Result<()> {
    let bytes = u32::try_from(payload.len()).ok().filter(|_| payload.len() <= PAYLOAD_LIMIT);
    let bytes = bytes.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let header = header(bytes, kind);
    let next = chain.next(header, payload);
    out.write_all(&header)?;
    out.write_all(payload)?;
    out.write_all(&next.0)?;
    *chain = next;
    Ok(())
}

/// Reads one record into `payload` and gives its kind; none where the file ends, in whatever way: short, damaged or
/// with a record that does not follow the one before.
///
/// # Errors
/// The reader's own, but for the end of the file.
pub(super) fn read(
    input: &mut impl Read,
    chain: &mut Chain,
    payload: &mut Vec<u8>,
) -> io::Result<Option<u8>> {
    let mut header = [0; 5];
    let mut digest = [0; DIGEST_BYTES];
    if !fill(input, &mut header)? {
        return Ok(None);
    }
    let [bytes @ .., kind] = header;
    let bytes = u32::from_le_bytes(bytes) as usize;
    if bytes > PAYLOAD_LIMIT {
        return Ok(None);
    }
    payload.clear();
    // Not more than there is, whatever the length says.
    input.by_ref().take(bytes as u64).read_to_end(payload)?;
    if payload.len() < bytes || !fill(input, &mut digest)? {
        return Ok(None);
    }
    let next = chain.next(header, payload);
    if next.0 != digest {
        return Ok(None);
    }
    *chain = next;
    Ok(Some(kind))
}

/// False where the file ends before the buffer is full.
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match input.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn header(bytes: u32, kind: u8) -> [u8; 5] {
    let [a, b, c, d] = bytes.to_le_bytes();
    [a, b, c, d, kind]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(records: &[(u8, Vec<u8>)]) -> Vec<u8> {
        let (mut bytes, mut chain) = (Vec::new(), Chain::start());
        for (kind, payload) in records {
            write(&mut bytes, &mut chain, *kind, payload).unwrap();
        }
        bytes
    }

    fn read_all(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
        let (mut records, mut chain, mut payload) = (Vec::new(), Chain::start(), Vec::new());
        while let Some(kind) = read(&mut bytes, &mut chain, &mut payload).unwrap() {
            records.push((kind, payload.clone()));
        }
        records
    }

    fn records() -> impl Strategy<Value = Vec<(u8, Vec<u8>)>> {
        prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..40)), 0..6)
    }

    #[test]
    fn a_length_of_4_gib_allocates_nothing() {
        let mut payload = Vec::new();
        let bytes = [0xff; 64];
        assert_eq!(read(&mut &bytes[..], &mut Chain::start(), &mut payload).unwrap(), None);
        assert_eq!(payload.capacity(), 0);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(records in records()) {
            prop_assert_eq!(read_all(&written(&records)), records);
        }

        #[test]
        fn a_cut_file_gives_its_whole_records(records in records(), cut in any::<prop::sample::Index>()) {
            let bytes = written(&records);
            let read = read_all(&bytes[..cut.index(bytes.len() + 1)]);
            prop_assert_eq!(&read[..], &records[..read.len()]);
        }

        #[test]
        fn a_flipped_bit_ends_the_journal_before_it(
            records in records(), place in any::<prop::sample::Index>(), bit in 0_u8..8,
        ) {
            let mut bytes = written(&records);
            prop_assume!(!bytes.is_empty());
            let place = place.index(bytes.len());
            bytes[place] ^= 1_u8 << bit;
            let read = read_all(&bytes);
            prop_assert!(read.len() < records.len());
            prop_assert_eq!(&read[..], &records[..read.len()]);
        }
    }
}
