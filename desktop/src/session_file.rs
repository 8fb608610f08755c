//! `--session FILE`: a conversation that outlives the process.

use std::path::Path;

use wheelwork::snapshot::{CacheFate, SnapshotError};
use wheelwork::{Autosave, Error, Model, Restored, Session, SessionFile, SessionKey};
use wheelwork_package::disk;
use wheelwork_package::files::{from_hex, hex};
use wheelwork_package::vfs::{read_secret, stands};

use crate::arguments::SessionArguments;
use crate::failure::Failure;

/// More than a key with its line end.
const KEY_FILE_BYTES: u64 = 4096;

/// A session, kept in its file if there is one; it stands where the file says if that exists already.
pub(crate) fn open(model: &Model, arguments: &SessionArguments) -> Result<Session, Failure> {
    let Some(file) = file(arguments)? else { return Ok(model.session()?) };
    let kept_in = match &arguments.salvage {
        None => file.clone(),
        Some(path) if !stands(path)? => file.at(path),
        Some(path) => {
            let detail = "it exists, and what is saved goes to a new file".to_owned();
            return Err(Failure::InputFile { path: path.clone(), detail });
        }
    };
    let source = if arguments.salvage.is_some() { file.salvaged() } else { file };
    let mut session = if arguments.salvage.is_some() || stands(source.path())? {
        let path = source.path().display().to_string();
        let (session, restored) = model.restore(source)?;
        if restored.kept_elsewhere {
            // What the other has not written yet would be lost, even if it ends in this moment.
            return Err(Error::from(SnapshotError::InUse { file: path }).into());
        }
        tell(&restored);
        session
    } else {
        model.session()?
    };
    session.keep_in(kept_in, Autosave::default())?;
    Ok(session)
}

/// The file with its key.
fn file(arguments: &SessionArguments) -> Result<Option<SessionFile>, Failure> {
    let Some(path) = &arguments.session else { return Ok(None) };
    let Some(key_file) = &arguments.session_key else { return Ok(Some(SessionFile::from(path))) };
    // Beside a session that exists, a missing key is a typing error.
    if !stands(key_file)? && !stands(path)? {
        make_key(key_file).map_err(|error| Failure::input_file(key_file, error))?;
    }
    Ok(Some(SessionFile::encrypted(path, read_key(key_file)?)))
}

fn make_key(path: &Path) -> std::io::Result<()> {
    let mut key = [0; SessionKey::BYTES];
    getrandom::fill(&mut key).map_err(std::io::Error::other)?;
    disk::write_new(path, format!("{}\n", hex(&key)).as_bytes(), 0o600)?;
    anstream::eprintln!(
        "{}: a new key; without it, nobody can read the session, you neither",
        path.display()
    );
    Ok(())
}

fn read_key(path: &Path) -> Result<SessionKey, Failure> {
    let bytes = read_secret(path, KEY_FILE_BYTES)?;
    let key = std::str::from_utf8(&bytes).ok().and_then(key_of);
    let key = key.ok_or_else(|| Failure::InputFile {
        path: path.into(),
        detail: "expected a key: 64 hexadecimal digits".to_owned(),
    })?;
    Ok(SessionKey::new(key))
}

/// A key may be written in capitals too.
fn key_of(text: &str) -> Option<[u8; SessionKey::BYTES]> {
    from_hex(&text.trim().to_ascii_lowercase())
}

/// On stderr, what could not be taken over as it was.
fn tell(restored: &Restored) {
    if let CacheFate::Recomputed { because } = &restored.cache {
        anstream::eprintln!("warning: the session's cache is computed again: {because}");
    }
    if let Some(offset) = restored.damaged_at {
        anstream::eprintln!(
            "warning: the session is damaged from byte {offset} on; {} messages of it are saved, {} bytes are lost",
            restored.messages,
            restored.dropped_bytes
        );
    } else if restored.dropped_bytes > 0 {
        anstream::eprintln!(
            "warning: {} bytes at the session's end were not complete and are left out",
            restored.dropped_bytes
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_64_hexadecimal_digits() {
        let text = "00ff".repeat(16);
        assert_eq!(key_of(&text), Some([[0, 255]; 16].concat().try_into().unwrap()));
        for wrong in ["", "00", &text[1..], &text.replace('f', "g"), &format!("{text}00"), &"é".repeat(64)] {
            assert_eq!(key_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_key_is_made_only_for_a_session_that_is_new() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| Some(folder.path().join(name));
        let arguments =
            SessionArguments { session: path("session"), session_key: path("key"), salvage: None };
        file(&arguments).unwrap();
        let made = fs_err::read(path("key").unwrap()).unwrap();
        file(&arguments).unwrap();
        assert_eq!(fs_err::read(path("key").unwrap()).unwrap(), made);

        fs_err::write(path("session").unwrap(), "").unwrap();
        let mistyped = SessionArguments { session_key: path("kex"), ..arguments };
        assert!(file(&mistyped).is_err());
        assert!(!path("kex").unwrap().exists());
    }
}
