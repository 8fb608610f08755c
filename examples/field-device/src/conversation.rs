//! The one conversation of the device, which outlives every process.

use std::error::Error;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use wheelwork::snapshot::CacheFate;
use wheelwork::{Autosave, Model, Session, SessionFile, SessionKey};
use wheelwork_package::disk;
use wheelwork_package::vfs::{Partial, RealVfs};

/// Power may go at any token, and computing 8 of them again takes less than a second on most devices.
const AUTOSAVE: Autosave = Autosave { tokens: 8, time: Duration::from_secs(1) };

/// The conversation as its file has it, or a new one; kept in the file from now on.
pub(crate) fn open(state: &Path) -> Result<Session, Box<dyn Error>> {
    let model = Model::open(crate::store::model(state)?)?;
    let path = state.join("session");
    // A key is never made for a file that it would not open.
    let key = if path.exists() { read_key(state)? } else { read_key(state).or_else(|_| make_key(state))? };
    let file = SessionFile::encrypted(&path, SessionKey::new(key));
    let mut session = if path.exists() {
        let (session, restored) = model.restore(file.clone())?;
        if let CacheFate::Recomputed { because } = restored.cache {
            eprintln!("the conversation is computed again: {because}");
        }
        session
    } else {
        model.session()?
    };
    session.keep_in(file, AUTOSAVE)?;
    Ok(session)
}

fn read_key(state: &Path) -> io::Result<[u8; SessionKey::BYTES]> {
    let mut key = [0; SessionKey::BYTES];
    fs_err::File::open(state.join("key"))?.read_exact(&mut key)?;
    Ok(key)
}

/// Makes a key that has reached the disk under its name before anything is encrypted with it.
fn make_key(state: &Path) -> io::Result<[u8; SessionKey::BYTES]> {
    let mut key = [0; SessionKey::BYTES];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    let partial = Partial::file(&RealVfs, &state.join("key"))?;
    disk::write_new(partial.path(), &key, 0o600)?;
    partial.keep()?;
    Ok(key)
}
