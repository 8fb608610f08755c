//! What it means that a session file does not go on with a whole record.
//!
//! A process that ends while it writes leaves a record that is cut, or zeros that were never filled: the file's end, and
//! nothing of what was kept before is lost. Everything else is damage: whole records stand behind it, or a record is
//! all there and not what was written. To go on as if the file ended there would lose a conversation without a word.
//!
//! A record behind the damage is found by itself: each stands behind the digest, or tag, of the one before, which are the
//! last bytes before it. Few places look like the header of a record, and of those few hold one.

use std::io::{self, Read, Seek, SeekFrom};

use wheelwork_package::budget::{Budget, SESSION_COMPARE, SESSION_SEARCH};

use super::frame::{self, Chain, DIGEST_BYTES, HEADER_BYTES, PAYLOAD_LIMIT};
use super::record::kind;

/// Searched at once.
const PIECE_BYTES: u64 = 1 << 20;

/// What stands where a record should.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The last record was never written whole.
    Torn,
    /// A record is damaged; where the next whole one starts, if there is one.
    Damaged {
        /// In bytes.
        next: Option<u64>,
    },
}

/// A file whose record at `offset` is not whole. The chain stands behind the record before.
pub(super) struct Broken<'a, R> {
    pub(super) input: &'a mut R,
    pub(super) chain: &'a mut Chain,
    pub(super) offset: u64,
    pub(super) total_bytes: u64,
    /// Reused.
    pub(super) payload: &'a mut Vec<u8>,
}

impl<R: Read + Seek> Broken<'_, R> {
    /// Tells a torn end from damage. Where a whole record follows, the chain is that before it.
    ///
    /// # Errors
    /// The reader's.
    pub(super) fn judge(mut self, before: [u8; DIGEST_BYTES]) -> io::Result<Fault> {
        if let Some(next) = self.next()? {
            return Ok(Fault::Damaged { next: Some(next) });
        }
        self.chain.last = before;
        let around = self.chain.bytes_around();
        let left = self.total_bytes - self.offset;
        let Some(there) = left.checked_sub(HEADER_BYTES as u64 + around) else { return Ok(Fault::Torn) };
        let mut last = [0; DIGEST_BYTES];
        self.input.seek(SeekFrom::Start(self.total_bytes - DIGEST_BYTES as u64))?;
        self.input.read_exact(&mut last)?;
        if last == [0; DIGEST_BYTES] {
            return Ok(Fault::Torn);
        }
        let mut header = [0; HEADER_BYTES];
        self.input.seek(SeekFrom::Start(self.offset))?;
        self.input.read_exact(&mut header)?;
        let (said, _) = frame::read_header(header);
        let is_cut = said <= PAYLOAD_LIMIT && said as u64 > there;
        if is_cut && !self.ends_with_the_file(there, before)? {
            return Ok(Fault::Torn);
        }
        Ok(Fault::Damaged { next: None })
    }

    /// Whether it is a whole record up to the file's end, of which only the header is another.
    fn ends_with_the_file(&mut self, payload_bytes: u64, before: [u8; DIGEST_BYTES]) -> io::Result<bool> {
        let Some(bytes) = u32::try_from(payload_bytes).ok().filter(|bytes| *bytes as usize <= PAYLOAD_LIMIT)
        else {
            return Ok(false);
        };
        for kind in kind::ALL {
            self.input.seek(SeekFrom::Start(self.offset + HEADER_BYTES as u64))?;
            self.chain.last = before;
            let header = frame::header(bytes, kind);
            if frame::read_body(self.input, self.chain, header, self.payload)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The next whole record behind the damaged one.
    fn next(&mut self) -> io::Result<Option<u64>> {
        let end = self.total_bytes.min(self.offset.saturating_add(SESSION_SEARCH.number));
        let around = HEADER_BYTES as u64 + self.chain.bytes_around();
        let (budget, total_bytes) = (Budget::new().bytes(SESSION_COMPARE), self.total_bytes);
        let mut piece = Vec::new();
        // What a record stands behind is in front of it.
        let mut start = self.offset.max(DIGEST_BYTES as u64 - 1) + 1;
        while start < end {
            let behind = (DIGEST_BYTES + HEADER_BYTES) as u64;
            self.input.seek(SeekFrom::Start(start - DIGEST_BYTES as u64))?;
            piece.clear();
            self.input.by_ref().take(PIECE_BYTES + behind).read_to_end(&mut piece)?;
            let places = piece.windows(DIGEST_BYTES + HEADER_BYTES).zip(start..end);
            let candidates = places.filter_map(|(window, place)| {
                let (before, header) = window.split_first_chunk::<DIGEST_BYTES>()?;
                let (said, kind) = frame::read_header(*header.first_chunk()?);
                let fits = said <= PAYLOAD_LIMIT && place + around + said as u64 <= total_bytes;
                (fits && kind::ALL.contains(&kind)).then_some((place, *before, said as u64))
            });
            for (place, before, said) in candidates {
                if budget.take_bytes(around + said).is_err() {
                    return Ok(None);
                }
                self.input.seek(SeekFrom::Start(place))?;
                self.chain.last = before;
                if frame::read(self.input, self.chain, self.payload)?.is_some() {
                    self.chain.last = before;
                    return Ok(Some(place));
                }
            }
            start += PIECE_BYTES;
        }
        Ok(None)
    }
}
