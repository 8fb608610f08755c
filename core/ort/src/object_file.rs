//! For which processor a library was built: the one field of its header that tells.
//!
//! ELF: `e_machine` at 18. PE: `Machine` 4 bytes behind the offset that stands at 0x3c. Mach-O: `cputype` at 4.

use std::fmt;
use std::io::Read;
use std::path::Path;

/// Bytes that are read.
const HEAD_BYTES: u64 = 4096;

/// A processor family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Processor {
    X86_64,
    Aarch64,
    /// Any other, by the number in the header.
    Other(u32),
}

impl Processor {
    pub(crate) const OF_THIS_PROGRAM: Self = if cfg!(target_arch = "x86_64") {
        Self::X86_64
    } else if cfg!(target_arch = "aarch64") {
        Self::Aarch64
    } else {
        Self::Other(0)
    };
}

impl fmt::Display for Processor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::X86_64 => write!(formatter, "x86_64"),
            Self::Aarch64 => write!(formatter, "aarch64"),
            Self::Other(number) => write!(formatter, "processor number {number}"),
        }
    }
}

/// The beginning of a file.
pub(crate) fn head(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    std::fs::File::open(path)?.take(HEAD_BYTES).read_to_end(&mut head)?;
    Ok(head)
}

/// The processor that a library's header names; `None` for what is no library, which the loader refuses better.
pub(crate) fn processor(head: &[u8]) -> Option<Processor> {
    let half = |at: usize| Some(u32::from(u16::from_le_bytes(head.get(at..at + 2)?.try_into().ok()?)));
    let word = |at: usize| Some(u32::from_le_bytes(head.get(at..at + 4)?.try_into().ok()?));
    let number = match head.get(..4)? {
        b"\x7fELF" => half(18)?,
        [b'M', b'Z', ..] => half(usize::try_from(word(0x3c)?).ok()?.checked_add(4)?)?,
        [0xcf, 0xfa, 0xed, 0xfe] => word(4)?,
        _ => return None,
    };
    Some(match number {
        62 | 0x8664 | 0x0100_0007 => Processor::X86_64,
        183 | 0xaa64 | 0x0100_000c => Processor::Aarch64,
        other => Processor::Other(other),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_formats_are_told_apart() {
        let mut elf = [0; 64];
        elf[..4].copy_from_slice(b"\x7fELF");
        elf[18] = 183;
        assert_eq!(processor(&elf), Some(Processor::Aarch64));
        let mut pe = [0; 256];
        pe[..2].copy_from_slice(b"MZ");
        pe[0x3c] = 0x80;
        pe[0x84..0x86].copy_from_slice(&0x8664_u16.to_le_bytes());
        assert_eq!(processor(&pe), Some(Processor::X86_64));
        let mach = [0xcf, 0xfa, 0xed, 0xfe, 0x0c, 0, 0, 1];
        assert_eq!(processor(&mach), Some(Processor::Aarch64));
        assert_eq!(processor(b"text that is no library"), None);
        assert_eq!(processor(&pe[..64]), None, "an offset past the end");
    }
}
