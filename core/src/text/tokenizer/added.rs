//! Added tokens: where they stand in a text.

use std::path::Path;

use aho_corasick::{AhoCorasick, BuildError, MatchKind};
use wheelwork_package::budget::Exhausted;
use wheelwork_package::tokenizer_file::AddedToken;

use super::error::TokenizerError;

/// A part of a text that was cut at its added tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// Text between added tokens; never empty.
    Text(&'t str),
    /// The id of an added token.
    Token(u32),
}

/// Why added tokens can't be found.
#[derive(Debug, thiserror::Error)]
pub(super) enum AddedFault {
    /// The library refuses them.
    #[error(transparent)]
    Library(#[from] BuildError),
    /// The normalizer makes too much of them.
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
}

impl AddedFault {
    /// As an error that names the file.
    pub(super) fn at(self, path: &Path) -> TokenizerError {
        let path = path.to_path_buf();
        match self {
            Self::Library(error) => TokenizerError::Steps { path, detail: error.to_string() },
            Self::Exhausted(exhausted) => TokenizerError::Exhausted { path, exhausted },
        }
    }
}

pub(super) struct AddedTokens {
    /// Ascending by id.
    tokens: Vec<AddedToken>,
    /// What is found in a text as it is written.
    written: Matcher,
    /// What is found in the text as the normalizer leaves it.
    normalized: Matcher,
}

/// Finds some of the tokens.
struct Matcher {
    automaton: AhoCorasick,
    /// For each of its patterns the place of the token.
    places: Vec<usize>,
}

impl AddedTokens {
    /// `normalize` does to a text what the normalizer does.
    pub(super) fn new(
        tokens: Vec<AddedToken>,
        normalize: impl Fn(&str) -> Result<String, AddedFault>,
    ) -> Result<Self, AddedFault> {
        let find = |is_normalized: bool| {
            let found = tokens.iter().enumerate().filter(|(_, token)| token.normalized == is_normalized);
            let (places, texts): (Vec<_>, Vec<_>) =
                found.map(|(place, token)| (place, token.content.as_str())).unzip();
            let texts: Vec<String> = if is_normalized {
                texts.into_iter().map(&normalize).collect::<Result<_, AddedFault>>()?
            } else {
                texts.into_iter().map(str::to_owned).collect()
            };
            let automaton = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(texts)?;
            Ok::<_, AddedFault>(Matcher { automaton, places })
        };
        Ok(Self { written: find(false)?, normalized: find(true)?, tokens })
    }

    pub(super) fn tokens(&self) -> &[AddedToken] {
        &self.tokens
    }

    pub(super) fn has_id(&self, id: u32) -> bool {
        self.tokens.binary_search_by_key(&id, |token| token.id).is_ok()
    }

    /// Cuts a text, as it is written, at the tokens that are found there, as the reference does before anything else:
    /// the first one counts, and of those that begin at one place the longest.
    pub(super) fn pieces<'t>(&self, text: &'t str) -> Vec<Piece<'t>> {
        self.pieces_of(&self.written, text)
    }

    /// Cuts a text that was normalized at the tokens that are found there.
    pub(super) fn normalized_pieces<'t>(&self, text: &'t str) -> Vec<Piece<'t>> {
        self.pieces_of(&self.normalized, text)
    }

    fn pieces_of<'t>(&self, matcher: &Matcher, text: &'t str) -> Vec<Piece<'t>> {
        let mut pieces = Vec::new();
        let mut rest = 0;
        for found in matcher.automaton.find_iter(text) {
            let token = &self.tokens[matcher.places[found.pattern().as_usize()]];
            // The token before may have taken this one's place away on its right; the reference finds it all the same.
            let before = text.get(rest..found.start()).unwrap_or_default();
            let after = &text[found.end()..];
            if token.single_word && (text[..found.start()].ends_with(is_word) || after.starts_with(is_word)) {
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

/// `\w` of patterns.
fn is_word(char: char) -> bool {
    regex_syntax::try_is_word_character(char).unwrap_or_default()
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
            normalized: false,
        }
    }

    fn pieces<'t>(tokens: Vec<AddedToken>, text: &'t str) -> Vec<Piece<'t>> {
        AddedTokens::new(tokens, |text| Ok(text.to_owned())).unwrap().pieces(text)
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
        let both = vec![AddedToken { rstrip: true, ..added(1, "<a>") }, added(2, "  ")];
        assert_eq!(pieces(both, "<a>   b"), [Piece::Token(1), Piece::Token(2), Piece::Text(" b")]);
        let word = || vec![AddedToken { single_word: true, ..added(1, "no") }];
        assert_eq!(pieces(word(), "no, not"), [Piece::Token(1), Piece::Text(", not")]);
        assert_eq!(pieces(word(), "_no no"), [Piece::Text("_no "), Piece::Token(1)]);
    }
}
