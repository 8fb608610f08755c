//! How a turn of a session begins, whoever drives it then.

use crate::error::Error;
use crate::options::Options;
use crate::session::Session;
use crate::session::snapshot::{SnapshotError, TurnStart};
use crate::text::chat::{Message, Prompt};
use crate::turn::{Turn, TurnLoop};

/// What a turn goes on from.
pub(crate) enum Request<'a> {
    /// A user's message, which is added. A turn that was left unfinished ends with it and counts as what was computed
    /// of it, like one that was cancelled.
    Ask(&'a str),
    /// The messages as they stand.
    Respond,
    /// A prompt as it is given; messages play no part in it.
    Continue(Prompt),
    /// The turn that was suspended, or that an earlier process left unfinished.
    Resume,
}

impl Session {
    /// Begins a turn; nothing is computed yet.
    ///
    /// # Errors
    /// [`Error`]; the messages are then as they were, except that an unfinished turn may have ended.
    pub(crate) fn begin(&mut self, request: Request<'_>, options: &Options) -> Result<TurnLoop, Error> {
        if !matches!(request, Request::Resume) {
            self.take_compiled()?;
        }
        match request {
            Request::Ask(text) => {
                self.end_unfinished()?;
                self.begin_answer([&self.messages[..], &[Message::user(text)]].concat(), options)
            }
            Request::Respond => self.begin_answer(self.messages.clone(), options),
            Request::Continue(prompt) => {
                let turn = Turn::new(&self.facts, prompt, options)?;
                TurnLoop::start(self, turn, false)
            }
            Request::Resume => {
                self.begin_again(options)?.ok_or_else(|| SnapshotError::NothingToResume.into())
            }
        }
    }

    /// The turn that was left unfinished, if there is one, under way again.
    fn begin_again(&mut self, options: &Options) -> Result<Option<TurnLoop>, Error> {
        let Some((start, progress)) = self.unfinished.clone() else { return Ok(None) };
        let options = Options {
            cancel: options.cancel.clone(),
            answer_now: options.answer_now.clone(),
            save_now: options.save_now.clone(),
            ..start.options
        };
        let turn = TurnLoop::resume(self, TurnStart { options, ..start }, progress)?;
        self.unfinished = None;
        Ok(Some(turn))
    }

    fn end_unfinished(&mut self) -> Result<(), Error> {
        match self.begin_again(&Options::default())? {
            Some(mut turn) => turn.record(self),
            None => Ok(()),
        }
    }

    /// Answers `messages`, or those of them that fit.
    fn begin_answer(&mut self, messages: Vec<Message>, options: &Options) -> Result<TurnLoop, Error> {
        let (messages, turn) = self.fitting(messages, options)?;
        let before = std::mem::replace(&mut self.messages, messages);
        let result = TurnLoop::start(self, turn, true);
        if result.is_err() {
            self.messages = before;
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use wheelwork_package::card::ControlTokens;

    use super::*;
    use crate::facts::ModelFacts;
    use crate::session::snapshot::Autosave;
    use crate::testing::{self, ScriptedDecoder, Step};

    fn session() -> Session {
        let tokens = ControlTokens { eos: vec![0], ..ControlTokens::default() };
        let facts = ModelFacts { tokens, ..testing::facts(64) };
        let decoder = ScriptedDecoder::new(2048, 64, vec![Step::Token(0)]);
        Session::with_decoder(Arc::new(facts), testing::placement(), Box::new(decoder))
    }

    #[test]
    fn a_question_that_cannot_be_saved_is_not_added() {
        let folder = tempfile::tempdir().unwrap();
        let mut session = session();
        session.keep_in(&folder.path().join("session"), Autosave::default()).unwrap();
        session.journal.as_mut().unwrap().refuse_writes();
        let Err(error) = session.ask("2 + 2 = ?", &Options::default()) else { panic!("it was saved") };
        assert!(matches!(error, Error::Snapshot(SnapshotError::Io(_))), "{error}");
        assert_eq!(session.messages(), []);
    }
}
