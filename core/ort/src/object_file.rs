//! What the header of a library tells before anyone loads it: its processor, and how long the file must be.
//!
//! ELF: `e_machine` at 18; the table of segments at `e_phoff`, each with its place in the file. PE: `Machine` 4 bytes
//! behind the offset that stands at 0x3c. Mach-O: `cputype` at 4. The length is asked of ELF alone: its loader maps
//! what the header names and dies of the signal SIGBUS where the file has ended; the other loaders look first.

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

/// Why a library cannot be loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// It is for another CPU.
    Processor(Processor),
    /// It ends early.
    Truncated { bytes: u64, needed: u64 },
}

impl fmt::Display for Unfit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Processor(found) => {
                write!(formatter, "it is for {found}, expected {}", Processor::OF_THIS_PROGRAM)
            }
            Self::Truncated { bytes, needed } => {
                write!(formatter, "it ends after {bytes} bytes, at least {needed} are needed")
            }
        }
    }
}

/// Looks at a library's header; what is no library is left to the loader, which refuses it better.
pub(crate) fn examine(path: &Path) -> std::io::Result<Option<Unfit>> {
    let file = std::fs::File::open(path)?;
    let bytes = file.metadata()?.len();
    let mut head = Vec::new();
    file.take(HEAD_BYTES).read_to_end(&mut head)?;
    Ok(match (processor(&head), needed_bytes(&head)) {
        (Some(found), _) if found != Processor::OF_THIS_PROGRAM => Some(Unfit::Processor(found)),
        (_, Some(needed)) if bytes < needed => Some(Unfit::Truncated { bytes, needed }),
        _ => None,
    })
}

/// Bytes up to the end of the last segment that is loaded, of a 64-bit little-endian ELF file.
fn needed_bytes(head: &[u8]) -> Option<u64> {
    const LOADED: u32 = 1;
    let half = |at: usize| Some(u16::from_le_bytes(head.get(at..at + 2)?.try_into().ok()?));
    let long = |at: usize| Some(u64::from_le_bytes(head.get(at..at.checked_add(8)?)?.try_into().ok()?));
    if head.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let (table, size, count) = (usize::try_from(long(32)?).ok()?, usize::from(half(54)?), half(56)?);
    let segments = (0..usize::from(count)).filter_map(|index| head.get(table.checked_add(index * size)?..));
    let ends = segments.filter(|segment| segment.starts_with(&LOADED.to_le_bytes())).filter_map(|segment| {
        let long = |at: usize| Some(u64::from_le_bytes(segment.get(at..at + 8)?.try_into().ok()?));
        long(8)?.checked_add(long(32)?)
    });
    ends.max()
}

/// The CPU that a library's header names; `None` for what is no library.
fn processor(head: &[u8]) -> Option<Processor> {
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
    fn an_elf_file_that_ends_early_is_told_and_this_program_is_whole() {
        let mut elf = [0; 256];
        elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
        elf[18] = if cfg!(target_arch = "aarch64") { 183 } else { 62 };
        elf[32] = 64;
        elf[54] = 56;
        elf[56] = 2;
        elf[64] = 1;
        elf[64 + 8] = 200;
        elf[64 + 32] = 57;
        assert_eq!(needed_bytes(&elf), Some(257));
        assert_eq!(needed_bytes(&elf[..100]), None, "the table itself is cut");
        elf[32..40].fill(0xff);
        assert_eq!(needed_bytes(&elf), None, "a table outside of the file");
        assert_eq!(examine(&std::env::current_exe().unwrap()).unwrap(), None);
    }

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
