//! Wheelwork's own crates log no word of a prompt or an answer. What other crates would log is nobody's promise, so it is dropped
//! whatever the level is.

use log::{Log, Metadata, Record};

/// A logger that gets the lines of Wheelwork's own crates and no others.
pub(crate) struct OwnWords<L>(pub(crate) L);

impl<L: Log> Log for OwnWords<L> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_own(metadata.target()) && self.0.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if is_own(record.target()) {
            self.0.log(record);
        }
    }

    fn flush(&self) {
        self.0.flush();
    }
}

/// Whether a module is one of Wheelwork's crates: `wheelwork`, `wheelwork_uniffi`, and what is in them.
fn is_own(target: &str) -> bool {
    let crate_name = target.split("::").next().unwrap_or_default();
    crate_name == "wheelwork" || crate_name.starts_with("wheelwork_")
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use log::Level;

    use super::*;

    /// Keeps what it gets.
    #[derive(Default)]
    struct Kept(Mutex<Vec<String>>);

    impl Log for Kept {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn log(&self, record: &Record<'_>) {
            self.0.lock().unwrap().push(record.args().to_string());
        }

        fn flush(&self) {}
    }

    #[test]
    fn what_other_crates_say_is_dropped_at_every_level() {
        let logger = OwnWords(Kept::default());
        for level in Level::iter() {
            for target in ["llguidance::parser", "toktrie", "ort", "wheelworks", "a::wheelwork", ""] {
                let record = |words| Record::builder().args(words).level(level).target(target).build();
                logger.log(&record(format_args!("private words")));
                assert!(!logger.enabled(record(format_args!("")).metadata()), "{target}");
            }
        }
        assert_eq!(*logger.0.0.lock().unwrap(), [""; 0]);
    }

    #[test]
    fn what_our_crates_say_arrives() {
        let logger = OwnWords(Kept::default());
        for target in ["wheelwork", "wheelwork::panics", "wheelwork_uniffi::engine"] {
            logger.log(&Record::builder().args(format_args!("opened")).target(target).build());
        }
        assert_eq!(*logger.0.0.lock().unwrap(), ["opened"; 3]);
    }
}
