//! `--session FILE`: a conversation that outlives the process.

use std::path::Path;

use wheelwork::snapshot::CacheFate;
use wheelwork::{Autosave, Model, Restored, Session};

use crate::failure::Failure;

/// A session, kept in `file` if there is one; it stands where the file says if that exists already.
pub(crate) fn open(model: &Model, file: Option<&Path>) -> Result<Session, Failure> {
    let Some(file) = file else { return Ok(model.session()?) };
    let mut session = if file.exists() {
        let (session, restored) = model.restore(file)?;
        tell(&restored);
        session
    } else {
        model.session()?
    };
    session.keep_in(file, Autosave::default())?;
    Ok(session)
}

/// On stderr, what could not be taken over as it was.
fn tell(restored: &Restored) {
    if let CacheFate::Recomputed { because } = &restored.cache {
        anstream::eprintln!("warning: the session's cache is computed again: {because}");
    }
    if restored.dropped_bytes > 0 {
        anstream::eprintln!(
            "warning: {} bytes at the session's end were not complete and are left out",
            restored.dropped_bytes
        );
    }
}
