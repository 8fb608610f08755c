//! The largest logit, and whether the logits are numbers at all: one vectorised pass.

use super::LogitFault;

/// The largest logit; of equal ones the one with the lowest id.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Peak {
    pub(super) id: u32,
    pub(super) logit: f32,
}

pub(super) fn find(logits: &[f32]) -> Result<Peak, LogitFault> {
    let logit = maximum(logits)?;
    let block = logits.chunks(BLOCK).position(|block| holds(block, logit)).expect("it is one of them");
    let start = block * BLOCK;
    let within = logits[start..].iter().position(|other| *other == logit).expect("the block holds it");
    // A vocabulary is far smaller than 2³².
    let id = u32::try_from(start + within).map_err(|_| LogitFault::NothingPossible)?;
    Ok(Peak { id, logit })
}

/// Independent lanes: the compiler keeps each in a place of a vector register.
const LANES: usize = 32;
const BLOCK: usize = 1024;

fn maximum(logits: &[f32]) -> Result<f32, LogitFault> {
    let (rows, rest) = logits.as_chunks::<LANES>();
    let mut largest = [f32::NEG_INFINITY; LANES];
    let mut not_numbers = [0_u32; LANES];
    let mut look = |row: &[f32]| {
        for ((largest, not_numbers), logit) in largest.iter_mut().zip(&mut not_numbers).zip(row) {
            *largest = if *logit > *largest { *logit } else { *largest };
            *not_numbers |= u32::from(logit.is_nan());
        }
    };
    rows.iter().for_each(|row| look(row));
    look(rest);
    if not_numbers.iter().any(|lane| *lane != 0) {
        return Err(LogitFault::NotANumber);
    }
    let largest = largest.into_iter().fold(f32::NEG_INFINITY, f32::max);
    if largest == f32::INFINITY {
        Err(LogitFault::Infinite)
    } else if largest == f32::NEG_INFINITY {
        Err(LogitFault::NothingPossible)
    } else {
        Ok(largest)
    }
}

/// Looks at the whole block: an early exit would forbid vectors.
fn holds(block: &[f32], logit: f32) -> bool {
    block.iter().fold(false, |found, other| found | (*other == logit))
}
