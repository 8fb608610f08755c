//! The date, for `strftime_now`: the one place of the runtime that reads a clock on the wall. Templates print it, and
//! nothing is decided by it.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970, in UTC; 0 before.
pub(super) fn seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.ok().and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or(0)
}
