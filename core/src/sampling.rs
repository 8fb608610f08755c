//! From logits to the next token.
//!
//! In this order, each step on what the one before left:
//!
//! | step | keeps or changes | source |
//! |---|---|---|
//! | repetition penalty r | logits of tokens seen before: l / r where l > 0, else l · r | Keskar et al. 2019 (CTRL), section 4.1 |
//! | temperature t | l / t; t = 0 takes the largest logit and ends here | |
//! | top-k | the k largest | Fan et al. 2018 |
//! | top-p | the fewest, largest first, whose probabilities reach p | Holtzman et al. 2020, section 3.1 |
//! | min-p | those with at least m times the probability of the best | Nguyen et al. 2024 |
//! | draw | one, by its share of the probability that is left | |
//!
//! CTRL divides in both cases; a negative logit would rise by that, so the customary product is taken instead.
//! Of equal logits the lowest id counts as the larger. The arithmetic is our own and in one order, so seed and
//! logits give the same token on every machine.
//!
//! At a vocabulary of 152k tokens a sort would cost more than all the rest. None is needed: every step keeps the
//! best of the one before, so together they are one threshold, which a histogram finds (`truncation`); and a
//! draw may go through the tokens in any order, so it goes by id (`draw`).

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use serde::{Deserialize, Serialize};

mod draw;
mod error;
mod options;
mod peak;
mod penalty;
mod truncation;
mod weights;

pub use error::{LogitFault, SamplingError};
pub use options::SamplingOptions;

/// Picks tokens. One per generation; its buffers are reused from token to token.
#[derive(Debug, Clone)]
pub struct Sampler {
    options: SamplingOptions,
    seed: u64,
    draws: u64,
    random: ChaCha8Rng,
    seen: penalty::Seen,
    histogram: truncation::Histogram,
    blocks: draw::Blocks,
}

/// Where a sampler stands: with the same options, [`Sampler::resume`] goes on from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SamplerState {
    /// The seed of the generation.
    pub seed: u64,
    /// Random numbers drawn so far.
    pub draws: u64,
}

impl Sampler {
    /// At the start of a generation. Without a seed in the options the system gives one; see [`Sampler::state`].
    ///
    /// # Errors
    /// [`SamplingError::OutOfRange`].
    pub fn new(options: SamplingOptions) -> Result<Self, SamplingError> {
        let seed = options.seed.unwrap_or_else(random_seed);
        Self::resume(options, SamplerState { seed, draws: 0 })
    }

    /// In the middle of a generation. The seed is the state's, whatever the options say.
    ///
    /// # Errors
    /// [`SamplingError::OutOfRange`].
    pub fn resume(options: SamplingOptions, state: SamplerState) -> Result<Self, SamplingError> {
        options.validate()?;
        let mut random = ChaCha8Rng::seed_from_u64(state.seed);
        random.set_word_pos(u128::from(state.draws) * WORDS_PER_DRAW);
        Ok(Self {
            options: SamplingOptions { seed: Some(state.seed), ..options },
            seed: state.seed,
            draws: state.draws,
            random,
            seen: penalty::Seen::default(),
            histogram: truncation::Histogram::default(),
            blocks: draw::Blocks::default(),
        })
    }

    /// What is sampled with; the seed is always there.
    #[must_use]
    pub fn options(&self) -> &SamplingOptions {
        &self.options
    }

    /// Samples at another temperature from here on.
    ///
    /// # Errors
    /// [`SamplingError::OutOfRange`].
    pub fn set_temperature(&mut self, temperature: f32) -> Result<(), SamplingError> {
        let options = SamplingOptions { temperature, ..self.options };
        options.validate()?;
        self.options = options;
        Ok(())
    }

    /// What [`Sampler::resume`] needs.
    #[must_use]
    pub fn state(&self) -> SamplerState {
        SamplerState { seed: self.seed, draws: self.draws }
    }

    /// Picks the next token from logits `[vocabulary]`, which are used up. `history` are the tokens that the
    /// repetition penalty applies to, in any order; ids outside the vocabulary are ignored.
    ///
    /// A logit of −∞ rules its token out.
    ///
    /// # Errors
    /// [`SamplingError::NumericalFailure`] for NaN or +∞ among the logits, or none that is finite. Nothing is
    /// drawn then.
    pub fn sample(&mut self, logits: &mut [f32], history: &[u32]) -> Result<u32, SamplingError> {
        self.seen.penalize(logits, history, self.options.repetition_penalty);
        let peak = peak::find(logits).map_err(|fault| SamplingError::NumericalFailure { fault })?;
        if self.options.temperature == 0.0 {
            return Ok(peak.id);
        }
        weights::from_logits(logits, peak.logit, self.options.temperature);
        let weights = logits;
        self.histogram.truncate(weights, &self.options);
        let share = unit_interval(self.random.next_u64());
        self.draws += 1;
        Ok(self.blocks.pick(weights, share).unwrap_or(peak.id))
    }
}

/// ChaCha's stream is counted in words of 32 bits.
const WORDS_PER_DRAW: u128 = 2;

/// The upper 53 bits as a number in [0, 1): as many as a double's mantissa holds.
fn unit_interval(bits: u64) -> f64 {
    const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
    (bits >> 11) as f64 * STEP
}

/// A seed from the system's randomness, by the one door that the standard library has to it.
fn random_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(())
}

#[cfg(test)]
mod tests;
