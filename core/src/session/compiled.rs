//! Moving to a device whose graphs were compiled in the background.
//!
//! A session moves when a turn begins, never within one: its cache is of another form, so it starts empty there and the
//! turn's prompt is computed anew. A suspended turn goes on where it began.

use std::sync::Arc;

use super::Session;
use crate::device::{NotUsedReason, Refusal};
use crate::error::Error;
use crate::open::{Compilation, Ready};

impl Session {
    /// Lets the session move once something is compiled.
    pub(crate) fn with_compilation(self, compilation: Option<Arc<Compilation>>) -> Self {
        Self { compilation, ..self }
    }

    /// Moves to the device whose graphs are compiled by now, if there is one. Where that fails the session stays, and
    /// its placement says why.
    pub(super) fn take_compiled(&mut self) -> Result<(), Error> {
        let Some(outcome) = self.compilation.as_ref().and_then(|compilation| compilation.ready()) else {
            return Ok(());
        };
        let moved = match outcome {
            // The device holds shorter sequences: who has used up half of one would soon be at the end.
            Ok(ready) if self.cached.len() > ready.facts.context_length / 2 => return Ok(()),
            Ok(ready) => self.begin_on(&ready)?,
            Err(refusal) => Err(refusal),
        };
        self.compilation = None;
        if let Err((reason, detail)) = moved {
            let rows = self.placement.not_used.iter_mut();
            if let Some(row) = rows.into_iter().find(|row| row.reason == NotUsedReason::Compiling) {
                (row.reason, row.detail) = (reason, detail);
            }
        }
        Ok(())
    }

    fn begin_on(&mut self, ready: &Ready) -> Result<Result<(), Refusal>, Error> {
        let decoder = match (ready.decoder)() {
            Ok(decoder) => decoder,
            Err(error) => return Ok(Err((NotUsedReason::SessionFailed, Some(error.to_string())))),
        };
        self.facts = Arc::clone(&ready.facts);
        self.fallback.clone_from(&ready.fallback);
        self.cached.clear();
        self.move_to(ready.placement.clone(), decoder).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use wheelwork_package::card::ControlTokens;

    use super::*;
    use crate::device::{Device, NotUsed, Placement};
    use crate::event::Event;
    use crate::facts::ModelFacts;
    use crate::options::Options;
    use crate::testing::{self, ScriptedDecoder, Step};

    fn facts(context_length: usize) -> Arc<ModelFacts> {
        let tokens = ControlTokens { eos: vec![0], ..ControlTokens::default() };
        Arc::new(ModelFacts { tokens, ..testing::facts(context_length) })
    }

    /// A decoder that ends a turn after one token.
    fn decoder(token: u32) -> Box<dyn crate::decoder::Decoder> {
        Box::new(ScriptedDecoder::new(2048, 4096, vec![Step::Token(token), Step::Token(0)]))
    }

    fn session(compilation: &Arc<Compilation>) -> Session {
        let row = NotUsed {
            provider: "NPU".into(),
            device: Device::Npu,
            reason: NotUsedReason::Compiling,
            detail: None,
        };
        let placement = Placement { not_used: vec![row], ..testing::placement() };
        Session::with_decoder(facts(4096), placement, decoder(300))
            .with_compilation(Some(Arc::clone(compilation)))
    }

    fn ready(context_length: usize) -> Ready {
        Ready {
            facts: facts(context_length),
            placement: Placement { device: Device::Npu, variant: "npu".into(), ..testing::placement() },
            fallback: None,
            decoder: Box::new(|| Ok(decoder(301))),
        }
    }

    /// Where a turn ran, whether that was told as a change, what was taken from the cache, and the first token.
    fn turn(session: &mut Session) -> (Placement, bool, usize, u32) {
        let (mut found, mut changed, mut first) = (None, false, None);
        for event in session.ask("Hello", &Options::default()).unwrap() {
            match event.unwrap() {
                Event::Started { placement, reused_tokens, .. } => found = Some((placement, reused_tokens)),
                Event::DeviceChanged { .. } => changed = true,
                Event::Finished { token_ids, .. } => first = token_ids.first().copied(),
                _ => {}
            }
        }
        let (placement, reused) = found.unwrap();
        (placement, changed, reused, first.unwrap())
    }

    #[test]
    fn a_session_moves_when_a_turn_begins_and_computes_its_conversation_anew() {
        let compilation = Arc::new(Compilation::under_way());
        let mut session = session(&compilation);
        let (placement, changed, _, token) = turn(&mut session);
        assert_eq!((placement.device, changed, token), (Device::Cpu, false, 300));
        compilation.settle(Ok(ready(4096)));
        let mut fork = session.fork().unwrap();
        for session in [&mut session, &mut fork] {
            let (placement, changed, reused, token) = turn(session);
            assert_eq!((placement.device, changed, reused, token), (Device::Npu, true, 0, 301));
            assert_eq!(session.binding().variant, "npu");
            let (_, changed, reused, _) = turn(session);
            assert!(!changed && reused > 0);
        }
    }

    #[test]
    fn a_conversation_that_would_fill_the_device_stays() {
        let compilation = Arc::new(Compilation::under_way());
        let mut session = session(&compilation);
        turn(&mut session);
        compilation.settle(Ok(ready(session.cached_tokens())));
        assert_eq!(turn(&mut session).0.device, Device::Cpu);
    }

    #[test]
    fn what_came_of_the_compiling_is_told_in_the_next_turn() {
        let compilation = Arc::new(Compilation::under_way());
        let mut session = session(&compilation);
        assert_eq!(turn(&mut session).0.not_used[0].reason, NotUsedReason::Compiling);
        compilation.settle(Err((NotUsedReason::CompileFailed, Some("no such operator".into()))));
        let row = &turn(&mut session).0.not_used[0];
        assert_eq!(
            (row.reason, row.detail.as_deref()),
            (NotUsedReason::CompileFailed, Some("no such operator"))
        );
    }
}
