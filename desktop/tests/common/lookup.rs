//! Prompt lookup against the same turns without it.

use wheelwork::{Options, PromptLookup, Session};
use wheelwork_testing::Outcome;

/// Each turn says the same with prompt lookup as without, in a session of its own. Tokens that were drafted, and those that came true.
pub(crate) fn says_the_same(session: impl Fn() -> Session) -> (usize, usize) {
    let (mut drafted, mut accepted) = (0, 0);
    for (question, temperature) in
        [("What is 4823 + 3987?", 0.0), ("478 + 256 = ?", 0.0), ("478 + 256 = ?", 0.8), ("Thanks", 0.8)]
    {
        let [plain, found] = [PromptLookup::Off, PromptLookup::Auto].map(|prompt_lookup| {
            let (temperature, seed) = (Some(temperature), Some(7));
            let options =
                Options { temperature, seed, max_tokens: Some(150), prompt_lookup, ..Options::default() };
            Outcome::of(session().ask(question, &options).unwrap()).unwrap()
        });
        assert_eq!(found.said(), plain.said(), "{question} at {temperature}");
        drafted += found.usage().drafted_tokens;
        accepted += found.usage().accepted_tokens;
    }
    (drafted, accepted)
}
