//! The texts on which models are judged when nobody gives any: chains that the model itself writes to built-in
//! prompts, and a small text.

use wheelwork::{CancelToken, Error, Event, FinishReason, Model, Options};

/// Short questions with some reasoning in them, of the kinds that the small model of the repository knows and others.
pub(crate) const PROMPTS: [&str; 24] = [
    "478 + 256 = ?",
    "Which is larger, 4.07 or 4.7?",
    "How many hours are 3 days?",
    "Mia has 34 apples. Mia buys 25 more and gives away 18. How many apples does Mia have now?",
    "347 × 6",
    "35 km = ? m",
    "What is 1000 - 387?",
    "Hello",
    "A train leaves at 9:40 and arrives at 12:15. How long is the journey?",
    "What is the capital of France?",
    "Add 2434 and 454.",
    "How many minutes are 5 hours?",
    "Tom had 58 marbles, lost 19 and found 7. How many has he now?",
    "Is 91 a prime number?",
    "Which is larger, 9.11 or 9.9?",
    "903 - 478 =",
    "Explain in two sentences why the sky is blue.",
    "4 m = ? cm",
    "128 × 7 = ?",
    "A shop sells pens at 3 euros each. What do 14 pens cost, and what is left of 50 euros?",
    "How many days are 6 weeks?",
    "Solve x + 17 = 42.",
    "What is 15 % of 240?",
    "Write one sentence about the sea.",
];

/// A text that nobody else owns.
pub(crate) const TEXT: &str = "\
A reasoning model writes before it answers. What it writes is a chain of small steps, and each step leans on the one \
before it: a carry that is lost in the second line makes the last line wrong, however sure the model sounds. That is \
why a loss that hardly shows in one token can decide a whole answer.

Quantising a model replaces each weight by a nearby value from a short list. A block of weights shares a scale, and \
the list is the scale times a whole number, from minus eight to seven for four bits. The error of one weight is at \
most half a scale. The errors of many weights add up in every product, mostly cancel, and leave a small noise on the \
scores of the next token. Where the model was certain, the noise changes nothing. Where two tokens were almost \
equally likely, it can turn one into the other.

To see what that costs, put the two models side by side and let them read the same text. After each token both give a \
probability for every word that could follow. If the lists agree, nothing was lost. If they differ, the divergence of \
the two says by how much, in one number that counts likely words more than unlikely ones. Take the mean over a \
thousand places, look at the worst hundred, and count how often the first choice is still the same.

Numbers make a good test. 12 + 30 = 42, 7 × 8 = 56, 1000 - 1 = 999, 3 hours are 180 minutes, 2.5 km are 2500 m. A list \
such as 1, 2, 3, 5, 8, 13, 21, 34, 55 has a rule, and a careful reader finds it. So has a sentence: the cat that the \
dog that the man owned chased ran away.

A small device holds a small model. It has no network in the valley where it is used, and the battery lasts a day. \
What it says about a pump, a dose or a map should be the same as what the large machine said in the laboratory, or \
the difference should be known. To measure is not to promise, but it is where a promise can begin.
";

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

/// Lets the model write to prompts, in rounds, as the model's own advice says and with fixed seeds, until
/// `token_budget` tokens (prompts included) are there or every prompt has its chains. `each` is told the tokens so far.
pub(crate) fn write_chains(
    model: &Model,
    prompts: &[&str],
    rounds: usize,
    token_budget: usize,
    chain_tokens: usize,
    cancel: &CancelToken,
    each: &mut dyn FnMut(usize),
) -> Result<Vec<Written>, Error> {
    let facts = model.facts();
    let mut session = model.session()?;
    let mut written = Vec::new();
    let mut total = 0;
    let is_greedy = facts.defaults.sampling().temperature == 0.0;
    for (number, &prompt) in (0_usize..).zip(std::iter::repeat_n(prompts, rounds).flatten()) {
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
