//! The panic edge: a panic in a call becomes an error that the other language can catch.
//!
//! The engine catches what panics in a step of its own, this module what panics in a call: [`guarded`] where the call can
//! tell, [`safely`] where it cannot, because Swift ends the process for a panic in such a one. Either way the conversation
//! is lost, and its next use says so: `session_lost`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

use wheelwork::engine::EngineError;

use crate::FfiError;

/// The result of `call`; a panic in it is [`EngineError::Panicked`]. Its words are left out: they may hold text of a
/// message.
pub(crate) fn guarded<T>(call: impl FnOnce() -> Result<T, FfiError>) -> Result<T, FfiError> {
    caught(call).unwrap_or_else(|| Err(wheelwork::Error::from(EngineError::Panicked).into()))
}

/// What `call` gives, or after a panic in it the value of `otherwise`: the edge of every export that has no [`Result`]. By
/// `name` a test finds it.
pub(crate) fn safely<T>(name: &'static str, otherwise: impl FnOnce() -> T, call: impl FnOnce() -> T) -> T {
    let call = || {
        #[cfg(feature = "faults")]
        crate::trip::trip(name);
        call()
    };
    #[cfg(not(feature = "faults"))]
    let _ = name;
    caught(call).unwrap_or_else(otherwise)
}

/// `None` where it panicked.
fn caught<T>(call: impl FnOnce() -> T) -> Option<T> {
    // What the call used is not used again where it panicked: the engine discards such a session.
    catch_unwind(AssertUnwindSafe(call))
        .map_err(|payload| {
            // A payload may panic once more when it is dropped.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(payload)));
        })
        .ok()
}

/// What a mutex holds, also after a panic.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bd_03_a_panic_is_an_error_without_its_words() {
        let result: Result<(), _> = guarded(|| panic!("private words"));
        let FfiError::Failed { code, reason, .. } = result.unwrap_err();
        assert_eq!(code, "panicked");
        assert!(!reason.contains("private"), "{reason}");
    }

    #[test]
    fn bd_03_a_call_that_cannot_tell_gives_its_safe_value_after_a_panic() {
        assert_eq!(safely("test", || 7, || panic!("private words")), 7);
        assert_eq!(safely("test", || 7, || 8), 8);
    }

    #[test]
    fn bd_07_no_profile_aborts_on_a_panic() {
        let manifest: toml::Table = include_str!("../../Cargo.toml").parse().unwrap();
        let profiles = manifest["profile"].as_table().unwrap();
        assert_eq!(profiles["release"]["panic"].as_str(), Some("unwind"));
        for (name, profile) in profiles {
            assert!(profile.get("panic").is_none_or(|panic| panic.as_str() == Some("unwind")), "{name}");
        }
    }

    #[test]
    fn bd_03_a_panic_while_the_panic_is_dropped_is_caught_too() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("again");
            }
        }
        let result: Result<(), _> = guarded(|| std::panic::panic_any(Bomb));
        let FfiError::Failed { code, .. } = result.unwrap_err();
        assert_eq!(code, "panicked");
    }
}
