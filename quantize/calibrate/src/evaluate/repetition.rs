//! How much a chain repeats itself. Too few bits show first as chains that never end.

use std::collections::HashSet;

use wheelwork_package::card::Repetition;

use super::statistics::ratio;
use crate::texts::Written;

/// Tokens at a chain's end in which a loop is looked for.
const TAIL_TOKENS: usize = 96;
/// How often the piece must stand there.
const TIMES: usize = 4;
const GRAM: usize = 4;

/// The figures of some chains.
pub(crate) fn measure(chains: &[Written]) -> Repetition {
    let (mut repeated, mut grams) = (0, 0);
    for chain in chains {
        let mut seen = HashSet::new();
        for gram in chain.tokens.windows(GRAM) {
            grams += 1;
            repeated += usize::from(!seen.insert(gram));
        }
    }
    Repetition {
        chains: chains.len(),
        tokens: chains.iter().map(|chain| chain.tokens.len()).sum(),
        looped_chains: chains.iter().filter(|chain| !chain.ended && loops(&chain.tokens)).count(),
        repeated_4grams: ratio(repeated, grams).unwrap_or_default(),
    }
}

/// True where the last tokens are one piece at least [`TIMES`] times over.
fn loops(tokens: &[u32]) -> bool {
    let tail = &tokens[tokens.len().saturating_sub(TAIL_TOKENS)..];
    (1..=tail.len() / TIMES).any(|period| {
        let last = &tail[tail.len() - period * TIMES..];
        last.iter().zip(&last[period..]).all(|(a, b)| a == b)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(tokens: Vec<u32>, ended: bool) -> Written {
        Written { prompt: Vec::new(), tokens, ended }
    }

    #[test]
    fn a_piece_over_and_over_is_a_loop() {
        assert!(loops(&[9, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3]));
        assert!(loops(&[7; 4]));
        assert!(!loops(&[1, 2, 3, 1, 2, 3, 1, 2, 3]), "three times can be a list");
        assert!(!loops(&(0..200).collect::<Vec<_>>()));
        assert!(!loops(&[]));
    }

    #[test]
    fn only_chains_without_an_end_can_be_loops() {
        let found =
            measure(&[chain(vec![5; 40], true), chain(vec![5; 40], false), chain(vec![1, 2, 3], false)]);
        assert_eq!((found.chains, found.tokens, found.looped_chains), (3, 83, 1));
        assert!((found.repeated_4grams - 72.0 / 74.0).abs() < 1e-12);
    }
}
