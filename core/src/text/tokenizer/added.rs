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
            let (mut places, mut texts) = (Vec::new(), Vec::new());
            for (place, token) in
                tokens.iter().enumerate().filter(|(_, token)| token.normalized == is_normalized)
            {
                let text = if is_normalized { normalize(&token.content)? } else { token.content.clone() };
                // What the normalizer leaves nothing of would be found everywhere.
                if !text.is_empty() {
                    places.push(place);
                    texts.push(text);
                }
            }
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
    pub(super) fn pieces<'p>(&'p self, text: &'p str) -> impl Iterator<Item = Piece<'p>> {
        self.pieces_of(&self.written, text)
    }

    /// Cuts a text that was normalized at the tokens that are found there.
    pub(super) fn normalized_pieces<'p>(&'p self, text: &'p str) -> impl Iterator<Item = Piece<'p>> {
        self.pieces_of(&self.normalized, text)
    }

    fn pieces_of<'p>(&'p self, matcher: &'p Matcher, text: &'p str) -> impl Iterator<Item = Piece<'p>> {
        let mut matches = matcher.automaton.find_iter(text);
        let mut waiting = None;
        // Where the text goes on, and how far white space was looked through.
        let (mut rest, mut white) = (0, 0);
        std::iter::from_fn(move || {
            if let Some(token) = waiting.take() {
                return Some(token);
            }
            for found in matches.by_ref() {
                let token = &self.tokens[matcher.places[found.pattern().as_usize()]];
                // The token before may have taken this one's place away on its right; the reference finds it all the same.
                let before = text.get(rest..found.start()).unwrap_or_default();
                let after = &text[found.end()..];
                if token.single_word
                    && (text[..found.start()].ends_with(is_word) || after.starts_with(is_word))
                {
                    continue;
                }
                rest = found.end();
                if token.rstrip {
                    // White space that a token before looked through is not looked through again.
                    let known = white.max(rest);
                    white = text.len() - text[known..].trim_start().len();
                    rest = white;
                }
                let before = if token.lstrip { before.trim_end() } else { before };
                let token = Piece::Token(token.id);
                if before.is_empty() {
                    return Some(token);
                }
                waiting = Some(token);
                return Some(Piece::Text(before));
            }
            let last = text.get(rest..).filter(|last| !last.is_empty());
            rest = text.len();
            last.map(Piece::Text)
        })
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
        let added = AddedTokens::new(tokens, |text| Ok(text.to_owned())).unwrap();
        // A test may leave it behind.
        Box::leak(Box::new(added)).pieces(text).collect()
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
        let spaces = vec![AddedToken { lstrip: true, rstrip: true, ..added(1, " ") }];
        assert_eq!(pieces(spaces, &" ".repeat(1 << 20)).len(), 1 << 20, "in time that is linear");
        let word = || vec![AddedToken { single_word: true, ..added(1, "no") }];
        assert_eq!(pieces(word(), "no, not"), [Piece::Token(1), Piece::Text(", not")]);
        assert_eq!(pieces(word(), "_no no"), [Piece::Text("_no "), Piece::Token(1)]);
    }
}
