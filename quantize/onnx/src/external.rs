//! External data: where each initializer stands in the data file.
//!
//! Offsets are handed out in the order of declaration, so a decoder's weights lie in the order of their use. Large
//! tensors start at a page, so that each can be mapped, prefetched or dropped by itself; small ones only at a
//! vector register's width, so that a small model does not consist of padding. Padding bytes are zero.

/// Alignment of large tensors in bytes: the page size of the machines that we write for.
pub const PAGE_BYTES: u64 = 4096;
/// Alignment of small tensors in bytes: the widest vector register.
pub const VECTOR_BYTES: u64 = 64;
/// A tensor of at least this many bytes is large: its padding then costs less than a sixteenth.
pub const LARGE_BYTES: u64 = 16 * PAGE_BYTES;

/// A range of the data file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// First byte.
    pub offset: u64,
    /// Number of bytes.
    pub bytes: u64,
}

/// Hands out ranges one after another.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    end: u64,
}

impl Layout {
    /// The next range of that size; `None` past the end of 64-bit addresses.
    pub(crate) fn place(&mut self, bytes: u64) -> Option<Extent> {
        let alignment = if bytes >= LARGE_BYTES { PAGE_BYTES } else { VECTOR_BYTES };
        let offset = self.end.checked_next_multiple_of(alignment)?;
        self.end = offset.checked_add(bytes)?;
        Some(Extent { offset, bytes })
    }

    /// Bytes of the whole file.
    pub(crate) fn file_bytes(&self) -> u64 {
        self.end
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn extents_are_aligned_and_never_overlap(sizes in prop::collection::vec(0_u64..200_000, 0..40)) {
            let mut layout = Layout::default();
            let mut end = 0;
            for bytes in sizes {
                let extent = layout.place(bytes).unwrap();
                let alignment = if bytes >= LARGE_BYTES { PAGE_BYTES } else { VECTOR_BYTES };
                prop_assert!(extent.offset >= end);
                prop_assert!(extent.offset - end < alignment);
                prop_assert_eq!(extent.offset % alignment, 0);
                end = extent.offset + extent.bytes;
            }
            prop_assert_eq!(layout.file_bytes(), end);
        }
    }

    #[test]
    fn a_layout_past_64_bits_is_refused() {
        let mut layout = Layout::default();
        layout.place(u64::MAX - 100).unwrap();
        assert_eq!(layout.place(200), None);
    }
}
