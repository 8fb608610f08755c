//! Locks of the engine. `core/tests/run_queue_model` puts those of a model checker in their place.

pub(super) use std::sync::{Condvar, Mutex, MutexGuard};
