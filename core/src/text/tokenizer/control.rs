//! Texts that must not come out of a message: control tokens, and whether a text holds one or a part of one.
//!
//! Made once a tokenizer and template, because a file may have a hundred thousand added tokens.

use aho_corasick::{AhoCorasick, Input, MatchKind};
use wheelwork_package::tokenizer_file::AddedToken;

use crate::text::reasoning::{CLOSE_TAG, OPEN_TAG};

/// The texts of control tokens.
pub(crate) struct ControlTexts {
    /// Finds them; absent where there are too many for the library, and then every character counts as one.
    matcher: Option<AhoCorasick>,
    /// Ascending, to find those that begin with a text.
    texts: Vec<String>,
    /// Each from its end to its start, ascending.
    reversed: Vec<String>,
    /// The length of the longest in bytes.
    longest: usize,
    windows: Windows,
}

impl ControlTexts {
    /// Of `tokens` those that are special, that the template uses or that are `tags`; R1's tags even where they are none.
    pub(super) fn new(tokens: &[AddedToken], template: &str, tags: &[&str]) -> Self {
        let used = used_by(tokens, template);
        let is_control = |(place, token): &(usize, &AddedToken)| {
            token.special || used(*place) || tags.contains(&token.content.as_str())
        };
        let control = (0..).zip(tokens).filter(is_control).map(|(_, token)| token.content.as_str());
        let mut texts: Vec<String> = control.chain([OPEN_TAG, CLOSE_TAG]).map(str::to_owned).collect();
        texts.sort_unstable();
        let mut reversed: Vec<String> = texts.iter().map(|text| text.chars().rev().collect()).collect();
        reversed.sort_unstable();
        let matcher = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(&texts).ok();
        let longest = texts.iter().map(String::len).max().unwrap_or_default();
        let windows = Windows::of(&texts);
        Self { matcher, texts, reversed, longest, windows }
    }

    /// Every character that stands in one of them.
    pub(crate) fn chars(&self) -> impl Iterator<Item = char> {
        self.texts.iter().flat_map(|text| text.chars())
    }

    /// The start of every one in a text, also where two overlap.
    pub(crate) fn starts_in(&self, text: &str) -> Vec<usize> {
        let Some(matcher) = &self.matcher else {
            return text.char_indices().map(|(place, _)| place).collect();
        };
        let mut starts = Vec::new();
        let mut from = 0;
        while let Some(found) = matcher.find(Input::new(text).range(from..)) {
            starts.push(found.start());
            let first = text[found.start()..].chars().next();
            from = found.start() + first.map_or(1, char::len_utf8);
        }
        starts
    }

    /// Where a text would have to be broken so that it does not become one of them together with its neighbours: it ends
    /// with the head of one, begins with the tail of one, or is a part of one.
    pub(crate) fn edges_of(&self, text: &str) -> Vec<usize> {
        let mut places = Vec::new();
        for (place, _) in text.char_indices().rev().take_while(|(place, _)| text.len() - place < self.longest)
        {
            if begins_with(&self.texts, &text[place..]) {
                places.push(place);
            }
        }
        let mut tail = String::new();
        let begins_with_tail = text.chars().take(self.longest).any(|char| {
            tail.insert(0, char);
            begins_with(&self.reversed, &tail)
        });
        if begins_with_tail || self.hold(text) {
            places.push(0);
        }
        places
    }

    /// Whether one of them holds a text.
    fn hold(&self, text: &str) -> bool {
        !text.is_empty()
            && text.len() <= self.longest
            && self.windows.may_hold(text)
            && self.texts.iter().any(|control| control.contains(text))
    }
}

/// Which of the tokens, by their place, stand in a template; all of them where there are too many for the library.
fn used_by(tokens: &[AddedToken], template: &str) -> impl Fn(usize) -> bool + use<> {
    let matcher = AhoCorasick::new(tokens.iter().map(|token| token.content.as_str())).ok();
    // A table: where each token begins with another, there are as many finds as a token has bytes, at each byte.
    let found = |matcher: &AhoCorasick| {
        let mut used = vec![false; tokens.len()];
        matcher.find_overlapping_iter(template).for_each(|found| used[found.pattern().as_usize()] = true);
        used
    };
    let used = matcher.as_ref().map(found);
    move |place| used.as_ref().is_none_or(|used| used[place])
}

/// Whether one of the texts, which ascend, begins with `start`.
fn begins_with(texts: &[String], start: &str) -> bool {
    let place = texts.partition_point(|text| text.as_str() < start);
    texts.get(place).is_some_and(|text| text.starts_with(start))
}

/// Which few bytes stand in some texts: most others are known to be in none without looking through all.
struct Windows(Vec<bool>);

impl Windows {
    const BITS: u32 = 20;

    fn of(texts: &[String]) -> Self {
        let mut windows = vec![false; 1 << Self::BITS];
        for length in 1..=4 {
            for window in texts.iter().flat_map(|text| text.as_bytes().windows(length)) {
                windows[Self::place(window)] = true;
            }
        }
        Self(windows)
    }

    fn may_hold(&self, text: &str) -> bool {
        text.as_bytes().windows(text.len().clamp(1, 4)).all(|window| self.0[Self::place(window)])
    }

    /// A hash of at most four bytes and their number.
    fn place(window: &[u8]) -> usize {
        let number = window.iter().fold(window.len() as u64, |number, byte| number << 8 | u64::from(*byte));
        // Knuth's multiplicative hash: the upper bits depend on all bytes.
        let hash = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        usize::try_from(hash >> (u64::BITS - Self::BITS)).unwrap_or_default()
    }
}
