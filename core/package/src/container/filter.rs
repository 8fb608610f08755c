//! The filter before zstd: numbers of four bytes are put plane by plane, all first bytes, then all second ones, and so on.
//!
//! Scales of quantised weights are float32 numbers whose lower 13 bits are zero and whose exponents are alike. Side by side with
//! other bytes, zstd sees one mixture; in planes it sees zeros, a few exponents, and the bits that differ. Measured in
//! `docs/package-format.md`. The filter is a permutation, so it loses nothing and changes no size, whatever the bytes
//! are; which it is applied to is the writer's choice ([`choose`]).
//!
//! ```text
//! content    plain bytes, words, plain bytes, words, ...      as the segments say
//! filtered   plain bytes of all segments | first bytes of all words | second | third | fourth
//! ```

use super::FrameError;

/// Plain bytes, then words of four bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) plain_bytes: u32,
    pub(super) words: u32,
}

const WORD: usize = 4;
/// Bytes that a writer decides about at once, and the shortest segment of words.
const PAGE_BYTES: usize = 1024;
/// Bytes of the count before a chunk's segments, and of each of them.
const COUNT_BYTES: usize = 2;
const SEGMENT_BYTES: usize = 8;

impl Segment {
    fn bytes(self) -> u64 {
        u64::from(self.plain_bytes) + WORD as u64 * u64::from(self.words)
    }
}

/// The most segments of a chunk: as many as a writer could want.
fn most_segments(content_bytes: usize) -> usize {
    content_bytes / PAGE_BYTES + 2
}

/// What stands before a chunk's frame.
#[cfg(feature = "pack")]
pub(super) fn header(segments: &[Segment]) -> Vec<u8> {
    let mut bytes = u16::try_from(segments.len()).unwrap_or(u16::MAX).to_le_bytes().to_vec();
    for segment in segments {
        bytes.extend(segment.plain_bytes.to_le_bytes());
        bytes.extend(segment.words.to_le_bytes());
    }
    bytes
}

/// Takes apart what stands before a chunk's frame; the rest is the frame.
///
/// # Errors
/// [`FrameError::Short`] or [`FrameError::Filter`]: the segments must cover the content, each must hold something, and
/// there may be no more than [`most_segments`].
pub(super) fn read_header(stored: &[u8], content_bytes: u32) -> Result<(Vec<Segment>, &[u8]), FrameError> {
    let short = FrameError::Short { part: "filter" };
    let (count, rest) = stored.split_first_chunk::<COUNT_BYTES>().ok_or_else(|| short.clone())?;
    let count = usize::from(u16::from_le_bytes(*count));
    let refused = |found| FrameError::Filter { found, expected: content_bytes };
    if count > most_segments(content_bytes as usize) {
        return Err(refused(count as u64));
    }
    let (segments, frame) = rest.split_at_checked(count * SEGMENT_BYTES).ok_or(short)?;
    let field = |bytes: &[u8], at: usize| {
        bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |field| u32::from_le_bytes(*field))
    };
    let segments: Vec<_> = segments
        .chunks_exact(SEGMENT_BYTES)
        .map(|bytes| Segment { plain_bytes: field(bytes, 0), words: field(bytes, WORD) })
        .collect();
    let covered = segments.iter().map(|segment| segment.bytes()).sum::<u64>();
    let holds_nothing = segments.iter().any(|segment| segment.bytes() == 0);
    if count > 0 && (covered != u64::from(content_bytes) || holds_nothing) {
        return Err(refused(covered));
    }
    Ok((segments, frame))
}

/// The filtered form of a content that the segments cover.
#[cfg(feature = "pack")]
pub(super) fn apply(content: &[u8], segments: &[Segment]) -> Vec<u8> {
    if segments.is_empty() {
        return content.to_vec();
    }
    let mut filtered = Vec::with_capacity(content.len());
    let mut words: Vec<&[u8]> = Vec::new();
    let mut rest = content;
    for segment in segments {
        let (plain, after) = rest.split_at(rest.len().min(segment.plain_bytes as usize));
        filtered.extend_from_slice(plain);
        let (own, after) = after.split_at(after.len().min(WORD * segment.words as usize));
        words.push(own);
        rest = after;
    }
    for plane in 0..WORD {
        filtered.extend(words.iter().flat_map(|words| words.iter().skip(plane).step_by(WORD)));
    }
    filtered
}

