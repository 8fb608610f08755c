//! The texts on which models are judged when nobody gives any: chains that the model itself writes to built-in
//! prompts, and a small text.

use wheelwork::{CancelToken, Error, Event, FinishReason, Model, Options};

/// Short questions with some reasoning in them, of the kinds that the small model of the repository knows and others.
pub(crate) const PROMPTS: &str = include_str!("prompts/short.txt");

/// A text that nobody else owns.
pub(crate) const TEXT: &str = include_str!("prompts/text.txt");

/// What a model wrote to a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    /// The prompt's tokens, control tokens included.
    pub(crate) prompt: Vec<u32>,
    /// The tokens that the model added.
    pub(crate) tokens: Vec<u32>,
    /// Whether the model came to an end by itself.
    pub(crate) ended: bool,
}

/// Where a model that is greedy by default is asked the same again: its own advice would give the same chain.
const REPEATED_TEMPERATURE: f32 = 0.6;

/// Lets the model write to prompts, one a line, in rounds, as the model's own advice says and with fixed seeds, until
/// `token_budget` tokens (prompts included) are there or every prompt has its chains. `each` is told the tokens so far.
pub(crate) fn write_chains(
    model: &Model,
    prompts: &str,
    rounds: usize,
    token_budget: usize,
    chain_tokens: usize,
    cancel: &CancelToken,
    each: &mut dyn FnMut(usize),
) -> Result<Vec<Written>, Error> {
    let facts = model.facts();
    let prompts: Vec<&str> = prompts.lines().collect();
    let mut session = model.session()?;
    let mut written = Vec::new();
    let mut total = 0;
    let is_greedy = facts.defaults.sampling().temperature == 0.0;
    for (number, &prompt) in (0_usize..).zip(std::iter::repeat_n(&prompts, rounds).flatten()) {
        if total >= token_budget || cancel.is_cancelled() {
            break;
        }
        let prompt = facts.template.own_question(&facts.tokenizer, prompt, facts.tokens.bos)?;
        let prompt_ids = prompt.ids.clone();
        let options = Options {
            max_tokens: Some(chain_tokens),
            temperature: (is_greedy && number >= prompts.len()).then_some(REPEATED_TEMPERATURE),
            seed: Some(number as u64),
            cancel: cancel.clone(),
            ..Options::default()
        };
        session.clear();
        for event in session.generate(prompt, &options)? {
            if let Event::Finished { reason, token_ids, .. } = event? {
                total += prompt_ids.len() + token_ids.len();
                written.push(Written {
                    prompt: prompt_ids.clone(),
                    tokens: token_ids,
                    ended: reason == FinishReason::Stop,
                });
            }
        }
        each(total);
    }
    Ok(written)
}

/// A text as sequences of at most `window` tokens, each with the model's first token before it.
pub(crate) fn windows(model: &Model, text: &str, window: usize) -> Result<Vec<Vec<u32>>, Error> {
    let facts = model.facts();
    let ids = facts.tokenizer.encode_plain(text)?;
    let with_first = |piece: &[u32]| facts.tokens.bos.into_iter().chain(piece.iter().copied()).collect();
    Ok(ids.chunks(window.max(2)).map(with_first).collect())
}
