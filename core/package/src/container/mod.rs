//! The file form of a package, `.wwpkg`: one flat container, specified in `docs/package-format.md`.
//!
//! Reading, in order of calls:
//!
//! 1. [`Head::read`] takes prelude, index and signature from a stream; everything in them is checked.
//! 2. [`Trust::judge`](crate::signature::Trust::judge) says how the signature stands, before any chunk is read.
//! 3. [`verify`] checks every byte; [`crate::store`] unpacks and installs.
//!
//! Writing is `pack` (with the feature `pack`) and [`sign`].

mod chunks;
mod digest;
mod error;
mod filter;
mod frame;
mod head;
pub mod index;
pub mod limits;
mod name;
#[cfg(feature = "pack")]
pub mod pack;
mod pipeline;
mod progress;
mod sign;
mod source;
mod verify;

pub(crate) use chunks::{Chunk, read_chunks};
pub use digest::Digest;
pub use error::{ChunkError, ContainerError};
pub use frame::FrameError;
pub use head::{Head, Needs};
pub use index::Index;
pub use name::{EntryPath, Name, NameError};
pub(crate) use pipeline::default_threads;
pub use progress::{Progress, Step, Watch, unwatched};
pub use sign::sign;
pub use source::{Part, Seekable, Source, Stream};
pub use verify::{Verification, verify};
