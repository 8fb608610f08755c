//! Decoders without weights and decoders that fail, and what a turn of them tells, for tests of everything above a decoder,
//! here and in apps.
//!
//! `core`'s own unit tests compile these files as a module of theirs: a crate's unit tests are another crate than the one
//! that a dependency sees.
#![forbid(unsafe_code)]

mod facts;
mod hooked;
mod outcome;
mod scripted;

pub use facts::facts;
pub use hooked::{HookedDecoder, Run};
pub use outcome::Outcome;
pub use scripted::{ScriptedDecoder, Step, placement};
