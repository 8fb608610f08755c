//! Conversations that get longer than the context.

use std::sync::Arc;

use proptest::prelude::*;
use wheelwork::chat::{Message, Role};
use wheelwork::{Autosave, Diagnostic, Error, Event, ModelFacts, OnContextFull, Options, Session};
use wheelwork_testing::ScriptedDecoder;

use crate::files::{Folder, restored};
use crate::support::{TURN, VOCAB, facts, script, session};

const LIMIT: usize = 160;

fn dropping(room: Option<usize>) -> Options {
    Options {
        on_context_full: OnContextFull::DropOldest { room },
        max_tokens: Some(12),
        ..Options::default()
    }
}

fn decoder(facts: &ModelFacts) -> ScriptedDecoder {
    ScriptedDecoder::new(VOCAB, LIMIT, script(facts, TURN))
}

fn prompt_tokens(facts: &ModelFacts, messages: &[Message]) -> usize {
    facts.template.prompt(&facts.tokenizer, messages).unwrap().ids.len()
}

/// Questions and answers behind a system message.
fn conversation(turns: usize) -> Vec<Message> {
    let turns = (0..turns).flat_map(|turn| {
        [Message::user(format!("{turn} + 256 = ?")), Message::assistant(format!("{}", turn + 256))]
    });
    [Message::system("Be brief.")].into_iter().chain(turns).collect()
}

fn with_messages(facts: &Arc<ModelFacts>, messages: &[Message]) -> Session {
    let mut session = session(facts, decoder(facts));
    messages.iter().for_each(|message| session.push(message.clone()));
    session
}

/// What `Started` and `TurnsDropped` say: tokens of the prompt; messages and tokens that were dropped.
fn start(session: &mut Session, options: &Options) -> Result<(usize, Option<(usize, usize)>), Error> {
    let mut events = session.ask("478 + 256 = ?", options)?;
    let Some(Ok(Event::Started { prompt_tokens, .. })) = events.next() else { panic!("no Started") };
    match events.next() {
        Some(Ok(Event::TurnsDropped { messages, tokens })) => Ok((prompt_tokens, Some((messages, tokens)))),
        _ => Ok((prompt_tokens, None)),
    }
}

#[test]
fn rt_14_by_policy_the_oldest_turns_go_and_it_is_said() {
    let facts = facts(LIMIT);
    let long = conversation(30);
    let mut refused = with_messages(&facts, &long);
    let error = refused.ask("478 + 256 = ?", &Options::default()).err().unwrap();
    let whole = prompt_tokens(&facts, &[&long[..], &[Message::user("478 + 256 = ?")]].concat());
    assert!(matches!(error, Error::PromptTooLong { tokens, limit: LIMIT } if tokens == whole), "{error}");
    assert_eq!(refused.messages(), long, "nothing is dropped unasked");

    let mut session = with_messages(&facts, &long);
    let (prompt, dropped) = start(&mut session, &dropping(Some(20))).unwrap();
    let (messages, tokens) = dropped.unwrap();
    assert_eq!(tokens, whole - prompt);
    assert!(prompt + 2 * 20 <= LIMIT, "{prompt}");
    // Not more than must.
    let question = [Message::user("478 + 256 = ?")];
    let with_one_more = [&long[..1], &long[messages - 1..], &question].concat();
    assert!(prompt_tokens(&facts, &with_one_more) + 2 * 20 > LIMIT);
    // Whole turns; the system message and the question stay, the answer follows.
    let kept = session.messages();
    assert_eq!(kept[0], long[0]);
    assert_eq!(kept[1..kept.len() - 2], long[1 + messages..]);
    assert_eq!(kept[1].role, Role::User);
    // The room that was made lasts for the next turn.
    assert_eq!(start(&mut session, &dropping(Some(20))).unwrap().1, None);
}

#[test]
fn rt_14_what_must_stay_and_does_not_fit_is_refused_and_nothing_is_dropped() {
    let facts = facts(LIMIT);
    let mut session = with_messages(&facts, &conversation(5));
    let error = session.ask(&"1 ".repeat(2 * LIMIT), &dropping(None)).err().unwrap();
    assert_eq!(error.code(), "prompt_too_long");
    assert_eq!(session.messages(), conversation(5));
}

