//! Moving to a device whose graphs were compiled in the background.
//!
//! A session moves when a turn begins, never within one: its cache is of another form, so it starts empty there and the
//! turn's prompt is computed anew. A suspended turn goes on where it began.

use std::sync::Arc;

use super::Session;
use crate::Error;
use crate::model::{Compilation, Ready};
use crate::provider::{NotUsedReason, Refusal};

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
            Ok(ready) => self.move_to(&ready)?,
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

    fn move_to(&mut self, ready: &Ready) -> Result<Result<(), Refusal>, Error> {
        let decoder = match (ready.decoder)() {
            Ok(decoder) => decoder,
            Err(error) => return Ok(Err((NotUsedReason::SessionFailed, Some(error.to_string())))),
        };
        (self.facts, self.placement) = (Arc::clone(&ready.facts), ready.placement.clone());
        self.decoder = decoder;
        self.fallback.clone_from(&ready.fallback);
        self.cached.clear();
        // What is shared was computed by the other decoder and has another form.
        self.prefix_cache = None;
        self.has_moved = true;
        let binding = self.binding();
        if let Some(journal) = &mut self.journal {
            journal.rebind(&binding)?;
        }
        Ok(Ok(()))
    }
}
