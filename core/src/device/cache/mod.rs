//! What is derived on this machine and kept: weights prepared for its CPU ([`crate::prepare()`]), graphs compiled for its
//! chip ([`super::compiled`]), and what providers did when they were tried ([`super::trial`]).
//!
//! ```text
//! PLACE/KIND/KEY/
//!   FILES             what was made
//!   record.json       the key, sizes and digests, facts; written last
//! PLACE/KIND/lock     one maker at a time
//! ```
//!
//! - PLACE is `prepared` beside an installed package's folder, or a folder of [`crate::OpenOptions::cache_dir`] ([`place`]).
//!   Never inside a package. Beside one, only what is proved to have been made here is looked at ([`made_here`]). Trials are empty or of one line, and stand as files `PROVIDER-KEY.KIND` in a folder of their
//!   own: they are the machine's, not the package's.
//! - KEY is a digest of all that the result depends on ([`DependsOn`]): another one is another machine, ONNX Runtime,
//!   package or version of ours, and is never looked at. KIND holds one; a new one takes the place of the old one.
//! - Everything is made in `KEY.partial`, synced and renamed ([`entry::Held::make`]). Whatever happens before the rename changes
//!   nothing.
//!
//! What is made and how it is confirmed at an open is its maker's business.

mod entry;
mod error;
mod key;
mod made_here;
mod place;

pub(crate) use entry::{Entry, Made, NotFound};
pub use error::CacheError;
pub(crate) use key::{DependsOn, Key};
#[cfg(test)]
pub(crate) use place::Place;
pub(crate) use place::{Own, place};
