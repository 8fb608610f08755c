//! Where files are cut into chunks: where a rolling hash of the last 64 bytes says so.
//!
//! Cuts that depend on the content, not on the position, stay where they are when bytes are inserted or removed
//! elsewhere, so an update moves only the chunks around the change. The hash is the gear hash of FastCDC (Xia et
//! al., USENIX ATC 2016, section 3.2): h = (h << 1) + gear[byte]; its upper bits depend on the last 64 bytes.

use crate::container::limits::CHUNK_BYTES;

/// The shortest chunk but a file's last, in bytes.
const LEAST_BYTES: usize = 1 << 20;
/// The longest chunk.
pub(super) const MOST_BYTES: usize = CHUNK_BYTES as usize;
/// Bytes that the hash depends on.
const WINDOW_BYTES: usize = 64;
/// A cut where these upper bits are zero: once in 1 MiB, which with the least makes 2 MiB on average.
const MASK: u64 = 0xFFFF_F000_0000_0000;

/// Length of the first chunk of `bytes`, which must hold [`MOST_BYTES`] or the rest of the file.
pub(super) fn first_chunk(bytes: &[u8]) -> usize {
    let most = bytes.len().min(MOST_BYTES);
    let mut hash = 0_u64;
    let window = LEAST_BYTES - WINDOW_BYTES;
    for (index, byte) in bytes.get(..most).unwrap_or_default().iter().enumerate().skip(window) {
        hash = (hash << 1).wrapping_add(GEAR[usize::from(*byte)]);
        if index + 1 >= LEAST_BYTES && hash & MASK == 0 {
            return index + 1;
        }
    }
    most
}

/// A random number for each byte.
const GEAR: [u64; 256] = gear();

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014), from 0.
const fn gear() -> [u64; 256] {
    let mut table = [0; 256];
    let mut state = 0_u64;
    let mut byte = 0;
    while byte < table.len() {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        table[byte] = mixed ^ (mixed >> 31);
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(length: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let byte = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        std::iter::repeat_with(byte).take(length).collect()
    }

    fn lengths(mut bytes: &[u8]) -> Vec<usize> {
        let mut lengths = Vec::new();
        while !bytes.is_empty() {
            let length = first_chunk(bytes);
            lengths.push(length);
            bytes = &bytes[length..];
        }
        lengths
    }

    #[test]
    fn chunks_are_neither_short_nor_long() {
        let bytes = noise(40 << 20);
        let lengths = lengths(&bytes);
        assert_eq!(lengths.iter().sum::<usize>(), bytes.len());
        let (_last, full) = lengths.split_last().unwrap();
        assert!(full.iter().all(|length| (LEAST_BYTES..=MOST_BYTES).contains(length)));
        assert!((12..=30).contains(&lengths.len()), "about 2 MiB each: {}", lengths.len());
    }

    #[test]
    fn an_insertion_changes_only_the_chunks_around_it() {
        let bytes = noise(24 << 20);
        let mut longer = bytes.clone();
        longer.splice(5_000_000..5_000_000, [1, 2, 3]);
        let (before, after) = (lengths(&bytes), lengths(&longer));
        let same_end =
            before.iter().rev().zip(after.iter().rev()).take_while(|(one, other)| one == other).count();
        let same_start = before.iter().zip(&after).take_while(|(one, other)| one == other).count();
        assert!(same_start + same_end >= before.len() - 3, "{before:?} {after:?}");
    }

    #[test]
    fn what_never_cuts_is_cut_at_the_most() {
        assert_eq!(lengths(&vec![0; 10 << 20]), [MOST_BYTES, MOST_BYTES, 2 << 20]);
        assert_eq!(lengths(&[7; 10]), [10]);
    }
}
