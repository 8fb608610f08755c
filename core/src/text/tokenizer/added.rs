//! Added tokens: where they stand in a text.

use aho_corasick::{AhoCorasick, MatchKind};
use wheelwork_package::tokenizer_file::AddedToken;

/// A part of a text that was cut at its added tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'t> {
    /// Text between added tokens; never empty.
    Text(&'t str),
    /// The id of an added token.
    Token(u32),
}

pub(super) struct AddedTokens {
    /// Ascending by id.
    tokens: Vec<AddedToken>,
    matcher: AhoCorasick,
}

impl AddedTokens {
    pub(super) fn new(tokens: Vec<AddedToken>) -> Result<Self, String> {
        let matcher = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(tokens.iter().map(|token| token.content.as_str()))
            .map_err(|error| error.to_string())?;
        Ok(Self { tokens, matcher })
    }

    pub(super) fn tokens(&self) -> &[AddedToken] {
        &self.tokens
    }

    pub(super) fn has_id(&self, id: u32) -> bool {
        self.tokens.binary_search_by_key(&id, |token| token.id).is_ok()
    }

    pub(super) fn pieces<'t>(&self, text: &'t str) -> Vec<Piece<'t>> {
        let mut pieces = Vec::new();
        let mut rest = 0;
        for found in self.matcher.find_iter(text) {
            // A pattern a token, in their order.
            let token = &self.tokens[found.pattern().as_usize()];
            let before = &text[rest..found.start()];
            let after = &text[found.end()..];
            if token.single_word && (before.ends_with(is_word) || after.starts_with(is_word)) {
                continue;
            }
            push_text(&mut pieces, if token.lstrip { before.trim_end() } else { before });
            pieces.push(Piece::Token(token.id));
            let space = if token.rstrip { after.len() - after.trim_start().len() } else { 0 };
            rest = found.end() + space;
        }
        push_text(&mut pieces, &text[rest..]);
        pieces
    }
}

fn push_text<'t>(pieces: &mut Vec<Piece<'t>>, text: &'t str) {
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
}

fn is_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(id: u32, content: &str) -> AddedToken {
        AddedToken {
            id,
            content: content.into(),
            special: false,
            lstrip: false,
            rstrip: false,
            single_word: false,
        }
    }

    fn pieces<'t>(tokens: Vec<AddedToken>, text: &'t str) -> Vec<Piece<'t>> {
        AddedTokens::new(tokens).unwrap().pieces(text)
    }

    #[test]
    fn the_first_counts_and_of_those_the_longest() {
        let tokens = || vec![added(1, "<a"), added(2, "<a>"), added(3, "a>b")];
        assert_eq!(
            pieces(tokens(), "x<a>b<a"),
            [Piece::Text("x"), Piece::Token(2), Piece::Text("b"), Piece::Token(1)]
        );
        assert!(pieces(tokens(), "").is_empty());
        assert_eq!(pieces(tokens(), "plain"), [Piece::Text("plain")]);
    }

    #[test]
    fn the_flags_take_whitespace_away_and_want_word_borders() {
        let strip = vec![AddedToken { lstrip: true, rstrip: true, ..added(1, "<a>") }];
        assert_eq!(pieces(strip, "x \n<a> \ty"), [Piece::Text("x"), Piece::Token(1), Piece::Text("y")]);
        let word = || vec![AddedToken { single_word: true, ..added(1, "no") }];
        assert_eq!(pieces(word(), "no, not"), [Piece::Token(1), Piece::Text(", not")]);
        assert_eq!(pieces(word(), "_no no"), [Piece::Text("_no "), Piece::Token(1)]);
    }
}
