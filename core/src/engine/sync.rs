//! Locks of the engine. `core/tests/engine_model` puts those of a model checker in their place.

pub(super) use std::sync::{Condvar, Mutex, MutexGuard};