/// The content of a filtered form; `segments` come from [`read_header`] for a content of this length.
pub(super) fn undo(filtered: Vec<u8>, segments: &[Segment]) -> Vec<u8> {
    if segments.is_empty() {
        return filtered;
    }
    let mut content = vec![0; filtered.len()];
    let words: usize = segments.iter().map(|segment| segment.words as usize).sum();
    let (plain, planes) = filtered.split_at(filtered.len().saturating_sub(WORD * words));
    let mut planes = planes.chunks_exact(words.max(1));
    let mut planes: [&[u8]; WORD] = std::array::from_fn(|_| planes.next().unwrap_or_default());
    let (mut plain, mut rest) = (plain, content.as_mut_slice());
    for segment in segments {
        let (own, after) = plain.split_at(plain.len().min(segment.plain_bytes as usize));
        plain = after;
        let (slots, after) = std::mem::take(&mut rest).split_at_mut(own.len());
        slots.copy_from_slice(own);
        let (slots, after) = after.split_at_mut((WORD * segment.words as usize).min(after.len()));
        rest = after;
        let (slots, _) = slots.as_chunks_mut::<WORD>();
        for (byte, plane) in planes.iter_mut().enumerate() {
            let (own, after) = plane.split_at(plane.len().min(slots.len()));
            *plane = after;
            for (slot, value) in slots.iter_mut().zip(own) {
                slot[byte] = *value;
            }
        }
    }
    content
}

/// The segments that a content is stored by; none where no part of it gains. `offset` is where it stands in its file:
/// numbers are expected at multiples of their size there.
#[cfg(feature = "pack")]
#[allow(clippy::cast_possible_truncation)] // a chunk has at most 4 MiB
pub(super) fn choose(content: &[u8], offset: u64) -> Vec<Segment> {
    let phase = (WORD - (offset % WORD as u64) as usize) % WORD;
    let Some((_, aligned)) = content.split_at_checked(phase) else { return Vec::new() };
    let pages = aligned.as_chunks::<PAGE_BYTES>().0;
    let mut segments: Vec<Segment> = Vec::new();
    let mut open = Segment { plain_bytes: phase as u32, words: 0 };
    for page in pages {
        if gains(page) {
            open.words += (PAGE_BYTES / WORD) as u32;
        } else {
            if open.words > 0 {
                segments.push(std::mem::replace(&mut open, Segment { plain_bytes: 0, words: 0 }));
            }
            open.plain_bytes += PAGE_BYTES as u32;
        }
    }
    let rest = (content.len() - phase - pages.len() * PAGE_BYTES) as u32;
    if open.words > 0 {
        segments.push(open);
        open = Segment { plain_bytes: 0, words: 0 };
    }
    if segments.is_empty() {
        return segments;
    }
    open.plain_bytes += rest;
    if open.plain_bytes > 0 {
        segments.push(open);
    }
    segments
}

/// Whether planes say what the bytes together do not: one of them has almost nothing but four values, and all bytes
/// have not. Counted, not estimated, so that every machine decides alike.
#[cfg(feature = "pack")]
fn gains(page: &[u8; PAGE_BYTES]) -> bool {
    let mut counts = [[0_u16; 256]; WORD];
    for word in page.as_chunks::<WORD>().0 {
        for (counts, byte) in counts.iter_mut().zip(word) {
            counts[usize::from(*byte)] += 1;
        }
    }
    let most = |mut counts: [u16; 256]| {
        counts.sort_unstable();
        counts.iter().rev().take(4).map(|&count| usize::from(count)).sum::<usize>()
    };
    let all = std::array::from_fn(|byte| counts.iter().map(|counts| counts[byte]).sum());
    let words = PAGE_BYTES / WORD;
    counts.iter().any(|&counts| most(counts) * 16 >= words * 15) && most(all) * 4 < PAGE_BYTES * 3
}

