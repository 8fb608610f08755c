//! The byte-level alphabet: one printable character for each of the 256 bytes.
//!
//! Bytes that are printable in Latin-1 stand for themselves; the other 68, ascending, are U+0100 to U+0143.
//! Source: Radford et al. 2019 (GPT-2), `bytes_to_unicode` of the published encoder.

/// The byte that a character of the alphabet stands for; `None` for any other character.
#[must_use]
pub fn byte_of(char: char) -> Option<u8> {
    match char {
        '!'..='~' | '¡'..='¬' | '®'..='ÿ' => u8::try_from(char).ok(),
        '\u{100}'..='\u{143}' => {
            let rank = u8::try_from(u32::from(char) - 0x100).ok()?;
            Some(match rank {
                0..=0x20 => rank,
                0x21..=0x42 => rank - 0x21 + 0x7f,
                _ => 0xad,
            })
        }
        _ => None,
    }
}

/// The character that stands for a byte.
#[must_use]
pub fn char_of(byte: u8) -> char {
    let others = match byte {
        b'!'..=b'~' | 0xa1..=0xac | 0xae.. => return char::from(byte),
        0..=0x20 => byte,
        0x7f..=0xa0 => byte - 0x7f + 0x21,
        0xad => 0x43,
    };
    // U+0100 and the 67 characters behind it.
    char::from_u32(0x100 + u32::from(others)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The bytes that a token stands for; `None` if a character is not of the alphabet.
#[must_use]
pub fn bytes_of(token: &str) -> Option<Vec<u8>> {
    token.chars().map(byte_of).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_alphabet_has_each_byte_once() {
        let bytes: HashSet<u8> = ('\0'..='\u{ffff}').filter_map(byte_of).collect();
        assert_eq!(bytes.len(), 256);
        assert!((0..=u8::MAX).all(|byte| byte_of(char_of(byte)) == Some(byte)));
        assert_eq!(('\0'..=char::MAX).filter(|char| byte_of(*char).is_some()).count(), 256);
    }

    #[test]
    fn the_spellings_of_the_published_encoder() {
        // The spellings one meets in vocabularies: space, newline, delete, no-break space, soft hyphen.
        for (char, byte) in [('Ġ', b' '), ('Ċ', b'\n'), ('ġ', 0x7f), ('ł', 0xa0), ('Ń', 0xad)] {
            assert_eq!(byte_of(char), Some(byte), "{char}");
        }
        assert_eq!(bytes_of("Ã¤Ġ"), Some("ä ".as_bytes().to_vec()));
        assert_eq!(bytes_of("a b"), None);
    }
}
