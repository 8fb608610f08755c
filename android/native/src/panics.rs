//! Where a panic began, for the log. Its words are left out: they may hold text of a prompt or an answer, and Rust's own hook
//! would write them to stderr.

use std::panic::PanicHookInfo;

/// From now on a panic is one line of the log.
pub(crate) fn begin() {
    std::panic::set_hook(Box::new(|panic| log::error!("{}", line(panic))));
}

/// A place in the sources is all that the line is made of.
fn line(panic: &PanicHookInfo<'_>) -> String {
    match panic.location() {
        Some(place) => format!("panicked at {}:{}:{}", place.file(), place.line(), place.column()),
        None => "panicked".to_owned(),
    }
}

/// Held by a test while it has a hook of its own: there is one for the whole process.
#[cfg(test)]
pub(crate) static HOOK: std::sync::Mutex<()> = std::sync::Mutex::new(());

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn a_panic_tells_its_place_and_none_of_its_words() {
        static SAID: Mutex<String> = Mutex::new(String::new());
        let _hook = HOOK.lock();
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(|panic| *SAID.lock().unwrap() = line(panic)));
        let result = std::panic::catch_unwind(|| panic!("private words"));
        std::panic::set_hook(before);
        assert!(result.is_err());
        let said = SAID.lock().unwrap().clone();
        assert!(said.starts_with("panicked at ") && said.contains("panics.rs:"), "{said}");
        assert!(!said.contains("private"), "{said}");
    }
}
