//! zstd frames (RFC 8878): with libzstd where it is linked for packing anyway, otherwise in Rust alone, as on phones.
//!
//! [`compress`] -> [`decompress`] into as many bytes as there were. Either side reads what the other wrote; libzstd
//! compresses about five times as fast, and to about two thirds of the size where little can be saved.

/// Compresses at zstd's fastest ordinary level; none where that fails.
#[must_use]
pub fn compress(content: &[u8]) -> Option<Vec<u8>> {
    #[cfg(feature = "pack")]
    return zstd::bulk::compress(content, 1).ok();
    #[cfg(not(feature = "pack"))]
    in_rust::compress(content)
}

/// Decompresses into exactly as many bytes as `content` has; false for bytes that are something else. Never allocates
/// for what the bytes say of themselves, except a window of at most
/// [`WINDOW_BYTES`](crate::container::limits::WINDOW_BYTES).
#[must_use]
pub fn decompress(stored: &[u8], content: &mut [u8]) -> bool {
    #[cfg(feature = "pack")]
    let bytes = zstd::bulk::decompress_to_buffer(stored, content).ok();
    #[cfg(not(feature = "pack"))]
    let bytes = in_rust::decompress(stored, content);
    bytes == Some(content.len())
}

#[cfg(any(test, not(feature = "pack")))]
pub(crate) mod in_rust {
    //! Others' code on others' bytes: should it panic, they are damaged and nothing else.

    use std::panic::{AssertUnwindSafe, catch_unwind};

    use ruzstd::decoding::FrameDecoder;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use crate::container::limits::WINDOW_BYTES;

    pub(crate) fn compress(content: &[u8]) -> Option<Vec<u8>> {
        catch_unwind(AssertUnwindSafe(|| compress_to_vec(content, CompressionLevel::Fastest))).ok()
    }

    /// Gives the number of bytes.
    pub(crate) fn decompress(stored: &[u8], content: &mut [u8]) -> Option<usize> {
        catch_unwind(AssertUnwindSafe(|| {
            let mut decoder = FrameDecoder::new();
            decoder.set_max_window_size(WINDOW_BYTES);
            decoder.decode_all(stored, content).ok()
        }))
        .ok()
        .flatten()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_bomb_fills_no_more_than_the_room_that_it_is_given() {
        let bomb = compress(&vec![0; 64 << 20]).unwrap();
        assert!(bomb.len() < 64 << 10);
        assert!(!decompress(&bomb, &mut [0; 1000]));
        assert_eq!(in_rust::decompress(&bomb, &mut [0; 1000]), None);
    }

    proptest! {
        #[test]
        fn what_either_writes_both_read(
            content in prop::collection::vec(prop_oneof![0..4_u8, any::<u8>()], 1..5000),
        ) {
            for stored in [compress(&content), in_rust::compress(&content)] {
                let stored = stored.unwrap();
                let mut read = vec![0; content.len()];
                prop_assert!(decompress(&stored, &mut read));
                prop_assert_eq!(&read, &content);
                read.fill(0);
                prop_assert_eq!(in_rust::decompress(&stored, &mut read), Some(content.len()));
                prop_assert_eq!(&read, &content);
                // Of another size than expected.
                read.push(0);
                prop_assert!(!decompress(&stored, &mut read));
                read.truncate(content.len() - 1);
                prop_assert!(!decompress(&stored, &mut read));
            }
        }

        #[test]
        fn any_bytes_give_false_or_content(bytes in prop::collection::vec(any::<u8>(), 0..200), expected in 0_usize..1000) {
            let _ = decompress(&bytes, &mut vec![0; expected]);
            let _ = in_rust::decompress(&bytes, &mut vec![0; expected]);
        }
    }
}
