//! Reading a session file.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use serde::Serialize;
use serde::de::DeserializeOwned;
use wheelwork_package::card::KvForm;
use wheelwork_package::json::from_bytes;
use wheelwork_package::vfs::{Links, open_file};

use super::cache_part::CachePart;
use super::damage::{Broken, Fault};
use super::record::{Binding, kind};
use super::{SessionFile, SnapshotError, frame, head};
use crate::decoder::Decoder;
use crate::facts::ModelIdentity;
use crate::text::chat::Message;
use crate::turn::{Progress, TurnStart};

/// What a session file gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// Messages of the conversation.
    pub messages: usize,
    /// What became of the cache.
    pub cache: CacheFate,
    /// A turn was under way: [`crate::Session::resume`] goes on with it.
    pub unfinished_turn: bool,
    /// Bytes that are no whole record: at the end what was being written when the process ended, or damage.
    pub dropped_bytes: u64,
    /// Where damage begins, in a file that was read all the same ([`SessionFile::salvaged`]).
    pub damaged_at: Option<u64>,
    /// A session is kept in the file, of this process or another: this one cannot be, and may be behind soon.
    pub kept_elsewhere: bool,
}

/// What became of a saved cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "fate")]
pub enum CacheFate {
    /// It is back.
    Restored {
        /// Tokens in it.
        tokens: usize,
    },
    /// It belongs to something else: the next turn computes its tokens again.
    Recomputed {
        /// What differs, with both sides.
        because: String,
    },
}

/// A session as it was.
pub(crate) struct State {
    pub messages: Vec<Message>,
    /// The tokens in the decoder's cache.
    pub cached: Vec<u32>,
    pub unfinished: Option<(TurnStart, Vec<Progress>)>,
    pub restored: Restored,
}

/// Reads a whole file; keys and values go into `decoder`, which is new and empty.
pub(crate) fn restore(
    source: &SessionFile,
    binding: &Binding,
    decoder: &mut dyn Decoder,
) -> Result<State, SnapshotError> {
    // Asked before it is read: what was kept until then is read.
    let kept_elsewhere = source.is_in_use()?;
    let input = open_file(source.path(), Links::Refused).map_err(io::Error::from)?;
    let total_bytes = input.metadata()?.len();
    let mut state = records(source, BufReader::new(input), total_bytes, binding, decoder)?;
    state.restored.kept_elsewhere = kept_elsewhere;
    Ok(state)
}

/// What the records of a file tell that had so many bytes.
fn records(
    source: &SessionFile,
    mut input: impl Read + Seek,
    total_bytes: u64,
    binding: &Binding,
    decoder: &mut dyn Decoder,
) -> Result<State, SnapshotError> {
    let file = source.path().display().to_string();
    let not_a_session = |fault| SnapshotError::NotASession { file: file.clone(), fault };
    let (mut chain, mut payload) = (head::read(&mut input, source.key.as_ref(), &file)?, Vec::new());
    let mut kv = Vec::new();
    // Until a record says what the cache belongs to, it belongs to nothing.
    let mut mismatch = None;
    let (mut whole_records, mut follows_damage) = (0_usize, false);
    let mut state = State {
        messages: Vec::new(),
        cached: Vec::new(),
        unfinished: None,
        restored: Restored {
            messages: 0,
            cache: CacheFate::Restored { tokens: 0 },
            unfinished_turn: false,
            dropped_bytes: 0,
            damaged_at: None,
            kept_elsewhere: false,
        },
    };
    loop {
        let (offset, before) = (input.stream_position()?, chain.last);
        let Some(kind) = frame::read(&mut input, &mut chain, &mut payload)? else {
            // Whoever keeps the file may have written more since its length was asked: what follows that is not judged.
            if offset >= total_bytes {
                break;
            }
            let broken =
                Broken { input: &mut input, chain: &mut chain, offset, total_bytes, payload: &mut payload };
            let Fault::Damaged { next } = broken.judge(before)? else {
                state.restored.dropped_bytes += total_bytes - offset;
                break;
            };
            state.restored.damaged_at.get_or_insert(offset);
            state.restored.dropped_bytes += next.unwrap_or(total_bytes) - offset;
            // What follows may go on from what is lost.
            mismatch = Some("a part of it is damaged".to_owned());
            follows_damage = true;
            state.cached.clear();
            decoder.rewind(0);
            match next {
                Some(next) => input.seek(SeekFrom::Start(next)).map(drop)?,
                None => break,
            }
            continue;
        };
        if whole_records == 0 && !follows_damage && kind != kind::BINDING {
            return Err(not_a_session("its first record is damaged"));
        }
        whole_records += 1;
        let wrong = |fault: String| SnapshotError::Record { file: file.clone(), offset, fault };
        match kind {
            // The first, or the device has failed and the session went on with another cache.
            kind::BINDING => {
                mismatch = differences(&json(&payload).map_err(wrong)?, binding);
                state.cached.clear();
                decoder.rewind(0);
            }
            kind::MESSAGES => {
                state.messages = json(&payload).map_err(wrong)?;
                // They are written where a turn begins and where it ends.
                state.unfinished = state.unfinished.filter(|_| !follows_damage);
            }
            kind::TURN => {
                state.unfinished = Some((json(&payload).map_err(wrong)?, Vec::new()));
                follows_damage = false;
            }
            kind::PROGRESS => {
                let progress = json(&payload).map_err(wrong)?;
                if let Some((_, progresses)) = state.unfinished.as_mut().filter(|_| !follows_damage) {
                    progresses.push(progress);
                }
            }
            kind::TURN_END => state.unfinished = None,
            kind::CACHE if mismatch.is_some() => {}
            kind::CACHE => {
                append(&payload, binding.kv_cache, &mut kv, &mut state.cached, decoder).map_err(wrong)?;
            }
            unknown => return Err(wrong(format!("its kind is {unknown}"))),
        }
    }
    if whole_records == 0 {
        return Err(not_a_session("its first record is damaged"));
    }
    if let Some(offset) = state.restored.damaged_at.filter(|_| !source.is_salvaged) {
        return Err(SnapshotError::Damaged { file, offset, messages: state.messages.len() });
    }
    let tokens = state.cached.len();
    state.restored.cache = match mismatch {
        Some(because) => CacheFate::Recomputed { because },
        None => CacheFate::Restored { tokens },
    };
    state.restored.messages = state.messages.len();
    state.restored.unfinished_turn = state.unfinished.is_some();
    Ok(state)
}

