//! Which messages a turn takes: all of them, or, where they no longer fit and the caller allows it, fewer.
//!
//! A *turn* of the history is a user's message with everything up to the next one: answers, tool calls, their results.
//! What stands before the first user's message, system messages aside, counts as a turn of its own. Whole turns are
//! dropped, the oldest first. The newest one and every system message stay, wherever they stand.
//!
//! The prompt is then the template's rendering of what is left, nothing else: what was dropped leaves no trace, in the
//! history, in the cache or in the session's file.

use crate::error::Error;
use crate::facts::ModelFacts;
use crate::options::{OnContextFull, Options};
use crate::text::chat::{ChatError, Message, Role};
use crate::text::tokenizer::TokenizerError;
use crate::turn::{Dropped, PreparedTurn};

/// The next turn, of all messages or of those that fit; and these.
pub(super) fn fit(
    facts: &ModelFacts,
    messages: Vec<Message>,
    options: &Options,
) -> Result<(Vec<Message>, PreparedTurn), Error> {
    let limit = facts.context_length;
    let turn_of = |messages: &[Message]| {
        let (tools, cancel) = (&options.tools, &options.cancel);
        match facts.template.prompt_until(&facts.tokenizer, messages, tools, cancel) {
            // Counting stopped: it is far too long.
            Err(ChatError::Tokenizer(TokenizerError::TooManyTokens { tokens, .. })) => {
                Err(Error::PromptTooLong { tokens, limit })
            }
            prompt => PreparedTurn::new(facts, prompt?, options, true),
        }
    };
    let whole = turn_of(&messages);
    let OnContextFull::DropOldest { room } = options.on_context_full else {
        return whole.map(|turn| (messages, turn));
    };
    let room = room.unwrap_or(limit / 4);
    let tokens = match &whole {
        Ok(turn) => turn.prompt_tokens(),
        Err(Error::PromptTooLong { tokens, .. }) => *tokens,
        Err(_) => return whole.map(|turn| (messages, turn)),
    };
    let turns = droppable_turns(&messages);
    if tokens.saturating_add(room) <= limit || turns == 0 {
        return whole.map(|turn| (messages, turn));
    }
    let wanted = limit.saturating_sub(room.saturating_mul(2));
    let fits = |turns| match turn_of(&without_oldest(&messages, turns)) {
        Ok(turn) => Ok(turn.prompt_tokens() <= wanted),
        Err(Error::PromptTooLong { .. }) => Ok(false),
        Err(error) => Err(error),
    };
    let kept = without_oldest(&messages, fewest(turns, fits)?);
    let turn = turn_of(&kept)?;
    let dropped = Dropped {
        messages: messages.len() - kept.len(),
        tokens: tokens.saturating_sub(turn.prompt_tokens()),
    };
    Ok((kept, turn.with_dropped(dropped)))
}

/// How many of `turns` must go for the rest to fit; all of them if that is not enough. A prompt gets shorter with every
/// turn, so the number is found by halving.
fn fewest(turns: usize, fits: impl Fn(usize) -> Result<bool, Error>) -> Result<usize, Error> {
    let (mut too_few, mut enough) = (0, turns);
    while enough - too_few > 1 {
        let middle = too_few.midpoint(enough);
        if fits(middle)? {
            enough = middle;
        } else {
            too_few = middle;
        }
    }
    Ok(enough)
}

/// For each message the number of its turn, from 0; system messages belong to none.
fn turn_numbers(messages: &[Message]) -> impl Iterator<Item = Option<usize>> {
    let mut number = None;
    messages.iter().map(move |message| match message.role {
        Role::System => None,
        Role::User => {
            number = Some(number.map_or(0, |number| number + 1));
            number
        }
        Role::Assistant | Role::Tool => Some(*number.get_or_insert(0)),
    })
}

/// All turns but the newest.
fn droppable_turns(messages: &[Message]) -> usize {
    turn_numbers(messages).flatten().max().unwrap_or(0)
}

fn without_oldest(messages: &[Message], turns: usize) -> Vec<Message> {
    let is_kept = turn_numbers(messages).map(|number| number.is_none_or(|number| number >= turns));
    messages.iter().zip(is_kept).filter(|(_, is_kept)| *is_kept).map(|(message, _)| message.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(messages: &[Message]) -> Vec<&str> {
        messages.iter().filter_map(|message| message.content.as_deref()).collect()
    }

    #[test]
    fn turns_go_whole_and_system_messages_stay() {
        let messages = [
            Message::system("s1"),
            Message::assistant("hello"),
            Message::user("u1"),
            Message::assistant("call"),
            Message::tool("result"),
            Message::assistant("a1"),
            Message::system("s2"),
            Message::user("u2"),
            Message::assistant("a2"),
            Message::user("u3"),
        ];
        assert_eq!(droppable_turns(&messages), 3);
        assert_eq!(texts(&without_oldest(&messages, 1))[..3], ["s1", "u1", "call"]);
        assert_eq!(texts(&without_oldest(&messages, 2)), ["s1", "s2", "u2", "a2", "u3"]);
        assert_eq!(texts(&without_oldest(&messages, 3)), ["s1", "s2", "u3"]);
    }

    #[test]
    fn the_newest_turn_cannot_be_dropped() {
        assert_eq!(droppable_turns(&[]), 0);
        assert_eq!(droppable_turns(&[Message::system("s"), Message::user("u"), Message::tool("t")]), 0);
    }
}