#[cfg(all(test, feature = "pack"))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header_of(segments: &[(u32, u32)]) -> Vec<u8> {
        header(
            &segments.iter().map(|&(plain_bytes, words)| Segment { plain_bytes, words }).collect::<Vec<_>>(),
        )
    }

    /// As quantised weights lie: codes, scales with 13 zero bits, codes.
    fn weights(codes: usize, scales: u32) -> Vec<u8> {
        let mut state = 7_u64;
        let mut byte = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        let mut bytes: Vec<u8> = (0..codes).map(|_| byte()).collect();
        for _ in 0..scales {
            let scale = 0.001 + f32::from(byte()) * 1e-5 + f32::from(byte()) * 4e-8;
            bytes.extend((scale.to_bits() >> 13 << 13).to_le_bytes());
        }
        bytes.extend((0..codes).map(|_| byte()));
        bytes
    }

    #[test]
    fn scales_between_codes_are_found_and_take_less_room() {
        let content = weights(10_000, 5000);
        let segments = choose(&content, 0);
        let words: u32 = segments.iter().map(|segment| segment.words).sum();
        assert!((4200..=5000).contains(&words), "{segments:?}");
        let compressed = |content: &[u8]| zstd::bulk::compress(content, 3).unwrap().len();
        let (plain, filtered) = (compressed(&content), compressed(&apply(&content, &segments)));
        assert!(filtered < plain, "{filtered} against {plain}");
        assert_eq!(choose(&weights(50_000, 0), 0), [], "codes alone gain nothing");
        assert_eq!(choose(&vec![0; 50_000], 0), [], "nor do zeros");
    }

    #[test]
    fn pk_18_segments_that_do_not_cover_the_content_are_refused() {
        let frame = [1, 2, 3];
        let read = |segments: &[(u32, u32)]| {
            let stored = [header_of(segments), frame.to_vec()].concat();
            read_header(&stored, 5000).map(|(segments, frame)| (segments.len(), frame.to_vec()))
        };
        assert_eq!(read(&[]), Ok((0, frame.to_vec())));
        assert_eq!(read(&[(1000, 1000)]), Ok((1, frame.to_vec())));
        let too_many = vec![(100, 0); 50];
        for segments in
            [&[(999, 1000)][..], &[(1001, 1000)], &[(1000, 1000), (0, 0)], &[(u32::MAX, u32::MAX)], &too_many]
        {
            assert!(matches!(read(segments), Err(FrameError::Filter { .. })), "{segments:?}");
        }
        assert!(matches!(read_header(&[1], 5000), Err(FrameError::Short { .. })));
        assert!(matches!(read_header(&[1, 0, 0, 0], 5000), Err(FrameError::Short { .. })));
    }

    proptest! {
        /// Whatever the bytes, and whatever the segments that cover them.
        #[test]
        fn what_was_filtered_comes_back(
            parts in prop::collection::vec((0_u32..50, 0_u32..50), 1..6),
            seed in any::<u8>(),
        ) {
            let parts: Vec<_> = parts.into_iter().filter(|part| *part != (0, 0)).collect();
            let segments: Vec<_> =
                parts.iter().map(|&(plain_bytes, words)| Segment { plain_bytes, words }).collect();
            let length: u64 = segments.iter().map(|segment| segment.bytes()).sum();
            let content: Vec<u8> = (0..length).map(|at| at.to_le_bytes()[0].wrapping_mul(31).wrapping_add(seed)).collect();
            let filtered = apply(&content, &segments);
            prop_assert_eq!(filtered.len(), content.len());
            prop_assert_eq!(undo(filtered, &segments), content);
        }

        #[test]
        fn what_a_writer_chooses_is_read_again(
            codes in 0_usize..5000, scales in 0_u32..3000, offset in 0_u64..9,
        ) {
            let content = weights(codes, scales);
            prop_assume!(!content.is_empty());
            let segments = choose(&content, offset);
            let stored = header(&segments);
            let (read, frame) = read_header(&stored, content.len().try_into().unwrap()).unwrap();
            prop_assert!(frame.is_empty());
            prop_assert_eq!(&read, &segments);
            prop_assert_eq!(undo(apply(&content, &segments), &read), content);
        }

        #[test]
        fn pk_18_any_header_is_refused_or_covers_the_content(bytes in prop::collection::vec(any::<u8>(), 0..40), size in 1_u32..5000) {
            if let Ok((segments, _)) = read_header(&bytes, size) {
                prop_assert_eq!(undo(vec![7; size as usize], &segments), vec![7; size as usize]);
            }
        }
    }
}
