//! The patterns of a tokenizer: how it cuts a text into words, and what it replaces.
//!
//! They come with the checkpoint and use look-around, so they need backtracking, and backtracking libraries take time that
//! is exponential in the text. This one remembers for each instruction and place whether going on from there failed, so
//! that nothing is tried twice: its work is bounded by instructions times text. What is left is counted against a budget.
//!
//! 1. [`program`](self::program) parses with `fancy-regex`'s parser, so that a pattern means what it means there, and makes
//!    instructions of it. What would need more than a place in the text to go on, such as a back-reference, is refused.
//! 2. [`search`](self::search) finds matches, in the order and with the rules for empty ones of `fancy-regex`.
//!
//! Source: Davis, Servant, Lee 2021, "Using Selective Memoization to Defeat Regular Expression Denial of Service".

mod class;
mod compile;
mod memo;
mod program;
mod search;

pub(super) use program::{PatternFault, Program};
pub(super) use search::Search;

#[cfg(test)]
mod tests;
