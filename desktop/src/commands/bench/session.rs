//! `wheelwork bench --session TOKENS`: what a conversation of that length costs, and what it would cost anew.
//!
//! Every pair of figures is taken in turns on the same model in the same run, `--repeat` times; the median is told.

use std::sync::Arc;
use std::time::Instant;

use serde_json::json;
use wheelwork::chat::Message;
use wheelwork::prefix_cache::PrefixCache;
use wheelwork::{
    Autosave, CancelToken, Error, Event, Model, OnLoop, Options, Session, Thinking, Timings, Usage,
};

use super::median;
use crate::failure::Failure;
use crate::output;

/// What is asked at the end of the long conversation.
const QUESTION: &str = "And 2 + 2?";

/// What a turn told at its end.
type Told = (Usage, Timings);

/// Measures a conversation of about `tokens` tokens, decoding `decode` tokens for the cost of saving.
pub(super) fn run(
    model: &Model,
    tokens: usize,
    decode: usize,
    repeat: u32,
    cancel: CancelToken,
    json: bool,
) -> Result<(), Failure> {
    let bench = Bench { model, text: long_text(model, tokens)?, cancel };
    for measure in [Bench::next_turn, Bench::restoring, Bench::shared_prefix] {
        let takes = (0..repeat).map(|_| measure(&bench)).collect::<Result<Vec<_>, _>>()?;
        tell_pair(&takes, json)?;
    }
    let takes = (0..repeat).map(|_| bench.saving(decode)).collect::<Result<Vec<_>, _>>()?;
    tell_saving(&takes, decode, json)
}

/// One take of a pair: its name, tokens computed and milliseconds, the short way first.
type Take = (&'static str, [(usize, f64); 2]);

struct Bench<'m> {
    model: &'m Model,
    /// A message of the wanted length.
    text: String,
    cancel: CancelToken,
}

impl Bench<'_> {
    /// The first token of the next turn, against the same prompt in a new session.
    fn next_turn(&self) -> Result<Take, Failure> {
        let mut session = self.model.session()?;
        self.ask(&mut session, &self.text, 1)?;
        let history = session.messages().to_vec();
        let next = self.ask(&mut session, QUESTION, 1)?;
        drop(session);
        let mut fresh = self.model.session()?;
        history.into_iter().for_each(|message| fresh.push(message));
        let anew = self.ask(&mut fresh, QUESTION, 1)?;
        Ok(("first token of the next turn", [first_token(&next), first_token(&anew)]))
    }

    /// Restoring a session from its file, against computing its first turn.
    fn restoring(&self) -> Result<Take, Failure> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("bench.session");
        let mut session = self.model.session()?;
        let anew = self.ask(&mut session, &self.text, 1)?;
        session.save(&file)?;
        drop(session);
        let start = Instant::now();
        let (session, _) = self.model.restore(&file)?;
        let restored = start.elapsed().as_secs_f64() * 1e3;
        let missing = anew.0.prompt_tokens.saturating_sub(session.cached_tokens());
        Ok(("session from its file", [(missing, restored), first_token(&anew)]))
    }

    /// The first token behind a shared prefix, against the same prompt without it.
    fn shared_prefix(&self) -> Result<Take, Failure> {
        let cache = Arc::new(PrefixCache::new(u64::MAX));
        let session = || -> Result<Session, Error> {
            let mut session = self.model.session()?;
            session.push(Message::system(&self.text));
            Ok(session)
        };
        session()?.with_prefix_cache(Arc::clone(&cache)).share_prefix(&self.cancel)?;
        let hit = self.ask(&mut session()?.with_prefix_cache(cache), QUESTION, 1)?;
        let miss = self.ask(&mut session()?, QUESTION, 1)?;
        Ok(("first token behind a shared prefix", [first_token(&hit), first_token(&miss)]))
    }

    /// Milliseconds of decoding with a session file and without one, and the file's size.
    fn saving(&self, decode: usize) -> Result<(f64, f64, u64), Failure> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("bench.session");
        let mut session = self.model.session()?;
        self.ask(&mut session, &self.text, 1)?;
        let mut other = session.fork()?;
        let without = self.ask(&mut other, QUESTION, decode)?;
        drop(other);
        session.keep_in(&file, Autosave::default())?;
        let with = self.ask(&mut session, QUESTION, decode)?;
        let bytes = fs_err::metadata(&file)?.len();
        let decoding = |(_, timings): &Told| timings.total_ms - timings.first_token_ms;
        Ok((decoding(&with), decoding(&without), bytes))
    }

    /// Asks for exactly so many tokens, greedily, whatever the model says.
    fn ask(&self, session: &mut Session, text: &str, max_tokens: usize) -> Result<Told, Failure> {
        let options = Options {
            max_tokens: Some(max_tokens),
            temperature: Some(0.0),
            thinking: Thinking::Auto,
            on_loop: OnLoop::Ignore,
            cancel: self.cancel.clone(),
            ..Options::default()
        };
        match session.ask(text, &options)?.last().transpose()? {
            Some(Event::Finished { usage, timings, .. }) if !self.cancel.is_cancelled() => {
                Ok((usage, timings))
            }
            _ => Err(Failure::Interrupted),
        }
    }
}

