//! How much goes to Android's log: versions, placement, refusals and the life cycle, and never a word of a prompt or an answer.

use log::LevelFilter;

/// The environment variable that says how much is logged: `off`, `error`, `warn`, `info` (the default), `debug` or `trace`. An app
/// sets it by `android.system.Os.setenv` before it loads the library.
pub(crate) const LEVEL: &str = "WHEELWORK_LOG";

const DEFAULT: LevelFilter = LevelFilter::Info;

/// Begins to log, once; the level. The level is read again each time.
pub(crate) fn begin() -> LevelFilter {
    let asked = std::env::var_os(LEVEL);
    let asked = asked.as_ref().map(|level| level.to_string_lossy());
    let level = asked.as_deref().map_or(Some(DEFAULT), |level| level.parse().ok());
    begin_system();
    log::set_max_level(level.unwrap_or(DEFAULT));
    if level.is_none() {
        log::warn!("{LEVEL} is none of off, error, warn, info, debug and trace: it counts as {DEFAULT}");
    }
    level.unwrap_or(DEFAULT)
}

/// Where lines go. A second call changes nothing.
#[cfg(target_os = "android")]
fn begin_system() {
    let config = android_logger::Config::default().with_tag("wheelwork").with_max_level(LevelFilter::Trace);
    // Another library of the app may have a logger, but not in this one: each has its own `log`.
    let _ = log::set_boxed_logger(Box::new(crate::own_words::OwnWords(android_logger::AndroidLogger::new(
        config,
    ))));
}

/// Where lines go: nowhere, on systems that have their own ways.
#[cfg(not(target_os = "android"))]
fn begin_system() {}
