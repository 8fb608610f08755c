//! Between messages and tokens, and between tokens and what they say. Nothing here knows of a decoder.

pub mod chat;
pub mod detokenizer;
pub mod output;
pub mod reasoning;
pub mod repetition;
pub mod stop;
#[cfg(test)]
mod testing;
pub mod tokenizer;
pub mod tools;
