//! Sessions that outlive the process: a conversation, its cache and a half-finished turn in one file.
//!
//! A session file is a journal. `Journal::create` writes the state of the moment beside the file and renames it into
//! place; after that only what is new is appended, so that saving in the middle of a thought costs as much as its last
//! tokens. What a crash leaves is a journal with an incomplete last record: the state of the record before it.
//!
//! ```text
//! file    = magic record*
//! record  = payload_bytes u32 | kind u8 | payload | digest[16]                      -> frame
//! digest  = SHA-256(digest of the record before | payload_bytes | kind | payload), cut to 16 bytes
//! ```
//!
//! The digests are a chain, so a record that is damaged, moved or missing ends the journal there and never changes
//! what it says. The payloads (`record`):
//!
//! | kind | payload | says |
//! |---|---|---|
//! | 1 | JSON | the model, variant, cache form and runtime that the cache belongs to; the first record |
//! | 2 | JSON | the messages, all of them |
//! | 3 | binary | some tokens with their keys and values, from a place in the cache on; what stood behind is forgotten |
//! | 4 | JSON | a turn begins: prompt, options, seed |
//! | 5 | JSON | tokens that the turn has brought, and where sampler and landing stand |
//! | 6 | - | the turn is over |
//!
//! Keys and values are stored as they are: zstd saves next to nothing of their mantissas.
//!
//! `restore` reads a journal whole before it returns anything. A cache of another model, variant, cache form or
//! runtime is not used: the history still is, its tokens are computed again with the next turn, and
//! [`Restored::cache`] says why.

mod error;
mod frame;
mod journal;
mod record;
mod restore;

pub use error::SnapshotError;
pub use journal::Autosave;
pub(crate) use journal::Journal;
pub(crate) use record::{Binding, Progress, TurnStart};
pub use restore::{CacheFate, Restored};
pub(crate) use restore::{State, restore};
