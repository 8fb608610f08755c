//! Bytes of tokens to text, as they come.
//!
//! A token may end in the middle of a character: the detokenizer holds back at most three bytes until the rest
//! arrives, so whoever shows the text never sees half a character. Incomplete and invalid are told apart: bytes
//! that can't become a character are replaced by U+FFFD at once and the stream goes on.
//!
//! For any cut of any bytes into pieces the text is that of [`String::from_utf8_lossy`] over the whole, the
//! replacement rule that the Unicode Standard recommends (chapter 3, "U+FFFD Substitution of Maximal Subparts").

use std::str;

/// The state between two tokens: no allocation, ever.
#[derive(Debug, Clone, Default)]
pub struct Detokenizer {
    /// The start of a character, `len` bytes of it; always a valid prefix of one.
    pending: [u8; 4],
    len: usize,
}

impl Detokenizer {
    /// Before the first token.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends to `text` what the bytes of the next token complete. `None`, an id without a token such as the
    /// padding rows of an embedding table, has no text.
    pub fn push(&mut self, bytes: Option<&[u8]>, text: &mut String) {
        let mut rest = self.complete(bytes.unwrap_or_default(), text);
        loop {
            let (valid, error) = match str::from_utf8(rest) {
                Ok(valid) => (valid, None),
                Err(error) => {
                    let valid = str::from_utf8(&rest[..error.valid_up_to()]);
                    (valid.expect("UTF-8 up to the error"), Some(error))
                }
            };
            text.push_str(valid);
            let Some(error) = error else { return };
            rest = &rest[valid.len()..];
            let Some(invalid) = error.error_len() else {
                self.hold(rest);
                return;
            };
            text.push(char::REPLACEMENT_CHARACTER);
            rest = &rest[invalid..];
        }
    }

    /// Ends the stream: a character that was never completed becomes U+FFFD.
    pub fn finish(&mut self, text: &mut String) {
        if self.len > 0 {
            text.push(char::REPLACEMENT_CHARACTER);
            self.len = 0;
        }
    }

    /// Feeds the held bytes until they are a character or can't become one; returns the bytes left over.
    fn complete<'b>(&mut self, mut bytes: &'b [u8], text: &mut String) -> &'b [u8] {
        while self.len > 0 {
            let Some((&next, rest)) = bytes.split_first() else { break };
            // No character has more bytes than there is room for: the last one completes it or breaks it.
            self.pending[self.len] = next;
            match str::from_utf8(&self.pending[..=self.len]) {
                Ok(char) => {
                    text.push_str(char);
                    self.len = 0;
                }
                Err(error) if error.error_len().is_none() => self.len += 1,
                // The byte belongs to what follows: it is looked at again from there.
                Err(_) => {
                    self.finish(text);
                    break;
                }
            }
            bytes = rest;
        }
        bytes
    }

    fn hold(&mut self, start: &[u8]) {
        for (slot, byte) in self.pending.iter_mut().zip(start) {
            *slot = *byte;
        }
        self.len = start.len().min(3);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text_of<'b>(pieces: impl IntoIterator<Item = &'b [u8]>) -> String {
        let (mut detokenizer, mut text) = (Detokenizer::new(), String::new());
        for piece in pieces {
            detokenizer.push(Some(piece), &mut text);
        }
        detokenizer.finish(&mut text);
        text
    }

    /// Bytes near the borders of UTF-8: starts, continuations, surrogates, overlong forms, plain letters.
    fn tricky_bytes() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![
            Just(b'a'),
            0x80..=0xbf_u8,
            0xc0..=0xff_u8,
            prop::sample::select(vec![0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xc2, 0x9f, 0xa0, 0x8f, 0x90]),
        ];
        prop::collection::vec(byte, 0..40)
    }

    proptest! {
        #[test]
        fn rt_17_any_cut_of_any_bytes_gives_the_lossy_text(
            bytes in prop_oneof![tricky_bytes(), prop::collection::vec(any::<u8>(), 0..40), ".{0,12}".prop_map(String::into_bytes)],
            sizes in prop::collection::vec(0..6_usize, 1..12),
        ) {
            let mut rest = bytes.as_slice();
            let mut pieces = Vec::new();
            for size in sizes.iter().cycle().take(1000) {
                let (piece, after) = rest.split_at((*size).min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            pieces.push(rest);
            prop_assert_eq!(text_of(pieces), String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn rt_17_a_valid_text_is_never_damaged_and_at_most_three_bytes_wait(whole in ".{0,20}") {
            let (mut detokenizer, mut text) = (Detokenizer::new(), String::new());
            for (index, byte) in whole.bytes().enumerate() {
                detokenizer.push(Some(&[byte]), &mut text);
                prop_assert!(whole.starts_with(&text));
                prop_assert!(index + 1 - text.len() <= 3);
            }
            prop_assert_eq!(text, whole);
        }
    }

    #[test]
    fn rt_17_an_invalid_byte_does_not_stop_the_stream() {
        let (mut detokenizer, mut text) = (Detokenizer::new(), String::new());
        detokenizer.push(Some(&[0xf0, 0x9f]), &mut text);
        assert_eq!(text, "", "an unfinished character waits");
        detokenizer.push(Some(b"ok"), &mut text);
        assert_eq!(text, "\u{fffd}ok");
        detokenizer.push(Some(&[0xff]), &mut text);
        assert_eq!(text, "\u{fffd}ok\u{fffd}", "an invalid byte does not wait");
        detokenizer.push(None, &mut text);
        detokenizer.push(Some("🦀".as_bytes()), &mut text);
        assert_eq!(text, "\u{fffd}ok\u{fffd}🦀");
    }

    #[test]
    fn rt_17_an_unfinished_end_becomes_one_replacement() {
        assert_eq!(text_of([&"🦀".as_bytes()[..3]]), "\u{fffd}");
        assert_eq!(text_of([]), "");
    }
}
