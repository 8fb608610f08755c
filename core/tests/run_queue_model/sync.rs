//! The model checker's locks, in the place of `core/src/engine/sync.rs`.

pub(super) use loom::sync::{Condvar, Mutex, MutexGuard};
