//! Records as bytes: lengths, kinds, and a chain in which each holds only behind the one before.
//!
//! ```text
//! plain      payload_bytes u32 | kind u8 | payload | digest[16]
//! encrypted  payload_bytes u32 | kind u8 | nonce[24] | ciphertext | tag[16]        -> seal
//! digest     SHA-256(digest of the record before | payload_bytes | kind | payload), cut to 16 bytes
//! ```

use std::io::{self, Read, Write};

use sha2::{Digest as _, Sha256};

use super::seal::{NONCE_BYTES, Seal, TAG_BYTES};

/// The longest payload: no allocation from a length goes beyond it.
pub(super) const PAYLOAD_LIMIT: usize = 64 << 20;
/// Of a digest.
pub(super) const DIGEST_BYTES: usize = 16;

pub(super) const HEADER_BYTES: usize = 5;

/// What the next record stands behind.
pub(super) struct Chain {
    /// The digest or tag of the record before, or of the file's head.
    pub(super) last: [u8; DIGEST_BYTES],
    /// Of an encrypted file.
    pub(super) seal: Option<Seal>,
}

impl Chain {
    /// A plain file with this head, before its first record.
    pub(super) fn start(head: &[u8]) -> Self {
        Self { last: Self::cut(Sha256::digest(head).into()), seal: None }
    }

    /// Bytes of a record besides its header and its payload.
    pub(super) fn bytes_around(&self) -> u64 {
        let around = if self.seal.is_some() { NONCE_BYTES + TAG_BYTES } else { DIGEST_BYTES };
        around as u64
    }

    pub(super) fn cut(digest: [u8; 32]) -> [u8; DIGEST_BYTES] {
        let mut cut = [0; DIGEST_BYTES];
        cut.copy_from_slice(&digest[..DIGEST_BYTES]);
        cut
    }
}

/// Writes one record and gives its size in bytes. In an encrypted file, the payload is ciphertext afterwards. After an
/// error, some of the record may stand in the file; the chain is that of the record before.
///
/// # Errors
/// The writer's; [`io::ErrorKind::InvalidInput`] for a payload over [`PAYLOAD_LIMIT`].
pub(super) fn write(
    out: &mut impl Write,
    chain: &mut Chain,
    kind: u8,
    payload: &mut [u8],
) -> io::Result<u64> {
    let bytes = u32::try_from(payload.len()).ok().filter(|_| payload.len() <= PAYLOAD_LIMIT);
    let bytes = bytes.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let header = header(bytes, kind);
    chain.last = match &chain.seal {
        None => {
            let digest = next(chain.last, header, payload);
            write_parts(out, [&header, payload, &digest])?;
            digest
        }
        Some(seal) => {
            let (nonce, tag) = seal.seal(chain.last, &header, payload)?;
            write_parts(out, [&header, &nonce, payload, &tag])?;
            tag
        }
    };
    Ok((HEADER_BYTES + payload.len()) as u64 + chain.bytes_around())
}

/// Reads one record into `payload` and gives its kind; none where there is no whole one: the file ends, or the record is
/// cut, damaged or does not follow the one before.
///
/// # Errors
/// The reader's own, but for the end of the file.
pub(super) fn read(
    input: &mut impl Read,
    chain: &mut Chain,
    payload: &mut Vec<u8>,
) -> io::Result<Option<u8>> {
    let mut header = [0; HEADER_BYTES];
    if !fill(input, &mut header)? {
        return Ok(None);
    }
    Ok(read_body(input, chain, header, payload)?.then_some(read_header(header).1))
}

/// Reads what stands behind a header into `payload`; false where that is no whole record.
pub(super) fn read_body(
    input: &mut impl Read,
    chain: &mut Chain,
    header: [u8; HEADER_BYTES],
    payload: &mut Vec<u8>,
) -> io::Result<bool> {
    let (bytes, _) = read_header(header);
    if bytes > PAYLOAD_LIMIT {
        return Ok(false);
    }
    let (is_right, last) = match &chain.seal {
        None => {
            let mut digest = [0; DIGEST_BYTES];
            let is_whole = fill_payload(input, payload, bytes)? && fill(input, &mut digest)?;
            let next = next(chain.last, header, payload);
            (is_whole && next == digest, next)
        }
        Some(seal) => {
            let (mut nonce, mut tag) = ([0; NONCE_BYTES], [0; TAG_BYTES]);
            let is_whole =
                fill(input, &mut nonce)? && fill_payload(input, payload, bytes)? && fill(input, &mut tag)?;
            (is_whole && seal.open(chain.last, &header, nonce, payload, tag), tag)
        }
    };
    chain.last = last;
    Ok(is_right)
}

/// Bytes of the payload, and the kind.
pub(super) fn read_header([bytes @ .., kind]: [u8; HEADER_BYTES]) -> (usize, u8) {
    (u32::from_le_bytes(bytes) as usize, kind)
}

