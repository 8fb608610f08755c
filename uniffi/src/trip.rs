//! The panic that a test wants of an export without a result. Behind the feature `faults`.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The export that is to panic.
static WANTED: Mutex<Option<String>> = Mutex::new(None);

/// Has the next call of an export panic.
pub(crate) fn want(name: String) {
    *wanted() = Some(name);
}

/// Whether a panic is wanted that has not come yet.
pub(crate) fn is_wanted() -> bool {
    wanted().is_some()
}

/// Panics where that export is to.
#[allow(clippy::panic, reason = "it is the fault that is wanted")]
pub(crate) fn trip(name: &str) {
    let is_this = wanted().take_if(|wanted| wanted == name).is_some();
    if is_this {
        panic!("a fault on demand");
    }
}

fn wanted() -> MutexGuard<'static, Option<String>> {
    WANTED.lock().unwrap_or_else(PoisonError::into_inner)
}
