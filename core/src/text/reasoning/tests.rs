use proptest::prelude::*;

use super::*;
use crate::text::testing::pieces;

const OPEN: u32 = 151_648;
const CLOSE: u32 = 151_649;
const WORD: u32 = 0;

/// Reasoning, times it ended, answer; in this order, or the test fails.
#[derive(Debug, Default, PartialEq, Eq)]
struct Heard {
    reasoning: String,
    ended: usize,
    answer: String,
}

impl Heard {
    fn hear(&mut self, segment: Segment<'_>) {
        match segment {
            Segment::Reasoning(text) => {
                assert!(!text.is_empty() && self.ended == 0 && self.answer.is_empty());
                self.reasoning.push_str(text);
            }
            Segment::ReasoningEnded => {
                assert!(self.answer.is_empty());
                self.ended += 1;
            }
            Segment::AnswerWasReasoning => {
                assert!(self.reasoning.is_empty() && self.ended == 0);
                self.reasoning = std::mem::take(&mut self.answer);
                self.ended += 1;
            }
            Segment::Answer(text) => {
                assert!(!text.is_empty());
                self.answer.push_str(text);
            }
        }
    }
}

fn heard(reasoning: &str, ended: usize, answer: &str) -> Heard {
    Heard { reasoning: reasoning.into(), ended, answer: answer.into() }
}

fn split<'t>(mut splitter: Splitter, tokens: impl IntoIterator<Item = (u32, &'t str)>) -> Heard {
    let mut heard = Heard::default();
    for (id, text) in tokens {
        splitter.push(id, text, &mut |segment| heard.hear(segment));
    }
    splitter.finish("", &mut |segment| heard.hear(segment));
    heard
}

fn by_id(inside: bool, tokens: &[(u32, &str)]) -> Heard {
    split(Splitter::new(inside, Some(OPEN), Some(CLOSE)), tokens.iter().copied())
}

fn by_text(inside: bool, pieces: &[&str]) -> Heard {
    split(Splitter::new(inside, None, None), pieces.iter().map(|piece| (WORD, *piece)))
}

#[test]
fn a_closing_tag_without_an_opening_one_makes_reasoning_of_the_answer_once() {
    let tokens = [
        (WORD, " First,"),
        (WORD, " add.\n"),
        (CLOSE, "</think>"),
        (WORD, "\n\n7"),
        (CLOSE, "</think>"),
        (WORD, "8"),
    ];
    let splitter = || Splitter::new(false, Some(OPEN), Some(CLOSE));
    assert_eq!(split(splitter().closing_unopened(), tokens), heard(" First, add.\n", 1, "78"));
    assert_eq!(split(splitter(), tokens), heard("", 0, " First, add.\n\n\n78"));
    // Not where the reasoning was opened, or where the answer is held to a form.
    let opened = [&[(OPEN, "<think>")][..], &tokens].concat();
    assert_eq!(split(splitter().closing_unopened(), opened), heard("First, add.", 1, "78"));
    let mut held = splitter().closing_unopened();
    held.begin_answer();
    assert_eq!(split(held, tokens).ended, 0);
}

#[test]
fn a_prompt_that_opened_the_reasoning_needs_no_tag() {
    let tokens =
        [(WORD, "\nFirst,"), (WORD, " add.\n"), (CLOSE, "</think>"), (WORD, "\n\n"), (WORD, "734\n")];
    assert_eq!(by_id(true, &tokens), heard("First, add.", 1, "734\n"));
    assert_eq!(by_text(true, &["\nFirst, add.\n</thi", "nk>\n\n734\n"]), heard("First, add.", 1, "734\n"));
}

#[test]
fn an_opening_tag_counts_only_at_the_very_start() {
    let tokens = [(WORD, "\n"), (OPEN, "<think>"), (WORD, "\na\n"), (CLOSE, "</think>"), (WORD, "b")];
    assert_eq!(by_id(false, &tokens), heard("a", 1, "b"));
    assert_eq!(by_id(false, &[(WORD, "a"), (OPEN, "<think>"), (WORD, "b")]), heard("", 0, "ab"));
    assert_eq!(by_text(false, &["\n<", "think>a</think>b"]), heard("a", 1, "b"));
    assert_eq!(by_text(false, &["a <think>b</think>"]), heard("", 0, "a <think>b</think>"));
}

#[test]
fn an_answer_without_reasoning_is_passed_on_as_it_is() {
    assert_eq!(by_id(false, &[(WORD, " "), (WORD, "\n734 ")]), heard("", 0, " \n734 "));
    assert_eq!(by_id(false, &[(WORD, "\n")]), heard("", 0, "\n"));
    assert_eq!(by_text(false, &[" <th", "e"]), heard("", 0, " <the"));
    assert_eq!(by_text(false, &[" <th"]), heard("", 0, " <th"));
}

#[test]
fn with_ids_a_spelled_tag_is_a_quotation() {
    let tokens = [(WORD, "the tag </think> ends it"), (CLOSE, "</think>"), (WORD, "yes")];
    assert_eq!(by_id(true, &tokens), heard("the tag </think> ends it", 1, "yes"));
}

