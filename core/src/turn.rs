//! One turn: the loop from prompt to events, on a [`Sequence`](crate::sequence::Sequence).
//!
//! ```text
//! PreparedTurn::new   options and prompt checked
//! TurnLoop::start     the cache holds what is known of the prompt
//! TurnLoop::advance   a chunk of the prompt, or one token: compute the last one -> logits -> `constraint` -> sampler ->
//!                     `transcript` (detokenizer, reasoning splitter, tool calls, stop texts) -> events; then the loop
//!                     guard and `closer` say whether reasoning or turn must end
//! TurnLoop::next_event
//! ```
//!
//! A token is shown before the next one is computed. Whoever owns the turn drives it a step at a time, and keeps what
//! comes of it: the loop knows neither messages nor files.

mod answer_text;
mod closer;
mod constraint;
mod lookup;
mod prepared;
mod record;
mod transcript;
mod turn_loop;

pub(crate) use prepared::PreparedTurn;
pub(crate) use record::{Dropped, Progress, TurnStart};
pub(crate) use turn_loop::{End, TurnLoop};
