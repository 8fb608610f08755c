//! Texts that end an answer.
//!
//! Tokens that end a generation are compared by id where they are sampled; this module is for the texts that a
//! caller names. They look at the answer alone: a stop text such as a blank line must not end the reasoning.
//!
//! The text that matches, and all after it, is not shown. What might become a match waits, so the answer never
//! shows the start of one. Of several matches the one that ends first counts, and of those the longest; so any
//! cut of the answer into pieces gives the same text.

/// Watches an answer for the stop texts.
#[derive(Debug, Clone, Default)]
pub struct StopStrings {
    stops: Vec<String>,
    /// The end of the answer that may be the start of a stop text.
    held: String,
    matched: bool,
}

impl StopStrings {
    /// An empty text would end every answer before it starts: it is ignored.
    #[must_use]
    pub fn new(stops: &[String]) -> Self {
        let stops = stops.iter().filter(|stop| !stop.is_empty()).cloned().collect();
        Self { stops, held: String::new(), matched: false }
    }

    /// Takes more of the answer and appends to `shown` what may be shown of it.
    pub fn push(&mut self, text: &str, shown: &mut String) {
        if self.matched {
            return;
        }
        if self.stops.is_empty() {
            shown.push_str(text);
            return;
        }
        self.held.push_str(text);
        if let Some(start) = self.first_match() {
            self.matched = true;
            shown.extend(self.held.drain(..start));
            self.held.clear();
        } else {
            let safe = self.held.len() - self.longest_start();
            shown.extend(self.held.drain(..safe));
        }
    }

    /// Whether a stop text was met; nothing is shown from then on.
    #[must_use]
    pub fn matched(&self) -> bool {
        self.matched
    }

    /// Ends the answer: appends what waited in vain.
    pub fn finish(&mut self, shown: &mut String) {
        shown.push_str(&self.held);
        self.held.clear();
    }

    /// Where the match starts that ends first.
    fn first_match(&self) -> Option<usize> {
        let matches = self.stops.iter().filter_map(|stop| {
            let start = self.held.find(stop.as_str())?;
            Some((start + stop.len(), start))
        });
        matches.min().map(|(_, start)| start)
    }

    /// How many bytes at the end are the start of a stop text.
    fn longest_start(&self) -> usize {
        let start_of = |stop: &String| {
            let mut ends = stop.char_indices().rev().map(|(end, _)| end);
            ends.find(|end| self.held.ends_with(&stop[..*end]))
        };
        self.stops.iter().filter_map(start_of).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::testing::pieces;

    /// What is shown of an answer that comes in these pieces, and whether it was stopped.
    fn shown(stops: &[String], pieces: &[&str]) -> (String, bool) {
        let (mut watch, mut shown) = (StopStrings::new(stops), String::new());
        for piece in pieces {
            watch.push(piece, &mut shown);
        }
        watch.finish(&mut shown);
        (shown, watch.matched())
    }

    fn stops(stops: &[&str]) -> Vec<String> {
        stops.iter().map(|stop| (*stop).to_owned()).collect()
    }

    #[test]
    fn the_answer_ends_before_the_stop_text() {
        assert_eq!(shown(&stops(&["END"]), &["one E", "N", "D two"]), ("one ".into(), true));
        assert_eq!(shown(&stops(&["END"]), &["one E", "N", "d"]), ("one ENd".into(), false));
        assert_eq!(shown(&stops(&["END"]), &["one EN"]), ("one EN".into(), false));
        assert_eq!(shown(&stops(&["\n\n"]), &["a\n", "b\n", "\nc"]), ("a\nb".into(), true));
    }

    #[test]
    fn the_match_that_ends_first_counts() {
        assert_eq!(shown(&stops(&["abc", "b"]), &["xabc"]), ("xa".into(), true));
        assert_eq!(shown(&stops(&["bc", "abc"]), &["xabc"]), ("x".into(), true));
    }

    #[test]
    fn without_stop_texts_nothing_waits() {
        let mut text = String::new();
        let mut watch = StopStrings::new(&stops(&[""]));
        watch.push("abc", &mut text);
        assert_eq!((text.as_str(), watch.matched()), ("abc", false));
    }

    proptest! {
        #[test]
        fn any_cut_shows_the_same(
            answer in "[abä]{0,30}",
            stops in prop::collection::vec("[abä]{1,4}", 1..4),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let whole = shown(&stops, &[&answer]);
            prop_assert_eq!(shown(&stops, &pieces(&answer, &cuts)), whole.clone());
            let (text, matched) = whole;
            prop_assert!(answer.starts_with(&text));
            prop_assert!(!stops.iter().any(|stop| text.contains(stop)));
            prop_assert_eq!(matched, stops.iter().any(|stop| answer.contains(stop)));
        }
    }
}
