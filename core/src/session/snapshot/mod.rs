//! Sessions that outlive the process: a conversation, its cache and a half-finished turn in one file.
//!
//! A session file is a journal. `Journal::create` writes the state of the moment beside the file and renames it into
//! place; after that only what is new is appended, so that saving in the middle of reasoning costs as much as its last
//! tokens. What a crash leaves is a journal with an incomplete last record: the state of the record before it.
//!
//! ```text
//! file    = head record*
//! head    = "wheelse" 3, or for an encrypted file "wheelse" 4 and what its key is made of    -> head
//! record  = payload_bytes u32 | kind u8 | payload | what holds it to the record before       -> frame, seal
//! ```
//!
//! The records are a chain of digests, or of authentication tags, so a record that is damaged, moved or missing never
//! changes what the journal says. A record that was cut by the end of its process is the end of the journal. Any other
//! that is not whole is [`SnapshotError::Damaged`], and nobody loses a conversation to a flipped bit: with
//! [`SessionFile::salvaged`], all whole records are read, those behind the damage, too, and the session can be kept in
//! another file. A file that is cut exactly between two records is the file as it once
//! was, and so is an old copy: nothing in a file can tell. The payloads (`record`):
//!
//! | kind | payload | says |
//! |---|---|---|
//! | 1 | JSON | the model, variant, cache form and runtime that the cache belongs to; the first record |
//! | 2 | JSON | the messages, all of them |
//! | 3 | binary | some tokens with their keys and values (`cache_part`), from a place in the cache on; what stood behind is forgotten |
//! | 4 | JSON | a turn begins: prompt, options, seed |
//! | 5 | JSON | tokens that the turn has brought, and where sampler and reasoning closer stand |
//! | 6 | - | the turn is over |
//!
//! One session at a time keeps a file: it holds the lock of `FILE.lock`, which the system takes from it at the latest
//! when its process ends, however that is. Another that would write the file gets [`SnapshotError::InUse`]; reading it
//! goes on being possible, and [`Restored::kept_elsewhere`] says that what was read may be behind soon.
//!
//! A file made with a [`SessionKey`] is encrypted with XChaCha20-Poly1305 (`seal`); what can be seen of it are the sizes
//! and kinds of its records; through zstd, the sizes tell a little of what the numbers are. An encrypted file is refused without its key, and a plain one with a key: whoever can write
//! the file could else put a conversation of his own in its place.
//!
//! Only its owner may read a file (mode 0600 on Unix, from its first moment on, under its other name too). It holds a
//! conversation in full: leave it out of backups, or give it a key.
//!
//! `restore` reads a journal whole before it returns anything. A cache of another model, variant, cache form or
//! runtime is not used: the history still is, its tokens are computed again with the next turn, and
//! [`Restored::cache`] says why.

mod cache_part;
mod damage;
mod file;
mod frame;
mod head;
mod journal;
mod key;
mod record;
mod restore;
mod seal;

pub use crate::error::SnapshotError;
pub use file::SessionFile;
pub use journal::Autosave;
pub(crate) use journal::Journal;
pub use key::SessionKey;
pub(crate) use record::Binding;
pub use restore::{CacheFate, Restored};
pub(crate) use restore::{State, restore};
