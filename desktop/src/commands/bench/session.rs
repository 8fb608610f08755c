//! `wheelwork bench --session TOKENS`: what a conversation of that length costs, and what it would cost anew.
//!
//! Every pair of figures is taken in turns on the same model in the same run, `--repeat` times; the median is told.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use wheelwork::chat::Message;
use wheelwork::prefix_cache::PrefixCache;
use wheelwork::{
    Autosave, CancelToken, Error, Event, Model, OnLoop, Options, Session, Thinking, Timings, Usage,
};

use crate::failure::Failure;
use crate::output;

/// What is asked at the end of the long conversation.
const QUESTION: &str = "And 2 + 2?";

/// Two ways to the same end.
#[derive(Debug, Serialize)]
struct Pair {
    what: &'static str,
    /// Tokens that the short way computed, and the long way.
    computed_tokens: [usize; 2],
    /// Medians of the short way and the long way, in milliseconds.
    median_ms: [f64; 2],
    /// The long way over the short way.
    times: f64,
    takes: usize,
}

/// Decoding with and without a session file.
#[derive(Debug, Serialize)]
struct Saving {
    what: &'static str,
    tokens: usize,
    /// Median milliseconds from the first token to the end of the turn, the file's last record included.
    with_file_ms: f64,
    without_ms: f64,
    overhead_percent: f64,
    file_bytes: u64,
    takes: usize,
}

/// What a turn told at its end.
struct Told {
    usage: Usage,
    timings: Timings,
}

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
        print_pair(&Pair::of(takes), json)?;
    }
    let takes = (0..repeat).map(|_| bench.saving(decode)).collect::<Result<Vec<_>, _>>()?;
    print_saving(&Saving::of(takes, decode), json)
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
        let restored = milliseconds(start);
        let missing = anew.usage.prompt_tokens.saturating_sub(session.cached_tokens());
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
        let decoding = |told: &Told| told.timings.total_ms - told.timings.first_token_ms;
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
        let mut told = None;
        for event in session.ask(text, &options)? {
            if let Event::Finished { usage, timings, .. } = event? {
                told = Some(Told { usage, timings });
            }
        }
        told.filter(|_| !self.cancel.is_cancelled()).ok_or(Failure::Interrupted)
    }
}

impl Pair {
    fn of(takes: Vec<Take>) -> Self {
        let what = takes.first().map_or("", |(what, _)| what);
        let computed =
            |way: usize| takes.first().and_then(|take| take.1.get(way)).map_or(0, |(tokens, _)| *tokens);
        let time = |way: usize| median(takes.iter().filter_map(|take| take.1.get(way)).map(|(_, ms)| *ms));
        let median_ms = [time(0), time(1)];
        let [short, long] = median_ms;
        Self {
            what,
            computed_tokens: [computed(0), computed(1)],
            median_ms,
            times: if short > 0.0 { long / short } else { 0.0 },
            takes: takes.len(),
        }
    }
}

impl Saving {
    fn of(takes: Vec<(f64, f64, u64)>, tokens: usize) -> Self {
        let with_file_ms = median(takes.iter().map(|take| take.0));
        let without_ms = median(takes.iter().map(|take| take.1));
        Self {
            what: "decoding, kept in a file",
            tokens,
            with_file_ms,
            without_ms,
            overhead_percent: if without_ms > 0.0 { (with_file_ms / without_ms - 1.0) * 100.0 } else { 0.0 },
            file_bytes: takes.last().map_or(0, |take| take.2),
            takes: takes.len(),
        }
    }
}

/// Tokens computed and milliseconds to the first token.
fn first_token(told: &Told) -> (usize, f64) {
    (told.usage.prompt_tokens - told.usage.reused_tokens, told.timings.first_token_ms)
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

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn milliseconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}

fn print_pair(pair: &Pair, json: bool) -> Result<(), Failure> {
    if json {
        return output::json_line(pair);
    }
    let [short, long] = pair.median_ms;
    let [few, many] = pair.computed_tokens;
    anstream::println!(
        "{:<38} {short:>9.1} ms ({few} tokens computed); anew {long:>9.1} ms ({many}): {:.1} times",
        pair.what,
        pair.times
    );
    Ok(())
}

fn print_saving(saving: &Saving, json: bool) -> Result<(), Failure> {
    if json {
        return output::json_line(saving);
    }
    anstream::println!(
        "{:<38} {:>9.1} ms ({} tokens); without {:>9.1} ms: {:+.1} %, {} bytes of file",
        saving.what,
        saving.with_file_ms,
        saving.tokens,
        saving.without_ms,
        saving.overhead_percent,
        saving.file_bytes
    );
    Ok(())
}
