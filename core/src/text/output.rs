//! The form that an answer must have: a JSON schema, a regular expression or a grammar.
//!
//! 1. [`check`] looks at what a caller gave: its size, its nesting, whether it compiles.
//! 2. A turn makes a `Matcher` of it. Before each token of the answer the matcher rules out what the form does not
//!    allow, the end of the turn included where the answer is not complete; after it, it takes the token in.
//! 3. Nothing in a form reaches the reasoning: where the answer begins is the turn's business (`turn::constraint`).
//!
//! The matching is [llguidance](https://docs.rs/llguidance)'s: an Earley parser over lexemes whose regular expressions
//! are derivatives, run against a trie of the vocabulary's bytes. That trie knows ordinary tokens alone, so an answer in
//! a form never holds a control token. `docs/structured-output.md` tells what each form may say.

mod error;
mod format;
mod limits;
mod matcher;
mod schema;
mod vocabulary;
mod weight;

pub use error::OutputError;
pub use format::OutputFormat;
pub use limits::{DEFINITIONS_LIMIT, FORM_BYTES_LIMIT, NESTING_LIMIT};
pub(crate) use matcher::Matcher;
pub use matcher::check;
pub(crate) use schema::with_options;
pub(crate) use vocabulary::Vocabulary;

#[cfg(test)]
mod tests;