fn json<T: DeserializeOwned>(payload: &[u8]) -> Result<T, String> {
    // Where in the text it fails, but nothing of the text.
    from_bytes(payload).map_err(|error| format!("JSON, column {}", error.column()))
}

/// Puts a part of the cache behind what it follows.
fn append(
    payload: &[u8],
    form: KvForm,
    kv: &mut Vec<u8>,
    cached: &mut Vec<u32>,
    decoder: &mut dyn Decoder,
) -> Result<(), String> {
    let part = CachePart::decode(payload, form, decoder.kv_bytes_per_token(), kv)?;
    if part.start > cached.len() {
        return Err(format!("its cache part starts at token {} of {}", part.start, cached.len()));
    }
    cached.truncate(part.start);
    decoder.rewind(part.start);
    decoder.write_kv(&part.tokens, kv).map_err(|error| error.to_string())?;
    cached.extend_from_slice(&part.tokens);
    Ok(())
}

fn differences(found: &Binding, here: &Binding) -> Option<String> {
    let differs = |what: &str, found: &str, here: &str| {
        (found != here).then(|| format!("it was saved with the {what} {found}, here is {here}"))
    };
    differs("model", &found.identity.model, &here.identity.model)
        .or_else(|| differs("variant", &found.identity.variant, &here.identity.variant))
        .or_else(|| differs("runtime", &found.identity.runtime, &here.identity.runtime))
        .or_else(|| {
            let adapters = |identity: &ModelIdentity| identity.adapters.join(", ");
            differs("adapters", &adapters(&found.identity), &adapters(&here.identity))
        })
        .or_else(|| {
            let form = |form| format!("{form:?}").to_lowercase();
            differs("cache form", &form(found.kv_cache), &form(here.kv_cache))
        })
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::session::snapshot::record::testing::binding;
    use crate::testing::ScriptedDecoder;

    #[test]
    fn a_record_that_is_being_written_behind_the_length_that_was_asked_is_not_judged() {
        let source = SessionFile::from("session");
        let mut bytes = Vec::new();
        let (_, mut chain) = head::write(&mut bytes, None).unwrap();
        let mut record = |bytes: &mut Vec<u8>, kind, mut payload: Vec<u8>| {
            frame::write(bytes, &mut chain, kind, &mut payload).unwrap();
            bytes.len()
        };
        let asked = record(&mut bytes, kind::BINDING, serde_json::to_vec(&binding()).unwrap());
        let whole = record(&mut bytes, kind::MESSAGES, serde_json::to_vec(&[Message::user("one")]).unwrap());
        let end = record(&mut bytes, kind::MESSAGES, serde_json::to_vec(&[Message::user("two")]).unwrap());
        for there in whole..end {
            let mut decoder = ScriptedDecoder::new(4, 4, Vec::new());
            let input = Cursor::new(&bytes[..there]);
            let state = records(&source, input, asked as u64, &binding(), &mut decoder).unwrap();
            assert_eq!(state.messages, [Message::user("one")], "{there} bytes");
            assert_eq!((state.restored.dropped_bytes, state.restored.damaged_at), (0, None), "{there} bytes");
        }
    }
}
