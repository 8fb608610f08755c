//! Counts and durations of a generation. All clocks are monotonic.

use std::time::{Duration, Instant};

use serde::Serialize;

/// Tokens of a generation by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Of these, tokens that stood in the cache already.
    pub reused_tokens: usize,
    /// Tokens generated, all kinds together.
    pub completion_tokens: usize,
    /// Of these, reasoning.
    pub reasoning_tokens: usize,
    /// Tokens that were computed ahead ([`crate::PromptLookup`]).
    pub drafted_tokens: usize,
    /// Of these, tokens that came true.
    pub accepted_tokens: usize,
}

/// Durations in milliseconds and rates in tokens per second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Timings {
    /// Computing the part of the prompt that was not in the cache.
    pub prefill_ms: f64,
    /// From the call to the first token (TTFT).
    pub first_token_ms: f64,
    /// From the first token to the last.
    pub decode_ms: f64,
    /// From the call to the end.
    pub total_ms: f64,
    /// New prompt tokens per second; 0 where there were none.
    pub prefill_tokens_per_s: f64,
    /// Tokens after the first per second of `decode_ms`; 0 for fewer than two tokens.
    pub decode_tokens_per_s: f64,
}

/// A stopwatch over the phases of one generation.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    start: Instant,
    prefill: Duration,
    first_token: Option<Instant>,
    last_token: Instant,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        let start = Instant::now();
        Self { start, prefill: Duration::ZERO, first_token: None, last_token: start }
    }

    pub(crate) fn prefilled(&mut self) {
        self.prefill = self.start.elapsed();
    }

    pub(crate) fn token(&mut self) {
        self.last_token = Instant::now();
        self.first_token.get_or_insert(self.last_token);
    }

    /// Time since the first token, or none before it.
    pub(crate) fn since_first_token(&self) -> Duration {
        self.first_token.map_or(Duration::ZERO, |first| first.elapsed())
    }

    /// The figures so far.
    pub(crate) fn timings(&self, usage: &Usage) -> Timings {
        let first = self.first_token.unwrap_or(self.start);
        let decode = self.last_token.saturating_duration_since(first);
        let rate = |tokens: usize, time: Duration| {
            if time.is_zero() { 0.0 } else { tokens as f64 / time.as_secs_f64() }
        };
        Timings {
            prefill_ms: milliseconds(self.prefill),
            first_token_ms: milliseconds(first.saturating_duration_since(self.start)),
            decode_ms: milliseconds(decode),
            total_ms: milliseconds(self.start.elapsed()),
            prefill_tokens_per_s: rate(usage.prompt_tokens.saturating_sub(usage.reused_tokens), self.prefill),
            decode_tokens_per_s: rate(usage.completion_tokens.saturating_sub(1), decode),
        }
    }
}

pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