/// Medians of the short way and the long way, and the long way over the short way.
fn tell_pair(takes: &[Take], json: bool) -> Result<(), Failure> {
    let &[(what, [(few, _), (many, _)]), ..] = takes else { return Ok(()) };
    let short = median(takes.iter().map(|(_, [(_, ms), _])| *ms));
    let long = median(takes.iter().map(|(_, [_, (_, ms)])| *ms));
    let times = if short > 0.0 { long / short } else { 0.0 };
    let pair = json!({
        "what": what, "computed_tokens": [few, many], "median_ms": [short, long], "times": times,
        "takes": takes.len(),
    });
    output::tell(json, &pair, || {
        anstream::println!(
            "{what:<38} {short:>9.1} ms ({few} tokens computed); anew {long:>9.1} ms ({many}): {times:.1} times"
        );
    })
}

/// Decoding with and without a session file: median milliseconds from the first token to the end of the turn, the
/// file's last record included.
fn tell_saving(takes: &[(f64, f64, u64)], tokens: usize, json: bool) -> Result<(), Failure> {
    let what = "decoding, kept in a file";
    let (with_file, without) =
        (median(takes.iter().map(|take| take.0)), median(takes.iter().map(|take| take.1)));
    let overhead = if without > 0.0 { (with_file / without - 1.0) * 100.0 } else { 0.0 };
    let bytes = takes.last().map_or(0, |take| take.2);
    let saving = json!({
        "what": what, "tokens": tokens, "with_file_ms": with_file, "without_ms": without,
        "overhead_percent": overhead, "file_bytes": bytes, "takes": takes.len(),
    });
    output::tell(json, &saving, || {
        anstream::println!(
            "{what:<38} {with_file:>9.1} ms ({tokens} tokens); without {without:>9.1} ms: {overhead:+.1} %, \
             {bytes} bytes of file"
        );
    })
}

/// Tokens computed and milliseconds to the first token.
fn first_token((usage, timings): &Told) -> (usize, f64) {
    (usage.prompt_tokens - usage.reused_tokens, timings.first_token_ms)
}

/// Numbers in words of the vocabulary, about `tokens` tokens of them.
fn long_text(model: &Model, tokens: usize) -> Result<String, Failure> {
    let mut text = String::new();
    let mut number = 1_u32;
    let tokenizer = &model.facts().tokenizer;
    while tokenizer.encode_plain(&text).map_err(Error::from)?.len() < tokens {
        for _ in 0..tokens.div_ceil(64) {
            number = number.wrapping_mul(1_103_515_245).wrapping_add(12_345);
            text.push_str(&(number >> 22).to_string());
            text.push_str(" + ");
        }
    }
    Ok(text)
}
