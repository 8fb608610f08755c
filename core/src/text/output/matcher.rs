//! An answer against its form, token by token.
//!
//! [`Matcher::restrict`] before a token is sampled, [`Matcher::accept`] after it; [`Matcher::is_complete`] says that only
//! the end can follow. After an error it gives errors only: an answer never goes on without its form.

use std::panic::AssertUnwindSafe;

use llguidance::api::{StopReason, TopLevelGrammar};
use llguidance::{ParserFactory, TokenParser, panic_utils};

use super::error::OutputError;
use super::format::OutputFormat;
use super::limits;
use super::schema::with_options;
use crate::text::tokenizer::Tokenizer;
use crate::text::tools::{Tool, ToolSyntax};

/// Of address space: what is not used of it takes no memory. The deepest grammar within [`super::limits`] needs a
/// quarter.
const STACK_BYTES: usize = 64 << 20;
/// The most words of llguidance's that an error repeats, in characters.
const DETAIL_LIMIT: usize = 400;

/// Whether a model with this tokenizer can be held to a format. Any text gives an answer.
///
/// # Errors
/// [`OutputError`].
pub fn check(format: &OutputFormat, tokenizer: &Tokenizer) -> Result<(), OutputError> {
    Matcher::new(tokenizer, format).map(drop)
}

/// The state of one answer.
pub(crate) struct Matcher {
    /// `None` once it has failed: its state is then unknown.
    parser: Option<TokenParser>,
    /// What stands for the end of the answer in a mask.
    end: u32,
    /// Tokens of the answer so far.
    tokens: usize,
}

impl Matcher {
    /// Before the first token of an answer.
    pub(crate) fn new(tokenizer: &Tokenizer, format: &OutputFormat) -> Result<Self, OutputError> {
        format.check_limits()?;
        let grammar = match format {
            OutputFormat::JsonSchema(schema) => TopLevelGrammar::from_json_schema(with_options(schema)),
            OutputFormat::Regex(regex) => TopLevelGrammar::from_regex(regex),
            OutputFormat::Lark(text) => TopLevelGrammar::from_lark(text.clone()),
        };
        Self::compiled(tokenizer, grammar, format.kind())
    }

    /// Before the first token of an answer that is nothing but calls of these tools.
    pub(crate) fn for_calls(
        tokenizer: &Tokenizer,
        syntax: ToolSyntax,
        tools: &[Tool],
    ) -> Result<Self, OutputError> {
        limits::check_schemas(tools.iter().map(|tool| &tool.parameters))?;
        Self::compiled(tokenizer, syntax.grammar(tools), "schema of a tool")
    }

    fn compiled(
        tokenizer: &Tokenizer,
        grammar: TopLevelGrammar,
        kind: &'static str,
    ) -> Result<Self, OutputError> {
        let vocabulary = tokenizer.vocabulary()?;
        let mut parser = compile(&vocabulary.factory, grammar).map_err(|detail| {
            // llguidance catches its own panics; their words are no use to a caller.
            if detail.starts_with("panic: ") {
                OutputError::Library
            } else {
                OutputError::Invalid { kind, detail: shortened(&detail) }
            }
        })?;
        parser.start_without_prompt();
        Ok(Self { parser: Some(parser), end: vocabulary.end, tokens: 0 })
    }

    /// Sets the logits `[vocabulary]` of what the form does not allow next to −∞: of `eos` too, unless the answer is
    /// complete. Logits that are no numbers stay, so that sampling sees them. `also` is allowed in any case.
    pub(crate) fn restrict(
        &mut self,
        logits: &mut [f32],
        eos: &[u32],
        also: Option<u32>,
    ) -> Result<(), OutputError> {
        let mask = self.guarded(|parser| parser.compute_mask().ok())?;
        let kept_ids = if mask.is_allowed(self.end) { eos } else { &[] };
        let kept_logit = |id: u32| Some((id, *logits.get(id as usize)?));
        let kept: Vec<(u32, f32)> = kept_ids.iter().copied().chain(also).filter_map(kept_logit).collect();
        let words = mask.as_slice().iter().copied().chain(std::iter::repeat(0));
        for (row, word) in logits.chunks_mut(u32::BITS as usize).zip(words) {
            match word {
                u32::MAX => {}
                0 => row.iter_mut().for_each(rule_out),
                _ => {
                    let bits = (0..u32::BITS).map(|bit| word >> bit & 1 == 1);
                    row.iter_mut()
                        .zip(bits)
                        .filter(|(_, allowed)| !allowed)
                        .for_each(|(logit, _)| rule_out(logit));
                }
            }
        }
        for (id, logit) in kept {
            if let Some(place) = logits.get_mut(id as usize) {
                *place = logit;
            }
        }
        Ok(())
    }

    /// Takes a token of the answer in; not one that ends it.
    pub(crate) fn accept(&mut self, token: u32) -> Result<(), OutputError> {
        let position = self.tokens;
        let allowed = self.guarded(|parser| {
            let allowed = parser.validate_token(token).ok()?;
            if allowed {
                parser.consume_token(token).ok()?;
                parser.check_stop().ok()?;
            }
            Some(allowed)
        })?;
        self.tokens += 1;
        if allowed {
            Ok(())
        } else {
            self.parser = None;
            Err(OutputError::NotAllowed { position })
        }
    }

    /// Whether the answer has its form and nothing can be added to it.
    pub(crate) fn is_complete(&self) -> bool {
        self.parser.as_ref().is_some_and(|parser| {
            matches!(parser.stop_reason(), StopReason::NoExtension | StopReason::EndOfSentence)
        })
    }

    /// Lets llguidance work; `None` is a failure of it.
    fn guarded<T>(&mut self, run: impl FnOnce(&mut TokenParser) -> Option<T>) -> Result<T, OutputError> {
        let parser = self.parser.as_mut().ok_or(OutputError::Library)?;
        // llguidance asserts what it takes for granted; its own wrapper keeps the words, which may hold an answer, from
        // the error stream.
        let result = panic_utils::catch_unwind(AssertUnwindSafe(|| Ok(run(parser))));
        if let Ok(Some(value)) = result {
            return Ok(value);
        }
        let tokens = self.tokens;
        Err(match self.parser.take().map(|parser| parser.stop_reason()) {
            Some(StopReason::LexerTooComplex | StopReason::ParserTooComplex) => {
                OutputError::TooComplex { tokens }
            }
            Some(StopReason::NoExtensionBias) => OutputError::DeadEnd { tokens },
            _ => OutputError::Library,
        })
    }
}

/// Compiles on a stack of its own: llguidance follows rules into rules and groups into groups, and the caller's stack may
/// be a small one. The thread is gone when this returns.
fn compile(factory: &ParserFactory, grammar: TopLevelGrammar) -> Result<TokenParser, String> {
    let create = move || factory.create_parser(grammar).map_err(|error| error.to_string());
    std::thread::scope(|scope| {
        let builder =
            std::thread::Builder::new().name("wheelwork grammar".to_owned()).stack_size(STACK_BYTES);
        let thread =
            builder.spawn_scoped(scope, create).map_err(|error| format!("no thread for it: {error}"))?;
        thread.join().unwrap_or_else(|_| Err("panic: ".to_owned()))
    })
}

fn rule_out(logit: &mut f32) {
    // Neither NaN nor +∞ is less.
    if *logit < f32::INFINITY {
        *logit = f32::NEG_INFINITY;
    }
}

fn shortened(detail: &str) -> String {
    let line = detail.split("\n<").next().unwrap_or_default().replace('\n', " ");
    line.trim().chars().take(DETAIL_LIMIT).collect()
}
