//! A chunk's zstd frame (RFC 8878), looked through before it is decompressed.
//!
//! The walk over frame header and block headers finds what a decompressor would have to be trusted with: the
//! window it would allocate, the size it would produce, frames that follow. Then it decompresses into a buffer of
//! exactly the expected size.

use super::limits::WINDOW_BYTES;
use crate::compression;

const MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
/// The longest block, in bytes of content and in bytes as stored (RFC 8878, 3.1.1.2).
const BLOCK_BYTES: u64 = 128 << 10;

/// Why bytes are not the one zstd frame of a chunk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum FrameError {
    /// The frame ends after the chunk does.
    #[error("it ends within its {part}")]
    Short { part: &'static str },
    /// Another magic number: a skippable frame, an old version, no zstd at all.
    #[error("it begins with {found:08x}, expected a zstd frame, fd2fb528")]
    Magic { found: u32 },
    /// A reserved bit or block type.
    #[error("its {part} is reserved")]
    Reserved { part: &'static str },
    /// The frame wants a dictionary.
    #[error("it wants a dictionary")]
    Dictionary,
    /// The frame wants a larger window than allowed.
    #[error("its window has {bytes} bytes, more than the {WINDOW_BYTES} allowed")]
    Window { bytes: u64 },
    /// The frame does not say how large its content is.
    #[error("it does not say its content size")]
    NoContentSize,
    /// The frame says another size than the index.
    #[error("its content size is {found}, the index says {expected}")]
    ContentSize { found: u64, expected: u32 },
    /// A block larger than zstd allows.
    #[error("a block has {bytes} bytes, more than zstd allows")]
    Block { bytes: u64 },
    /// Bytes after the frame: a second frame, a skippable one, anything.
    #[error("{bytes} bytes follow the frame")]
    Trailing { bytes: usize },
    /// Segments of the filter that do not cover the content, or too many of them.
    #[error("its filter covers {found} bytes, the content has {expected}")]
    Filter { found: u64, expected: u32 },
    /// The decompressor did not like it, or gave another number of bytes.
    #[error("it does not decompress to {expected} bytes")]
    Undecodable { expected: u32 },
}

/// Decompresses the one frame that `stored` must be into exactly `content_bytes` bytes.
///
/// # Errors
/// [`FrameError`]; nothing is allocated for a frame that breaks a rule of its headers.
pub(super) fn decompress(stored: &[u8], content_bytes: u32) -> Result<Vec<u8>, FrameError> {
    walk(stored, content_bytes)?;
    let mut content = vec![0; content_bytes as usize];
    if compression::decompress(stored, &mut content) {
        Ok(content)
    } else {
        Err(FrameError::Undecodable { expected: content_bytes })
    }
}

/// Goes through a frame's headers (RFC 8878, 3.1.1.1 and 3.1.1.2) from block to block.
fn walk(stored: &[u8], content_bytes: u32) -> Result<(), FrameError> {
    let mut rest = stored;
    let magic: [u8; 4] = take(&mut rest, "magic number")?;
    if magic != MAGIC {
        return Err(FrameError::Magic { found: u32::from_le_bytes(magic) });
    }
    let [descriptor] = take(&mut rest, "header")?;
    let is_single_segment = descriptor & 0b0010_0000 != 0;
    let has_checksum = descriptor & 0b0000_0100 != 0;
    if descriptor & 0b0000_1000 != 0 {
        return Err(FrameError::Reserved { part: "header bit" });
    }
    if descriptor & 0b0000_0011 != 0 {
        return Err(FrameError::Dictionary);
    }
    if !is_single_segment {
        let [window] = take(&mut rest, "window")?;
        let base = 1_u64 << (10 + (window >> 3));
        let bytes = base + base / 8 * u64::from(window & 0b111);
        if bytes > WINDOW_BYTES {
            return Err(FrameError::Window { bytes });
        }
    }
    let found = match (descriptor >> 6, is_single_segment) {
        (0, false) => return Err(FrameError::NoContentSize),
        (0, true) => u64::from(take::<1>(&mut rest, "content size")?[0]),
        (1, _) => u64::from(u16::from_le_bytes(take(&mut rest, "content size")?)) + 256,
        (2, _) => u64::from(u32::from_le_bytes(take(&mut rest, "content size")?)),
        _ => u64::from_le_bytes(take(&mut rest, "content size")?),
    };
    if found != u64::from(content_bytes) {
        return Err(FrameError::ContentSize { found, expected: content_bytes });
    }
    walk_blocks(&mut rest)?;
    if has_checksum {
        take::<4>(&mut rest, "checksum")?;
    }
    if rest.is_empty() { Ok(()) } else { Err(FrameError::Trailing { bytes: rest.len() }) }
}

fn walk_blocks(rest: &mut &[u8]) -> Result<(), FrameError> {
    loop {
        let [low, middle, high] = take(rest, "block header")?;
        let header = u32::from_le_bytes([low, middle, high, 0]);
        let bytes = u64::from(header >> 3);
        if bytes > BLOCK_BYTES {
            return Err(FrameError::Block { bytes });
        }
        let stored = match header >> 1 & 0b11 {
            0 | 2 => bytes,
            // One byte that is repeated.
            1 => 1,
            _ => return Err(FrameError::Reserved { part: "block type" }),
        };
        let stored = usize::try_from(stored).unwrap_or(usize::MAX);
        (_, *rest) = rest.split_at_checked(stored).ok_or(FrameError::Short { part: "block" })?;
        if header & 1 == 1 {
            return Ok(());
        }
    }
}

fn take<const N: usize>(rest: &mut &[u8], part: &'static str) -> Result<[u8; N], FrameError> {
    let (taken, after) = rest.split_first_chunk::<N>().ok_or(FrameError::Short { part })?;
    *rest = after;
    Ok(*taken)
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