#[test]
fn rt_14_what_must_stay_and_fits_is_answered_with_less_room() {
    let facts = facts(LIMIT);
    let mut session = with_messages(&facts, &[Message::system("1 ".repeat(60))]);
    let (prompt, dropped) = start(&mut session, &dropping(Some(100))).unwrap();
    assert!(prompt + 100 > LIMIT);
    assert_eq!(dropped, None);
}

#[test]
fn a_sessions_file_and_its_forks_have_the_shorter_history() {
    let (folder, facts) = (Folder::new(), facts(LIMIT));
    let file = folder.file();
    let mut kept = with_messages(&facts, &conversation(30));
    kept.keep_in(&file, Autosave::default()).unwrap();
    let dropped = start(&mut kept, &dropping(None)).unwrap().1.unwrap();
    assert!(kept.messages().len() + dropped.0 > 60 && kept.messages().len() < 60);
    assert_eq!(kept.fork().unwrap().messages(), kept.messages());
    assert_eq!(restored(&facts, decoder(&facts), &file).0.messages(), kept.messages());
}

#[test]
fn a_turn_that_is_resumed_tells_again_what_was_dropped() {
    let (folder, facts) = (Folder::new(), facts(LIMIT));
    let file = folder.file();
    let mut killed = with_messages(&facts, &conversation(30));
    killed.keep_in(&file, Autosave::default()).unwrap();
    let mut turn = killed.ask("478 + 256 = ?", &dropping(None)).unwrap();
    let told: Vec<_> = turn.by_ref().take(2).map(Result::unwrap).collect();
    assert!(matches!(told[1], Event::TurnsDropped { .. }));
    std::mem::forget(turn);
    let (mut session, _) = restored(&facts, decoder(&facts), &file);
    let again: Vec<_> = session.resume(&Options::default()).unwrap().take(2).map(Result::unwrap).collect();
    assert_eq!(again[1], told[1]);
}

fn messages() -> impl Strategy<Value = Vec<Message>> {
    let text = "[0-9]{1,12}( [0-9]{1,6}){0,6}";
    let message = prop_oneof![
        4 => text.prop_map(Message::user),
        4 => text.prop_map(Message::assistant),
        1 => text.prop_map(Message::tool),
        1 => text.prop_map(Message::system),
    ];
    prop::collection::vec(message, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_prompt_is_the_rendering_of_what_is_left(messages in messages(), room in 0..LIMIT) {
        let facts = facts(LIMIT);
        let mut session = with_messages(&facts, &messages);
        let whole = [&messages[..], &[Message::user("478 + 256 = ?")]].concat();
        match start(&mut session, &dropping(Some(room))) {
            Err(Error::PromptTooLong { tokens, limit }) => {
                prop_assert!(tokens >= limit);
                prop_assert_eq!(session.messages(), messages);
            }
            Err(error) => prop_assert!(false, "{}", error),
            Ok((prompt, dropped)) => {
                let (answer, kept) = session.messages().split_last().unwrap();
                prop_assert_eq!(answer.role, Role::Assistant);
                prop_assert_eq!(prompt, prompt_tokens(&facts, kept));
                prop_assert!(prompt < LIMIT);
                let (gone, tokens) = dropped.unwrap_or_default();
                prop_assert_eq!(kept.len() + gone, whole.len());
                prop_assert_eq!(prompt + tokens, prompt_tokens(&facts, &whole));
                // In order, with every system message, and nothing missing from the first kept turn on.
                let is_system = |message: &&Message| message.role == Role::System;
                prop_assert!(kept.iter().filter(is_system).eq(whole.iter().filter(is_system)));
                let others = |messages: &[Message]| {
                    messages.iter().filter(|message| message.role != Role::System).cloned().collect::<Vec<_>>()
                };
                prop_assert!(others(&whole).ends_with(&others(kept)));
                if gone > 0 {
                    prop_assert_eq!(others(kept)[0].role, Role::User);
                }
            }
        }
    }
}
