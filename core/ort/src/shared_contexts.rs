//! Sessions that share what a provider has compiled: a group, made one after the other (ONNX Runtime, "EP context
//! design": `ep.share_ep_contexts`, `ep.stop_share_ep_contexts`).
//!
//! A provider keeps one such group a process, so whoever makes one holds [`lock`] from its first session to its last.

use std::sync::{Mutex, MutexGuard, PoisonError};

static GROUP: Mutex<()> = Mutex::new(());

/// The right to make a group.
pub fn lock() -> MutexGuard<'static, ()> {
    GROUP.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The options of a session within a group.
#[must_use]
pub fn entries(is_last: bool) -> &'static [(&'static str, &'static str)] {
    const ENTRIES: [(&str, &str); 2] = [("ep.share_ep_contexts", "1"), ("ep.stop_share_ep_contexts", "1")];
    if is_last { &ENTRIES } else { &ENTRIES[..1] }
}
