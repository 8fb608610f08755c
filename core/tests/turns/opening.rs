//! How reasoning begins: by the template, by the runtime, by the model, or not at all.

use std::sync::Arc;

use wheelwork::tokenizer::Tokenizer;
use wheelwork::{Event, OpenReasoning, Options, ReasoningStart, Session, Thinking};

use crate::support::{decoder, facts, older, session, tokens};

const QUESTION: &str = "2 + 2 = ?";

/// A model of another family, whose template knows no reasoning. The tokenizer has the tags all the same.
fn without_reasoning(text: &str) -> Session {
    let mut facts = wheelwork_testing::facts(1024);
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/tiny-r1/tokenizer.json");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    let renamed = fs_err::read_to_string(source).unwrap().replace("<｜User｜>", "<｜Person｜>");
    fs_err::write(&path, renamed).unwrap();
    facts.tokenizer = Tokenizer::load(&path).unwrap();
    let source = "{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}";
    facts.template = facts.template.with_source(source.into()).unwrap();
    let decoder = decoder(&facts, text);
    session(&Arc::new(facts), decoder)
}

fn off() -> Options {
    Options { open_reasoning: OpenReasoning::Off, ..Options::default() }
}

fn events(session: &mut Session, options: &Options) -> Vec<Event> {
    session.ask(QUESTION, options).unwrap().map(Result::unwrap).collect()
}

fn started(events: &[Event]) -> (ReasoningStart, usize) {
    let Event::Started { reasoning, prompt_tokens, .. } = events[0] else { panic!("{events:?}") };
    (reasoning, prompt_tokens)
}

/// What was shown, with the events that tell reasoning from answer between.
fn shown(events: &[Event]) -> String {
    let word = |event: &Event| match event {
        Event::ReasoningDelta { text } | Event::AnswerDelta { text } => text.clone(),
        Event::ReasoningEnded { tokens, .. } => format!("[reasoning ended after {tokens}]"),
        Event::AnswerWasReasoning { tokens, .. } => format!("[was reasoning, {tokens}]"),
        _ => String::new(),
    };
    events.iter().map(word).collect()
}

#[test]
fn rt_28_the_runtime_opens_what_the_template_leaves_to_the_model() {
    let opened = events(&mut older("1 2\n</think>\n\n78<｜end▁of▁sentence｜>"), &Options::default());
    let left = events(&mut older("78<｜end▁of▁sentence｜>"), &off());
    let added = tokens(&facts(1024), "<think>\n").len();
    assert_eq!(started(&opened), (ReasoningStart::Opened, started(&left).1 + added));
    assert_eq!(started(&left).0, ReasoningStart::LeftToModel);
    assert!(shown(&opened).starts_with("1 2[reasoning ended after"), "{opened:?}");
    assert!(shown(&opened).ends_with("]78") && shown(&left) == "78", "{opened:?} {left:?}");
}

#[test]
fn a_template_that_opens_is_left_alone_and_no_reasoning_is_said() {
    let mut newer = crate::support::writes(crate::support::TURN);
    assert_eq!(started(&events(&mut newer, &Options::default())).0, ReasoningStart::InPrompt);
    let options = Options { thinking: Thinking::Off, ..Options::default() };
    assert_eq!(started(&events(&mut older("4"), &options)).0, ReasoningStart::Skipped);
}

#[test]
fn rt_28_a_closing_tag_that_nothing_opened_makes_reasoning_of_the_answer() {
    let text = "1 2\n</think>\n\n78<｜end▁of▁sentence｜>";
    let heard = events(&mut older(text), &off());
    let tokens_before = tokens(&facts(1024), "1 2\n").len();
    assert_eq!(shown(&heard), format!("1 2\n[was reasoning, {tokens_before}]78"));
    let Some(Event::Finished { usage, .. }) = heard.last() else { panic!("{heard:?}") };
    assert_eq!(usage.reasoning_tokens, tokens_before);
    // What waits to become a stop text is shown before it is called reasoning.
    let options = Options { stop: vec!["2\nx".into()], ..off() };
    assert_eq!(shown(&events(&mut older(text), &options)), shown(&heard));
    // The second one is text that is not shown, as ever.
    let twice = "1 2\n</think>\n\n7</think>8<｜end▁of▁sentence｜>";
    assert_eq!(shown(&events(&mut older(twice), &off())), format!("1 2\n[was reasoning, {tokens_before}]78"));
}

#[test]
fn the_history_has_the_reasoning_as_reasoning() {
    let mut session = older("1 2\n</think>\n\n78<｜end▁of▁sentence｜>");
    events(&mut session, &off());
    let last = session.messages().last().unwrap();
    assert_eq!(last.content.as_deref(), Some("1 2\n</think>\n\n78"));
}

#[test]
fn rt_28_limits_of_reasoning_change_nothing_for_a_model_that_does_not_reason() {
    let text = "78<｜end▁of▁sentence｜>";
    let plain = events(&mut without_reasoning(text), &Options::default());
    for thinking in [Thinking::Off, Thinking::tokens(0), Thinking::tokens(5)] {
        let options = Options { thinking, ..Options::default() };
        let heard = events(&mut without_reasoning(text), &options);
        assert_eq!(started(&heard), (ReasoningStart::NoReasoning, started(&plain).1));
        assert_eq!(shown(&heard), "78");
    }
}
