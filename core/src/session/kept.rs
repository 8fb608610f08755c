//! A session in a file: saving it, keeping the file up to date, leaving a turn for later.

use std::sync::Arc;

use super::Session;
use crate::error::Error;
use crate::options::Options;
use crate::session::snapshot::{Autosave, Journal, Progress, SessionFile, SnapshotError, TurnStart};

impl Session {
    /// Saves the session to a file, which is complete or the one before, and goes on without it. The file that the
    /// session is kept in goes on being kept.
    ///
    /// # Errors
    /// [`Error::Snapshot`], such as [`SnapshotError::InUse`] where another session is kept in the file; it is then as it
    /// was.
    pub fn save(&mut self, file: impl Into<SessionFile>) -> Result<(), Error> {
        let file = file.into();
        match self.journal.as_ref().and_then(|journal| journal.is_kept_in(&file)) {
            Some(autosave) => self.keep_in(file, autosave),
            None => self.write_journal(file, Autosave::default()).map(drop),
        }
    }

    /// Saves the session to a file and keeps the file up to date from now on: after each turn, and during one as
    /// `autosave` says. A process that is killed at any moment loses no more than that.
    ///
    /// # Errors
    /// As [`Session::save`].
    pub fn keep_in(&mut self, file: impl Into<SessionFile>, autosave: Autosave) -> Result<(), Error> {
        self.journal = Some(self.write_journal(file.into(), autosave)?);
        Ok(())
    }

    /// The options of the turn that was suspended or that an earlier process left unfinished, if there is one.
    #[must_use]
    pub fn unfinished(&self) -> Option<&Options> {
        self.unfinished.as_ref().map(|(turn, _)| &turn.options)
    }

    fn write_journal(&self, file: SessionFile, autosave: Autosave) -> Result<Journal, Error> {
        let own = self.journal.as_ref().filter(|journal| journal.is_kept_in(&file).is_some());
        let lock = match own {
            Some(journal) => Arc::clone(journal.lock()),
            None => file.lock()?,
        };
        let fill = |journal: &mut Journal| {
            journal.messages(&self.messages)?;
            journal.cache(&self.cached, &*self.decoder)?;
            if let Some((turn, progress)) = &self.unfinished {
                journal.turn(turn)?;
                progress.iter().try_for_each(|progress| journal.progress(progress))?;
            }
            Ok(())
        };
        Ok(Journal::create(file, lock, &self.binding(), autosave, fill)?)
    }

    /// Tells the session's file that a turn begins.
    pub(crate) fn save_turn(&mut self, turn: impl FnOnce() -> TurnStart) -> Result<(), SnapshotError> {
        // A turn begun is the end of one that was left unfinished.
        self.unfinished = None;
        let Some(journal) = &mut self.journal else { return Ok(()) };
        journal.messages(&self.messages)?;
        journal.turn(&turn())?;
        journal.sync()
    }

    /// Saves what a turn has brought, if that is wanted or due; true where it has reached the disk.
    pub(crate) fn save_progress(
        &mut self,
        unsaved_tokens: usize,
        is_wanted: bool,
        progress: impl FnOnce() -> Progress,
    ) -> Result<bool, SnapshotError> {
        let Some(journal) = &mut self.journal else { return Ok(false) };
        if !is_wanted && !journal.is_due(unsaved_tokens) {
            return Ok(false);
        }
        journal.cache(&self.cached, &*self.decoder)?;
        journal.progress(&progress())?;
        journal.sync()?;
        Ok(true)
    }

    /// Tells the session's file that a turn is over; true where that has reached the disk.
    pub(crate) fn save_turn_end(&mut self) -> Result<bool, SnapshotError> {
        let Some(journal) = &mut self.journal else { return Ok(false) };
        journal.cache(&self.cached, &*self.decoder)?;
        journal.messages(&self.messages)?;
        journal.turn_end()?;
        journal.sync()?;
        Ok(true)
    }

    /// Leaves a turn for later, as far as it has come.
    pub(crate) fn leave_turn(&mut self, turn: TurnStart, progress: Progress) {
        self.unfinished = Some((turn, vec![progress]));
    }
}