/// False where the file ends before the buffer is full.
pub(super) fn fill(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match input.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// As [`fill`], and allocates no more than there is, whatever the length says.
fn fill_payload(input: &mut impl Read, payload: &mut Vec<u8>, bytes: usize) -> io::Result<bool> {
    payload.clear();
    input.by_ref().take(bytes as u64).read_to_end(payload)?;
    Ok(payload.len() == bytes)
}

fn write_parts<const N: usize>(out: &mut impl Write, parts: [&[u8]; N]) -> io::Result<()> {
    parts.iter().try_for_each(|part| out.write_all(part))
}

fn next(last: [u8; DIGEST_BYTES], header: [u8; HEADER_BYTES], payload: &[u8]) -> [u8; DIGEST_BYTES] {
    Chain::cut(Sha256::new().chain_update(last).chain_update(header).chain_update(payload).finalize().into())
}

pub(super) fn header(bytes: u32, kind: u8) -> [u8; HEADER_BYTES] {
    let [a, b, c, d] = bytes.to_le_bytes();
    [a, b, c, d, kind]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEAD: &[u8] = b"wheelse\x03";
    use crate::session::snapshot::SessionKey;

    /// A plain chain, or that of an encrypted file whose head is the same whenever it is asked for.
    fn chain(is_sealed: bool) -> Chain {
        if is_sealed {
            let (seal, _) = Seal::new(&SessionKey::new([1; 32]), &[2; 32]).unwrap();
            Chain { last: [0; DIGEST_BYTES], seal: Some(seal) }
        } else {
            Chain::start(HEAD)
        }
    }

    fn written(records: &[(u8, Vec<u8>)], is_sealed: bool) -> Vec<u8> {
        let (mut bytes, mut chain) = (Vec::new(), chain(is_sealed));
        for (kind, payload) in records {
            let before = bytes.len();
            let added = write(&mut bytes, &mut chain, *kind, &mut payload.clone()).unwrap();
            assert_eq!(before as u64 + added, bytes.len() as u64);
        }
        bytes
    }

    fn read_all(mut bytes: &[u8], is_sealed: bool) -> Vec<(u8, Vec<u8>)> {
        let (mut records, mut chain, mut payload) = (Vec::new(), chain(is_sealed), Vec::new());
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
        assert_eq!(read(&mut &bytes[..], &mut Chain::start(HEAD), &mut payload).unwrap(), None);
        assert_eq!(payload.capacity(), 0);
    }

    #[test]
    fn equal_records_are_never_equal_bytes_in_an_encrypted_file() {
        let records = [(1, b"a secret".to_vec()), (1, b"a secret".to_vec())];
        let (first, second) = (written(&records, true), written(&records, true));
        let record = first.len() / 2;
        assert_ne!(first[HEADER_BYTES..record], first[record + HEADER_BYTES..]);
        assert_ne!(first[HEADER_BYTES..record], second[HEADER_BYTES..record]);
        assert!(!first.windows(6).any(|window| window == b"secret"));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(records in records(), is_sealed: bool) {
            prop_assert_eq!(read_all(&written(&records, is_sealed), is_sealed), records);
        }

        #[test]
        fn a_cut_file_gives_its_whole_records(
            records in records(), cut in any::<prop::sample::Index>(), is_sealed: bool,
        ) {
            let bytes = written(&records, is_sealed);
            let read = read_all(&bytes[..cut.index(bytes.len() + 1)], is_sealed);
            prop_assert_eq!(&read[..], &records[..read.len()]);
        }

        #[test]
        fn a_flipped_bit_ends_the_journal_before_it(
            records in records(), place in any::<prop::sample::Index>(), bit in 0_u8..8, is_sealed: bool,
        ) {
            let mut bytes = written(&records, is_sealed);
            prop_assume!(!bytes.is_empty());
            let place = place.index(bytes.len());
            bytes[place] ^= 1_u8 << bit;
            let read = read_all(&bytes, is_sealed);
            prop_assert!(read.len() < records.len());
            prop_assert_eq!(&read[..], &records[..read.len()]);
        }

        /// Every record is equally long, so that any can stand in the place of any other.
        #[test]
        fn a_record_in_another_place_ends_the_journal_before_it(
            payloads in prop::collection::vec(any::<[u8; 8]>(), 2..6),
            from in any::<prop::sample::Index>(), to in any::<prop::sample::Index>(), is_sealed: bool,
        ) {
            let records: Vec<_> = payloads.iter().map(|payload| (1, payload.to_vec())).collect();
            let mut bytes = written(&records, is_sealed);
            let size = bytes.len() / records.len();
            let (from, to) = (from.index(records.len()), to.index(records.len()));
            prop_assume!(from != to);
            bytes.copy_within(from * size..(from + 1) * size, to * size);
            prop_assert_eq!(read_all(&bytes, is_sealed), &records[..to]);
        }
    }
}
