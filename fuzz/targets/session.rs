//! A session file: any bytes are refused, or restored to what stood in it.
//!
//! The first byte says whether the rest is the file itself, or patches to one that a session wrote, and whether what is
//! whole of a damaged file is read.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use wheelwork::{ModelFacts, Options, Session, SessionFile};
use wheelwork_testing::{ScriptedDecoder, Step, placement};

const VOCABULARY: usize = 2048;
const CONTEXT_TOKENS: usize = 64;

static FACTS: LazyLock<Arc<ModelFacts>> =
    LazyLock::new(|| Arc::new(wheelwork_testing::facts(CONTEXT_TOKENS)));

/// In the system's temporary folder, which the system clears.
static FILE: LazyLock<PathBuf> =
    LazyLock::new(|| tempfile::tempdir().expect("there is a temporary folder").keep().join("session.wheel"));

/// What a session with one turn writes.
static WRITTEN: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut session = Session::with_decoder(Arc::clone(&FACTS), placement(), decoder());
    let options = Options { max_tokens: Some(4), ..Options::default() };
    session.ask("1+1=?", &options).expect("the prompt fits").for_each(drop);
    session.save(&*FILE).expect("the file is written");
    fs::read(&*FILE).expect("it was just written")
});

fn decoder() -> Box<ScriptedDecoder> {
    Box::new(ScriptedDecoder::new(VOCABULARY, CONTEXT_TOKENS, vec![Step::Logits(vec![0.0; VOCABULARY])]))
}

fuzz_target!(|bytes: &[u8]| {
    let Some((form, bytes)) = bytes.split_first() else { return };
    let content = if form & 1 == 0 { bytes.to_vec() } else { patched(&WRITTEN, bytes) };
    fs::write(&*FILE, content).expect("the file is written");
    let file = SessionFile::from(&*FILE);
    let file = if form & 2 == 0 { file } else { file.salvaged() };
    let restored = Session::restore_with_decoder(Arc::clone(&FACTS), placement(), decoder(), file);
    if let Ok((mut session, _)) = restored
        && let Ok(turn) = session.resume(&Options { max_tokens: Some(2), ..Options::default() })
    {
        turn.for_each(drop);
    }
});

/// Each three bytes are a place and what stands there; an odd byte at the end cuts the file.
fn patched(written: &[u8], patches: &[u8]) -> Vec<u8> {
    let mut content = written.to_vec();
    let (patches, cut) = patches.as_chunks::<3>();
    for [low, high, byte] in patches {
        let place = usize::from(u16::from_le_bytes([*low, *high])) % content.len();
        content[place] = *byte;
    }
    if let [cut, ..] = cut {
        content.truncate(content.len() * usize::from(*cut) / 256);
    }
    content
}
