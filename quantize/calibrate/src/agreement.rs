//! Two decoders side by side, token by token: what a provider computes of a graph beside what the CPU does.
//!
//! Both read the tokens that the *expected* one finds best, so that a first difference does not make all that follows
//! incomparable. Where all best tokens are the same, each alone would have written this sequence.

use serde::Serialize;
use wheelwork::decoder::{Decoder, DecoderError};

/// The logits after one token.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Position {
    /// The best token, of the decoder that is believed.
    pub expected: u32,
    /// The best token, of the one that is judged.
    pub found: u32,
    /// How far the expected token's logit is above the next best, in the believed logits.
    pub margin: f32,
    /// Root mean square of the logits' differences. A margin of this size is noise.
    pub difference_rms: f32,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Agreement {
    /// After the prompt and after each token but the last.
    pub positions: Vec<Position>,
    /// Root mean square of all differences, relative to that of the expected logits.
    pub relative_rms: f64,
}

impl Agreement {
    /// Positions whose best token is the same.
    #[must_use]
    pub fn same(&self) -> usize {
        self.positions.iter().filter(|position| position.expected == position.found).count()
    }
}

/// Reads `prompt` with both and goes on with the best of `expected`, `tokens` in all. Both begin empty.
///
/// # Errors
/// [`DecoderError`] of either.
pub fn greedy(
    found: &mut dyn Decoder,
    expected: &mut dyn Decoder,
    prompt: &[u32],
    tokens: usize,
) -> Result<Agreement, DecoderError> {
    for chunk in prompt.chunks(found.chunk_tokens().min(expected.chunk_tokens())) {
        found.prefill(chunk)?;
        expected.prefill(chunk)?;
    }
    let mut positions = Vec::new();
    let (mut squares, mut square_differences) = (0.0, 0.0);
    while positions.len() < tokens {
        if let Some(Position { expected: token, .. }) = positions.last() {
            found.decode(*token)?;
            expected.decode(*token)?;
        }
        let (found, expected) = (found.logits(), expected.logits());
        let differences = square_sum(found.iter().zip(&*expected).map(|(a, b)| a - b));
        squares += square_sum(expected.iter().copied());
        square_differences += differences;
        let (best, margin) = best(expected);
        #[allow(clippy::cast_possible_truncation)] // a statistic
        let difference_rms = (differences / expected.len() as f64).sqrt() as f32;
        positions.push(Position { expected: best, found: self::best(found).0, margin, difference_rms });
    }
    Ok(Agreement { positions, relative_rms: (square_differences / squares).sqrt() })
}

fn square_sum(values: impl Iterator<Item = f32>) -> f64 {
    values.map(|value| f64::from(value).powi(2)).sum()
}

/// The best token, the first of equal ones, and how far its logit is above the next.
pub(crate) fn best(logits: &[f32]) -> (u32, f32) {
    let none = (0, f32::NEG_INFINITY);
    let (best, second) = (0..).zip(logits).fold((none, none.1), |(best, second), (token, &logit)| {
        if logit > best.1 { ((token, logit), best.1) } else { (best, second.max(logit)) }
    });
    (best.0, best.1 - second)
}

#[cfg(test)]
mod tests {
    use wheelwork_testing::{ScriptedDecoder, Step};

    use super::*;

    #[test]
    fn both_read_the_expected_tokens_and_a_difference_is_counted_once() {
        let decoder = |logits: [[f32; 3]; 3]| {
            let steps = logits.map(|logits| Step::Logits(logits.into()));
            ScriptedDecoder::new(3, 16, steps.into())
        };
        let mut expected = decoder([[0.0, 2.0, 1.0], [3.0, 0.0, 0.0], [0.0, 0.0, 1.0]]);
        let mut found = decoder([[0.0, 2.0, 1.0], [0.0, 3.0, 0.0], [0.0, 0.0, 1.0]]);
        let agreement = greedy(&mut found, &mut expected, &[0, 1], 3).unwrap();
        assert_eq!(agreement.same(), 2);
        let tokens = agreement.positions.iter().map(|position| (position.expected, position.found));
        assert_eq!(tokens.collect::<Vec<_>>(), [(1, 1), (0, 1), (2, 2)]);
        let [first, second, _] = &agreement.positions[..] else { panic!("{agreement:?}") };
        assert_eq!((first.margin, first.difference_rms), (1.0, 0.0));
        assert!((second.difference_rms - 6.0_f32.sqrt()).abs() < 1e-6, "{second:?}");
        assert!((agreement.relative_rms - (18.0_f64 / 15.0).sqrt()).abs() < 1e-9, "{agreement:?}");
        assert_eq!((found.len(), expected.len()), (4, 4));
    }

    #[test]
    fn the_best_token_is_the_first_of_equal_ones_and_its_margin_is_to_the_next() {
        assert_eq!(best(&[1.0, 4.0, 2.5, 4.0]), (1, 0.0));
        assert_eq!(best(&[-1.0, -4.0, -2.5]), (0, 1.5));
        assert_eq!(best(&[2.0, 5.0]), (1, 3.0));
    }
}
