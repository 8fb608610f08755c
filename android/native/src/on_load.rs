//! What the virtual machine calls when it has loaded the library.

use std::ffi::c_void;
use std::panic::catch_unwind;

use jni_sys::{JNI_ERR, JNI_VERSION_1_6, JavaVM, jint};

use crate::{logcat, panics};

/// Begins logging and tells the version of JNI that the library was written for; Java sees an `UnsatisfiedLinkError` where
/// that panics. JNA alone never calls it: apps load the library by `System.loadLibrary` first.
// SAFETY: the name is JNI's own, and no other crate here defines it. The arguments are not used.
#[allow(unsafe_code, reason = "the virtual machine finds the function by its name")]
#[unsafe(no_mangle)]
pub(crate) extern "system" fn JNI_OnLoad(_vm: *mut JavaVM, _reserved: *mut c_void) -> jint {
    // A panic must not unwind into the virtual machine.
    catch_unwind(begin).map_or(JNI_ERR, |()| JNI_VERSION_1_6)
}

fn begin() {
    let level = logcat::begin();
    panics::begin();
    log::info!(
        "wheelwork {} for {} is loaded; {} says how much it logs: {level}",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::ARCH,
        logcat::LEVEL,
    );
}

#[cfg(test)]
mod tests {
    use std::ptr::null_mut;

    use super::*;

    #[test]
    fn loading_twice_is_as_good_as_once() {
        let _hook = panics::HOOK.lock();
        let before = std::panic::take_hook();
        assert_eq!(JNI_OnLoad(null_mut(), null_mut()), JNI_VERSION_1_6);
        assert_eq!(JNI_OnLoad(null_mut(), null_mut()), JNI_VERSION_1_6);
        std::panic::set_hook(before);
    }
}