#[test]
fn a_tag_without_text_counts_too() {
    // A detokenizer may leave control tokens out, or complete a broken character before one.
    assert_eq!(by_id(true, &[(WORD, "a"), (CLOSE, ""), (WORD, "b")]), heard("a", 1, "b"));
    assert_eq!(
        by_id(true, &[(WORD, "a"), (CLOSE, "\u{fffd}</think>"), (WORD, "b")]),
        heard("a\u{fffd}", 1, "b")
    );
}

#[test]
fn the_end_comes_once_and_stray_tags_are_not_shown() {
    let tokens =
        [(WORD, "a"), (OPEN, "<think>"), (CLOSE, "</think>"), (WORD, "b"), (CLOSE, "</think>"), (WORD, "c")];
    assert_eq!(by_id(true, &tokens), heard("a", 1, "bc"));
    assert_eq!(by_text(true, &["a</think>b</think>c"]), heard("a", 1, "b</think>c"));
}

#[test]
fn skipped_reasoning_is_empty() {
    assert_eq!(by_id(true, &[(WORD, "\n\n"), (CLOSE, "</think>"), (WORD, "\n\nb")]), heard("", 1, "b"));
}

#[test]
fn unfinished_reasoning_has_no_end() {
    assert_eq!(by_id(true, &[(WORD, "a \n")]), heard("a", 0, ""));
    assert_eq!(by_text(true, &["a \n</thi"]), heard("a \n</thi", 0, ""));
}

#[test]
fn a_budget_can_close_the_reasoning() {
    for splitter in [Splitter::new(true, Some(OPEN), Some(CLOSE)), Splitter::new(true, None, None)] {
        let mut heard = Heard::default();
        let mut splitter = splitter;
        splitter.push(WORD, "\na b \n", &mut |segment| heard.hear(segment));
        splitter.close(&mut |segment| heard.hear(segment));
        splitter.close(&mut |segment| heard.hear(segment));
        assert!(!splitter.is_reasoning());
        splitter.push(WORD, "\nc", &mut |segment| heard.hear(segment));
        assert_eq!(heard, Heard { reasoning: "a b".into(), ended: 1, answer: "c".into() });
    }
}

/// Text with every edge in it: tags, their parts, whitespace, letters.
fn pieces_of_text() -> impl Strategy<Value = Vec<&'static str>> {
    let parts = ["<think>", "</think>", "<", "/", "think", ">", "</", " ", "\n", "a", "ä", "b"];
    prop::collection::vec(prop::sample::select(parts.to_vec()), 0..14)
}

#[test]
fn a_message_is_taken_apart_as_its_stream_was() {
    let both = |reasoning: &str, answer: &str| (Some(reasoning.to_owned()), answer.to_owned());
    assert_eq!(apart("<think>\na b\n</think>\n\nc\n"), both("a b", "c\n"));
    // The prompt opened it.
    assert_eq!(apart("a b\n</think>\n\nc"), both("a b", "c"));
    assert_eq!(apart("a </think>b</think>c"), both("a", "b</think>c"));
    // It was ended in the middle, or skipped.
    assert_eq!(apart("a b</think>"), both("a b", ""));
    for (content, answer) in [("<think>\n\n</think>\n\nc", "c"), ("c", "c"), ("", ""), (" c ", " c ")] {
        assert_eq!(apart(content), (None, answer.to_owned()), "{content:?}");
    }
}

proptest! {
    #[test]
    fn any_cut_gives_the_same_segments(
        parts in pieces_of_text(),
        inside in any::<bool>(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let text = parts.concat();
        prop_assert_eq!(by_text(inside, &pieces(&text, &cuts)), by_text(inside, &[&text]));
    }

    #[test]
    fn tags_as_text_and_tags_as_ids_agree(
        before in "[ \n]{0,2}", reasoning in "[ab \n<>/]{0,9}", answer in "[ab \n<>/]{0,9}", opened in any::<bool>(),
    ) {
        let expected = heard(reasoning.trim(), 1, answer.trim_start());
        let tokens = [(WORD, before.as_str()), (OPEN, OPEN_TAG), (WORD, &reasoning), (CLOSE, CLOSE_TAG), (WORD, &answer)];
        // Where the prompt opened the reasoning, the model goes on behind the tag.
        let tokens = if opened { &tokens[2..] } else { &tokens[..] };
        prop_assert_eq!(&by_id(opened, tokens), &expected);
        let pieces: Vec<&str> = tokens.iter().map(|(_, text)| *text).collect();
        prop_assert_eq!(&by_text(opened, &pieces), &expected);
    }

    #[test]
    fn a_stored_splitter_goes_on_where_it_was(parts in pieces_of_text(), at in any::<prop::sample::Index>()) {
        let at = at.index(parts.len() + 1);
        let mut expected = Heard::default();
        let mut stored = Heard::default();
        let mut splitter = Splitter::new(true, None, None);
        let mut copy = Splitter::new(true, None, None);
        for (index, part) in parts.iter().enumerate() {
            if index == at {
                copy = serde_json::from_str(&serde_json::to_string(&copy).unwrap()).unwrap();
            }
            splitter.push(WORD, part, &mut |segment| expected.hear(segment));
            copy.push(WORD, part, &mut |segment| stored.hear(segment));
        }
        prop_assert_eq!(expected, stored);
    }
}
