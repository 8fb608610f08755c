use super::*;
use crate::compression::in_rust;

/// A frame of raw blocks, by hand: `descriptor` and what follows it are given.
fn frame(header: &[u8], content: &[u8]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(header);
    let block = u32::try_from(content.len() << 3 | 1).unwrap().to_le_bytes();
    bytes.extend(&block[..3]);
    bytes.extend(content);
    bytes
}

/// Single segment, content size in one byte.
const ONE_BYTE_SIZE: u8 = 0b0010_0000;

#[test]
fn a_frame_by_hand_decompresses() {
    assert_eq!(decompress(&frame(&[ONE_BYTE_SIZE, 3], b"abc"), 3).unwrap(), b"abc");
}

#[test]
fn pk_03_a_window_of_2_gib_is_refused_before_anything_is_allocated() {
    for exponent in 14..32_u8 {
        // Content size in 4 bytes, so a window descriptor stands before it.
        let bytes = frame(&[0b1000_0000, exponent << 3, 3, 0, 0, 0], b"abc");
        assert!(
            matches!(decompress(&bytes, 3), Err(FrameError::Window { bytes }) if bytes == 1 << (10 + u64::from(exponent)))
        );
    }
    assert!(matches!(
        decompress(&frame(&[0b1000_0000, 13 << 3 | 1, 3, 0, 0, 0], b"abc"), 3),
        Err(FrameError::Window { bytes: 9_437_184 })
    ));
    assert_eq!(decompress(&frame(&[0b1000_0000, 13 << 3, 3, 0, 0, 0], b"abc"), 3).unwrap(), b"abc");
}

#[test]
fn pk_04_a_content_size_that_lies_or_is_absent_is_refused() {
    for size in [0, 2, 4, 255] {
        assert!(matches!(
            decompress(&frame(&[ONE_BYTE_SIZE, size], b"abc"), 3),
            Err(FrameError::ContentSize { .. })
        ));
    }
    assert_eq!(decompress(&frame(&[0, 0x50], b"abc"), 3), Err(FrameError::NoContentSize));
    // Header and index agree, the blocks hold more or less.
    for size in [2, 4] {
        let bytes = frame(&[ONE_BYTE_SIZE, size], b"abc");
        assert_eq!(decompress(&bytes, size.into()), Err(FrameError::Undecodable { expected: size.into() }));
    }
}

#[test]
fn pk_04_a_bomb_stops_at_the_expected_size() {
    // 128 KiB from every 4 bytes: 30 repeated-byte blocks claim 3.75 MiB under a header that says 3 bytes.
    let mut bytes = MAGIC.to_vec();
    bytes.extend([ONE_BYTE_SIZE, 3]);
    for block in 0..30 {
        let header = (128_u32 << 10) << 3 | 1 << 1 | u32::from(block == 29);
        bytes.extend(&header.to_le_bytes()[..3]);
        bytes.push(7);
    }
    assert_eq!(decompress(&bytes, 3), Err(FrameError::Undecodable { expected: 3 }));
    assert_eq!(in_rust::decompress(&bytes, &mut [0; 3]), None);
}

#[test]
fn pk_04_concatenated_and_skippable_frames_are_refused() {
    let one = frame(&[ONE_BYTE_SIZE, 3], b"abc");
    let skippable = [&[0x50, 0x2A, 0x4D, 0x18, 2, 0, 0, 0, 1, 2], one.as_slice()].concat();
    assert_eq!(decompress(&skippable, 3), Err(FrameError::Magic { found: 0x184D_2A50 }));
    let twice = [one.clone(), one.clone()].concat();
    assert_eq!(decompress(&twice, 3), Err(FrameError::Trailing { bytes: one.len() }));
    assert_eq!(decompress(&twice, 6), Err(FrameError::ContentSize { found: 3, expected: 6 }));
    let then_skippable = [one.as_slice(), &skippable[..10]].concat();
    assert_eq!(decompress(&then_skippable, 3), Err(FrameError::Trailing { bytes: 10 }));
}

#[test]
fn dictionaries_and_reserved_bits_are_refused() {
    assert_eq!(decompress(&frame(&[ONE_BYTE_SIZE | 1, 9, 3], b"abc"), 3), Err(FrameError::Dictionary));
    assert!(matches!(
        decompress(&frame(&[ONE_BYTE_SIZE | 8, 3], b"abc"), 3),
        Err(FrameError::Reserved { part: "header bit" })
    ));
    let mut reserved = frame(&[ONE_BYTE_SIZE, 3], b"abc");
    reserved[6] |= 0b110;
    assert!(matches!(decompress(&reserved, 3), Err(FrameError::Reserved { part: "block type" })));
}

#[test]
fn every_truncation_is_refused() {
    let bytes = frame(&[ONE_BYTE_SIZE, 3], b"abc");
    for length in 0..bytes.len() {
        assert!(matches!(decompress(&bytes[..length], 3), Err(FrameError::Short { .. })), "{length}");
    }
}

#[cfg(feature = "pack")]
mod compressed {
    use proptest::prelude::*;

    use super::*;

    fn text(bytes: usize) -> Vec<u8> {
        b"the quick brown fox jumps over the lazy dog; ".iter().copied().cycle().take(bytes).collect()
    }

    #[test]
    fn both_decompressors_agree_at_every_level_and_size() {
        for level in [1, 3, 9, 19] {
            for bytes in [1, 255, 256, 70_000, 400_000] {
                let content = text(bytes);
                let stored = zstd::bulk::compress(&content, level).unwrap();
                assert_eq!(decompress(&stored, u32::try_from(bytes).unwrap()).unwrap(), content);
                let mut again = vec![0; bytes];
                assert_eq!(in_rust::decompress(&stored, &mut again), Some(bytes));
                assert_eq!(again, content);
            }
        }
    }

    proptest! {
        /// Damaged frames: an error or bytes, from both, and never a panic of the Rust one that gets out.
        #[test]
        fn any_change_gives_an_error_or_bytes(at in 0_usize..200, bit in 0_u8..8, length in 1_usize..3000) {
            let content = text(length);
            let mut stored = zstd::bulk::compress(&content, 3).unwrap();
            let at = at % stored.len();
            stored[at] ^= 1 << bit;
            if let Ok(decoded) = decompress(&stored, u32::try_from(length).unwrap()) {
                prop_assert_eq!(decoded.len(), length);
            }
            if walk(&stored, u32::try_from(length).unwrap()).is_ok() {
                let _ = in_rust::decompress(&stored, &mut vec![0; length]);
            }
        }

        #[test]
        fn any_bytes_give_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200), expected in 1_u32..1000) {
            let framed = [MAGIC.as_slice(), &bytes].concat();
            let _ = decompress(&framed, expected);
            prop_assert!(decompress(&bytes, expected).is_err() || bytes.starts_with(&MAGIC));
        }
    }
}
